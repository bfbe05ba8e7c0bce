"""The record of each path: a success rate that fades, and leans on the others until it is known."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum
from typing import Any, ClassVar

from mstoolkit.strategy.weighting.base import Outcome, Weighed, Weigher
from mstoolkit.strategy.weighting.cells import Cells
from mstoolkit.strategy.weighting.estimate import DecayedBeta


class Record(Weigher):
    """Keeps a decayed success rate for each path.

    A delivery counts as a success until a DSN reverses it, and a failure counts if the path is to
    blame. What the list is to blame for (an unknown user, a full mailbox) does not count; if it is
    told by a DSN, the success is taken back and no failure put in its place.

    A path that is little known is expected to do as the others at its ISP do (the mean of them, as
    gRPC's weighted round robin does for those that have not reported), so that bad mail does not
    make the server that has sent none look best.

    Parameters
    ----------
    tau : float
        Time (s) in which an outcome's weight falls to 1/e.
    prior : float
        Success rate that is expected where nothing is known, 0 to 1; above 0.
    strength : float
        For how many messages that expectation counts; above 0.
    """

    learns: ClassVar[bool] = True
    timely: ClassVar[bool] = True
    compares: ClassVar[bool] = True

    def __init__(self, tau: float, prior: float, strength: float) -> None:
        self._tau, self._prior, self._strength = tau, prior, strength
        self._cells: Cells[DecayedBeta] = Cells(DecayedBeta.snapshot, self._taken_up)

    def rate(self, path: Weighed, now: float) -> float:
        """Return the estimated success rate of a path, 0 to 1."""
        group = self._cells.group(path)
        others = [beta.mean(now) for index, beta in group.items() if index != path.index]
        expected = fsum(others) / len(others) if others else self._prior
        own = group.get(path.index)
        return own.mean(now, expected) if own else expected

    def observe(self, path: Weighed, outcome: Outcome, now: float) -> None:
        good, bad = self._counted(outcome)
        if good or bad:
            own = self._cells.group(path).get(path.index) or self._cells.put(path, self._new())
            own.add(outcome.decided_at, good=good, bad=bad)

    def _counted(self, outcome: Outcome) -> tuple[float, float]:
        """Return the successes and failures that an outcome counts for."""
        n = float(outcome.n)
        if outcome.kind == "delivered":
            return n, 0.0
        if outcome.kind in ("deferred", "bounced"):
            return -n if outcome.reverses else 0.0, n if outcome.blamed else 0.0
        return 0.0, 0.0

    def _new(self) -> DecayedBeta:
        good = self._prior * self._strength
        return DecayedBeta(self._tau, good, self._strength - good)

    def _taken_up(self, state: Any) -> DecayedBeta:
        beta = self._new()
        beta.restore(state)
        return beta

    def snapshot(self) -> dict[str, Any]:
        return self._cells.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._cells.restore(state)
