"""What a mail server's configuration was found to say, in our words, and what was not carried over.

A reader gathers; `Gathered.found` checks and freezes. A path's limits are merged as the systems do:
common ones, then those of a source, an ISP, and a source at an ISP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from mstoolkit.config.data import isp_names
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import suggestion
from mstoolkit.config.failover import Breaker, Failover
from mstoolkit.config.load import load_profile
from mstoolkit.config.pacing import FeedbackSpec, Limits, Pacing
from mstoolkit.config.peers.reading import Imported
from mstoolkit.config.policy import Policy
from mstoolkit.config.resolve import Resolver
from mstoolkit.config.retry import Retry
from mstoolkit.config.rules import Rule
from mstoolkit.config.scenario import Server

System = Literal["kumomta", "powermta", "postfix"]
SYSTEMS: tuple[System, ...] = get_args(System)

NEVER = 1_000_000_000  # failures that a breaker would need where a system has none
UNLIMITED_RATE = 1000.0  # messages a second of a path, where a system sets no limit
UNLIMITED_MESSAGES = 10_000  # messages a connection, likewise
MOST_SERVERS = 1000
ATTEMPTS = 10_000  # more than a message is given anywhere
_LONGEST = 255  # characters of a domain
_COLD = 0.05  # warmth of an address that the configuration calls cold; an assumption

LimitsOf = dict[str, float]


class Text(NamedTuple):
    """A file: its name for people, and its text."""

    name: str
    text: str


class Note(NamedTuple):
    """What was not understood or not carried over, and where; line 0 is the whole file."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Found:
    """What a configuration says.

    Parameters
    ----------
    system : str
        ``"kumomta"``, ``"powermta"`` or ``"postfix"``.
    servers : mapping of str to Server
        The sending addresses with their weights and limits.
    policy : Policy
        How the system spreads, paces and retries.
    notes : tuple of Note
        What was not understood or not carried over, in order.
    """

    system: System
    servers: Mapping[str, Server]
    policy: Policy
    notes: tuple[Note, ...]


@dataclass
class Gathered:
    """What a reader has seen so far."""

    system: System
    sources: dict[str, str] = field(default_factory=dict)
    pools: dict[str, dict[str, float]] = field(default_factory=dict)
    pool: str | None = None
    cold: set[str] = field(default_factory=set)
    common: LimitsOf = field(default_factory=dict)
    by_source: dict[str, LimitsOf] = field(default_factory=dict)
    by_isp: dict[str, LimitsOf] = field(default_factory=dict)
    by_domain: dict[str, dict[str, LimitsOf]] = field(default_factory=dict)
    by_path: dict[tuple[str, str], LimitsOf] = field(default_factory=dict)
    retry: Retry | None = None
    dead: float | None = None  # how long a destination that fails is left alone (s)
    feedback: FeedbackSpec | None = None
    rules: list[Rule] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def note(self, file: str, line: int, reason: str) -> None:
        """Keep what was not carried over."""
        self.notes.append(Note(file, line, reason))

    def narrow(self, isp: str, limits: LimitsOf, file: str, line: int, domain: str) -> None:
        """Take limits of one of an ISP's domains; where domains differ the lowest hold for all."""
        by_domain = self.by_domain.setdefault(isp, {})
        by_domain.setdefault(domain, {}).update(limits)
        for key in limits:
            values = [each[key] for each in by_domain.values() if key in each]
            if min(values) != max(values):
                self.note(file, line, f"{domain}: {key} differs from that of another domain of "
                          f"{isp}, which is one provider here; the lowest holds")  # fmt: skip
            self.by_isp.setdefault(isp, {})[key] = min(values)

    def take_rules(self, imported: Imported, file: str) -> None:
        """Take reply rules for providers that there are."""
        known = isp_names()
        for one in imported.not_understood:
            self.note(file, one.line, one.reason)
        for rule in imported.rules:
            line = int(rule.source[0].rpartition(" ")[2]) if rule.source else 0
            unknown = [isp for isp in rule.match.isp if isp not in known]
            if unknown:
                self.note(file, line, f"{unknown[0]}: reply rules of a domain that no shipped "
                          "provider serves")  # fmt: skip
            else:
                self.rules.append(rule)

    def chosen(self, wanted: str | None) -> tuple[str, dict[str, float]]:
        """Return the pool to carry over: the wanted one, the one mail is sent to, or the largest.

        Raises
        ------
        ConfigError
            If there is no such pool.
        """
        if not self.pools:
            if wanted is not None:
                raise ConfigError(
                    f"there is no pool {wanted!r}", key="--pool", remedy="the files name no pools"
                )
            return "", dict.fromkeys(self.sources, 1.0)
        if wanted is not None and wanted not in self.pools:
            raise ConfigError(
                f"there is no pool {wanted!r}",
                key="--pool",
                remedy=suggestion(wanted, list(self.pools)),
            )
        default = self.pool if self.pool in self.pools else None
        name = wanted or default or max(self.pools, key=lambda each: len(self.pools[each]))
        return name, self.pools[name]

    def found(self, rotation: Mapping[str, Any], wanted: str | None, default: Pacing) -> Found:
        """Freeze what was gathered; `default` is the system's own pacing.

        Raises
        ------
        ConfigError
            If there is nothing to send from.
        """
        name, weights = self.chosen(wanted)
        self._check(weights)
        for other in self.pools:
            if other != name:
                self.note("", 0, f"pool {other!r} is not carried over: a scenario holds one pool; "
                          f"choose it with --pool {other}")  # fmt: skip
        for source in self.sources:
            if source not in weights:
                self.note("", 0, f"source {source!r} is in no pool that is carried over")
        servers = {
            source: self._server(source, number, weight)
            for number, (source, weight) in enumerate(weights.items())
        }
        pacing = Pacing.model_validate(
            {**default.model_dump(), **self.common, "feedback": self.feedback}
        )
        policy = Policy.model_validate(
            {
                "rotation": rotation,
                "pacing": pacing,
                "retry": self.retry or Retry(preset=self.system, hints=False),
                "failover": failover_of(self.system, Breaker(), self.dead),
                "rules": self._named_apart(),
            }
        )
        return Found(self.system, servers, policy, tuple(sorted(set(self.notes))))

    def _check(self, weights: Mapping[str, float]) -> None:
        if not weights:
            raise ConfigError(
                "name no sending address", file=self.system, remedy=_WHERE[self.system]
            )
        if not any(weight > 0 for weight in weights.values()):
            raise ConfigError(
                "every weight of the pool is 0",
                file=self.system,
                remedy="give at least one source a weight above 0",
            )
        if len(weights) > MOST_SERVERS:
            raise ConfigError(
                f"name {len(weights)} sending addresses",
                file=self.system,
                remedy=f"at most {MOST_SERVERS} make a scenario; choose a smaller --pool",
            )

    def _server(self, name: str, number: int, weight: float) -> Server:
        if name not in self.sources:
            self.note("", 0, f"source {name!r} of the pool is not described in these files")
        general = self.by_source.get(name, {})
        own = {
            isp: limits
            for isp in isp_names()
            if (limits := {**self.by_isp.get(isp, {}), **self.by_path.get((name, isp), {})})
        }
        first = own.get(isp_names()[0])
        if first and all(own.get(isp) == first for isp in isp_names()):
            general, own = {**general, **first}, {}
        return Server(
            port=2501 + number,
            source_ip=self.sources.get(name, ""),
            weight=weight,
            warm=_COLD if name in self.cold else 1.0,
            connections=200,
            limits=Limits.model_validate(general),
            isp_limits={isp: Limits.model_validate(limits) for isp, limits in own.items()},
        )

    def _named_apart(self) -> tuple[Rule, ...]:
        """Return the rules, numbered where files gave two the same name."""
        seen: set[str] = set()
        out: list[Rule] = []
        for number, rule in enumerate(self.rules, 1):
            name = rule.name if rule.name not in seen else f"{rule.name}-{number}"
            seen.add(name)
            out.append(rule if name == rule.name else rule.model_copy(update={"name": name}))
        return tuple(out)


