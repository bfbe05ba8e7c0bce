"""A mailbox provider's profile: limits, replies, reputation and placement, each figure documented.

The files in ``data/isps/`` state for every figure where it comes from and whether it is verified or
assumed; what is assumed is labelled there.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mstoolkit.config.base import Frozen
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


class Engagement(Frozen):
    """Timing of what people do with delivered mail: log-normal delays, capped by the follow-up."""

    open_median: Duration
    open_sigma: Number = Field(gt=0)
    complaint_median: Duration
    complaint_sigma: Number = Field(gt=0)
    prefetch: Share = 0.0
    spam_opens: Share = 0.1


class Profile(Frozen):
    """One mailbox provider.

    ``source`` and ``assumed`` document the figures: the sources by name, and the keys that nobody
    has published, so that a sensitivity run knows what to vary.
    """

    title: str
    domains: tuple[str, ...] = Field(min_length=1)
    mx_suffixes: tuple[str, ...] = ()
    feedback_loop: bool = False
    connections: Count = Field(ge=1)
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
    source: dict[str, str] = {}
    assumed: tuple[str, ...] = ()
    kind: Literal["mailbox-provider"] = "mailbox-provider"
