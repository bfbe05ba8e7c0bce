"""Weight by latency: who answers faster than the others at an ISP carries more of its mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mstoolkit.strategy.weighting.base import Outcome, Weighed, Weigher
from mstoolkit.strategy.weighting.cells import Cells
from mstoolkit.strategy.weighting.estimate import PeakEwma


@dataclass(slots=True)
class _Clocked:
    """A path's average, and when (s) the first of an unbroken row of reports came."""

    average: PeakEwma
    since: float


class Latency(Weigher):
    """The median latency of the paths to an ISP over the path's own, within bounds.

    Latencies are peak-sensitive averages (see `PeakEwma`) as they were when last measured. They are
    not let decay meanwhile, as Finagle does: a path that is used more seldom would look faster.

    As in gRPC's weighted round robin, a path counts as unknown for a `blackout` after its first
    report and once it has not reported for `expiry`; the unknown get 1, as the median does.

    A path that refuses mail at once must not look fast, so failures count only where they are
    slower than its average.

    Parameters
    ----------
    tau : float, optional
        Decay time of the average, s; Finagle's default.
    lowest, highest : float, optional
        Bounds of the factor.
    blackout, expiry : float, optional
        Times in s; gRPC's defaults (proposal A58).
    """

    learns: ClassVar[bool] = True
    timely: ClassVar[bool] = True
    compares: ClassVar[bool] = True

    def __init__(
        self,
        tau: float = 10.0,
        lowest: float = 0.1,
        highest: float = 10.0,
        blackout: float = 10.0,
        expiry: float = 180.0,
    ) -> None:
        self._tau = tau
        self._lowest, self._highest = lowest, highest
        self._blackout, self._expiry = blackout, expiry
        self._cells: Cells[_Clocked] = Cells(_taken_down, self._taken_up)

    def factor(self, path: Weighed, now: float) -> float:
        group = self._cells.group(path)
        known = {
            index: cell.average.cost for index, cell in group.items() if self._known(cell, now)
        }
        own = known.get(path.index)
        if not own:
            return 1.0
        return min(max(_median(known.values()) / own, self._lowest), self._highest)

    def observe(self, path: Weighed, outcome: Outcome, now: float) -> None:
        if outcome.latency <= 0 or outcome.reverses:
            return
        cell = self._cells.group(path).get(path.index)
        fresh = cell is None or self._expired(cell, now)
        slower = not fresh and cell is not None and outcome.latency > cell.average.cost
        if outcome.kind != "delivered" and not slower:
            return
        if cell is None or fresh:
            cell = self._cells.put(path, _Clocked(PeakEwma(self._tau), now))
        cell.average.observe(outcome.latency, now)

    def _known(self, cell: _Clocked, now: float) -> bool:
        return now >= cell.since + self._blackout and not self._expired(cell, now)

    def _expired(self, cell: _Clocked, now: float) -> bool:
        return now > cell.average.stamp + self._expiry

    def _taken_up(self, state: Any) -> _Clocked:
        since, average = state
        cell = _Clocked(PeakEwma(self._tau), float(since))
        cell.average.restore(average)
        return cell

    def snapshot(self) -> dict[str, Any]:
        return self._cells.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._cells.restore(state)


def _taken_down(cell: _Clocked) -> list[Any]:
    return [cell.since, cell.average.snapshot()]


def _median(values: Collection[float]) -> float:
    """Return the middle value, or the mean of the two middle ones; of one value at least."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