_WHERE: Mapping[System, str] = {
    "kumomta": "give the file that has [source.NAME] tables (sources.toml), or the Lua policy",
    "powermta": "give the file that has <virtual-mta NAME> blocks; includes are not followed",
    "postfix": "give main.cf and master.cf",
}


def failover_of(system: System, server: Breaker, dead: float | None) -> Failover:
    """Return the failover of a system whose paths have no breaker that counts deferrals.

    PowerMTA queues a message for a virtual MTA; the others choose anew for each attempt.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`.
    server : Breaker
        When a server that cannot be reached is left alone.
    dead : float, optional
        How long a path is left alone that feedback holds for dead (s).
    """
    path = Breaker(failures=NEVER, window=60.0)
    if dead is not None:
        path = path.model_copy(update={"base": dead, "longest": dead})
    return Failover(server=server, path=path, pin=system == "powermta")


class Domains:
    """Which ISP serves a domain, or mail exchangers with a suffix, as the shipped profiles say.

    Examples
    --------
    >>> domains = Domains()
    >>> domains.isp("hotmail.com"), domains.isp("x.example")
    ('outlook', None)
    >>> domains.isps_of(mx=".icloud.com"), domains.isps_of(domain="gmx.de")
    (['apple'], ['gmx'])
    """

    def __init__(self) -> None:
        self._profiles = {name: load_profile(name) for name in isp_names()}
        self._resolver = Resolver(self._profiles)

    def isp(self, domain: str) -> str | None:
        """Return the ISP of a recipient domain, or None if no shipped one serves it."""
        return self._resolver.isp(domain) or None if len(domain) <= _LONGEST else None

    def isps_of(self, *, mx: str = "", domain: str = "") -> list[str]:
        """Return the ISPs that have mail exchangers, or domains, with such a suffix."""
        wanted = (mx or domain).strip().lower().strip(".")
        if not wanted or len(wanted) > _LONGEST:
            return []
        if mx and (narrower := self._resolver.isp("", [wanted])):
            return [narrower]
        return [
            name
            for name, profile in self._profiles.items()
            if any(
                f".{each}".endswith(f".{wanted}")
                for each in (profile.mx_suffixes if mx else profile.domains)
            )
        ]


def give_up_after(delays: Iterable[float], lifetime: float, grid: float = 0.0) -> int:
    """Return how many attempts, the first included, begin within a message's lifetime.

    Parameters
    ----------
    delays : iterable of float
        Delay after each attempt (s), endless or not.
    lifetime : float
        Seconds.
    grid : float, optional
        Seconds to which due times are rounded up.

    Examples
    --------
    >>> from itertools import repeat
    >>> give_up_after(repeat(600.0), 3600.0)
    7
    """
    attempts, at = 1, 0.0
    for delay in delays:
        at += delay
        if grid:
            at = -(-at // grid) * grid
        if at > lifetime or attempts >= ATTEMPTS:
            break
        attempts += 1
    return attempts
