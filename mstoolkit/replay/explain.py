"""Why this server: the log again up to each attempt of a message, and how things stood then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from mstoolkit.config import ConfigError, parse_duration
from mstoolkit.eventlog import frame_of
from mstoolkit.replay.account import account, against, clock
from mstoolkit.replay.messages import Message, Trace, message_of, trace
from mstoolkit.replay.recording import Finished, Player, Progress, Recording, parted, recording_of
from mstoolkit.strategy.explain import Situation, Standing

Run = str | Path | Finished
COLUMNS = (
    "attempt", "at", "server", "isp", "weight", "asked", "eligible", "ready", "chosen", "blocks",
    "until", "home", "next", "in_flight", "free", "score",
)  # fmt: skip


class Moment(NamedTuple):
    """How things stood in one route, just before an attempt or at a time asked for.

    Parameters
    ----------
    attempt : int
        Number of the attempt from 1; 0 where there was none.
    at : float
        Scenario time, s.
    situation : Situation
        The route, its rotation's state and the standing of each server.
    chosen : str
        The server that the attempt was made from, or empty.
    n : int
        Messages of the attempt.
    outcomes : tuple of str
        What came of it, readable.
    """

    attempt: int
    at: float
    situation: Situation
    chosen: str = ""
    n: int = 0
    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a message went as it did, or how a path stood; ``str()`` is the account in words.

    Parameters
    ----------
    run : str
        Name of the run.
    rotation : str
        Kind of its rotation.
    subject : str
        The message, or the path and the time.
    notes : tuple of str
        What is to be known beforehand.
    moments : tuple of Moment
        One an attempt; or how things stood in each route at the time asked for.
    focus : str
        The server asked about, or empty.
    """

    run: str
    rotation: str
    subject: str
    notes: tuple[str, ...]
    moments: tuple[Moment, ...]
    focus: str = ""

    @property
    def frame(self) -> pd.DataFrame:
        """The standings, one row a server and moment.

        Columns: attempt (from 1; 0: none), at (s), server, isp, weight, asked (share of the
        eligible ones' weights), eligible, ready, chosen, blocks (what stands against it), until
        (s; when the last of that which has a known end is over), home, next (the rotation's
        choice), in_flight and free (connections), score (what the rotation keeps of it).
        """
        rows = [
            _row(moment, standing)
            for moment in self.moments
            for standing in moment.situation.standings
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def __str__(self) -> str:
        return account(self)


def explain(
    run: Run,
    message: str | None = None,
    *,
    path: str | None = None,
    at: str | float | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Tell why a message went by the servers it went by, or how a path stood at a time.

    The recorded log is fed to a fresh dispatcher, which decides the same again, and is looked at
    just before each decision.

    Parameters
    ----------
    run : str, Path or Run
        The folder of a simulated or live run, or what `simulate` returned.
    message : str, optional
        ``list:position``, as in the log's ``message``, or the recipient's address.
    path : str, optional
        Instead of a message: ``server/isp``.
    at : str or float, optional
        With `path`: when, as ``"2h 5min"`` or in s of scenario time.
    progress : callable, optional
        Told now and then which share is done, 0 .. 1.

    Returns
    -------
    Explanation

    Raises
    ------
    ConfigError
        If there is no such run, message, path or time; or if the log was decided otherwise than
        this version of the toolkit decides.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.sim import simulate
    >>> run = simulate(load_scenario("quickstart"), "smooth-weighted", batch=500)
    >>> found = explain(run, "spring:17")
    >>> found.frame.query("chosen")["server"].tolist()
    ['mta-1']
    >>> print(explain(run, path="mta-5/gmail", at="2min"))
    Path mta-5/gmail at 0:02:00.0...
    """
    recording = recording_of(run)
    if (message is None) == (path is None) or (path is None) != (at is None):
        raise ConfigError(
            "either a message or a path with a time is explained",
            key="message",
            remedy='as explain(run, "spring:17") or explain(run, path="mta-1/gmail", at="2h")',
        )
    if message is not None:
        return _message(recording, message_of(recording.scenario, message), progress)
    assert path is not None
    assert at is not None
    return _path(recording, path, _seconds(at, recording), progress)


def _row(moment: Moment, standing: Standing) -> tuple[object, ...]:
    ends = [block.until for block in standing.blocks if block.until is not None]
    return (
        moment.attempt, moment.at, standing.server, standing.isp, standing.weight, standing.asked,
        standing.eligible, standing.ready, standing.server == moment.chosen, against(standing),
        max(ends, default=float("nan")), standing.home, standing.next, standing.in_flight,
        standing.free, ", ".join(f"{name} {value:.6g}" for name, value in standing.score),
    )  # fmt: skip


# -- a message


def _message(recording: Recording, message: Message, progress: Progress | None) -> Explanation:
    found = trace(frame_of(recording.log), message)
    notes = [_arrival(found)]
    if (found.sent["n"] > 1).any():
        notes.append(
            "It went in a parcel of many, which is explained: parcels count what becomes of their "
            "messages and do not know which they are. Run with --batch 1 to follow each message."
        )
    notes += [
        f"Ended {clock(row['at'])}: {row['event']}, {row['category']}."
        for _, row in found.ends.iterrows()
    ]
    subject = f"{message.name}, {message.address}"
    if len(found.sent):
        moments = _attempts(recording, found, progress)
    else:
        moments = _never_sent(recording, message, found, progress)
    return _explanation(recording, f"Message {subject}", notes, moments)


def _arrival(found: Trace) -> str:
    if not len(found.enqueued):
        return "It was not enqueued in this run."
    row = found.enqueued.iloc[0]
    where = f"for {row['isp']}, {row['stream']}, segment {row['segment']}"
    barred = "; it is on the suppression list" if row["category"] == "suppressed" else ""
    return f"Enqueued {clock(row['at'])} {where}{barred}."


def _attempts(recording: Recording, found: Trace, progress: Progress | None) -> list[Moment]:
    """Replay up to the last attempt, and take down how things stood before each of them."""
    sent = {int(row["token"]): row for _, row in found.sent.iterrows()}
    seen: dict[int, Situation] = {}
    player = Player(recording)
    dispatcher = player.dispatcher
    dispatcher.attend(
        lambda token, route: (
            seen.update({token: dispatcher.situation(route)}) if token in sent else None
        )
    )
    for event in recording.inputs(int(found.sent["seq"].max()), progress):
        player.tell(event)
    if len(seen) < len(sent):
        raise parted(recording.manifest.run)
    return [
        Moment(
            number,
            float(row["at"]),
            seen[token],
            str(row["server"]),
            int(row["n"]),
            tuple(_outcome(answer) for _, answer in _of(found.answers, token).iterrows()),
        )
        for number, (token, row) in enumerate(sent.items(), 1)
    ]


def _of(answers: pd.DataFrame, token: int) -> pd.DataFrame:
    return answers[answers["token"] == token]


def _outcome(row: pd.Series) -> str:
    """Return what became of an attempt, or of some of its messages, in words."""
    many = f"{row['n']:,} " if row["n"] > 1 else ""
    reply = " ".join(
        str(part)
        for part in (row["code"] or "", row["status"], row["reply"])
        if part == part and part
    )
    category = f" ({row['category']})" if row["category"] == row["category"] else ""
    said = f": {reply}" if reply else ""
    event = str(row["event"]).replace("_", " ")
    return f"{clock(row['at'])} {many}{event}{category}{said}"


def _never_sent(
    recording: Recording, message: Message, found: Trace, progress: Progress | None
) -> list[Moment]:
    """Return how things stood when the message ended without an attempt, or in the end."""
    if not len(found.enqueued) or (found.enqueued["category"] == "suppressed").any():
        return []
    if len(found.ends):
        last, at = int(found.ends["seq"].min()) - 1, float(found.ends["at"].min())
    else:
        last, at = int(pc.max(recording.log["seq"]).as_py()), recording.manifest.ended_at
    player = Player(recording)
    for event in recording.inputs(last, progress):
        player.tell(event)
    return [Moment(0, at, each) for each in player.dispatcher.situations(message.lot.isp, at)]


# -- a path


def _path(recording: Recording, path: str, at: float, progress: Progress | None) -> Explanation:
    server, isp = _ends(recording, path)
    log = recording.log
    handled = pc.and_(pc.greater_equal(log["seq"], 0), pc.less_equal(log["at"], at))
    last = pc.max(log.filter(handled)["seq"]).as_py()
    player = Player(recording)
    for event in recording.inputs(-1 if last is None else last, progress):
        player.tell(event)
    found = [Moment(0, at, each) for each in player.dispatcher.situations(isp, at)]
    mine = [each for each in found if _concerns(each.situation, server)]
    notes = [] if found else [f"No mail for {isp} had arrived by then."]
    subject = f"Path {server}/{isp} at {clock(at)}"
    return replace(_explanation(recording, subject, notes, mine or found), focus=server)


def _concerns(situation: Situation, server: str) -> bool:
    """Whether a route takes a server; one of mail that waits for a server must have some."""
    takes = any(row.server == server and row.weight > 0 for row in situation.standings)
    return takes and (not situation.key.pin or situation.waiting + situation.later > 0)


def _ends(recording: Recording, path: str) -> tuple[str, str]:
    server, _, isp = path.partition("/")
    log = recording.log
    servers = list(
        dict.fromkeys(
            [*recording.scenario.servers, *pc.unique(log["server"]).drop_null().to_pylist()]
        )
    )
    isps = list(recording.scenario.isps)
    for name, known, what in ((server, servers, "server"), (isp, isps, "ISP")):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(
                f"there is no {what} {name!r} in this run" if name else "names no path",
                key="--path",
                remedy=f"{hint}write SERVER/ISP; {what}s are {', '.join(known)}",
            )
    return server, isp


def _seconds(at: str | float, recording: Recording) -> float:
    try:
        seconds = parse_duration(at) if isinstance(at, str) else float(at)
    except ValueError as error:
        raise ConfigError(str(error), key="--at") from None
    ended = recording.manifest.ended_at
    if not 0 <= seconds <= ended:
        raise ConfigError(
            f"the run had no such time: {clock(seconds)}",
            key="--at",
            remedy=f"give a time from 0s to its end at {clock(ended)}",
        )
    return seconds


def _explanation(
    recording: Recording, subject: str, notes: list[str], moments: list[Moment]
) -> Explanation:
    kind = recording.policy.rotation.kind
    return Explanation(recording.manifest.run, kind, subject, tuple(notes), tuple(moments))
