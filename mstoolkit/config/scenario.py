"""A scenario: servers, audience, providers, campaigns, outages and the strategies to compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.blocklists import Blocklist
from mstoolkit.config.delivery import Delivery
from mstoolkit.config.explain import offer
from mstoolkit.config.pacing import Allowance, Limits
from mstoolkit.config.policy import Policy
from mstoolkit.config.profile import Profile
from mstoolkit.config.units import Count, Duration, Number, Rate, Share
from mstoolkit.config.weighting import TableWeighing

ROUND_TRIPS = 3  # of a message: MAIL with RCPT and DATA, the body, the dot; an assumption
FRESH_ROUND_TRIPS = 3  # of a new connection besides: TCP, banner, EHLO; an assumption


class Authentication(Frozen):
    """What of a server's mail is in order, for the gates of mailbox providers."""

    spf: bool = True
    dkim: bool = True
    dmarc: bool = True
    tls: bool = True
    ptr: bool = True
    helo: bool = True


class Neighbours(Frozen):
    """Other senders on the same source IP: what they send in all, and the share of it that is bad.

    Mailbox providers get of it what they get of the audience.
    """

    rate: Rate
    bad: Share = 0.0


class Server(Frozen):
    """One SMTP identity of the pool.

    Parameters
    ----------
    host, port
        Where it is spoken to; the default is loopback. No two servers share both; port 0 is none.
    source_ip
        The address that mailbox providers see.
    region
        Where it stands; a label.
    weight
        Static weight of the weighted rotations; 0 takes the server out.
    priority
        Tier of the priority rotation; lower goes first.
    connections
        Connections it can hold in all.
    speed
        Messages a second that it can work on before it gets slower (service time grows with load).
    latency
        Round trip to the providers (s inside).
    cost_per_1000
        Price of 1,000 messages, in any currency.
    warm
        How much of a full warm-up the address has behind it: 0 is new and cold, 1 is warm.
    limits
        Limits of every path of this server; ``isp_limits`` those of one ISP.
    authentication
        What of its mail is in order: ``spf``, ``dkim``, ``dmarc``, ``tls``, ``ptr``, ``helo``.
    neighbours
        Who else sends from the same address, as on a provider's shared pool.
    total
        Limits of the server as a whole, instead of what the strategy says of each.
    delivery
        How a live run hands mail to it: encryption, credentials, timeouts, signatures.
    """

    host: str = "127.0.0.1"
    port: Count = Field(0, ge=0, le=65535)
    source_ip: str = ""
    region: str = ""
    weight: Number = Field(1.0, ge=0)
    priority: Count = Field(1, ge=1)
    connections: Count = Field(50, ge=1)
    speed: Number = Field(20.0, gt=0)
    latency: Duration = 0.05
    cost_per_1000: Number = Field(0.0, ge=0)
    warm: Share = 1.0
    authentication: Authentication = Authentication()
    neighbours: Neighbours | None = None
    limits: Limits = Limits()
    total: Allowance | None = None
    isp_limits: dict[str, Limits] = {}
    delivery: Delivery = Delivery()


class Segment(Frozen):
    """An engagement band of the audience: who reads, who complains, which addresses are dead.

    All rates are shares of the segment's messages under perfect placement; placement lowers them.
    ``deletes`` are deleted unread. Of the addresses, ``unknown`` are dead, ``full`` have a full
    mailbox, ``traps`` never belonged to anybody and ``recycled`` ones not any more: both are spam
    traps, which accept and tell.
    """

    share: Share
    opens: Share
    clicks: Share = 0.0
    complaints: Share = 0.0
    unsubscribes: Share = 0.0
    unknown: Share = 0.0
    full: Share = 0.0
    suppressed: Share = 0.0
    deletes: Share = 0.0
    traps: Share = 0.0
    recycled: Share = 0.0

    @model_validator(mode="after")
    def _addresses_fit(self) -> Segment:
        if self.unknown + self.full + self.traps + self.recycled > 1:
            raise ValueError("unknown: with full, traps and recycled it is above 1; lower it")
        return self


class Audience(Frozen):
    """Who is written to: size, shares of the ISPs and engagement segments."""

    size: Count = Field(ge=1)
    isps: dict[str, Share]
    segments: dict[str, Segment]

    @model_validator(mode="after")
    def _shares_sum(self) -> Audience:
        _check_sum("isps", self.isps.values())
        _check_sum("segments", (segment.share for segment in self.segments.values()))
        return self


class Campaign(Frozen):
    """Mail to the whole audience (or its first ``size`` recipients), enqueued over ``spread``.

    ``content`` is its spam score as filters see it: 0 is spotless, Rspamd refuses from 15.
    """

    stream: str = "marketing"
    start: Duration = 0.0
    spread: Duration = 0.0
    size: Count | None = Field(None, ge=1)
    one_click: bool = True
    content: Number = Field(0.0, ge=0)
    expires: Duration = Field(72 * 3600.0, gt=0)


