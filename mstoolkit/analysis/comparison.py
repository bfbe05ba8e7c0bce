"""Which strategy is better: paired over replications that met the same world, and honest about it.

Replication r of every strategy has the same audience and outages (common random numbers), so what
is compared are the differences within a replication. Their intervals are simultaneous by
Bonferroni over *all* pairs of strategies: the best one is picked by the same data, and intervals
that hold for every pair hold for whichever pair is looked at. Metrics are not adjusted for each
other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from mstoolkit.analysis.metrics import METRICS
from mstoolkit.analysis.paired import Difference, difference, mean_interval

SUMMARY_COLUMNS = ("strategy", "metric", "mean", "ci_low", "ci_high", "replications")


def summarise(
    runs: pd.DataFrame, *, metrics: Iterable[str] | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Return mean and t interval of each metric for each strategy.

    Parameters
    ----------
    runs : DataFrame
        One row a run: ``strategy``, ``replication`` and a column for each metric.
    metrics : iterable of str, optional
        Columns to summarise; by default those of `METRICS` that are there.
    confidence : float, optional
        Confidence of each interval on its own, 0 .. 1.

    Returns
    -------
    DataFrame
        ``strategy``, ``metric``, ``mean``, ``ci_low``, ``ci_high`` (in the metric's unit),
        ``replications``; intervals are NaN with one replication. Strategies stand in the order in
        which they come in `runs`.

    Examples
    --------
    >>> runs = pd.DataFrame({"strategy": ["a", "a"], "replication": [0, 1],
    ...                      "delivery_rate": [0.94, 0.96]})
    >>> summarise(runs).round(3).values.tolist()
    [['a', 'delivery_rate', 0.95, 0.823, 1.077, 2]]
    """
    names = _metrics(runs, metrics)
    rows = []
    for strategy in dict.fromkeys(runs["strategy"]):
        some = runs[runs["strategy"] == strategy].sort_values("replication")
        for name in names:
            values = some[name].to_numpy(dtype=np.float64)
            rows.append((strategy, name, *mean_interval(values[np.isfinite(values)], confidence)))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def paired_differences(
    runs: pd.DataFrame,
    *,
    metric: str = "delivery_rate",
    metrics: Iterable[str] | None = None,
    best: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare every strategy with the best one, pair by pair of replications.

    Parameters
    ----------
    runs : DataFrame
        One row a run: ``strategy``, ``replication`` and a column for each metric.
    metric : str, optional
        The metric by which the best one is chosen: the best mean.
    metrics : iterable of str, optional
        Metrics to compare; by default those of `METRICS` that are there and have a direction.
    best : str, optional
        Compare with this strategy instead.
    confidence : float, optional
        Confidence of all intervals of a metric together, 0 .. 1 (Bonferroni over all pairs).

    Returns
    -------
    DataFrame
        ``metric``, ``strategy``, ``best``, ``difference`` (strategy minus best, in the metric's
        unit), ``ci_low``, ``ci_high``, ``verdict`` ("worse" or "better" than the best, "cannot
        tell" where the interval holds zero, "same" where every difference is exactly 0),
        ``replications``, ``replications_needed`` (that would tell at this difference and spread;
        missing where none would, or the spread is not known).

    Raises
    ------
    ValueError
        If there are no runs, or `metric` has no direction or `best` no runs.

    Examples
    --------
    >>> runs = pd.DataFrame({"strategy": ["a", "b"] * 3, "replication": [0, 0, 1, 1, 2, 2],
    ...                      "delivery_rate": [0.90, 0.95, 0.91, 0.95, 0.90, 0.96]})
    >>> paired_differences(runs)[["strategy", "best", "verdict"]].values.tolist()
    [['a', 'b', 'worse']]
    """
    names = [name for name in _metrics(runs, metrics) if METRICS[name].direction != "none"]
    tables = {name: metric_table(runs, name) for name in {*names, metric}}
    best = best_strategy(tables[metric], metric) if best is None else best
    strategies = list(dict.fromkeys(runs["strategy"]))
    if best not in strategies:
        raise ValueError(f"there are no runs of {best!r}; known are {', '.join(strategies)}")
    rows = []
    for name in names:
        for strategy in strategies:
            if strategy != best:
                found = against(tables[name], strategy, best, name, confidence)
                rows.append((name, strategy, best, *found))
    columns = ["metric", "strategy", "best", "difference", "ci_low", "ci_high", "verdict"]
    frame = pd.DataFrame(rows, columns=[*columns, "replications_needed", "replications"])
    frame["replications_needed"] = frame["replications_needed"].astype("Int64")
    return frame[[*columns, "replications", "replications_needed"]]


def against(
    table: pd.DataFrame, strategy: str, other: str, metric: str, confidence: float
) -> Difference:
    """Compare two columns of `metric_table`, at once with all other pairs of its columns.

    Parameters
    ----------
    table : DataFrame
        A metric of all strategies; see `metric_table`.
    strategy, other : str
        Whose difference is asked for: ``strategy`` minus ``other``.
    metric : str
        The metric, for its direction.
    confidence : float
        Confidence of all pairs together, 0 .. 1.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [0.9, 0.91], "b": [0.9, 0.91]})
    >>> against(table, "a", "b", "delivery_rate", 0.95).verdict
    'same'
    """
    count = table.shape[1]
    return difference(
        table[strategy].to_numpy(),
        table[other].to_numpy(),
        higher=METRICS[metric].direction == "higher",
        confidence=confidence,
        comparisons=max(1, count * (count - 1) // 2),
    )


def metric_table(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric with one row a replication and one column a strategy.

    Parameters
    ----------
    runs : DataFrame
        One row a run: ``strategy``, ``replication`` and a column for each metric.
    metric : str
        The metric; values keep its unit.

    Examples
    --------
    >>> runs = pd.DataFrame({"strategy": ["a", "b"], "replication": [0, 0], "cost": [1.0, 2.0]})
    >>> metric_table(runs, "cost").values.tolist()
    [[1.0, 2.0]]
    """
    table = runs.set_index(["replication", "strategy"])[metric].unstack("strategy")  # noqa: PD010
    return table.astype(np.float64)


def best_strategy(table: pd.DataFrame, metric: str) -> str:
    """Return the strategy with the best mean; of equal means the first by name.

    Parameters
    ----------
    table : DataFrame
        A metric of the strategies; see `metric_table`.
    metric : str
        The metric, for its direction.

    Raises
    ------
    ValueError
        If the metric has no direction, or there are no strategies.

    Examples
    --------
    >>> best_strategy(pd.DataFrame({"a": [0.9, 0.91], "b": [0.95, 0.93]}), "delivery_rate")
    'b'
    """
    direction = METRICS[metric].direction
    if direction == "none":
        raise ValueError(f"{metric} says not which is better; choose a metric with a direction")
    means = table.mean()
    if means.empty:
        raise ValueError("there are no runs to compare")
    sign = -1.0 if direction == "higher" else 1.0
    ranked = sorted(table.columns, key=lambda name: (_last_if_nan(sign * means[name]), str(name)))
    return str(ranked[0])


def _last_if_nan(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _metrics(runs: pd.DataFrame, metrics: Iterable[str] | None) -> list[str]:
    return [name for name in (METRICS if metrics is None else metrics) if name in runs]
