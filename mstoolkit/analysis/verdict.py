"""The strategy to take, by stated rules, in one sentence that claims no more than it can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from mstoolkit.analysis.comparison import against, best_strategy, metric_table
from mstoolkit.analysis.metrics import METRICS


class Winner(NamedTuple):
    """The strategy to take, how it was found, and one sentence that says so.

    Parameters
    ----------
    strategy : str
        The winner.
    metric : str
        The metric that was asked for.
    decided_by : str
        The metric that decided; empty where none could and the best mean was taken.
    rivals : tuple of str
        Strategies that cannot be told from the winner by any metric looked at.
    sentence : str
        The verdict for people.
    """

    strategy: str
    metric: str
    decided_by: str
    rivals: tuple[str, ...]
    sentence: str


def winner(
    runs: pd.DataFrame,
    *,
    metric: str = "delivery_rate",
    then: Sequence[str] = ("bounce_rate", "queue_p95", "cost"),
    confidence: float = 0.95,
) -> Winner:
    """Return the strategy to take, and say how sure that is.

    The best mean of `metric` leads. Strategies that cannot be told from it stay in the race; among
    them the first metric of `then` decides in the same way, then the next one. If several are left
    at the end, the one with the best mean of `metric` is named, with the others as its rivals.

    Parameters
    ----------
    runs : DataFrame
        One row a run: ``strategy``, ``replication`` and a column for each metric.
    metric : str, optional
        What counts first.
    then : sequence of str, optional
        What breaks ties, in this order; metrics that are not in `runs` are passed over.
    confidence : float, optional
        Confidence of all intervals of a metric together, 0 .. 1 (Bonferroni over all pairs).

    Raises
    ------
    ValueError
        If there are no runs, or `metric` has no direction.

    Examples
    --------
    >>> runs = pd.DataFrame({"strategy": ["a", "b"] * 3, "replication": [0, 0, 1, 1, 2, 2],
    ...                      "delivery_rate": [0.90, 0.95, 0.91, 0.95, 0.90, 0.96]})
    >>> winner(runs).sentence
    'b wins: its delivery rate of 95.33 % is the best of 2, and the difference is clear.'
    """
    table = metric_table(runs, metric)
    everybody = [str(name) for name in table.columns]
    left = _undecided(table, best_strategy(table, metric), everybody, metric, confidence)
    tied, decided, why = left, metric if len(left) == 1 else "", ""
    for name in then:
        more = metric_table(runs, name) if name in runs else None
        if len(left) == 1 or name == metric or more is None or more[left].isna().any(axis=None):
            continue
        front = best_strategy(more[left], name)
        before, left = left, _undecided(more, front, left, name, confidence)
        if len(left) == 1:
            decided, why = name, _margin(more[before], front, name)
    best = best_strategy(table[left], metric)
    rivals = tuple(name for name in left if name != best)
    others = [name for name in tied if name != best]
    return Winner(
        best, metric, decided, rivals, _sentence(table, best, metric, decided, rivals, others, why)
    )


def _margin(table: pd.DataFrame, front: str, metric: str) -> str:
    """Return the value that decided and the next best one."""
    what = METRICS[metric]
    second = best_strategy(table.drop(columns=front), metric)
    values = (what.text(float(table[name].mean())) for name in (front, second))
    return " against ".join(values)


def _undecided(
    table: pd.DataFrame, leader: str, among: list[str], metric: str, confidence: float
) -> list[str]:
    """Return the leader and those of `among` that cannot be told from it."""
    open_verdicts = ("cannot tell", "same")
    return [
        name
        for name in among
        if name == leader
        or against(table, name, leader, metric, confidence).verdict in open_verdicts
    ]


def _sentence(
    table: pd.DataFrame,
    best: str,
    metric: str,
    decided: str,
    rivals: tuple[str, ...],
    tied: list[str],
    why: str,
) -> str:
    what = METRICS[metric]
    value = what.text(float(table[best].mean()))
    count = table.shape[1]
    if count == 1:
        return f"{best} is the only strategy: its {what.title} is {value}."
    if len(table) == 1 and tied:
        return (
            f"{best} has the best {what.title} ({value}) in the one replication made; "
            "one replication cannot tell strategies apart."
        )
    if decided == metric:
        return (
            f"{best} wins: its {what.title} of {value} is the best of {count}, "
            "and the difference is clear."
        )
    if decided:
        return (
            f"{best} wins: by {what.title} ({value}) it cannot be told from {_listed(tied)}, "
            f"but its {METRICS[decided].title} is better, {why}."
        )
    return (
        f"{best} has the best {what.title} of those left ({value}), but it cannot be told from "
        f"{_listed(rivals)}: more replications would be needed, or any of them will do."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
