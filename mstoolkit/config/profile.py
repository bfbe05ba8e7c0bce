"""A mailbox provider's profile: limits, replies, reputation and placement, each figure documented.

The files in ``data/isps/`` state for every figure where it comes from and whether it is verified or
assumed; what is assumed is labelled there.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.explain import offer
from mstoolkit.config.units import Count, Duration, Number, Rate, Share


class RateLimit(Frozen):
    """The hidden limit per source IP: from ``cautious`` (cold or bad) to ``ceiling`` (warm, good).

    It moves on a log scale with reputation times warmth. ``window`` is the time over which the
    provider counts: about ``rate x window`` messages may come at once.
    """

    cautious: Rate
    ceiling: Rate
    window: Duration = Field(60.0, gt=0)
    warmup_volume: Count = Field(20_000, ge=1)

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.cautious > self.ceiling:
            raise ValueError("cautious: is above the ceiling; swap them")
        return self


class Connections(Frozen):
    """Connections at once from one source IP: from ``cautious`` (cold or bad) to ``ceiling``."""

    cautious: Count = Field(ge=1)
    ceiling: Count = Field(ge=1)

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.cautious > self.ceiling:
            raise ValueError(
                f"cautious: {self.cautious} is above the ceiling of {self.ceiling}; swap them"
            )
        return self


class Growth(Frozen):
    """How fast the daily volume of a source IP may grow before it is throttled.

    A day may bring ``factor`` times the average of the last ``trailing`` days with mail, and always
    ``cold`` messages. After ``idle`` without mail the address is as cold as a new one.
    """

    factor: Number = Field(2.0, ge=1)
    trailing: Duration = Field(7 * 86400.0, ge=86400.0)
    cold: Count = Field(5000, ge=1)
    idle: Duration = Field(30 * 86400.0, gt=0)


class Rung(Frozen):
    """A step of the ladder: ``pushed`` messages sent into a refusal bring the next, longer one.

    ``reply`` names the profile's text for it; ``scope`` is the source IP or its whole network.
    """

    pushed: Count = Field(ge=1)
    lasts: Duration = Field(gt=0)
    reply: Literal["throttled", "blocked"] = "throttled"
    scope: Literal["ip", "network"] = "ip"


class Escalation(Frozen):
    """What becomes of senders that do not slow down: rungs of growing length.

    Pushing is counted within ``window``; a sender that backs off for ``forgets`` begins anew at the
    foot of the ladder. ``prefix`` is the length of the network that is held to account.
    """

    window: Duration = Field(3600.0, gt=0)
    forgets: Duration = Field(86400.0, gt=0)
    prefix: Count = Field(24, ge=8, le=32)
    rungs: tuple[Rung, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_is_longer(self) -> Self:
        lengths = [rung.lasts for rung in self.rungs]
        if lengths != sorted(lengths):
            raise ValueError("rungs: one is shorter than the one before it; put them in order")
        return self


class Greylisting(Frozen):
    """postgrey: an unknown (network, sender, recipient) is deferred for ``delay`` at first.

    Who came back is remembered for ``lifetime``; a client with ``trusted_after`` successes is
    greylisted no more. ``share`` of the recipients are behind it.
    """

    delay: Duration = Field(300.0, gt=0)
    lifetime: Duration = Field(35 * 86400.0, gt=0)
    trusted_after: Count = Field(5, ge=1)
    share: Share = 1.0


Demand = Literal["ignored", "bulk", "always"]


class Gates(Frozen):
    """What must be in order before a message is looked at: of bulk senders, of all, or of none.

    A sender of more than ``bulk_from`` messages a day is a bulk sender. ``reply`` of each gate that
    refuses is the profile's ``gates`` text of that name, else a policy refusal.
    """

    bulk_from: Count = Field(5000, ge=1)
    spf: Demand = "ignored"
    dkim: Demand = "ignored"
    dmarc: Demand = "ignored"
    tls: Demand = "ignored"
    ptr: Demand = "ignored"
    helo: Demand = "ignored"
    one_click: Demand = "ignored"


class Reputation(Frozen):
    """How the provider judges a source IP.

    Good and bad signals decay with ``half_life``; ``prior`` is the weight (messages) of a good
    start. A complaint, an unknown user or a pushed throttle counts as so many bad messages.
    """

    half_life: Duration = Field(gt=0)
    prior: Number = Field(gt=0)
    complaint: Number = Field(ge=0)
    unknown: Number = Field(ge=0)
    pushed: Number = Field(ge=0)


class Blocklisting(Frozen):
    """Below ``threshold`` reputation the source IP is refused for ``lasts`` (5xx)."""

    threshold: Share
    lasts: Duration = Field(gt=0)


class Placement(Frozen):
    """Inbox share at a bad and at a good reputation (a logistic between), and the missing share."""

    worst: Share
    best: Share
    midpoint: Share = 0.6
    slope: Number = Field(12.0, gt=0)
    missing: Share = 0.0

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.worst > self.best:
            raise ValueError(f"worst: {self.worst:g} is above best, {self.best:g}; swap them")
        return self


class ReplyText(Frozen):
    """A reply as the provider sends it."""

    code: Count = Field(ge=200, le=599)
    status: str = Field(pattern=r"^(\d\.\d{1,3}\.\d{1,3})?$")
    text: str


class Replies(Frozen):
    """The provider's texts by what they mean."""

    accepted: ReplyText
    throttled: ReplyText
    busy: ReplyText
    full: ReplyText
    unknown: ReplyText
    blocked: ReplyText
    spam: ReplyText
    connections: ReplyText
    greylisted: ReplyText | None = None
    gates: dict[str, ReplyText] = {}

    @model_validator(mode="after")
    def _only_acceptance_accepts(self) -> Self:
        for name in type(self).model_fields:
            reply = getattr(self, name)
            families, wanted = ((2,), "2xx") if name == "accepted" else ((4, 5), "4xx or 5xx")
            if isinstance(reply, ReplyText) and reply.code // 100 not in families:
                raise ValueError(f"{name}.code: {reply.code} cannot be; give {wanted}")
        return self

    @model_validator(mode="after")
    def _gates_exist(self) -> Self:
        known = [name for name in Gates.model_fields if name != "bulk_from"]
        for name, reply in self.gates.items():
            if name not in known:
                raise ValueError(f"gates.{name}: there is no such gate; {offer(name, known)}")
            if reply.code < 400:
                raise ValueError(f"gates.{name}.code: {reply.code} is no refusal; give 4xx or 5xx")
        return self


