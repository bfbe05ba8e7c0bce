"""What a provider thinks of one source IP: history, reputation, warmth, limit and listing.

Good and bad signals decay with the profile's half-life. With ``g`` and ``b`` their decayed sums and
``p`` the prior, reputation = (p + g) / (p + g + b). Warmth grows with accepted volume. The hidden
rate limit lies between the cautious rate and the ceiling, on a log scale of reputation^2 x warmth,
and so do the connections that it may hold.
These forms are assumptions of this model (no provider publishes one); the profile's figures vary.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import exp, log
from typing import Any, NamedTuple

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.draws import REJECTED_AT_WORST
from mstoolkit.isp.history import History

REFRESH = 60.0  # s between two reviews of a source IP
_STATE = (
    "_at",
    "_bad",
    "_counted",
    "_good",
    "accepted",
    "capacity",
    "connections",
    "level",
    "level_at",
    "listed_until",
    "open",
    "rate",
    "refresh_at",
    "reputation",
    "room",
    "warm_start",
    "warmth",
)
_LN_2 = log(2.0)


class Truth(NamedTuple):
    """The hidden state of a path at a time, for analysis only."""

    at: float
    source_ip: str
    isp: str
    reputation: float
    warmth: float
    rate: float
    listed: bool
    inbox: float
    spam: float


class Chances(NamedTuple):
    """Cumulative chances of a segment's message: thresholds on its reply and tail draws."""

    busy: float
    spam: float
    complained: float
    unsubscribed: float
    tail: float


class Standing:
    """State of one source IP at one provider."""

    __slots__ = (
        "_ahead",
        "_at",
        "_bad",
        "_chances",
        "_counted",
        "_good",
        "_growth",
        "_opens_up",
        "_profile",
        "_segments",
        "accepted",
        "capacity",
        "connections",
        "history",
        "inbox",
        "level",
        "level_at",
        "listed_until",
        "open",
        "rate",
        "refresh_at",
        "reputation",
        "room",
        "warm_start",
        "warmth",
    )

    def __init__(
        self, profile: Profile, segments: dict[str, Segment], warm: float, history: History
    ) -> None:
        self._profile = profile
        self._segments = segments
        self._growth = log(profile.rate.ceiling / profile.rate.cautious)
        self._at = 0.0
        self._good = 0.0
        self._counted = 0
        self._bad = 0.0
        self._ahead: list[tuple[float, float]] = []
        self.warm_start = warm
        self.accepted = 0
        self.level = 0.0
        self.level_at = 0.0
        self.listed_until = -1.0
        self.open = 0
        self.refresh_at = -1.0
        self.reputation = 1.0
        self.warmth = warm
        self.rate = profile.rate.cautious
        self.capacity = 1.0
        self.room = 0.0
        self.inbox = 0.0
        self._chances: dict[str, Chances] = {}
        self.connections = profile.connections.ceiling
        self._opens_up = profile.connections.cautious < self.connections
        self.history = history

    def good(self, n: int) -> None:
        """Take note of accepted messages."""
        self.accepted += n

    def bad(self, weight: float) -> None:
        """Take note of bad signals, in messages."""
        self._bad += weight

    def bad_at(self, at: float, weight: float) -> None:
        """Take note of bad signals that will be seen at a later time (complaints)."""
        heappush(self._ahead, (at, weight))

    def review(self, now: float) -> None:
        """Decay, judge again, and derive limit, placement and chances from the judgement."""
        profile, limits, accepted = self._profile, self._profile.rate, self.accepted
        fading = -_LN_2 / profile.reputation.half_life
        decay = exp((now - self._at) * fading) if now > self._at else 1.0
        self._at = now
        self._good = self._good * decay + (accepted - self._counted)
        self._counted = accepted
        self._bad *= decay
        while self._ahead and self._ahead[0][0] <= now:
            at, weight = heappop(self._ahead)
            self._bad += weight * exp((now - at) * fading)
        known = profile.reputation.prior + self._good
        reputation = self.reputation = known / (known + self._bad)
        warmth = self.warm_start + accepted / limits.warmup_volume
        self.warmth = warmth = warmth if warmth < 1.0 else 1.0
        trust = reputation**2 * warmth
        rate = self.rate = limits.cautious * exp(trust * self._growth)
        capacity = rate * limits.window
        self.capacity = capacity = capacity if capacity > 1.0 else 1.0
        self.room = capacity - 1.0 + 1e-9
        if self._opens_up:
            self._admit(trust)
        listing = profile.blocklisting
        if reputation < listing.threshold and self.listed_until <= now:
            self.listed_until = now + listing.lasts
        self.inbox = self._inbox(reputation, warmth)
        self._chances.clear()
        self.refresh_at = now + REFRESH
        listed = self.listed_until > now
        self.history.append((now, reputation, warmth, rate, self.inbox, listed))

    def snapshot(self) -> dict[str, Any]:
        """Return the state."""
        state = {name: getattr(self, name) for name in _STATE}
        return {**state, "ahead": sorted(self._ahead), "history": self.history.snapshot()}

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        for name in _STATE:
            setattr(self, name, state[name])
        self._ahead = [(at, weight) for at, weight in state["ahead"]]
        self.history.restore(state["history"])
        if self.refresh_at >= 0.0:
            self.inbox = self._inbox(self.reputation, self.warmth)
        self._chances.clear()

    def _admit(self, trust: float) -> None:
        """Let connections follow trust between their two limits, on a log scale as the rate."""
        limits = self._profile.connections
        self.connections = round(limits.cautious * (limits.ceiling / limits.cautious) ** trust)

    def _inbox(self, reputation: float, warmth: float) -> float:
        placement = self._profile.placement
        liked = reputation * (0.7 + 0.3 * warmth)
        share = 1.0 / (1.0 + exp(-placement.slope * (liked - placement.midpoint)))
        return placement.worst + (placement.best - placement.worst) * share

    @property
    def spam(self) -> float:
        """The share of what is accepted that goes to the spam folder."""
        return max(0.0, 1.0 - self.inbox - self._profile.placement.missing)

    def chances(self, segment: str) -> Chances:
        """Return the present chances of a segment's messages."""
        known = self._chances.get(segment)
        if known is None:
            known = self._chances[segment] = self._of(self._segments[segment])
        return known

    def _of(self, segment: Segment) -> Chances:
        profile = self._profile
        complained = segment.complaints * self.inbox
        unsubscribed = segment.unsubscribes * self.inbox
        worse = 1.0 + REJECTED_AT_WORST * (1.0 - self.reputation)
        rejected = min(1.0, profile.spam_rejected * worse)
        heard = complained + unsubscribed
        return Chances(
            profile.busy, profile.busy + rejected, complained, heard, heard + profile.dsn
        )
