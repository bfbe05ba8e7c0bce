"""A mailbox provider's profile: limits, replies, reputation and placement, each figure documented.

The files in ``data/isps/`` state for every figure where it comes from and whether it is verified or
assumed; what is assumed is labelled there.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.replies import Gates, Replies
from mstoolkit.config.reputation import Reputation
from mstoolkit.config.units import Count, Duration, Number, Rate, Share


class Dynamic(Frozen):
    """Rspamd's dynamic rate limit: each verdict multiplies rate and burst, within bounds.

    The multipliers are kept for ``expiry`` without mail.
    """

    ham_rate: Number = Field(1.01, ge=1)
    ham_burst: Number = Field(1.02, ge=1)
    spam_rate: Number = Field(0.99, gt=0, le=1)
    spam_burst: Number = Field(0.98, gt=0, le=1)
    least_rate: Number = Field(0.2, gt=0, le=1)
    most_rate: Number = Field(5.0, ge=1)
    least_burst: Number = Field(0.1, gt=0, le=1)
    most_burst: Number = Field(10.0, ge=1)
    expiry: Duration = Field(2 * 86400.0, gt=0)


class RateLimit(Frozen):
    """The hidden limit per source IP: from ``cautious`` (cold or bad) to ``ceiling`` (warm, good).

    It moves on a log scale with reputation times warmth. ``window`` is the time over which the
    provider counts: about ``rate x window`` messages may come at once. ``warmup_volume`` accepted
    messages make an address warm; without mail it cools, evenly, and is cold after ``idle``.
    ``dynamic`` lets the limit move with each verdict besides, as Rspamd's does.
    """

    cautious: Rate
    ceiling: Rate
    window: Duration = Field(60.0, gt=0)
    warmup_volume: Count = Field(20_000, ge=1)
    idle: Duration = Field(30 * 86400.0, gt=86400.0)
    dynamic: Dynamic | None = None

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

    A day may bring ``factor`` times the mean of the last ``days`` with mail, and always ``cold``
    messages; ``at_once`` of that share may come at once, the rest as the day goes on.
    """

    factor: Number = Field(2.0, ge=1)
    days: Count = Field(3, ge=1, le=60)
    cold: Count = Field(5000, ge=1)
    at_once: Share = Field(0.5, gt=0)

    @property
    def sustained(self) -> float:
        """The daily growth that can be kept up: 1.45 for a factor of 2 over three days."""
        low, high = 1.0, self.factor
        for _ in range(60):
            middle = (low + high) / 2
            mean = sum(middle**-k for k in range(self.days)) / self.days
            low, high = (middle, high) if self.factor * mean > middle else (low, middle)
        return low


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


class Blocklisting(Frozen):
    """Below ``threshold`` reputation the source IP is refused for ``lasts`` (5xx)."""

    threshold: Share
    lasts: Duration = Field(gt=0)


class Placement(Frozen):
    """Inbox share at a bad and at a good reputation (a logistic between), and the missing share.

    A reputation counts for ``cold`` of itself at a cold address. ``tabs`` of the inbox share, but
    of transactional mail, goes to a tab (promotions). The defaults of the curve are a fit to inbox
    placement by Sender Score (Return Path 2017): 92, 72 and 45 % in the bands that end at 100.
    """

    worst: Share
    best: Share
    midpoint: Share = 0.775
    slope: Number = Field(13.2, gt=0)
    missing: Share = 0.0
    cold: Share = 0.85
    tabs: Share = 0.0

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.worst > self.best:
            raise ValueError(f"worst: {self.worst:g} is above best, {self.best:g}; swap them")
        return self


class Content(Frozen):
    """What is thought of the content's spam score: from ``junk`` on spam folder, then refused.

    The defaults are those of Rspamd's actions (add header, reject).
    """

    junk: Number = Field(6.0, gt=0)
    reject: Number = Field(15.0, gt=0)


class Banner(Frozen):
    """How long a connection waits for the banner: at a good and at the worst reputation."""

    good: Duration = 0.0
    bad: Duration = 0.0


class Engagement(Frozen):
    """What people do with delivered mail, and when: log-normal delays, capped by the follow-up.

    People who click open sooner, so that clicks have a median and a spread of their own; those of
    opens, if they are left out. ``spam_opens`` and ``tab_opens`` are opens in the spam folder and
    in tabs, as shares of those in the inbox; ``prefetch`` of the mail is opened by machines.
    """

    open_median: Duration
    open_sigma: Number = Field(gt=0)
    click_median: Duration | None = None
    click_sigma: Number | None = Field(None, gt=0)
    complaint_median: Duration
    complaint_sigma: Number = Field(gt=0)
    prefetch: Share = 0.0
    spam_opens: Share = 0.1
    tab_opens: Share = 1.0


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
    ``blocklists`` are those that it consults (`mstoolkit.config.blocklists`).

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
    content: Content = Content()
    banner: Banner = Banner()
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