class Engagement(Frozen):
    """Timing of what people do with delivered mail: log-normal delays, capped by the follow-up."""

    open_median: Duration
    open_sigma: Number = Field(gt=0)
    complaint_median: Duration
    complaint_sigma: Number = Field(gt=0)
    prefetch: Share = 0.0
    spam_opens: Share = 0.1


def _one_number(value: object) -> object:
    """Let one number stand for a limit that does not move."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"cautious": value, "ceiling": value}
    return value


def _a_day(value: str) -> str:
    """Refuse what is no year, month or day, which are compared as text."""
    if value and not re.fullmatch(r"\d{4}(-\d\d){0,2}", value):
        raise ValueError(f"is no date: {value!r}; write a year, a month or a day, as 2024-05")
    return value


class Profile(Frozen):
    """One mailbox provider.

    ``hosted_by`` names the provider that takes the mail since ``hosted_since``, if it is another
    one; that is a year, a month or a day, as ``2024-05``, and always if it is left out.
    ``blocklists`` are those that it consults; nothing acts on them yet.

    ``source`` and ``assumed`` document the figures: the sources by key, and the keys that nobody
    has published, so that a sensitivity run knows what to vary. A key speaks for the whole table of
    that name; see `mstoolkit.config.figures`.
    """

    title: str
    domains: tuple[str, ...] = Field(min_length=1)
    mx_suffixes: tuple[str, ...] = ()
    hosted_by: str = ""
    hosted_since: Annotated[str, AfterValidator(_a_day)] = ""
    feedback_loop: bool = False
    connections: Annotated[Connections, BeforeValidator(_one_number)]
    messages_per_connection: Count = Field(ge=1)
    service: Duration
    busy: Share
    spam_rejected: Share
    dsn: Share
    dsn_delay: Duration
    rate: RateLimit
    reputation: Reputation
    blocklisting: Blocklisting
    placement: Placement
    engagement: Engagement
    replies: Replies
    growth: Growth | None = None
    escalation: Escalation | None = None
    greylisting: Greylisting | None = None
    gates: Gates = Gates()
    blocklists: tuple[str, ...] = ()
    source: dict[str, str] = {}
    assumed: tuple[str, ...] = ()
    kind: Literal["mailbox-provider"] = "mailbox-provider"

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.busy + self.spam_rejected + self.dsn >= 1:
            raise ValueError("busy: with spam_rejected and dsn it is all mail or more; lower it")
        return self