class Outage(Frozen):
    """A server that cannot be reached for a while."""

    server: str
    start: Duration
    lasts: Duration = Field(gt=0)
    kind: Literal["refuse"] = "refuse"


class Listing(Frozen):
    """A server's source IP is on a blocklist for a while, whatever it does."""

    server: str
    blocklist: str
    start: Duration = 0.0
    lasts: Duration = Field(gt=0)


class Scenario(Frozen):
    """Everything a run needs but the strategy and the seed.

    Times are counted from ``starts``, a date and time with its zone, which matters for limits by
    the calendar and for hours of the day. A live run starts when it starts.
    """

    name: str
    description: str = ""
    horizon: Duration = Field(gt=0)
    follow: Duration = 72 * 3600.0
    starts: AwareDatetime = datetime(1970, 1, 1, tzinfo=UTC)
    sending_domain: str = "news.example"
    servers: dict[str, Server] = Field(min_length=1)
    audience: Audience
    campaigns: dict[str, Campaign] = Field(min_length=1)
    outages: tuple[Outage, ...] = ()
    listings: tuple[Listing, ...] = ()
    blocklists: dict[str, Blocklist] = {}
    isps: dict[str, Profile]
    strategies: dict[str, Policy] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Scenario:
        for number, outage in enumerate(self.outages):
            _check_name(f"outages.{number}.server", outage.server, self.servers, "servers")
        for number, listing in enumerate(self.listings):
            _check_name(f"listings.{number}.server", listing.server, self.servers, "servers")
            key = f"listings.{number}.blocklist"
            _check_name(key, listing.blocklist, self.blocklists, "blocklists")
        for name in self.audience.isps:
            _check_name("audience.isps", name, self.isps, "isps")
        for name, server in self.servers.items():
            for isp in server.isp_limits:
                _check_name(f"servers.{name}.isp_limits", isp, self.isps, "isps")
        if not any(server.weight > 0 for server in self.servers.values()):
            raise ValueError(
                "servers: every weight is 0; give at least one server a weight above 0"
            )
        return self

    @model_validator(mode="after")
    def _strategies_name_what_exists(self) -> Scenario:
        for name, policy in self.strategies.items():
            for isp in policy.pacing.isps:
                if isp != "*":
                    _check_name(f"strategies.{name}.pacing.isps", isp, self.isps, "isps")
            for server in policy.canaries:
                _check_name(f"strategies.{name}.canaries", server, self.servers, "servers")
            for key, server in _named_in_tables(policy):
                _check_name(f"strategies.{name}.{key}", server, self.servers, "servers")
            for number, route in enumerate(policy.routes):
                for server in route.servers:
                    key = f"strategies.{name}.routes.{number}.servers"
                    _check_name(key, server, self.servers, "servers")
            for rule in policy.rules:
                if rule.action.kind == "move" and rule.action.to:
                    key = f"strategies.{name}.rules: {rule.name}"
                    _check_name(key, rule.action.to, self.servers, "servers")
        return self

    @property
    def epoch(self) -> float:
        """Unix time (s) of scenario time 0 in simulation."""
        return self.starts.timestamp()

    @model_validator(mode="after")
    def _places_differ(self) -> Scenario:
        taken: dict[tuple[str, int], str] = {}
        for name, server in self.servers.items():
            if not server.port:
                continue
            other = taken.setdefault((server.host.lower(), server.port), name)
            if other != name:
                raise ValueError(
                    f"servers.{name}.port: {server.port} on {server.host} is that of {other!r} "
                    f"already; give each server a port or a host of its own"
                )
        return self


def source_ip(name: str, server: Server) -> str:
    """Return the address by which providers know a server; a stand-in where the file names none."""
    return server.source_ip or f"server:{name}"


def _named_in_tables(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield the servers that tables of weights name, after the keys where they stand."""
    for number, spec in enumerate(policy.weighting):
        if isinstance(spec, TableWeighing):
            for row, entry in enumerate(spec.entries):
                for server in entry.servers:
                    if server != "*":
                        yield f"weighting.{number}.entries.{row}.servers", server


def _check_sum(what: str, shares: Iterable[float]) -> None:
    total = math.fsum(shares)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"{what}: shares sum to {total:.6g}; make them sum to 1")


def _check_name(key: str, name: str, known: Iterable[str], kind: str) -> None:
    names = list(known)
    if name not in names:
        raise ValueError(f"{key}: there is no {name!r} in {kind}; {offer(name, names)}")
