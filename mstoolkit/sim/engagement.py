"""Opens and clicks of all delivered mail, computed in bulk once the sending is over.

They move nothing in the simulation, so they need not be waited for. Every accepted message is
opened, clicked or fetched by a machine with the chances that its provider's placement gave at the
time; known messages use their own draws, counted ones draws of their parcel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mstoolkit.config import Scenario
from mstoolkit.config.scenario import source_ip
from mstoolkit.eventlog.rows import FIELDS, NAN, Row
from mstoolkit.isp import Draws, Provider
from mstoolkit.isp.provider import open_delay, opening_chances
from mstoolkit.model import Lot, Parcel

_BIN = 900.0  # counted opens are told in bins of so many s
_CLICK_DELAY = 30.0
_PREFETCH_DELAY = 60.0
_AT = {name: k for k, name in enumerate(FIELDS)}


def openings(
    scenario: Scenario,
    rows: list[Row],
    providers: dict[str, Provider],
    draws: Draws,
    until: float,
) -> list[Row]:
    """Return the rows of opens and clicks that follow the delivered rows of a run."""
    groups: dict[tuple[int, str], list[Row]] = {}
    event, lot, server = _AT["event"], _AT["lot"], _AT["server"]
    for row in rows:
        if row[event] == "delivered":
            groups.setdefault((row[lot].id, row[server]), []).append(row)
    sources = {name: source_ip(name, s) for name, s in scenario.servers.items()}
    out: list[Row] = []
    for (_, name), mine in groups.items():
        what: Lot = mine[0][lot]
        group = _Group(scenario, providers[what.isp], sources[name], what, name, draws, until)
        out.extend(group.rows(mine))
    return out


class _Group:
    """The delivered mail of one lot from one server."""

    def __init__(
        self,
        scenario: Scenario,
        provider: Provider,
        ip: str,
        lot: Lot,
        server: str,
        draws: Draws,
        until: float,
    ) -> None:
        self._profile = provider.profile
        self._segment = scenario.audience.segments[lot.segment]
        self._history = provider.placement(ip)
        self._lot = lot
        self._server = server
        self._draws = draws
        self._until = until

    def rows(self, delivered: list[Row]) -> Iterator[Row]:
        columns = list(zip(*delivered, strict=True))
        first = np.array(columns[_AT["first"]], np.int64)
        n = np.array(columns[_AT["n"]], np.int64)
        began = np.array(columns[_AT["decided_at"]], np.float64)
        born = np.array(columns[_AT["born"]], np.float64)
        token = np.array(columns[_AT["token"]], np.int64)
        which = np.repeat(np.arange(len(n)), n)
        within = np.arange(len(which)) - np.repeat(np.cumsum(n) - n, n)
        index = np.where(first[which] >= 0, first[which] + within, -1)
        single = n[which] == 1
        chances = self._chances(began)
        for kind, category, hit, delay in self._kinds(index, which, token, n, chances):
            at = began[which[hit]] + delay
            keep = at <= self._until
            hit, at = hit[keep], at[keep]
            ones = single[hit] & (index[hit] >= 0)
            w = which[hit]
            yield from self._known(kind, category, at[ones], index[hit][ones], w[ones],
                                   began, born, token)
            yield from self._counted(kind, category, at[~ones], w[~ones], began)

    def _chances(self, began: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        times, inbox = self._history
        k = np.maximum(np.searchsorted(times, began, side="right") - 1, 0)
        share = inbox[k]
        spam = np.maximum(0.0, 1.0 - share - self._profile.placement.missing)
        chances = opening_chances(self._profile, self._segment, share, spam)
        return chances.opened, chances.clicked, chances.prefetched  # type: ignore[return-value]

    def _kinds(
        self,
        index: np.ndarray,
        which: np.ndarray,
        token: np.ndarray,
        n: np.ndarray,
        chances: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
        opened, clicked, fetched = chances
        u = self._of("open", index, token[which])
        hit = np.flatnonzero(u < opened[which])
        delay = open_delay(self._profile, self._of("delay", index, token[which])[hit])
        yield "opened", "person", hit, delay
        clicks = u[hit] < clicked[which[hit]]
        yield "clicked", "person", hit[clicks], delay[clicks] + _CLICK_DELAY
        machine = self._of("machine", index, token[which])
        hit = np.flatnonzero(machine < fetched[which])
        yield "opened", "machine", hit, np.full(len(hit), _PREFETCH_DELAY)

    def _of(self, purpose: Any, index: np.ndarray, token: np.ndarray) -> np.ndarray:
        """Return known messages' own draws, and draws keyed by the attempt for counted ones."""
        own = self._draws.array(purpose, self._lot.list)[np.maximum(index, 0)]
        counted = index < 0
        if counted.any():
            parcel = Parcel(self._lot, -1, int(counted.sum()), 0, 0.0, int(token[counted][0]))
            own[counted] = self._draws.of(purpose, parcel)
        return own

    def _known(
        self,
        kind: str,
        category: str,
        at: np.ndarray,
        index: np.ndarray,
        w: np.ndarray,
        began: np.ndarray,
        born: np.ndarray,
        token: np.ndarray,
    ) -> Iterator[Row]:
        columns = (at.tolist(), index.tolist(), began[w].tolist(), born[w].tolist(),
                   token[w].tolist())
        for a, first, start, since, number in zip(*columns, strict=True):
            yield (
                -1, a, kind, self._lot, self._lot.isp, self._server, first, number, -1, 1, None,
                category, NAN, start, since, None, -1, -1, 0, NAN, NAN,
            )  # fmt: skip

    def _counted(
        self, kind: str, category: str, at: np.ndarray, w: np.ndarray, began: np.ndarray
    ) -> Iterator[Row]:
        if not len(at):
            return
        bins = np.minimum(np.ceil(at / _BIN) * _BIN, self._until)
        times, inverse, counts = np.unique(bins, return_inverse=True, return_counts=True)
        start = np.bincount(inverse, weights=began[w]) / counts
        columns = (times.tolist(), counts.tolist(), start.tolist())
        for a, count, decided in zip(*columns, strict=True):
            yield (
                -1, a, kind, self._lot, self._lot.isp, self._server, -1, -1, -1, count, None,
                category, NAN, decided, NAN, None, -1, -1, 0, NAN, NAN,
            )  # fmt: skip
