"""A mailbox provider: admits connections, answers attempts, and lets news follow.

One code path serves all sizes: `receive` answers a parcel of any `n`; a single known message takes
a short cut that a test holds equal to it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import exp
from typing import Any

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.attempt import Attempt, News, Replies, Verdict, worded
from mstoolkit.isp.doors import Doors
from mstoolkit.isp.draws import FULL, LIVE, TOGETHER, UNKNOWN, Draws, Floats, loud
from mstoolkit.isp.gates import NOTHING_WRONG, Credentials
from mstoolkit.isp.greylist import NONE, Deferred, Greylist
from mstoolkit.isp.growth import Volumes
from mstoolkit.isp.history import Archive
from mstoolkit.isp.reading import CLICK_DELAY, PREFETCH_DELAY, habits
from mstoolkit.isp.standing import Standing, Truth
from mstoolkit.model import Parcel, Reply

Heard = Sequence[tuple[int, float]]
_CLOSING = 421  # the code that closes the connection (RFC 5321)
_DSN_SIGMA = 0.8  # spread of DSN delays (log-normal); an assumption, nobody publishes one


class Provider:
    """One mailbox provider with its hidden state per source IP.

    Parameters
    ----------
    name : str
        As the scenario names it.
    profile : Profile
        Limits, replies, reputation, placement.
    segments : dict of str to Segment
        What the audience's segments are like.
    warm : dict of str to float
        Warmth (0..1) of the source IPs known at the start; others are cold.
    credentials : Credentials, optional
        What of the servers and campaigns is in order, for the gates; nothing is wrong by default.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        segments: dict[str, Segment],
        warm: dict[str, float],
        credentials: Credentials = NOTHING_WRONG,
    ) -> None:
        self.name = name
        self.profile = profile
        self._segments = segments
        self._archive = Archive()
        self._standings = {ip: self._meeting(warmth) for ip, warmth in warm.items()}
        self._doors = Doors.of(profile, warm, credentials)
        replies = profile.replies
        self._accepted = worded(replies.accepted, "data")
        self._throttled = worded(replies.throttled, "data")
        self._busy = worded(replies.busy, "data")
        self._full = worded(replies.full, "rcpt")
        self._unknown = worded(replies.unknown, "rcpt")
        self._spam = worded(replies.spam, "data")
        self._blocked = worded(replies.blocked, "data")
        self._bounced = worded(replies.unknown, "dsn")
        self._welcome = Reply(220, "", f"{profile.domains[0]} ESMTP", "connect")
        self._listed = worded(replies.blocked, "connect")
        self._crowded = worded(replies.connections, "connect")
        self._one = Verdict(((self._accepted, 1),))
        self._one_closing = Verdict(((self._accepted, 1),), closed=True)
        self._ends = profile.messages_per_connection
        self._placements: dict[str, tuple[Floats, Floats]] = {}

    def connect(self, now: float, source_ip: str, n: int = 1) -> Reply:
        """Admit (220) or refuse `n` connections; `disconnect` must end what was admitted."""
        standing = self._standings.get(source_ip)
        if standing is None or now >= standing.refresh_at:
            standing = self._standing(source_ip, now)
        if standing.listed_until > now:
            return self._listed
        if self._doors is not None and self._doors.ladder is not None:
            refused = self._doors.ladder.refused_connection(now, source_ip)
            if refused is not None:
                if n == 1:  # who asked for more will ask for one at last
                    self._doors.ladder.push(now, source_ip, 1)
                return refused
        if standing.open + n > standing.connections:
            return self._crowded
        standing.open += n
        return self._welcome

    def disconnect(self, source_ip: str, n: int = 1) -> None:
        """Note that `n` admitted connections are gone."""
        standing = self._standings[source_ip]
        standing.open = max(0, standing.open - n)

    def receive(self, now: float, attempt: Attempt, draws: Draws) -> Verdict:
        """Answer an attempt that begins `now` (s).

        Parameters
        ----------
        now : float
            Scenario time, s; the parcel's messages arrive evenly from `now` to `now` + span.
        attempt : Attempt
            What arrives from where.
        draws : Draws
            What the recipients are and do.

        Returns
        -------
        Verdict
            Counts over all replies and `unsent` sum to the parcel's `n`.
        """
        if self._doors is not None:
            return self._at_the_doors(now, attempt, draws, self._doors)
        standing = self._standings.get(attempt.source_ip)
        if standing is None or now >= standing.refresh_at:
            standing = self._standing(attempt.source_ip, now)
        parcel = attempt.parcel
        if standing.listed_until > now:
            return self._refuse(now, standing, self._blocked, attempt, parcel.n)
        if parcel.n == 1 and parcel.first >= 0:
            level = standing.level - (now - standing.level_at) * standing.rate
            if level < 0.0:
                level = 0.0
            if level > standing.room:
                return self._refuse(now, standing, self._throttled, attempt, 1)
            standing.level = level + 1.0
            standing.level_at = now
            if parcel.attempt == 0 and draws.people[parcel.lot.list].quiet[parcel.first]:
                standing.accepted += 1
                return self._one if attempt.carried + 1 < self._ends else self._one_closing
            return self._look_closer(now, standing, attempt, draws)
        return self._many(now, standing, attempt, draws)

    def _many(self, now: float, standing: Standing, attempt: Attempt, draws: Draws) -> Verdict:
        parcel, doors = attempt.parcel, self._doors
        volumes = None if doors is None else doors.volumes(attempt.source_ip)
        fits = self._meter(standing, now, attempt.span, parcel.n, volumes)
        if fits == 0:
            return self._refuse(now, standing, self._throttled, attempt, parcel.n)
        looked_at = parcel
        if fits < parcel.n:
            looked_at = parcel.head(fits)
        replies, heard = (
            self._meet(standing, looked_at, draws)
            if doors is None or doors.greylist is None
            else self._meet_greylisted(now, standing, attempt, fits, draws, doors.greylist)
        )
        news: tuple[News, ...] = ()
        if heard:
            news = tuple(self._news(now, standing, looked_at, heard, draws))
        if fits == parcel.n:
            return Verdict(replies, 0, False, news)
        share = fits / parcel.n
        began = now + attempt.span * share
        rest = self._refuse(began, standing, self._throttled, attempt, parcel.n - fits)
        return Verdict((*replies, *rest.replies), rest.unsent, True, news, done=share)

    def _at_the_doors(self, now: float, attempt: Attempt, draws: Draws, doors: Doors) -> Verdict:
        """Answer an attempt where the profile has gates, a ladder, growth or a greylist."""
        gates, parcel = doors.gates, attempt.parcel
        if gates is None:
            return self._past_the_gates(now, attempt, draws, doors)
        n, campaign = parcel.n, parcel.lot.campaign
        passing = gates.admit(now, attempt.source_ip, campaign, n)
        verdict = Verdict((), done=0.0)
        if passing:
            verdict = self._past_the_gates(now, attempt.head(passing), draws, doors)
        gates.count(now, passing - verdict.unsent, more=passing < n and not verdict.unsent)
        if passing == n:
            return verdict
        left, share = n - passing, passing / n
        if verdict.closed:
            done = verdict.done * share
            return verdict._replace(unsent=verdict.unsent + left, done=done)
        reply = gates.refusal(attempt.source_ip, campaign)
        closed = reply.code == _CLOSING
        refused = min(left, attempt.slots) if closed else left
        replies = (*verdict.replies, (reply, refused))
        done = share if closed else 1.0
        return Verdict(replies, left - refused, closed, verdict.feedback, done)

    def _past_the_gates(self, now: float, attempt: Attempt, draws: Draws, doors: Doors) -> Verdict:
        source, parcel = attempt.source_ip, attempt.parcel
        standing = self._standing(source, now)
        refusal = self._blocked if standing.listed_until > now else None
        if refusal is None and doors.ladder is not None:
            refusal = doors.ladder.refusal(now, source)
        if refusal is not None:
            return self._refuse(now, standing, refusal, attempt, parcel.n)
        verdict = self._many(now, standing, attempt, draws)
        single = parcel.n == 1 and parcel.first >= 0
        if single and verdict.replies[0][0].positive and attempt.carried + 1 >= self._ends:
            return verdict._replace(closed=True)
        return verdict

    def _meet_greylisted(
        self,
        now: float,
        standing: Standing,
        whole: Attempt,
        fits: int,
        draws: Draws,
        greylist: Greylist,
    ) -> tuple[Replies, Heard]:
        """Answer the first messages of an attempt, some of which the greylist may defer."""
        attempt = whole.head(fits)
        parcel, source = attempt.parcel, attempt.source_ip
        mixed = fits < whole.parcel.n
        deferred = greylist.defer(now, attempt.span, source, parcel, draws, mixed=mixed)
        if deferred.n == parcel.n:
            return ((greylist.reply, deferred.n),), ()
        if parcel.first >= 0:
            replies, heard = self._meet(standing, parcel, draws, deferred)
        else:
            replies, heard = self._meet(standing, parcel.head(parcel.n - deferred.n), draws)
            busy = sum(n for reply, n in replies if reply is self._busy)
            greylist.put_off(now, source, parcel, busy)
        if deferred.n:
            replies = (*replies, (greylist.reply, deferred.n))
        return replies, heard

    def opened(self, now: float, source_ip: str, parcel: Parcel, draws: Draws) -> tuple[News, ...]:
        """Return the opens and clicks that follow the acceptance of one known message."""
        standing = self._standing(source_ip, now)
        readers = habits(self.profile, self._segments[parcel.lot.segment])
        opened, clicked, fetched = readers.chances(standing.inbox)
        name, index = parcel.lot.list, parcel.first
        delay = readers.delay(draws.array("delay", name)[index])
        news = []
        if draws.array("open", name)[index] < opened:
            news.append(News("opened", float(delay), 1, index))
            if draws.array("open", name)[index] < clicked:
                news.append(News("clicked", float(delay) + CLICK_DELAY, 1, index))
        if draws.array("machine", name)[index] < fetched:
            news.append(News("opened", PREFETCH_DELAY, 1, index, machine=True))
        return tuple(news)

    def placement(self, source_ip: str) -> tuple[Floats, Floats]:
        """Return the times (s) of all reviews of a source IP and its inbox share from then on."""
        history = self._standings[source_ip].history
        known = self._placements.get(source_ip)
        if known is None or len(known[0]) != len(history):
            known = self._placements[source_ip] = history.placement()
        return known

    def snapshot(self) -> dict[str, Any]:
        """Return the hidden state, as JSON has it; it fits the same profile and scenario."""
        return {
            "spacing": self._archive.spacing,
            "standings": {ip: one.snapshot() for ip, one in sorted(self._standings.items())},
            "doors": None if self._doors is None else self._doors.snapshot(),
        }

    def restore(self, state: Any) -> None:
        """Continue as the provider that the state was taken of."""
        self._archive = Archive()
        self._placements.clear()
        self._standings = {}
        for ip, row in state["standings"].items():
            standing = self._standings[ip] = self._meeting(0.0)
            standing.restore(row)
        self._archive.restored(state["spacing"])
        if self._doors is not None:
            self._doors.restore(state["doors"])

    def truth(self) -> list[Truth]:
        """Return the hidden state at every review so far, in order of source IP and time."""
        missing = self.profile.placement.missing
        return [
            Truth(
                at, ip, self.name, liked, warm, rate, listed, inbox, max(0.0, 1.0 - inbox - missing)
            )
            for ip, standing in sorted(self._standings.items())
            for at, liked, warm, rate, inbox, listed in standing.history
        ]

    # -- the parts of an answer

    def _standing(self, source_ip: str, now: float) -> Standing:
        standing = self._standings.get(source_ip)
        if standing is None:
            standing = self._standings[source_ip] = self._meeting(0.0)
        if now >= standing.refresh_at:
            standing.review(now)
        return standing

    def _meeting(self, warmth: float) -> Standing:
        return Standing(self.profile, self._segments, warmth, self._archive.open())

    def _meter(
        self, standing: Standing, now: float, span: float, n: int, volumes: Volumes | None
    ) -> int:
        """Return how many of `n` messages over `span` pass the limits, and count them."""
        rate, level, at = standing.rate, standing.level, standing.level_at
        if now > at:
            level -= (now - at) * rate
            if level < 0.0:
                level = 0.0
        room = standing.capacity - level + span * rate
        fits = n if room >= n else max(0, int(room + 1e-9))
        if volumes is not None:
            fits = volumes.take(now, span, n, fits)
        took = span * fits / n
        level += fits - took * rate
        standing.level = level if level > 0.0 else 0.0
        if now + took > at:
            standing.level_at = now + took
        return fits

    def _look_closer(
        self, now: float, standing: Standing, attempt: Attempt, draws: Draws
    ) -> Verdict:
        parcel = attempt.parcel
        address = draws.people[parcel.lot.list].address.item(parcel.first)
        chances = standing.chances(parcel.lot.segment)
        u = draws.reply(parcel.lot.list, parcel.first, parcel.attempt)
        if u < chances.busy:
            return Verdict(((self._busy, 1),))
        if address == UNKNOWN:
            standing.bad(self.profile.reputation.unknown)
            return Verdict(((self._unknown, 1),))
        if address == FULL:
            return Verdict(((self._full, 1),))
        if u < chances.spam:
            return Verdict(((self._spam, 1),))
        standing.accepted += 1
        closing = attempt.carried + 1 >= self._ends
        tail = draws.array("tail", parcel.lot.list).item(parcel.first)
        if tail >= chances.tail:
            return self._one_closing if closing else self._one
        news = tuple(self._news(now, standing, parcel, [(0, tail)], draws))
        return Verdict(self._one.replies, closed=closing, feedback=news)

    def _meet(
        self, standing: Standing, parcel: Parcel, draws: Draws, absent: Deferred = NONE
    ) -> tuple[Replies, Heard]:
        """Answer messages that passed the limits; acceptance comes first, if any.

        A full mailbox is still full. Of the messages that are heard of again, the place in the
        parcel and the tail draw are returned. Those that are `absent` are not looked at.
        """
        if parcel.first < 0 and parcel.cause == "mailbox_full":
            return ((self._full, parcel.n),), ()
        chances = standing.chances(parcel.lot.segment)
        dead = full = busy = spam = 0
        heard: list[tuple[int, float]] = []
        looked_at = self._to_look_at(parcel, draws)
        if absent.n:
            looked_at = [row for row in looked_at if row[0] not in absent.positions]
        for position, address, u, tail in looked_at:
            if u < chances.busy:
                busy += 1
            elif address == UNKNOWN:
                dead += 1
            elif address == FULL:
                full += 1
            elif u < chances.spam:
                spam += 1
            elif tail < chances.tail:
                heard.append((position - parcel.first, tail))
        accepted = parcel.n - absent.n - dead - full - busy - spam
        standing.accepted += accepted
        if dead:
            standing.bad(self.profile.reputation.unknown * dead)
        return self._replies(accepted, dead, full, busy, spam), heard

    def _replies(self, accepted: int, dead: int, full: int, busy: int, spam: int) -> Replies:
        replies = [(self._accepted, accepted)] if accepted else []
        if dead:
            replies.append((self._unknown, dead))
        if full:
            replies.append((self._full, full))
        if busy:
            replies.append((self._busy, busy))
        if spam:
            replies.append((self._spam, spam))
        return tuple(replies)

    def _to_look_at(self, parcel: Parcel, draws: Draws) -> Iterable[tuple[int, int, float, float]]:
        """Return the messages of a parcel that may meet more than acceptance without news.

        Of counted messages, what was throttled, lost or met a busy server was never looked at, so
        their addresses are like any other.
        """
        n, first = parcel.n, parcel.first
        if first < 0:
            segment = self._segments[parcel.lot.segment]
            dead, full = segment.unknown, segment.unknown + segment.full
            drawn, replied, followed = (draws.of(purpose, parcel) for purpose in TOGETHER)
            where = loud(drawn, replied, followed, segment, self.profile).nonzero()[0]
            rows = (array[where].tolist() for array in (drawn, replied, followed))
            return [
                (first + k, UNKNOWN if a < dead else FULL if a < full else LIVE, u, tail)
                for k, a, u, tail in zip(where.tolist(), *rows, strict=True)
            ]
        people = draws.people[parcel.lot.list]
        if parcel.attempt:
            address = people.address[first : first + n].tolist()
            u, tail = draws.replies(parcel).tolist(), draws.of("tail", parcel).tolist()
            return zip(range(first, first + n), address, u, tail, strict=True)
        positions, addresses, us, tails = people.loud
        start = bisect_left(positions, first)
        own = slice(start, bisect_left(positions, first + n, start))
        return zip(positions[own], addresses[own], us[own], tails[own], strict=True)

    def _news(
        self,
        now: float,
        standing: Standing,
        parcel: Parcel,
        heard: Heard,
        draws: Draws,
    ) -> Iterable[News]:
        """Yield the complaint, unsubscribe or DSN that follows each message of `heard`."""
        chances = standing.chances(parcel.lot.segment)
        normal = draws.of("delay", parcel)
        profile = self.profile
        engagement = profile.engagement
        for k, u in heard:
            first = parcel.first + k if parcel.first >= 0 else -1
            z = float(normal[k])
            if u < chances.unsubscribed:
                delay = engagement.complaint_median * exp(engagement.complaint_sigma * z)
                if u < chances.complained:
                    standing.bad_at(now + delay, profile.reputation.complaint)
                    yield News("complained", delay, 1, first)
                else:
                    yield News("unsubscribed", delay, 1, first)
            else:
                delay = profile.dsn_delay * exp(_DSN_SIGMA * z)
                yield News("dsn", delay, 1, first, self._bounced)

    def _refuse(
        self, now: float, standing: Standing, reply: Reply, attempt: Attempt, n: int
    ) -> Verdict:
        """Refuse what is on the connections, close them, and leave the rest unsent."""
        refused = min(n, attempt.slots)
        if self._doors is not None and self._doors.ladder is not None:
            self._doors.ladder.push(now, attempt.source_ip, refused)
        standing.bad(self.profile.reputation.pushed * refused)
        return Verdict(((reply, refused),), n - refused, True, done=0.0)
