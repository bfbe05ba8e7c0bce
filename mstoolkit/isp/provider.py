"""A mailbox provider: admits connections, answers attempts, and lets news follow.

One code path serves all sizes: `receive` answers a parcel of any `n`; a single known message takes
a short cut that a test holds equal to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.answers import Answers, Heard
from mstoolkit.isp.attempt import Attempt, News, Replies, Verdict, worded
from mstoolkit.isp.blocklists import Blocklists
from mstoolkit.isp.draws import Draws, Floats
from mstoolkit.isp.gates import NOTHING_WRONG, Credentials, Gatekeeper
from mstoolkit.isp.greylist import Greylist
from mstoolkit.isp.growth import DAY
from mstoolkit.isp.history import Archive
from mstoolkit.isp.judges import Bench
from mstoolkit.isp.ladder import Ladder
from mstoolkit.isp.reading import CLICK_DELAY, PREFETCH_DELAY, habits
from mstoolkit.isp.standing import NOBODY, Circumstances, Flow, Standing, Truth
from mstoolkit.model import Parcel, Reply

_CLOSING = 421  # the code that closes the connection (RFC 5321)


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
    blocklists : Blocklists, optional
        Those of the scenario, of which the profile names what this provider consults.
    content : mapping of str to float, optional
        Spam scores of the campaigns; 0 by default.
    neighbours : mapping of str to Flow, optional
        What others send to this provider from the same source IPs.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        segments: dict[str, Segment],
        warm: dict[str, float],
        credentials: Credentials = NOTHING_WRONG,
        *,
        blocklists: Blocklists | None = None,
        content: Mapping[str, float] | None = None,
        neighbours: Mapping[str, Flow] | None = None,
    ) -> None:
        self.name = name
        self.profile = profile
        self._segments = segments
        self._blocklists = blocklists or Blocklists({})
        self._neighbours = neighbours or {}
        self._content = content or {}
        self.waits = profile.banner.good > 0 or profile.banner.bad > 0
        self._bench = Bench(profile.reputation)
        around = Circumstances(profile, segments, self._content, self._bench)
        self._around = around
        self._archive = Archive()
        self._gates = Gatekeeper.of(profile, credentials)
        self._ladder = Ladder(profile, profile.escalation) if profile.escalation else None
        greylisting = profile.greylisting
        self._greylist = Greylist(profile, greylisting) if greylisting else None
        self._careful = self._gates is not None or self._greylist is not None
        self._answers = Answers(around, self._blocklists)
        self._quick = not self._answers.engaging
        self._one, self._one_closing = self._answers.one_taken
        self._standings = {ip: self._meeting(ip, warmth) for ip, warmth in warm.items()}
        replies = profile.replies
        self._throttled = worded(replies.throttled, "data")
        self._blocked = worded(replies.blocked, "data")
        self._listed = worded(replies.listed or replies.blocked, "data")
        self._welcome = Reply(220, "", f"{profile.domains[0]} ESMTP", "connect")
        self._crowded = worded(replies.connections, "connect")
        self._ends = profile.messages_per_connection
        self._placements: dict[str, tuple[Floats, Floats]] = {}

    def connect(self, now: float, source_ip: str, n: int = 1) -> Reply:
        """Admit (220) or refuse `n` connections; `disconnect` must end what was admitted."""
        standing = self._standings.get(source_ip)
        if standing is None or now >= standing.refresh_at:
            standing = self._standing(source_ip, now)
        if standing.shut_until > now:
            refused = self._refusal(now, source_ip, standing)
            if refused.code >= 500:
                if n == 1:  # who asked for more will ask for one at last
                    self._push(now, source_ip, 1)
                return Reply(refused.code, refused.status, refused.text, "connect")
        if standing.open + n > standing.connections:
            return self._crowded
        standing.open += n
        return self._welcome

    def disconnect(self, source_ip: str, n: int = 1) -> None:
        """Note that `n` admitted connections are gone."""
        standing = self._standings[source_ip]
        standing.open = max(0, standing.open - n)

    def banner(self, source_ip: str) -> float:
        """Return how long (s) a connection of a source IP waits for the banner."""
        waits = self.profile.banner
        standing = self._standings.get(source_ip)
        disliked = 0.0 if standing is None else 1.0 - standing.reputation
        return waits.good + (waits.bad - waits.good) * disliked

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
        if self._gates is not None:
            return self._at_the_gates(now, attempt, draws, self._gates)
        standing = self._standings.get(attempt.source_ip)
        if standing is None or now >= standing.refresh_at:
            standing = self._standing(attempt.source_ip, now)
        parcel = attempt.parcel
        if standing.shut_until > now:
            reply = self._refusal(now, attempt.source_ip, standing)
            return self._refuse(now, standing, reply, attempt, parcel.n)
        if parcel.n == 1 and parcel.first >= 0 and self._greylist is None:
            level = standing.level - (now - standing.level_at) * standing.rate
            if level < 0.0:
                level = 0.0
            if level > standing.room or standing.accepted + 1 > standing.allowed:
                return self._refuse(now, standing, self._throttled, attempt, 1)
            standing.level = level + 1.0
            standing.level_at = now
            quick = self._quick and parcel.attempt == 0
            if quick and draws.people[parcel.lot.list].quiet[parcel.first]:
                standing.accepted += 1
                return self._one if attempt.carried + 1 < self._ends else self._one_closing
            return self._answers.one(now, standing, attempt, draws)
        return self._many(now, standing, attempt, draws)

    def _many(self, now: float, standing: Standing, attempt: Attempt, draws: Draws) -> Verdict:
        parcel = attempt.parcel
        fits = self._meter(standing, now, attempt.span, parcel.n)
        if fits == 0:
            return self._refuse(now, standing, self._throttled, attempt, parcel.n)
        looked_at = attempt if fits == parcel.n else attempt.head(fits)
        replies, heard = (
            self._answers.many(now, standing, looked_at, draws)
            if self._greylist is None
            else self._greylisted(now, standing, attempt, fits, draws, self._greylist)
        )
        news: tuple[News, ...] = ()
        if heard:
            news = tuple(self._answers.news(now, standing, looked_at, heard, draws))
        if fits == parcel.n:
            single = parcel.n == 1 and parcel.first >= 0 and replies[0][0].positive
            ending = single and attempt.carried + 1 >= self._ends
            return Verdict(replies, 0, ending, news)
        share = fits / parcel.n
        began = now + attempt.span * share
        rest = self._refuse(began, standing, self._throttled, attempt, parcel.n - fits)
        return Verdict((*replies, *rest.replies), rest.unsent, True, news, done=share)

    def _at_the_gates(
        self, now: float, attempt: Attempt, draws: Draws, gates: Gatekeeper
    ) -> Verdict:
        """Answer an attempt where something of the mail is not in order."""
        parcel = attempt.parcel
        n, campaign = parcel.n, parcel.lot.campaign
        passing = gates.admit(now, attempt.source_ip, campaign, n)
        verdict = Verdict((), done=0.0)
        if passing:
            verdict = self._past_the_gates(now, attempt.head(passing), draws)
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

    def _past_the_gates(self, now: float, attempt: Attempt, draws: Draws) -> Verdict:
        standing = self._standing(attempt.source_ip, now)
        if standing.shut_until > now:
            reply = self._refusal(now, attempt.source_ip, standing)
            return self._refuse(now, standing, reply, attempt, attempt.parcel.n)
        return self._many(now, standing, attempt, draws)

    def _greylisted(
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
            replies, heard = self._answers.many(now, standing, attempt, draws, deferred)
        else:
            looked_at = attempt.head(parcel.n - deferred.n)
            replies, heard = self._answers.many(now, standing, looked_at, draws)
            busy = sum(n for reply, n in replies if reply is self._answers.busy)
            greylist.put_off(now, source, parcel, busy)
        if deferred.n:
            replies = (*replies, (greylist.reply, deferred.n))
        return replies, heard

    def opened(self, now: float, source_ip: str, parcel: Parcel, draws: Draws) -> tuple[News, ...]:
        """Return the opens and clicks that follow the acceptance of one known message."""
        standing, lot = self._standing(source_ip, now), parcel.lot
        score = self._content.get(lot.campaign, 0.0)
        readers = habits(self.profile, self._segments[lot.segment], lot.stream, score)
        opened, clicked, fetched = readers.chances(standing.inbox)
        name, index = parcel.lot.list, parcel.first
        u = draws.array("open", name)[index]
        delay = float(readers.delay(draws.array("delay", name)[index], bool(u < clicked)))
        news = []
        if u < opened:
            news.append(News("opened", delay, 1, index))
            if u < clicked:
                news.append(News("clicked", delay + CLICK_DELAY, 1, index))
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
        """Return the hidden state, as JSON has it; it fits the same profile and scenario.

        That of blocklists is not in it: they belong to all providers.
        """
        parts = {name: part.snapshot() for name, part in self._parts().items()}
        return {
            "spacing": self._archive.spacing,
            "standings": {ip: one.snapshot() for ip, one in sorted(self._standings.items())},
            "judges": self._bench.snapshot(),
            **parts,
        }

    def restore(self, state: Any) -> None:
        """Continue as the provider that the state was taken of."""
        self._archive = Archive()
        self._placements.clear()
        for name, part in self._parts().items():
            part.restore(state[name])
        self._standings = {}
        for ip, row in state["standings"].items():
            standing = self._standings[ip] = self._meeting(ip, 0.0)
            standing.restore(row)
        self._bench.restore(state["judges"])
        self._archive.restored(state["spacing"])

    def truth(self) -> list[Truth]:
        """Return the hidden state at every review so far, in order of source IP and time."""
        placement = self.profile.placement
        missing = placement.missing
        return [
            Truth(
                at, ip, self.name, liked, warm, rate, listed, inbox,
                max(0.0, 1.0 - inbox - missing), inbox * placement.tabs, missing,
                standing.trapped_by(at),
            )
            for ip, standing in sorted(self._standings.items())
            for at, liked, warm, rate, inbox, listed in standing.history
        ]  # fmt: skip

    # -- the parts of an answer

    def _parts(self) -> dict[str, Gatekeeper | Ladder | Greylist]:
        parts = {"gates": self._gates, "ladder": self._ladder, "greylist": self._greylist}
        return {name: part for name, part in parts.items() if part is not None}

    def _standing(self, source_ip: str, now: float) -> Standing:
        standing = self._standings.get(source_ip)
        if standing is None:
            standing = self._standings[source_ip] = self._meeting(source_ip, 0.0)
        if now >= standing.refresh_at:
            if self.profile.blocklists:
                self._look_up(now, source_ip, standing)
            standing.review(now)
        return standing

    def _look_up(self, now: float, source_ip: str, standing: Standing) -> None:
        """Ask the blocklists for a source IP; what they say holds until the next review."""
        found = self._blocklists.listed(now, source_ip, self.profile.blocklists)
        standing.blocklisted_until = -1.0 if found is None else found.until
        if found is not None:
            standing.shut(found.until)

    def _meeting(self, source_ip: str, warmth: float) -> Standing:
        neighbours = self._neighbours.get(source_ip, NOBODY)
        standing = Standing(self._around, source_ip, warmth, self._archive.open(), neighbours)
        if self._ladder is not None:
            standing.shut(self._ladder.until(source_ip))
        return standing

    def _meter(self, standing: Standing, now: float, span: float, n: int) -> int:
        """Return how many of `n` messages over `span` pass the limits, and count them."""
        rate, level, at = standing.rate, standing.level, standing.level_at
        if now > at:
            level -= (now - at) * rate
            if level < 0.0:
                level = 0.0
        room = standing.capacity - level + span * rate
        if standing.volumes is not None:
            left = standing.allowed - standing.accepted + span * standing.volumes.tolerated / DAY
            if left < room:
                room = left
        fits = n if room >= n else max(0, int(room + 1e-9))
        took = span * fits / n
        level += fits - took * rate
        standing.level = level if level > 0.0 else 0.0
        if now + took > at:
            standing.level_at = now + took
        return fits

    def _refusal(self, now: float, source_ip: str, standing: Standing) -> Reply:
        """Return what everything from a source IP is refused with, which is shut out now."""
        if standing.listed_until > now:
            return self._blocked
        if standing.blocklisted_until > now:
            return self._listed
        refusal = self._ladder.refusal(now, source_ip) if self._ladder else None
        return refusal or self._blocked

    def _push(self, now: float, source_ip: str, n: int) -> None:
        """Take note of messages that were sent into a refusal."""
        ladder = self._ladder
        if ladder is not None and ladder.push(now, source_ip, n):
            for ip, standing in self._standings.items():
                if ladder.neighbours(source_ip, ip):
                    standing.shut(ladder.until(ip))

    def _refuse(
        self, now: float, standing: Standing, reply: Reply, attempt: Attempt, n: int
    ) -> Verdict:
        """Refuse what is on the connections, close them, and leave the rest unsent."""
        refused = min(n, attempt.slots)
        self._push(now, attempt.source_ip, refused)
        standing.bad(self.profile.reputation.pushed * refused)
        return Verdict(((reply, refused),), n - refused, True, done=0.0)
