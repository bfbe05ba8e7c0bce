"""Which shares the strategy asked of the servers over time, and what held each meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import nan
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc

from mstoolkit.config import ConfigError, parse_duration
from mstoolkit.config.rotation import BatchSpec
from mstoolkit.model import Send
from mstoolkit.replay.recording import Finished, Player, Progress, Recording, recording_of
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.explain import Standing
from mstoolkit.strategy.route import RouteKey

COLUMNS = ("start", "isp", "server", "asked", "reason", "held", "grain")
_GOLDEN = (
    0.6180339887498949  # looks fall all over their steps, never in time with what is looked at
)


def asked_shares(
    run: str | Path | Finished,
    every: str | float = "10min",
    *,
    looks: int = 20,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return which share of an ISP's mail was asked of each server, and what held it back.

    The log is replayed, and the dispatcher looked at `looks` times a step.

    Parameters
    ----------
    run : str, Path or Run
        The folder of a simulated or live run, or what `simulate` returned.
    every : str or float, optional
        Length of a step, as ``"10min"`` or in s.
    looks : int, optional
        How often to look in a step; fractions of time are known to about one part in so many.
    progress : callable, optional
        Told now and then which share is done, 0 .. 1.

    Returns
    -------
    DataFrame
        ``start`` of the step (s), ``isp``, ``server``, ``asked`` (share of the ISP's mail that the
        rotation was after, by its weights at that time, over all of the route's own servers,
        whether they could be used or not; NaN where it goes by load and asks for no shares),
        ``reason`` (what held the server; empty: it could send), ``held`` (fraction of the step in
        which it did; reasons may hold at the same time) and ``grain`` (messages that go together).
        Of several routes to an ISP each counts as much as it sent.

    Raises
    ------
    ConfigError
        If there is no such run, or it was decided otherwise than this version decides.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.sim import simulate
    >>> run = simulate(load_scenario("quickstart"), "smooth-weighted", batch=500)
    >>> asked = asked_shares(run, "1h")
    >>> asked.query("isp == 'gmail' and start == 0 and reason == ''")["asked"].round(3).tolist()
    [0.333, 0.267, 0.2, 0.133, 0.067]
    """
    recording = recording_of(run)
    width = parse_duration(every) if isinstance(every, str) else float(every)
    if not width > 0 or looks < 1:
        raise ConfigError("steps and looks must be above 0", key="every", remedy='as "10min"')
    spec = recording.policy.rotation
    grain = spec.size if isinstance(spec, BatchSpec) else 1
    player = Player(recording)
    dispatcher = player.dispatcher
    routes: dict[int, RouteKey] = {}
    dispatcher.attend(routes.__setitem__)
    rows: list[tuple[object, ...]] = []
    step, at = _Step(0.0), 0.0
    times = _looks(width, looks)
    at, last = next(times)
    for event in recording.inputs(_last_sent(recording), progress):
        while at < event.at:
            step.look(dispatcher, at)
            if last:
                rows += step.rows(grain)
                step = _Step(at)
            at, last = next(times)
        for command in player.tell(event):
            if isinstance(command, Send):
                step.count(routes.pop(command.token), command.parcel.n)
    step.look(dispatcher, at)
    rows += step.rows(grain)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _last_sent(recording: Recording) -> int:
    sent = pc.equal(recording.log["event"], "sent")
    return pc.max(recording.log.filter(sent)["seq"]).as_py() or 0


def _looks(width: float, looks: int) -> Iterator[tuple[float, bool]]:
    """Yield the times (s) to look at, and whether that is a step's end."""
    step, part = 0, 0.0
    while True:
        for k in range(looks - 1):
            part = (part + _GOLDEN) % 1.0
            yield (step + (k + part) / looks) * width, False
        step += 1
        yield step * width, True


class _Step:
    """What was seen in one step of time, by route."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._seen: defaultdict[RouteKey, int] = defaultdict(int)
        self._sent: defaultdict[RouteKey, int] = defaultdict(int)
        self._asked: defaultdict[RouteKey, defaultdict[str, float]] = defaultdict(
            lambda: defaultdict(float)
        )
        self._held: defaultdict[RouteKey, defaultdict[tuple[str, str], int]] = defaultdict(
            lambda: defaultdict(int)
        )

    def count(self, route: RouteKey, n: int) -> None:
        """Take note of messages that were sent by a route."""
        self._sent[route] += n

    def look(self, dispatcher: Dispatcher, at: float) -> None:
        """Take note of how things stand."""
        for situation in dispatcher.situations(at=at):
            key = situation.key
            if key.pin:
                continue  # its server was chosen before
            self._seen[key] += 1
            for row in situation.standings:
                if row.home:
                    self._asked[key][row.server] += situation.shares.get(row.server, nan)
                    for reason in _reasons(row):
                        self._held[key][row.server, reason] += 1

    def rows(self, grain: int) -> Iterator[tuple[object, ...]]:
        """Yield the rows of the step."""
        by_isp: defaultdict[str, list[RouteKey]] = defaultdict(list)
        for key in self._seen:
            by_isp[key.isp].append(key)
        for isp, keys in by_isp.items():
            weights = self._weights(keys)
            asked: defaultdict[str, float] = defaultdict(float)
            held: defaultdict[tuple[str, str], float] = defaultdict(float)
            for key, weight in weights.items():
                part = weight / self._seen[key]
                for server, share in self._asked[key].items():
                    asked[server] += share * part
                    held[server, ""] += 0.0
                for place, looks in self._held[key].items():
                    held[place] += looks * part
            for (server, reason), fraction in held.items():
                yield self._start, isp, server, asked[server], reason, fraction, grain

    def _weights(self, keys: list[RouteKey]) -> dict[RouteKey, float]:
        """Return how much each route counts: as much as it sent, or all alike if none did."""
        whole = sum(self._sent[key] for key in keys)
        return {key: self._sent[key] / whole if whole else 1.0 / len(keys) for key in keys}


def _reasons(row: Standing) -> list[str]:
    """Return what keeps a server from sending; an empty reason if nothing does."""
    found = [block.reason for block in row.blocks if block.effect != "slow"]
    return list(dict.fromkeys(found)) or [""]
