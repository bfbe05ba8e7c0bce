"""Trials of one mailbox provider: a source IP sends as planned, and the provider is watched.

No strategy takes part: the plan's mail is offered evenly over the day, what is throttled is offered
again a quarter of an hour later. So a published warm-up schedule, a growth rate, or a sender that
backs off can be held against a profile by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from mstoolkit.config import Profile, Scenario, Segment, Server
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.policy import Policy
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.config.scenario import Audience, Campaign
from mstoolkit.config.warmup import Schedule, volume
from mstoolkit.isp import Attempt, Draws, Provider, Verdict
from mstoolkit.model import Parcel

DAY = 86400.0
STEP = 900.0  # s between two offers
SOURCE = "192.0.2.1"
ENGAGED = Segment(share=1.0, opens=0.45, clicks=0.05, complaints=0.0002, unknown=0.003, full=0.006)
_SLOTS = 20
_FAR = 0.75  # of the ceiling; a reputation is never spotless


def warm_up(
    profile: Profile,
    volumes: Sequence[float],
    *,
    segment: Segment | Sequence[Segment] = ENGAGED,
    warm: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Send so many messages a day from one address, and tell how the provider took it.

    Parameters
    ----------
    profile : Profile
        Who is sent to.
    volumes : sequence of float
        Messages of each day, spread evenly over it.
    segment : Segment or sequence of Segment
        Who they are for, the same on all days or day by day; by default people who opened lately.
    warm : float
        Warmth (0..1) of the address at the start.
    seed : int
        Of the recipients.

    Returns
    -------
    DataFrame
        A row a day: ``day`` (from 1), ``offered``, ``accepted``, ``bounced`` (5xx) and ``left``
        (not taken by the end of the day) in messages, ``deferred`` (4xx and what was not looked at
        for it, as a share of all that was offered, again or for the first time), and at its end
        ``reputation``, ``warmth``, ``rate`` (messages/s) and ``inbox`` (share).

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> warm_up(load_profile("gmail"), [50, 100, 200])["left"].tolist()
    [0, 0, 0]
    """
    each = [segment] if isinstance(segment, Segment) else list(segment)
    trial = _Trial(profile, each, warm, seed)
    days = [trial.day(k, round(n)) for k, n in enumerate(volumes)]
    return pd.DataFrame(days, columns=list(_Day._fields))


def breaks_on(days: pd.DataFrame, share: float = 0.05) -> int | None:
    """Return the first day on which more than a share of the day's mail was not taken.

    Parameters
    ----------
    days : DataFrame
        Of `warm_up`.
    share : float
        Share of what was offered.

    Examples
    --------
    >>> breaks_on(pd.DataFrame({"day": [1, 2], "offered": [10, 100], "left": [0, 40]}))
    2
    """
    broken = days.loc[days["left"] > share * days["offered"], "day"]
    return None if broken.empty else int(broken.iloc[0])


def recovery(
    profile: Profile,
    pushed: int,
    *,
    pushing_on: bool = False,
    patience: float = 7 * DAY,
) -> float:
    """Return how long a warm source IP is refused that ran into a limit and pushed on a while.

    Parameters
    ----------
    profile : Profile
        Who is sent to.
    pushed : int
        Messages sent into the refusal before the sender backs off.
    pushing_on : bool
        Whether it does not back off, but sends as many each minute.
    patience : float
        How long (s) is looked.

    Returns
    -------
    float
        Seconds until a message would not be refused, by minutes; infinite beyond `patience`.

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> recovery(load_profile("gmail"), 60) / 60
    30.0
    """
    trial = _Trial(profile, [ENGAGED], 1.0, 0)
    while not trial.refused(trial.offer(0.0, 1000, 0.0)):
        pass
    for _ in range(pushed):
        trial.offer(0.0, 1, 0.0)
    minute = 0
    while 60.0 * minute < patience:
        minute += 1
        at = 60.0 * minute
        if trial.would_take(at):
            return at
        if pushing_on:
            for _ in range(pushed):
                trial.offer(at, 1, 0.0)
    return float("inf")


class Outcome(NamedTuple):
    """How far a warm-up schedule comes at a provider.

    Attributes
    ----------
    reached : float
        Highest daily volume that was taken whole.
    day : int
        The day (from 1) of that volume.
    breaks_on : int or None
        The first day on which mail was left over; None if there was none.
    asked : float
        What was to be sent on that day, messages; of the last day if none broke.
    """

    reached: float
    day: int
    breaks_on: int | None
    asked: float


