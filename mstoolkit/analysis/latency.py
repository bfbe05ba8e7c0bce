"""Time from enqueued to delivered, and how long the run took; weighted by messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mstoolkit.analysis.columns import Floats, codes, floats, picked

_SLICES = 4
_USED = ("at", "span", "n", "born")


def weighted_quantiles(values: Floats, weights: Floats, shares: Sequence[float]) -> list[float]:
    """Return quantiles of values that stand for several messages each.

    Parameters
    ----------
    values : ndarray
        Values, in any unit.
    weights : ndarray
        How many messages each value stands for.
    shares : sequence of float
        Quantiles, each in 0 .. 1.

    Returns
    -------
    list of float
        The smallest value that at least the share of the messages does not exceed; NaN if there
        is none.

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0]), np.array([1.0, 9.0]), [0.5, 0.95])
    [1.0, 3.0]
    """
    total = float(weights.sum())
    if total <= 0:
        return [math.nan for _ in shares]
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order])
    at = np.searchsorted(passed, np.asarray(shares) * total * (1 - 1e-12), side="left")
    return [float(value) for value in values[order][np.minimum(at, len(values) - 1)]]


def queue_time(events: pd.DataFrame, shares: Sequence[float] = (0.5, 0.95)) -> list[float]:
    """Return quantiles of the time (s) from enqueued to delivered, weighted by messages.

    Parameters
    ----------
    events : DataFrame
        An event log. A parcel of many counts as spread evenly over its span.
    shares : sequence of float, optional
        Quantiles, each in 0 .. 1.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> queue_time(small_log(), [0.5])
    [60.0]
    """
    rows = picked(events, "delivered", *_USED)
    at, weight, born = _spread(rows)
    return weighted_quantiles(np.maximum(0.0, at - born), weight, shares)


def queue_time_by(
    events: pd.DataFrame, what: str, shares: Sequence[float] = (0.5, 0.95)
) -> pd.DataFrame:
    """Return quantiles of the time (s) from enqueued to delivered for each group.

    Parameters
    ----------
    events : DataFrame
        An event log.
    what : str
        Text column to group by, as ``"isp"`` or ``"server"``.
    shares : sequence of float, optional
        Quantiles, each in 0 .. 1; the columns are named after them: ``p50``, ``p95``.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> queue_time_by(small_log(), "isp")["p95"].to_dict()
    {'gmail': 120.0, 'yahoo': 300.0}
    """
    rows = picked(events, "delivered", "event", what, *_USED)
    group, names = codes(rows, what)
    found = {}
    for number, name in enumerate(names):
        some = rows[group == number]
        if len(some):
            found[name] = queue_time(some, shares)
    columns = [f"p{100 * share:g}" for share in shares]
    frame = pd.DataFrame.from_dict(found, orient="index", columns=columns, dtype=np.float64)
    return frame.rename_axis(what).sort_index()


def makespan(events: pd.DataFrame, share: float = 0.99) -> float:
    """Return the time (s) from the first message enqueued until a share was delivered.

    Parameters
    ----------
    events : DataFrame
        An event log.
    share : float, optional
        Share of all deliveries, 0 .. 1.

    Returns
    -------
    float
        Seconds; NaN if nothing was delivered.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> makespan(small_log())
    300.0
    """
    enqueued = floats(picked(events, "enqueued", "at"), "at")
    start = float(enqueued.min()) if len(enqueued) else 0.0
    at, weight, _ = _spread(picked(events, "delivered", *_USED))
    return weighted_quantiles(at, weight, (share,))[0] - start


def _spread(rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    at, span = floats(rows, "at"), floats(rows, "span")
    weight, born = floats(rows, "n"), floats(rows, "born")
    span = np.where((span > 0) & (weight > 1), span, 0.0)
    if not span.any():
        return at, weight, born
    steps = [(k + 0.5) / _SLICES for k in range(_SLICES)]
    times = np.concatenate([at - span * (1 - step) for step in steps])
    return times, np.tile(weight / _SLICES, _SLICES), np.tile(born, _SLICES)
