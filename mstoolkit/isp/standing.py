"""What a provider thinks of one source IP: history, reputation, warmth, limit and listing.

Good and bad signals decay with the profile's half-life. With ``g`` and ``b`` their decayed sums and
``p`` the prior, reputation = (p + g) / (p + g + b); a profile may name other judges. Warmth grows
with accepted volume and is lost without. The hidden rate limit lies between the cautious rate and
the ceiling, on a log scale of reputation^2 x warmth, and so do the connections that it may hold.
These forms are assumptions of this model (no provider publishes one); the profile's figures vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from math import exp, log
from typing import Any, NamedTuple

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.content import junked, refused
from mstoolkit.isp.draws import REJECTED_AT_WORST
from mstoolkit.isp.growth import DAY, Volumes, left_over
from mstoolkit.isp.history import History
from mstoolkit.isp.judges import Bench
from mstoolkit.isp.multipliers import Multipliers
from mstoolkit.model import Lot

REFRESH = 120.0  # s between two reviews of a source IP
_NEVER = -1.0
_STATE = (
    "_at",
    "_bad",
    "_counted",
    "_fresh",
    "_good",
    "_last_day",
    "_warm",
    "accepted",
    "blocklisted_until",
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
    "shut_until",
    "warmth",
)
_LN_2 = log(2.0)
_STEP = 3600.0  # s; judges hear of neighbours so often
_SHARED_ROOM = 0.1  # of its limit an address keeps, whatever its neighbours send; an assumption


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
    tabs: float
    missing: float
    trapped: int


class Chances(NamedTuple):
    """Cumulative chances of a lot's message: thresholds on its reply and tail draws."""

    busy: float
    spam: float
    complained: float
    unsubscribed: float
    tail: float


class Flow(NamedTuple):
    """What neighbours send from the same address: messages a second, and the bad among them."""

    rate: float
    bad: float


NOBODY = Flow(0.0, 0.0)


class Circumstances(NamedTuple):
    """What a provider knows of all its senders: profile, audience, campaigns' content, judges."""

    profile: Profile
    segments: dict[str, Segment]
    content: Mapping[str, float]
    bench: Bench


