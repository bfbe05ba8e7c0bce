"""A mailbox provider: admits connections, answers attempts, and lets news follow.

One code path serves all sizes: `receive` answers a parcel of any `n`; a single known message takes
a short cut that a test holds equal to it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import exp
from typing import NamedTuple

import numpy as np

from mstoolkit.config import Profile, Scenario, Segment
from mstoolkit.config.profile import ReplyText
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp.draws import FULL, LIVE, TOGETHER, UNKNOWN, Draws, Floats
from mstoolkit.isp.standing import Standing, Truth
from mstoolkit.model import FeedbackKind, Parcel, Phase, Reply

CLICK_DELAY = 30.0  # s from opening to clicking; an assumption
PREFETCH_DELAY = 60.0  # s from acceptance to a machine's fetch; an assumption
Replies = tuple[tuple[Reply, int], ...]
Heard = Sequence[tuple[int, float]]
_DSN_SIGMA = 0.8  # spread of DSN delays (log-normal); an assumption, nobody publishes one


class Attempt:
    """What reaches a provider: a parcel from a source IP.

    It is spread over `span` s on `slots` connections, after `carried` messages on the same one.
    """

    __slots__ = ("carried", "parcel", "slots", "source_ip", "span")

    def __init__(
        self, source_ip: str, parcel: Parcel, span: float = 0.0, slots: int = 1, carried: int = 0
    ) -> None:
        self.source_ip = source_ip
        self.parcel = parcel
        self.span = span
        self.slots = slots
        self.carried = carried


class News(NamedTuple):
    """Feedback to come: what, how many s after the verdict, how many, and which (-1: counted)."""

    kind: FeedbackKind
    delay: float
    n: int
    first: int
    reply: Reply | None = None
    machine: bool = False


class Verdict(NamedTuple):
    """The answer to an attempt.

    ``replies`` are counts per reply; ``unsent`` messages at the end were not looked at, because the
    connection was closed after the share ``done`` of the parcel.
    """

    replies: Replies
    unsent: int = 0
    closed: bool = False
    feedback: tuple[News, ...] = ()
    done: float = 1.0


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
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        segments: dict[str, Segment],
        warm: dict[str, float],
    ) -> None:
        self.name = name
        self.profile = profile
        self._segments = segments
        self._standings = {ip: Standing(profile, segments, warmth) for ip, warmth in warm.items()}
        replies = profile.replies
        self._accepted = _reply(replies.accepted, "data")
        self._throttled = _reply(replies.throttled, "data")
        self._busy = _reply(replies.busy, "data")
        self._full = _reply(replies.full, "rcpt")
        self._unknown = _reply(replies.unknown, "rcpt")
        self._spam = _reply(replies.spam, "data")
        self._blocked = _reply(replies.blocked, "data")
        self._bounced = Reply(
            replies.unknown.code, replies.unknown.status, replies.unknown.text, "dsn"
        )
        self._welcome = Reply(220, "", f"{profile.domains[0]} ESMTP", "connect")
        self._listed = _reply(replies.blocked, "connect")
        self._crowded = _reply(replies.connections, "connect")
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
        if standing.open + n > self.profile.connections.ceiling:
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
        standing = self._standings.get(attempt.source_ip)
        if standing is None or now >= standing.refresh_at:
            standing = self._standing(attempt.source_ip, now)
        parcel = attempt.parcel
        if standing.listed_until > now:
            return self._refuse(standing, self._blocked, attempt, parcel.n)
        if parcel.n == 1 and parcel.first >= 0:
            level = standing.level - (now - standing.level_at) * standing.rate
            if level < 0.0:
                level = 0.0
            if level > standing.room:
                return self._refuse(standing, self._throttled, attempt, 1)
            standing.level = level + 1.0
            standing.level_at = now
            if parcel.attempt == 0 and draws.people[parcel.lot.list].quiet[parcel.first]:
                standing.accepted += 1
                return self._one if attempt.carried + 1 < self._ends else self._one_closing
            return self._look_closer(now, standing, attempt, draws)
        return self._many(now, standing, attempt, draws)

    def _many(self, now: float, standing: Standing, attempt: Attempt, draws: Draws) -> Verdict:
        parcel = attempt.parcel
        fits = self._meter(standing, now, attempt.span, parcel.n)
        if fits == 0:
            return self._refuse(standing, self._throttled, attempt, parcel.n)
        looked_at = parcel
        if fits < parcel.n:
            looked_at = parcel.head(fits)
        replies, heard = self._meet(standing, looked_at, draws)
        news: tuple[News, ...] = ()
        if heard:
            news = tuple(self._news(now, standing, looked_at, heard, draws))
        if fits == parcel.n:
            return Verdict(replies, 0, False, news)
        rest = self._refuse(standing, self._throttled, attempt, parcel.n - fits)
        return Verdict((*replies, *rest.replies), rest.unsent, True, news, done=fits / parcel.n)

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
            known = np.array([row[0] for row in history]), np.array([row[4] for row in history])
            self._placements[source_ip] = known
        return known

    def truth(self) -> list[Truth]:
        """Return the hidden state at every review so far, in order of source IP and time."""
        return [
            Truth(
                at,
                ip,
                self.name,
                reputation,
                warmth,
                rate,
                listed,
                inbox,
                max(0.0, 1.0 - inbox - self.profile.placement.missing),
            )
            for ip, standing in sorted(self._standings.items())
            for at, reputation, warmth, rate, inbox, listed in standing.history
        ]

    # -- the parts of an answer

    def _standing(self, source_ip: str, now: float) -> Standing:
        standing = self._standings.get(source_ip)
        if standing is None:
            standing = Standing(self.profile, self._segments, 0.0)
            self._standings[source_ip] = standing
        if now >= standing.refresh_at:
            standing.review(now)
        return standing

    def _meter(self, standing: Standing, now: float, span: float, n: int) -> int:
        """Return how many of `n` messages over `span` pass the rate limit, and count them."""
        rate, level, at = standing.rate, standing.level, standing.level_at
        if now > at:
            level -= (now - at) * rate
            if level < 0.0:
                level = 0.0
        room = standing.capacity - level + span * rate
        fits = n if room >= n else max(0, int(room + 1e-9))
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

    def _meet(self, standing: Standing, parcel: Parcel, draws: Draws) -> tuple[Replies, Heard]:
        """Answer messages that passed the rate limit; acceptance comes first, if any.

        A full mailbox is still full. Of the messages that are heard of again, the place in the
        parcel and the tail draw are returned.
        """
        if parcel.first < 0 and parcel.cause == "mailbox_full":
            return ((self._full, parcel.n),), ()
        chances = standing.chances(parcel.lot.segment)
        dead = full = busy = spam = 0
        heard: list[tuple[int, float]] = []
        for position, address, u, tail in self._to_look_at(parcel, draws):
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
        accepted = parcel.n - dead - full - busy - spam
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
            drawn = (draws.of(purpose, parcel).tolist() for purpose in TOGETHER)
            return [
                (k, UNKNOWN if a < dead else FULL if a < full else LIVE, u, tail)
                for k, (a, u, tail) in enumerate(zip(*drawn, strict=True), first)
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

    def _refuse(self, standing: Standing, reply: Reply, attempt: Attempt, n: int) -> Verdict:
        """Refuse what is on the connections, close them, and leave the rest unsent."""
        refused = min(n, attempt.slots)
        standing.bad(self.profile.reputation.pushed * refused)
        return Verdict(((reply, refused),), n - refused, True, done=0.0)


class Habits(NamedTuple):
    """How mail of a segment is read at a provider: numbers, or arrays of them for many messages."""

    opens: Floats | float
    clicks: Floats | float
    spam_opens: Floats | float
    prefetch: Floats | float
    missing: Floats | float
    open_median: Floats | float
    open_sigma: Floats | float

    def chances(self, inbox: Floats | float) -> tuple[Floats, Floats, Floats]:
        """Return the chances to be opened, clicked, fetched by a machine, by inbox share."""
        spam = np.maximum(0.0, 1.0 - inbox - self.missing)
        return (
            self.opens * (inbox + spam * self.spam_opens),
            np.minimum(self.clicks, self.opens) * inbox,
            np.asarray(self.prefetch * inbox),
        )

    def delay(self, normal: Floats | float) -> Floats:
        """Return the delay (s) from acceptance to opening for standard normal draws."""
        return np.asarray(self.open_median * np.exp(self.open_sigma * normal))


def habits(profile: Profile, segment: Segment) -> Habits:
    """Return how mail of a segment is read at a provider."""
    engagement = profile.engagement
    return Habits(
        segment.opens,
        segment.clicks,
        engagement.spam_opens,
        engagement.prefetch,
        profile.placement.missing,
        engagement.open_median,
        engagement.open_sigma,
    )


def providers(scenario: Scenario) -> dict[str, Provider]:
    """Return fresh providers of a scenario, by ISP name.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> sorted(providers(load_scenario("quickstart")))[:3]
    ['apple', 'comcast', 'gmail']
    """
    warm = {source_ip(name, server): server.warm for name, server in scenario.servers.items()}
    return {
        name: Provider(name, profile, scenario.audience.segments, warm)
        for name, profile in scenario.isps.items()
    }


def _reply(text: ReplyText, phase: Phase) -> Reply:
    return Reply(text.code, text.status, text.text, phase)
