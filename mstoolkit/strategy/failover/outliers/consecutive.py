"""Failures in a row, and the success rate beside them, after Finagle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from mstoolkit.strategy.failover.outliers.base import Outlier, OutlierDetector


class ConsecutiveFailures(OutlierDetector):
    """So many failures in a row, after Finagle's failure accrual; by option its success rate too.

    The average that `required` is held against moves by exp(-1 / window) with each outcome, as
    ``FailureAccrualPolicy.successRate`` does with the number of the request for a clock, and judges
    after more than `window` outcomes.

    Parameters
    ----------
    failures : int
        How many in a row.
    required : float, optional
        Least success share, 0 to 1.
    window : int
        Outcomes over which the share is averaged.

    Examples
    --------
    >>> detector = ConsecutiveFailures(3)
    >>> detector.observe(0, 0, 3, now=1.0)
    >>> detector.outliers([0, 1], [], 2, now=1.0)[0].reason
    '3 failures in a row'
    """

    def __init__(self, failures: int, required: float | None = None, window: int = 100) -> None:
        self._failures = failures
        self._required = required
        self._window = window
        self._in_row: dict[int, int] = {}
        self._average: dict[int, tuple[float, int]] = {}  # success share, outcomes

    def observe(self, index: int, good: int, bad: int, now: float) -> None:
        self._in_row[index] = bad if good else self._in_row.get(index, 0) + bad
        share, seen = self._average.get(index, (0.0, 0))
        if not seen:
            share = 1.0 if good else 0.0
        share = 1.0 - (1.0 - share) * exp(-good / self._window)
        share *= exp(-bad / self._window)
        self._average[index] = share, seen + good + bad

    def _suspects(self, eligible: Sequence[int], now: float) -> list[Outlier]:
        found = []
        for index in eligible:
            in_row = self._in_row.get(index, 0)
            share, seen = self._average.get(index, (1.0, 0))
            if in_row >= self._failures:
                # One success among so many would have been enough.
                told = Outlier(index, 0.0, 1.0 / self._failures, f"{in_row} failures in a row")
                found.append(told)
            elif self._required is not None and share < self._required and seen > self._window:
                reason = f"success {share:.1%} is below {self._required:.1%}"
                found.append(Outlier(index, share, self._required, reason))
        return found

    def readmitted(self, index: int) -> None:
        self._in_row.pop(index, None)
        self._average.pop(index, None)

    def snapshot(self) -> dict[str, Any]:
        return {
            "in_row": sorted(self._in_row.items()),
            "average": [[index, *both] for index, both in sorted(self._average.items())],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._in_row = dict(state["in_row"])
        self._average = {index: (share, seen) for index, share, seen in state["average"]}
