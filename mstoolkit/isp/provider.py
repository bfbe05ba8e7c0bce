"""A mailbox provider: admits connections, answers attempts, and lets news follow.

One code path serves all sizes: `receive` answers a parcel of any `n`; a single known message takes
a short cut that a test holds equal to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp
from typing import NamedTuple

import numpy as np

from mstoolkit.config import Profile, Scenario, Segment
from mstoolkit.config.profile import ReplyText
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp.draws import FULL, LIVE, UNKNOWN, Draws, Floats, Ints
from mstoolkit.isp.standing import Chances, Standing, Truth
from mstoolkit.model import FeedbackKind, Parcel, Phase, Reply

CLICK_DELAY = 30.0  # s from opening to clicking; an assumption
PREFETCH_DELAY = 60.0  # s from acceptance to a machine's fetch; an assumption
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

    replies: tuple[tuple[Reply, int], ...]
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
        standing = self._standing(source_ip, now)
        if standing.listed_until > now:
            return self._listed
        if standing.open + n > self.profile.connections:
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
            if parcel.attempt == 0 and draws.quiet[parcel.lot.list][parcel.first]:
                standing.accepted += 1
                return self._one if attempt.carried + 1 < self._ends else self._one_closing
            return self._look_closer(now, standing, attempt, draws)
        return self._many(now, standing, attempt, draws)

    def _many(self, now: float, standing: Standing, attempt: Attempt, draws: Draws) -> Verdict:
        parcel = attempt.parcel
        fits = self._meter(standing, now, attempt.span, parcel.n)
        if fits == 0:
            return self._refuse(standing, self._throttled, attempt, parcel.n)
        looked_at = (
            parcel
            if fits == parcel.n
            else Parcel(
                parcel.lot,
                parcel.first,
                fits,
                parcel.attempt,
                parcel.born,
                parcel.parent,
                parcel.cause,
            )
        )
        counts = self._look(standing, looked_at, draws)
        news = self._follow_up(now, standing, looked_at, counts[0][1], draws)
        replies = tuple((reply, n) for reply, n in counts if n)
        if fits == parcel.n:
            return Verdict(replies, feedback=news)
        rest = self._refuse(standing, self._throttled, attempt, parcel.n - fits)
        return Verdict((*replies, *rest.replies), rest.unsent, True, news, done=fits / parcel.n)

    def opened(self, now: float, source_ip: str, parcel: Parcel, draws: Draws) -> tuple[News, ...]:
        """Return the opens and clicks that follow the acceptance of one known message."""
        standing = self._standing(source_ip, now)
        opened, clicked, fetched = opening_chances(
            self.profile,
            self._segments[parcel.lot.segment],
            np.array(standing.inbox),
            np.array(standing.spam),
        )
        name, index = parcel.lot.list, parcel.first
        delay = open_delay(self.profile, draws.array("delay", name)[index])
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
        since = now - standing.level_at
        level = standing.level
        if since > 0:
            level = max(0.0, level - since * standing.rate)
        room = standing.capacity - level + span * standing.rate
        fits = n if room >= n else max(0, int(room + 1e-9))
        end = now + span * fits / n
        standing.level = max(0.0, level + fits - (end - now) * standing.rate)
        standing.level_at = max(end, standing.level_at)
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
        if draws.array("tail", parcel.lot.list).item(parcel.first) >= chances.tail:
            return self._one_closing if closing else self._one
        news = self._follow_up(now, standing, parcel, 1, draws)
        return Verdict(self._one.replies, closed=closing, feedback=news)

    def _look(
        self, standing: Standing, parcel: Parcel, draws: Draws
    ) -> tuple[tuple[Reply, int], ...]:
        """Count the answers to messages that passed the rate limit; the accepted come first.

        Few meet anything but acceptance: those whose draw is low are looked at one by one. A full
        mailbox is still full.
        """
        n, first = parcel.n, parcel.first
        if first < 0 and parcel.cause == "mailbox_full":
            return ((self._accepted, 0), (self._full, n))
        chances = standing.chances(parcel.lot.segment)
        busy = spam = 0
        if first >= 0:
            people = draws.people[parcel.lot.list]
            again = parcel.attempt > 0
            u = draws.replies(parcel) if again else people.reply[first : first + n]
            dead = people.dead.item(first + n) - people.dead.item(first)
            full = people.full.item(first + n) - people.full.item(first)
            of = people.address[first : first + n]
        else:
            u = draws.replies(parcel)
            of = self._addresses(parcel, draws)
            dead, full = int((of == UNKNOWN).sum()), int((of == FULL).sum())
        for k in (u < chances.spam).nonzero()[0].tolist():
            if u[k] < chances.busy:
                busy += 1
                dead -= int(of[k] == UNKNOWN)
                full -= int(of[k] == FULL)
            elif of[k] == LIVE:
                spam += 1
        accepted = n - dead - full - busy - spam
        standing.accepted += accepted
        if dead:
            standing.bad(self.profile.reputation.unknown * dead)
        return (
            (self._accepted, accepted),
            (self._unknown, dead),
            (self._full, full),
            (self._busy, busy),
            (self._spam, spam),
        )

    def _addresses(self, parcel: Parcel, draws: Draws) -> Ints:
        """Return what the addresses of counted messages are.

        What was throttled, lost or met a busy server was never looked at, so it is like any other.
        """
        segment = self._segments[parcel.lot.segment]
        u = draws.of("address", parcel)
        addresses = np.where(u < segment.unknown + segment.full, FULL, LIVE).astype(np.int8)
        addresses[u < segment.unknown] = UNKNOWN
        return addresses

    def _follow_up(
        self, now: float, standing: Standing, parcel: Parcel, accepted: int, draws: Draws
    ) -> tuple[News, ...]:
        """Return complaints, unsubscribes and DSNs that follow accepted messages."""
        if not accepted:
            return ()
        chances = standing.chances(parcel.lot.segment)
        tail = draws.of("tail", parcel)
        hits = (tail < chances.tail).nonzero()[0].tolist()
        if hits and parcel.first < 0:
            hits = [k for k in hits if k < accepted]
        elif hits:
            address = draws.people[parcel.lot.list].address
            reply = draws.replies(parcel)
            first = parcel.first
            hits = [k for k in hits if address[first + k] == LIVE and reply[k] >= chances.spam]
        if not hits:
            return ()
        normal = draws.of("delay", parcel)
        return tuple(self._news(now, standing, parcel, chances, tail, normal, hits))

    def _news(
        self,
        now: float,
        standing: Standing,
        parcel: Parcel,
        chances: Chances,
        tail: Floats,
        normal: Floats,
        hits: Iterable[int],
    ) -> Iterable[News]:
        profile = self.profile
        engagement = profile.engagement
        for k in hits:
            first = parcel.first + k if parcel.first >= 0 else -1
            u, z = float(tail[k]), float(normal[k])
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


def opening_chances(
    profile: Profile, segment: Segment, inbox: Floats, spam: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the chances that accepted messages are opened, clicked, fetched by a machine."""
    seen = inbox + spam * profile.engagement.spam_opens
    return (
        segment.opens * seen,
        min(segment.clicks, segment.opens) * inbox,
        profile.engagement.prefetch * inbox,
    )


def open_delay(profile: Profile, normal: Floats | float) -> Floats:
    """Return the delay (s) from acceptance to opening for standard normal draws."""
    engagement = profile.engagement
    return np.asarray(engagement.open_median * np.exp(engagement.open_sigma * normal))


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
