"""Two strategies over paired replications: difference, interval, verdict, what would tell."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from mstoolkit.analysis.columns import Floats

Verdict = Literal["worse", "better", "cannot tell", "same"]

_MOST = 1_000_000
_ROUNDING = 1e-12


class Difference(NamedTuple):
    """A paired difference: its mean, its interval, what it says, and how many replications would.

    Parameters
    ----------
    mean, low, high : float
        Mean of the differences and the ends of its interval, in the metric's unit; NaN where there
        is none.
    verdict : {"worse", "better", "cannot tell", "same"}
        Read with the metric's direction.
    needed : int or None
        The smallest number of replications whose interval would not hold zero at this mean and
        spread; None where no number up to a million would, or the spread is not known.
    replications : int
        Pairs that entered.
    """

    mean: float
    low: float
    high: float
    verdict: Verdict
    needed: int | None
    replications: int


def difference(
    ours: Floats,
    theirs: Floats,
    *,
    higher: bool = True,
    confidence: float = 0.95,
    comparisons: int = 1,
) -> Difference:
    """Compare two strategies by the differences within their replications.

    Parameters
    ----------
    ours, theirs : ndarray
        A metric of both, in the same order of replications; pairs with NaN are left out.
    higher : bool, optional
        Whether more is better.
    confidence : float, optional
        Confidence of all `comparisons` together, 0 .. 1.
    comparisons : int, optional
        How many intervals shall hold at once (Bonferroni).

    Returns
    -------
    Difference
        ``ours`` minus ``theirs``. With one replication there is no interval and no verdict.

    Examples
    --------
    >>> ours, theirs = np.array([0.90, 0.91, 0.90]), np.array([0.95, 0.95, 0.96])
    >>> difference(ours, theirs).verdict
    'worse'
    """
    gaps = _gaps(np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64))
    count = len(gaps)
    if not count:
        return Difference(math.nan, math.nan, math.nan, "cannot tell", None, 0)
    mean = float(gaps.mean())
    if not gaps.any():
        edge = 0.0 if count > 1 else math.nan
        return Difference(0.0, edge, edge, "same", None, count)
    if count == 1:
        return Difference(mean, math.nan, math.nan, "cannot tell", None, 1)
    spread = _spread(gaps)
    level = (1 - confidence) / comparisons
    half = _quantile(level, count - 1) * spread / math.sqrt(count)
    verdict = _verdict(mean, half, higher)
    return Difference(mean, mean - half, mean + half, verdict, _needed(mean, spread, level), count)


def mean_interval(values: Floats, confidence: float) -> tuple[float, float, float, int]:
    """Return mean, both ends of its t interval (NaN with one value), and the number of values.

    Parameters
    ----------
    values : ndarray
        Finite values, in any unit.
    confidence : float
        Confidence of the interval, 0 .. 1.

    Examples
    --------
    >>> mean_interval(np.array([1.0, 1.0]), 0.95)
    (1.0, 1.0, 1.0, 2)
    """
    count = len(values)
    if not count:
        return math.nan, math.nan, math.nan, 0
    mean = float(values.mean())
    if count == 1:
        return mean, math.nan, math.nan, 1
    half = _quantile(1 - confidence, count - 1) * _spread(values) / math.sqrt(count)
    return mean, mean - half, mean + half, count


def _gaps(ours: Floats, theirs: Floats) -> Floats:
    """Return the differences that are known; what is but rounding in the last digits is zero."""
    known = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs = ours[known], theirs[known]
    gaps = ours - theirs
    gaps[np.abs(gaps) <= _ROUNDING * np.maximum(np.abs(ours), np.abs(theirs))] = 0.0
    return gaps


def _spread(values: Floats) -> float:
    """Return the standard deviation; of equal values exactly 0, whatever their mean rounds to."""
    return 0.0 if np.ptp(values) == 0 else float(values.std(ddof=1))


def _quantile(level: float, freedom: int) -> float:
    return -float(special.stdtrit(freedom, level / 2))


def _verdict(mean: float, half: float, higher: bool) -> Verdict:
    if abs(mean) <= half:
        return "cannot tell"
    return "better" if (mean > 0) == higher else "worse"


def _needed(mean: float, spread: float, level: float) -> int | None:
    def tells(count: int) -> bool:
        return _quantile(level, count - 1) * spread / math.sqrt(count) < abs(mean)

    if not tells(_MOST):
        return None
    low, high = 1, 2
    while not tells(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(middle) else (middle, high)
    return high
