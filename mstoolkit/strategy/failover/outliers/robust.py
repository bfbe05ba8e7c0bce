"""Servers far below their peers, told by median and MAD; made for pools of 2 to 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

from mstoolkit.config.isolation import RobustSpec
from mstoolkit.strategy.failover.outliers.base import Outlier, OutlierDetector

NORMAL = 1.4826  # MAD x this is the standard deviation where the distribution is normal
PEERS = 3  # the fewest servers of which a median says something
PSEUDO = 2.0  # successes and failures added to be careful: Agresti and Coull (1998)


def median(values: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two middle ones."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2.0


def robust_threshold(rates: Sequence[float], deviations: float, gap: float) -> float:
    """Return median - max(gap, deviations x 1.4826 x MAD) of success rates.

    MAD is the median distance from the median. Up to half of the servers may be as bad as they
    like without moving it; the gap keeps equal servers, whose MAD is 0, from being told apart by
    nothing.

    Parameters
    ----------
    rates : sequence of float
        Success rates in any unit, one a server; at least one.
    deviations : float
        Factor of the deviation.
    gap : float
        Least distance from the median, in the unit of the rates.

    Examples
    --------
    >>> robust_threshold([60.0, 60.0, 99.0, 99.0, 99.0, 99.0], 1.9, 1.0)
    98.0
    """
    middle = median(rates)
    spread = median([abs(rate - middle) for rate in rates])
    return middle - max(gap, deviations * NORMAL * spread)


class Average(NamedTuple):
    """A success share that forgets: each outcome counts 1 - 1 / window of the one after it."""

    good: float = 0.0
    total: float = 0.0

    def grown(self, good: int, bad: int, window: int) -> Average:
        """Return it after more outcomes, which count as well mixed."""
        n = good + bad
        kept = (1.0 - 1.0 / window) ** n
        weight = window * (1.0 - kept) / n
        return Average(self.good * kept + good * weight, self.total * kept + n * weight)

    @property
    def share(self) -> float:
        """The success share, 0 to 1."""
        return self.good / self.total

    def evidence(self, window: int) -> float:
        """Return how many outcomes that count alike would be as certain (Kish), < 2 window."""
        return (2 * window - 1) * self.total / (2 * window - self.total)


class Record(NamedTuple):
    """What is known of one server."""

    seen: int = 0  # outcomes since it was last readmitted
    recent: Average = Average()
    lived: int = 0  # outcomes of its past
    past: Average = Average()


class RobustOutliers(OutlierDetector):
    """Compares each server with the median of its peers, or with its own past.

    Judged are eligible servers with `minimum` outcomes since they came in. A share is an average
    over about `window` outcomes; it changes with outcomes only, not with time. A server has
    *fallen* if its share is below its own past (an average over about `memory` outcomes, of which
    it needs two windows) by more than `drop`, or below `lowest`, and either by `certainty` standard
    errors at least. Then:

    1. Of three or more judged servers, more than half have not fallen: peers are compared. Isolated
       is who is below the median by more than `gap`, than `deviations` x 1.4826 x MAD, and than
       `certainty` standard errors of the difference of two shares.
    2. Of three or more, all have fallen: nobody is isolated. What they share is the provider, or
       the mail.
    3. Else, and of one or two judged servers: who has fallen is isolated.

    The standard error of a share p of n outcomes is sqrt(p (1 - p) / n), with p moved towards one
    half by two successes and two failures. Without it the median rule would, in a pool of equal
    servers, isolate an unlucky one every hundred outcomes or so (five servers at 90 %, simulated).

    Parameters
    ----------
    spec : RobustSpec
        Its figures.

    Examples
    --------
    >>> detector = RobustOutliers(RobustSpec())
    >>> for index, good in enumerate((60, 60, 99, 99, 99, 99)):
    ...     detector.observe(index, good, 100 - good, now=1.0)
    >>> for each in detector.outliers(range(6), [], 6, now=1.0):
    ...     print(each.index, each.reason)
    0 success 60.0% is below 88.2%, median 99.0% of 6 servers
    1 success 60.0% is below 88.2%, median 99.0% of 6 servers
    """

    def __init__(self, spec: RobustSpec) -> None:
        self._spec = spec
        self._records: dict[int, Record] = {}

    def observe(self, index: int, good: int, bad: int, now: float) -> None:
        n = good + bad
        if not n:
            return
        seen, recent, lived, past = self._records.get(index, Record())
        spec = self._spec
        self._records[index] = Record(
            seen + n,
            recent.grown(good, bad, spec.window),
            lived + n,
            past.grown(good, bad, spec.memory),
        )

    def _suspects(self, eligible: Sequence[int], now: float) -> list[Outlier]:
        judged = {
            index: record
            for index in eligible
            if (record := self._records.get(index)) and record.seen >= self._spec.minimum
        }
        fallen = [told for index, each in judged.items() if (told := self._fallen(index, each))]
        if len(judged) < PEERS:
            return fallen
        if 2 * len(fallen) < len(judged):
            return self._below_peers(judged)
        return fallen if len(fallen) < len(judged) else []

    def _below_peers(self, judged: Mapping[int, Record]) -> list[Outlier]:
        spec = self._spec
        shares = [each.recent.share for each in judged.values()]
        evidence = [each.recent.evidence(spec.window) for each in judged.values()]
        middle, typical = median(shares), median(evidence)
        least = robust_threshold(shares, spec.deviations, spec.gap)
        found = []
        for (index, each), n in zip(judged.items(), evidence, strict=True):
            doubt = spec.certainty * _standard_error(middle, n, typical)
            threshold = min(least, middle - doubt)
            if each.recent.share < threshold:
                against = f"median {middle:.1%} of {len(judged)} servers"
                found.append(_told(index, each.recent.share, threshold, against))
        return found

    def _fallen(self, index: int, record: Record) -> Outlier | None:
        """Return what speaks against a server by itself."""
        spec, share = self._spec, record.recent.share
        n = record.recent.evidence(spec.window)
        if record.lived >= 2 * spec.window:
            past = record.past.share
            doubt = _standard_error(past, n, record.past.evidence(spec.memory))
            threshold = past - max(spec.drop, spec.certainty * doubt)
            if share < threshold:
                return _told(index, share, threshold, f"its past {past:.1%}")
        threshold = spec.lowest - spec.certainty * _standard_error(spec.lowest, n)
        if share < threshold:
            return _told(index, share, threshold, f"the least acceptable {spec.lowest:.1%}")
        return None

    def readmitted(self, index: int) -> None:
        record = self._records.get(index)
        if record:
            self._records[index] = Record(lived=record.lived, past=record.past)

    def snapshot(self) -> dict[str, Any]:
        return {
            "records": [
                [index, each.seen, list(each.recent), each.lived, list(each.past)]
                for index, each in sorted(self._records.items())
            ]
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._records = {
            index: Record(seen, Average(*recent), lived, Average(*past))
            for index, seen, recent, lived, past in state["records"]
        }


def _standard_error(share: float, n: float, other: float | None = None) -> float:
    """Return the standard error of a share of `n` outcomes, or of its difference to another's."""
    few = n if other is None else min(n, other)
    share = (share * few + PSEUDO) / (few + 2.0 * PSEUDO)
    return sqrt(share * (1.0 - share) * (1.0 / n + (1.0 / other if other else 0.0)))


def _told(index: int, share: float, threshold: float, against: str) -> Outlier:
    reason = f"success {share:.1%} is below {threshold:.1%}, {against}"
    return Outlier(index, share, threshold, reason)