def follow(profile: Profile, schedule: Schedule, isp: str = "", days: int = 45) -> Outcome:
    """Send from a cold address as a published schedule has it, until it breaks or has gone far.

    It has gone far once the volume of a day is three quarters of what the provider's ceiling lets
    through.

    Parameters
    ----------
    profile : Profile
        Who is sent to.
    schedule : Schedule
        How much a day; see `mstoolkit.config.warmup`.
    isp : str
        By what name the schedule knows the provider, if it differs by provider.
    days : int
        How many days at most.

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> from mstoolkit.config.warmup import load_warmup
    >>> follow(load_profile("gmail"), load_warmup("braze-conservative")).breaks_on is None
    True
    """
    most = _FAR * profile.rate.ceiling * DAY
    plan = []
    for day in range(days):
        n = volume(schedule, day, isp, full=most)
        if n is None or n > most:
            break
        plan.append(n)
    if not plan:
        return Outcome(0.0, 0, None, 0.0)
    found = warm_up(profile, plan)
    broken = breaks_on(found)
    whole = found if broken is None else found[found["day"] < broken]
    best = whole.sort_values("offered", kind="stable").tail(1)
    reached, on = (best["offered"].sum(), best["day"].sum())  # of one day, or of none
    return Outcome(float(reached), int(on), broken, float(plan[(broken or len(plan)) - 1]))


class _Day(NamedTuple):
    day: int
    offered: int
    accepted: int
    bounced: int
    left: int
    deferred: float
    reputation: float
    warmth: float
    rate: float
    inbox: float


class _Trial:
    """A provider and one address."""

    def __init__(
        self, profile: Profile, segments: Sequence[Segment], warm: float, seed: int
    ) -> None:
        kinds = list(dict.fromkeys(segments))
        scenario = _scenario(profile, kinds)
        lot = Mailing(scenario).blocks[0].lot
        lots = [replace(lot, id=k, segment=str(k)) for k in range(len(kinds))]
        self._lots = [lots[kinds.index(segment)] for segment in segments]
        self._draws = Draws(scenario, seed)
        self._isp = Provider("isp", profile, scenario.audience.segments, {SOURCE: warm})
        self._number = 0

    def offer(self, at: float, n: int, span: float) -> Verdict:
        """Let so many messages come."""
        self._number += 1
        lot = self._lots[min(int(at // DAY), len(self._lots) - 1)]
        parcel = Parcel(lot, -1, n, 0, at, self._number)
        return self._isp.receive(at, Attempt(SOURCE, parcel, span, _SLOTS), self._draws)

    @staticmethod
    def refused(verdict: Verdict) -> bool:
        """Tell whether the sender was slowed down or shut out."""
        return verdict.closed and not all(reply.positive for reply, _ in verdict.replies)

    def would_take(self, at: float) -> bool:
        """Tell whether a message would be looked at, and leave everything as it was."""
        state = self._isp.snapshot()
        refused = self.refused(self.offer(at, 1, 0.0))
        self._isp.restore(state)
        return not refused

    def day(self, day: int, volume: int) -> _Day:
        """Offer a day's mail."""
        accepted = bounced = backlog = tries = 0
        for at, n in _evenly(day, volume):
            backlog += n
            if not backlog:
                continue
            tries += backlog
            verdict = self.offer(at, backlog, STEP)
            good = sum(n for reply, n in verdict.replies if reply.positive)
            hard = sum(n for reply, n in verdict.replies if reply.code >= 500)
            accepted, bounced = accepted + good, bounced + hard
            backlog -= good + hard
        self._isp.connect((day + 1) * DAY - 1.0, SOURCE)
        self._isp.disconnect(SOURCE)
        last = self._isp.truth()[-1]
        deferred = 1.0 - (accepted + bounced) / tries if tries else 0.0
        judged = (last.reputation, last.warmth, last.rate, last.inbox)
        return _Day(day + 1, volume, accepted, bounced, backlog, deferred, *judged)


def _evenly(day: int, volume: int) -> Iterator[tuple[float, int]]:
    steps = int(DAY / STEP)
    sent = 0
    for k in range(steps):
        due = round(volume * (k + 1) / steps)
        yield day * DAY + k * STEP, due - sent
        sent = due


def _scenario(profile: Profile, kinds: Sequence[Segment]) -> Scenario:
    share = {"share": 1.0 / len(kinds)}
    segments = {str(k): each.model_copy(update=share) for k, each in enumerate(kinds)}
    return Scenario(
        name="trial",
        horizon=DAY,
        servers={"one": Server(source_ip=SOURCE)},
        audience=Audience(size=1, isps={"isp": 1.0}, segments=segments),
        campaigns={"mail": Campaign(stream="news")},
        isps={"isp": profile},
        strategies={"any": Policy(rotation=RoundRobinSpec(kind="round-robin"))},
    )