class Standing:
    """State of one source IP at one provider.

    Parameters
    ----------
    around : Circumstances
        What holds for all source IPs.
    source_ip : str
    warm : float
        Warmth (0..1) at the start.
    history : History
        Where reviews are kept.
    neighbours : Flow
        What others send from the same address.
    """

    __slots__ = (
        "_ahead",
        "_around",
        "_at",
        "_bad",
        "_chances",
        "_counted",
        "_engaging",
        "_fading",
        "_flow",
        "_fresh",
        "_good",
        "_judges",
        "_last_day",
        "_prior",
        "_profile",
        "_span",
        "_trapped",
        "_warm",
        "_widening",
        "accepted",
        "allowed",
        "blocklisted_until",
        "capacity",
        "connections",
        "history",
        "inbox",
        "level",
        "level_at",
        "listed_until",
        "multipliers",
        "open",
        "rate",
        "refresh_at",
        "reputation",
        "room",
        "shut_until",
        "taken",
        "volumes",
        "warmth",
    )

    def __init__(
        self,
        around: Circumstances,
        source_ip: str,
        warm: float,
        history: History,
        neighbours: Flow = NOBODY,
    ) -> None:
        profile = around.profile
        limits = profile.rate
        self._around = around
        self._profile = profile
        self._engaging = profile.reputation.read > 0 or profile.reputation.deleted > 0
        self._flow = neighbours
        self._judges = around.bench.of(source_ip)
        self._span = log(limits.ceiling / limits.cautious)
        self._widening = log(profile.connections.ceiling / profile.connections.cautious)
        self._fading = -_LN_2 / profile.reputation.half_life
        self._prior = profile.reputation.prior
        self._at = 0.0
        self._good = 0.0
        self._counted = 0
        self._bad = 0.0
        self._fresh = 0.0  # bad signals since the last review
        self._ahead: list[tuple[float, float]] = []
        self._warm = self.warmth = warm
        self._last_day = -1.0
        self._trapped: list[list[float]] = []  # [at, how many]
        self.accepted = 0
        self.allowed = float("inf")  # so many may have been accepted by the next review
        self.taken = dict.fromkeys(around.segments, 0)  # accepted since the last review
        self.level = 0.0
        self.level_at = 0.0
        self.listed_until = _NEVER
        self.blocklisted_until = _NEVER
        self.shut_until = _NEVER
        self.open = 0
        self.refresh_at = _NEVER
        self.reputation = 1.0
        self.rate = limits.cautious
        self.capacity = 1.0
        self.room = 0.0
        self.inbox = 0.0
        self._chances: dict[int, Chances] = {}
        self.connections = profile.connections.ceiling
        self.multipliers = Multipliers(limits.dynamic) if limits.dynamic else None
        before = warm * limits.ceiling * DAY  # a warm address sent what it may; an assumption
        growth = profile.growth
        self.volumes = Volumes(growth, limits.idle, before) if growth else None
        self.history = history

    def bad(self, weight: float) -> None:
        """Take note of bad signals, in messages."""
        self._fresh += weight

    def bad_at(self, at: float, weight: float) -> None:
        """Take note of bad signals that will be seen at a later time (complaints)."""
        heappush(self._ahead, (at, weight))

    def trapped(self, at: float, n: int) -> None:
        """Take note of messages that went to spam traps."""
        self._trapped.append([at, n])

    def trapped_by(self, at: float) -> int:
        """Return how many messages had gone to spam traps by a time."""
        return int(sum(n for when, n in self._trapped if when <= at))

    def shut(self, until: float) -> None:
        """Let everything be refused until a time."""
        self.shut_until = max(self.shut_until, until)

    def review(self, now: float) -> None:
        """Judge again, and derive limits, placement and chances from the judgement."""
        self._remember(now)
        reputation, warmth, profile = self.reputation, self.warmth, self._profile
        limits = profile.rate
        trust = reputation * reputation * warmth
        rate = limits.cautious * exp(trust * self._span)
        if self._flow.rate:
            rate = max(rate * _SHARED_ROOM, rate - self._flow.rate)
        capacity = rate * limits.window
        if self.multipliers is not None:
            capacity *= self.multipliers.rate * self.multipliers.burst
            rate *= self.multipliers.rate
        self.rate = rate
        self.capacity = capacity = capacity if capacity > 1.0 else 1.0
        self.room = capacity - 1.0 + 1e-9
        if self.volumes is not None:
            self.allowed = self.accepted + self.volumes.room(now, REFRESH)
        if self._widening:
            least = profile.connections.cautious
            self.connections = int(least * exp(trust * self._widening) + 0.5)
        if reputation < profile.blocklisting.threshold and self.listed_until <= now:
            self.listed_until = now + profile.blocklisting.lasts
            self.shut(self.listed_until)
        self.inbox = inbox = self._inbox()
        self._chances.clear()
        self.refresh_at = now + REFRESH
        self.history.append((now, reputation, warmth, rate, inbox, self.shut_until > now))

    def _remember(self, now: float) -> None:
        """Take what came since the last review into all memories."""
        before, self._at = self._at, now
        accepted = self.accepted - self._counted
        self._counted = self.accepted
        good, bad = float(accepted), self._fresh
        self._fresh = 0.0
        if accepted and self._engaging:
            read, deleted = self._engaged()
            good, bad = good + read, bad + deleted
        self._warm_up(before, now, accepted)
        if self.multipliers is not None:
            self.multipliers.learn(now, good, bad)
        if self._judges:
            self._tell(before, now, good, bad)
            self.reputation = self._around.bench.reputation(self._judges, now)
            return
        decay = exp((now - before) * self._fading) if now > before else 1.0
        self._good = good = (self._good + good) * decay  # it came soon after the last review
        self._bad = bad = (self._bad + bad) * decay
        if self._flow.rate or (self._ahead and self._ahead[0][0] <= now):
            good, bad = self._hear(now, decay)
        known = self._prior + good
        self.reputation = known / (known + bad)

    def _hear(self, now: float, decay: float) -> tuple[float, float]:
        """Add the complaints that have come up by now, and what neighbours sent meanwhile."""
        while self._ahead and self._ahead[0][0] <= now:
            at, weight = heappop(self._ahead)
            self._bad += weight * exp((now - at) * self._fading)
        lasting = (decay - 1.0) / self._fading
        self._good += (self._flow.rate - self._flow.bad) * lasting
        self._bad += self._flow.bad * lasting
        return self._good, self._bad

    def _tell(self, before: float, now: float, good: float, bad: float) -> None:
        """Let the judges know of it, in the order in which it came."""
        for judge in self._judges:
            judge.learn(before, good, bad)
        while self._flow.rate and before < now:
            step = min(now - before, _STEP)
            before += step
            for judge in self._judges:
                good, bad = (self._flow.rate - self._flow.bad) * step, self._flow.bad * step
                judge.learn(before, good, bad)
        while self._ahead and self._ahead[0][0] <= now:
            at, weight = heappop(self._ahead)
            for judge in self._judges:
                judge.learn(at, 0.0, weight)

    def _engaged(self) -> tuple[float, float]:
        """Return what was read and what was deleted unread, as good and as bad messages."""
        rules, read, deleted = self._profile.reputation, 0.0, 0.0
        for name, n in self.taken.items():
            segment = self._around.segments[name]
            read += n * segment.opens
            deleted += n * segment.deletes
            self.taken[name] = 0
        return read * self.inbox * rules.read, deleted * self.inbox * rules.deleted

    def _warm_up(self, before: float, now: float, accepted: int) -> None:
        """Let the address grow warmer by what came, or cooler if nothing did."""
        volume, last = float(accepted), self._last_day
        if self._flow.rate and now > before:
            volume += self._flow.rate * (now - before)
        if volume:
            day = before // DAY
            if day > last:
                self._warm *= left_over(last, day, self._profile.rate.idle)
                last = self._last_day = day
            warm = self._warm + volume / self._profile.rate.warmup_volume
            self._warm = warm if warm < 1.0 else 1.0
            if self.volumes is not None:
                self.volumes.count(before, volume)
        self.warmth = self._warm
        if now > (last + 2.0) * DAY:
            self.warmth *= left_over(last, now // DAY, self._profile.rate.idle)

    def snapshot(self) -> dict[str, Any]:
        """Return the state."""
        state = {name: getattr(self, name) for name in _STATE}
        parts = {"volumes": self.volumes, "multipliers": self.multipliers}
        return {
            **state,
            "allowed": None if self.allowed == float("inf") else self.allowed,
            "ahead": sorted(self._ahead),
            "history": self.history.snapshot(),
            "taken": dict(self.taken),
            "trapped": [list(row) for row in self._trapped],
            **{name: part.snapshot() for name, part in parts.items() if part is not None},
        }

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        for name in _STATE:
            setattr(self, name, state[name])
        self.allowed = float("inf") if state["allowed"] is None else state["allowed"]
        self._ahead = [(at, weight) for at, weight in state["ahead"]]
        self.history.restore(state["history"])
        self.taken = dict(state["taken"])
        self._trapped = [list(row) for row in state["trapped"]]
        if self.volumes is not None:
            self.volumes.restore(state["volumes"])
        if self.multipliers is not None:
            self.multipliers.restore(state["multipliers"])
        if self.refresh_at >= 0.0:
            self.inbox = self._inbox()
        self._chances.clear()

    def _inbox(self) -> float:
        placement = self._profile.placement
        liked = self.reputation * (placement.cold + (1.0 - placement.cold) * self.warmth)
        share = 1.0 / (1.0 + exp(-placement.slope * (liked - placement.midpoint)))
        return placement.worst + (placement.best - placement.worst) * share

    def chances(self, lot: Lot) -> Chances:
        """Return the present chances of a lot's messages."""
        known = self._chances.get(lot.id)
        if known is None:
            score = self._around.content.get(lot.campaign, 0.0)
            known = self._chances[lot.id] = self._of(self._around.segments[lot.segment], score)
        return known

    def _of(self, segment: Segment, score: float) -> Chances:
        profile = self._profile
        inbox = self.inbox
        worse = 1.0 + REJECTED_AT_WORST * (1.0 - self.reputation)
        rejected = min(1.0, profile.spam_rejected * worse)
        if score:
            inbox *= 1.0 - junked(score, profile.content)
            rejected = 1.0 - (1.0 - rejected) * (1.0 - refused(score, profile.content))
        complained = segment.complaints * inbox
        heard = complained + segment.unsubscribes * inbox
        return Chances(
            profile.busy, profile.busy + rejected, complained, heard, heard + profile.dsn
        )
