"""What becomes of messages that passed the limits: accepted, refused, heard of later."""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Iterable, Sequence
from math import exp

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.attempt import Attempt, News, Replies, Verdict, worded
from mstoolkit.isp.blocklists import Blocklists, Cause
from mstoolkit.isp.draws import (
    KINDS,
    LIVE,
    RECYCLED,
    TOGETHER,
    TRAP,
    UNKNOWN,
    Draws,
    limits,
    loud,
)
from mstoolkit.isp.greylist import NONE, Deferred
from mstoolkit.isp.standing import Chances, Circumstances, Standing
from mstoolkit.model import Parcel

Heard = Sequence[tuple[int, float]]
_DSN_SIGMA = 0.8  # spread of DSN delays (log-normal); an assumption, nobody publishes one


_TAKEN, _BUSY, _REFUSED = 0, 3, 4  # fates beside those of UNKNOWN and FULL addresses


def _fate(address: int, u: float, chances: Chances) -> int:
    """Return what becomes of a message, by what its address is and its reply draw."""
    if u < chances.busy:
        return _BUSY
    if 0 < address < TRAP:
        return address
    return _REFUSED if u < chances.spam else _TAKEN


class Answers:
    """The answers of one provider.

    Parameters
    ----------
    around : Circumstances
        Profile and audience.
    blocklists : Blocklists
        Who hears of spam traps and complaints.
    """

    def __init__(self, around: Circumstances, blocklists: Blocklists) -> None:
        profile = around.profile
        replies = profile.replies
        self._profile: Profile = profile
        self._segments: dict[str, Segment] = around.segments
        self._content = around.content
        self._limits = {name: limits(segment) for name, segment in around.segments.items()}
        self._blocklists = blocklists
        self.engaging = profile.reputation.read > 0 or profile.reputation.deleted > 0
        self._ends = profile.messages_per_connection
        self.accepted = worded(replies.accepted, "data")
        self.busy = worded(replies.busy, "data")
        self._full = worded(replies.full, "rcpt")
        self._unknown = worded(replies.unknown, "rcpt")
        self._spam = worded(replies.spam, "data")
        self._bounced = worded(replies.unknown, "dsn")
        self._words = (self.accepted, self._unknown, self._full, self.busy, self._spam)
        taken = ((self.accepted, 1),)
        self.one_taken = (Verdict(taken), Verdict(taken, closed=True))  # open, closed afterwards

    def one(self, now: float, standing: Standing, attempt: Attempt, draws: Draws) -> Verdict:
        """Answer a single known message."""
        parcel = attempt.parcel
        people = draws.people[parcel.lot.list]
        address = people.address.item(parcel.first)
        chances = standing.chances(parcel.lot)
        u = draws.reply(parcel.lot.list, parcel.first, parcel.attempt)
        fate = _fate(address, u, chances)
        if fate != _TAKEN:
            if fate == UNKNOWN:
                standing.bad(self._profile.reputation.unknown)
            return Verdict(((self._words[fate], 1),))
        self._take(now, standing, attempt, 1, [address] if address else ())
        tail = draws.array("tail", parcel.lot.list).item(parcel.first)
        closing = attempt.carried + 1 >= self._ends
        if address or tail >= chances.tail:
            return self.one_taken[closing]
        news = tuple(self.news(now, standing, attempt, [(0, tail)], draws))
        return Verdict(self.one_taken[0].replies, closed=closing, feedback=news)

    def many(
        self,
        now: float,
        standing: Standing,
        attempt: Attempt,
        draws: Draws,
        absent: Deferred = NONE,
    ) -> tuple[Replies, Heard]:
        """Answer messages that passed the limits; acceptance comes first, if any.

        A full mailbox is still full. Of the messages that are heard of again, the place in the
        parcel and the tail draw are returned. Those that are `absent` are not looked at.
        """
        parcel = attempt.parcel
        if parcel.first < 0 and parcel.cause == "mailbox_full":
            return ((self._full, parcel.n),), ()
        chances = standing.chances(parcel.lot)
        _, spam, _, _, news = chances
        fates = [0] * len(self._words)
        heard: list[tuple[int, float]] = []
        traps: list[int] = []
        looked_at = self._to_look_at(parcel, draws)
        if absent.n:
            looked_at = [row for row in looked_at if row[0] not in absent.positions]
        for position, address, u, tail in looked_at:
            if not address and u >= spam:
                if tail < news:
                    heard.append((position - parcel.first, tail))
                continue
            fate = _fate(address, u, chances)
            fates[fate] += 1
            if fate == _TAKEN:
                traps.append(address)
        accepted = fates[_TAKEN] = parcel.n - absent.n - sum(fates) + len(traps)
        if traps or self.engaging:
            self._take(now, standing, attempt, accepted, traps)
        else:
            standing.accepted += accepted
        if accepted == parcel.n:
            return ((self.accepted, accepted),), heard
        standing.bad(self._profile.reputation.unknown * fates[UNKNOWN])
        return tuple([one for one in zip(self._words, fates, strict=True) if one[1]]), heard

    def news(
        self, now: float, standing: Standing, attempt: Attempt, heard: Heard, draws: Draws
    ) -> Iterable[News]:
        """Yield the complaint, unsubscribe or DSN that follows each message of `heard`."""
        parcel, profile = attempt.parcel, self._profile
        chances = standing.chances(parcel.lot)
        complaint = profile.reputation.complaint
        normal = draws.of("delay", parcel)
        engagement = profile.engagement
        median, sigma = engagement.complaint_median, engagement.complaint_sigma
        for k, u in heard:
            first = parcel.first + k if parcel.first >= 0 else -1
            z = normal.item(k)
            if u >= chances.unsubscribed:
                delay = profile.dsn_delay * exp(_DSN_SIGMA * z)
                yield News("dsn", delay, 1, first, self._bounced)
                continue
            delay = median * exp(sigma * z)
            if u >= chances.complained:
                yield News("unsubscribed", delay, 1, first)
                continue
            standing.bad_at(now + delay, complaint)
            self._blocklists.hit(now + delay, attempt.source_ip, "complaints")
            yield News("complained", delay, 1, first)

    def _take(
        self, now: float, standing: Standing, attempt: Attempt, n: int, traps: Sequence[int]
    ) -> None:
        """Take in `n` messages, some of which went to spam traps."""
        standing.accepted += n
        if self.engaging:
            standing.taken[attempt.parcel.lot.segment] += n
        if not traps:
            return
        rules, source = self._profile.reputation, attempt.source_ip
        standing.trapped(now, len(traps))
        found: tuple[tuple[int, float, Cause], ...] = (
            (TRAP, rules.trap, "pristine"),
            (RECYCLED, rules.recycled, "recycled"),
        )
        for kind, weight, cause in found:
            hits = traps.count(kind)
            if hits:
                standing.bad(weight * hits)
                self._blocklists.hit(now, source, cause, hits)

    def _to_look_at(self, parcel: Parcel, draws: Draws) -> Iterable[tuple[int, int, float, float]]:
        """Return the messages of a parcel that may meet more than acceptance without news.

        Of counted messages, what was throttled, lost or met a busy server was never looked at, so
        their addresses are like any other.
        """
        n, first, lot = parcel.n, parcel.first, parcel.lot
        if first < 0:
            segment, score = self._segments[lot.segment], self._content.get(lot.campaign, 0.0)
            drawn, replied, followed = (draws.of(purpose, parcel) for purpose in TOGETHER)
            where = loud(drawn, replied, followed, segment, self._profile, score).nonzero()[0]
            bounds = self._limits[lot.segment]
            us, rows = drawn[where].tolist(), (replied[where].tolist(), followed[where].tolist())
            address = [KINDS[bisect(bounds, u)] if u < bounds[-1] else LIVE for u in us]
            return zip((where + first).tolist(), address, *rows, strict=True)
        people = draws.people[lot.list]
        if parcel.attempt:
            address = people.address[first : first + n].tolist()
            u, tail = draws.replies(parcel).tolist(), draws.of("tail", parcel).tolist()
            return zip(range(first, first + n), address, u, tail, strict=True)
        positions, addresses, us, tails = people.loud
        start = bisect_left(positions, first)
        own = slice(start, bisect_left(positions, first + n, start))
        return zip(positions[own], addresses[own], us[own], tails[own], strict=True)
