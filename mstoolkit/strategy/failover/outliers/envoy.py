"""Envoy's outlier detection, for those who know it; see `RobustOutliers` for what fits mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, sqrt
from typing import Any

from mstoolkit.config.isolation import EnvoySpec
from mstoolkit.strategy.failover.outliers.base import Outlier, OutlierDetector


def success_rate_threshold(rates: Sequence[float], deviations: float) -> float:
    """Return mean - deviations x population standard deviation of success rates.

    Parameters
    ----------
    rates : sequence of float
        Success rates in any unit, one a server; at least one.
    deviations : float
        Envoy's ``success_rate_stdev_factor`` / 1000.

    Examples
    --------
    >>> round(success_rate_threshold([60.0, 60.0, 99.0, 99.0, 99.0, 99.0], 1.9), 3)
    51.069
    """
    mean = sum(rates) / len(rates)
    variance = sum((rate - mean) ** 2 for rate in rates) / len(rates)
    return mean - deviations * sqrt(variance)


def may_eject(pool: int, isolated: int, most: float, always_one: bool) -> bool:
    """Return whether one more server may be isolated.

    Parameters
    ----------
    pool, isolated : int
        Servers in all, and those isolated already.
    most : float
        Share of the pool that may be isolated, 0 to 1.
    always_one : bool
        Whether the first may be isolated in any case.

    Examples
    --------
    >>> may_eject(5, 0, 0.1, always_one=False), may_eject(5, 0, 0.1, always_one=True)
    (False, True)
    """
    in_per_cent = 100.0 * (isolated + 1) / pool <= round(100.0 * most, 9)
    return in_per_cent or (always_one and isolated == 0)


class EnvoyOutliers(OutlierDetector):
    """Envoy's outlier detection (``outlier_detection_impl.cc``), in rates from 0 to 1.

    Failures in a row tell at once. Success rate and failure percentage are judged once for each
    interval that is over, counted from time 0; `next_check` says when. It deviates in two ways:
    the worst server is isolated first where Envoy takes the first of its list, and never the last.

    Parameters
    ----------
    spec : EnvoySpec
        Its figures.

    Examples
    --------
    >>> detector = EnvoyOutliers(EnvoySpec(kind="envoy", most=0.5))
    >>> for index, good in enumerate((60, 99, 99, 99, 99)):
    ...     detector.observe(index, good, 100 - good, now=1.0)
    >>> detector.next_check(now=1.0)
    10.0
    >>> [each.index for each in detector.outliers(range(5), [], 5, now=10.0)]
    [0]
    """

    def __init__(self, spec: EnvoySpec) -> None:
        self._spec = spec
        self._in_row: dict[int, int] = {}
        self._interval = 0  # number of the one that `_counts` belong to
        self._counts: dict[int, tuple[int, int]] = {}  # good, all
        self._finished: dict[int, tuple[int, int]] = {}  # of the interval before, until judged

    def observe(self, index: int, good: int, bad: int, now: float) -> None:
        self._roll(now)
        self._in_row[index] = bad if good else self._in_row.get(index, 0) + bad
        before, total = self._counts.get(index, (0, 0))
        self._counts[index] = before + good, total + good + bad

    def _roll(self, now: float) -> None:
        """Begin a new interval if the last one is over."""
        number = floor(now / self._spec.interval)
        if number > self._interval:
            self._finished = self._counts if number == self._interval + 1 else {}
            self._counts = {}
            self._interval = number

    def _suspects(self, eligible: Sequence[int], now: float) -> list[Outlier]:
        self._roll(now)
        found = {each.index: each for each in self._in_a_row(eligible)}
        finished, self._finished = self._finished, {}
        counts = {i: finished[i] for i in eligible if i in finished}
        for told in (*self._unlike(counts), *self._failing(counts)):
            found.setdefault(told.index, told)
        return list(found.values())

    def _in_a_row(self, eligible: Sequence[int]) -> list[Outlier]:
        most = self._spec.failures
        return [
            Outlier(index, 0.0, 1.0 / most, f"{in_row} failures in a row")
            for index in eligible
            if (in_row := self._in_row.get(index, 0)) >= most
        ]

    def _unlike(self, counts: Mapping[int, tuple[int, int]]) -> list[Outlier]:
        """Return those far below the mean."""
        spec = self._spec
        rates = {
            index: good / total for index, (good, total) in counts.items() if total >= spec.minimum
        }
        if len(rates) < spec.servers:
            return []
        threshold = success_rate_threshold(list(rates.values()), spec.deviations)
        reason = f"is below {threshold:.1%}, mean - {spec.deviations:g} standard deviations"
        return [
            Outlier(index, rate, threshold, f"success {rate:.1%} {reason}")
            for index, rate in rates.items()
            if rate < threshold
        ]

    def _failing(self, counts: Mapping[int, tuple[int, int]]) -> list[Outlier]:
        """Return those of whose outcomes too large a share failed."""
        spec = self._spec
        judged = {i: both for i, both in counts.items() if both[1] >= spec.failing_minimum}
        if spec.failing is None or len(judged) < spec.servers:
            return []
        return [
            Outlier(i, good / total, 1.0 - spec.failing, f"{total - good} of {total} failed")
            for i, (good, total) in judged.items()
            if total - good >= spec.failing * total
        ]

    def _room(self, isolated: int, pool: int) -> int:
        spec, room = self._spec, 0
        while isolated + room < pool:
            if not may_eject(pool, isolated + room, spec.most, spec.always_one):
                break
            room += 1
        return room

    def readmitted(self, index: int) -> None:
        for kept in (self._in_row, self._counts, self._finished):
            kept.pop(index, None)

    def next_check(self, now: float) -> float | None:
        """Return the end (s) of the oldest interval that was not judged; it may be over."""
        if self._finished:
            return self._interval * self._spec.interval
        return (self._interval + 1) * self._spec.interval if self._counts else None

    def snapshot(self) -> dict[str, Any]:
        return {
            "in_row": sorted(self._in_row.items()),
            "interval": self._interval,
            "counts": [[index, *both] for index, both in sorted(self._counts.items())],
            "finished": [[index, *both] for index, both in sorted(self._finished.items())],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._in_row = dict(state["in_row"])
        self._interval = state["interval"]
        self._counts = {index: (good, total) for index, good, total in state["counts"]}
        self._finished = {index: (good, total) for index, good, total in state["finished"]}
