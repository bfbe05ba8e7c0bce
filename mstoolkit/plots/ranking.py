"""Which strategy is better, with the doubt that is left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mstoolkit.analysis import METRICS, Metric
from mstoolkit.plots.style import (
    GREY,
    PALETTE,
    house_style,
    legend_beside,
    percent_axis,
    thousands_axis,
)

_BEST, _CLEAR, _OPEN = PALETTE[2], PALETTE[1], GREY
_TIMES = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
_LOOK = {
    "best": (_BEST, "D", "best mean"),
    "same": (_BEST, "D", "same in every replication"),
    "cannot tell": (_OPEN, "o", "cannot tell"),
    "worse": (_CLEAR, "o", "clearly worse"),
    "better": (PALETTE[0], "o", "clearly better"),
    "": (PALETTE[0], "o", ""),
}


def ranking(
    frame: pd.DataFrame,
    comparison: pd.DataFrame | None = None,
    *,
    metric: str = "delivery_rate",
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of a metric for each strategy with its interval, best on top.

    Parameters
    ----------
    frame : DataFrame
        ``strategy``, ``metric``, ``mean``, ``ci_low``, ``ci_high`` as of `analysis.summarise`.
    comparison : DataFrame, optional
        As of `analysis.paired_differences`: marks which strategies cannot be told from the best.
        The pairs are sharper than the intervals drawn here, which may overlap all the same.
    metric : str, optional
        The metric to rank by.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"strategy": ["a", "b"], "metric": ["delivery_rate"] * 2,
    ...                       "mean": [0.95, 0.96], "ci_low": [0.94, 0.95],
    ...                       "ci_high": [0.96, 0.97], "replications": [20, 20]})
    >>> axes = ranking(frame, ax=Figure().subplots())
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['a', 'b']
    """
    what = METRICS[metric]
    some = frame[frame["metric"] == metric]
    scale, time = _time(some["mean"]) if what.unit == "s" else (1.0, "")
    some = some.sort_values(["mean", "strategy"], ascending=[what.direction != "lower", False])
    verdicts = _verdicts(some, comparison, metric)
    with house_style(ax, (8.4, 0.48 * len(some) + 1.3)) as ax:
        _dots(ax, some, [verdicts.get(name, "") for name in some["strategy"]], scale)
        for row, value in enumerate(some["mean"]):
            ax.annotate(
                _value(what, value, scale, time),
                (value * scale, row),
                (0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
            )
        _value_axis(ax, what.unit)
        unit = f" ({time})" if time else ""
        better = {"higher": "more is better", "lower": "less is better"}.get(what.direction, "")
        ax.set_xlabel(f"{what.title}{unit}, mean and 95 % interval; {better}")
        ax.set_title(f"Ranking by {what.title}")
    return ax


def differences(
    frame: pd.DataFrame, *, metric: str = "delivery_rate", ax: Axes | None = None
) -> Axes:
    """Draw the paired differences to the best strategy with their simultaneous intervals.

    Parameters
    ----------
    frame : DataFrame
        As of `analysis.paired_differences`.
    metric : str, optional
        The metric to show.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"metric": ["delivery_rate"], "strategy": ["a"], "best": ["b"],
    ...                       "difference": [-0.01], "ci_low": [-0.02], "ci_high": [0.001],
    ...                       "verdict": ["cannot tell"]})
    >>> differences(frame, ax=Figure().subplots()).get_title(loc="left")
    'Paired differences to b'
    """
    what = METRICS[metric]
    some = frame[frame["metric"] == metric]
    scale, unit = _difference_unit(what.unit, some["difference"])
    up = what.direction != "lower"
    some = some.sort_values(["difference", "strategy"], ascending=[up, False])
    best = str(some["best"].iloc[0]) if len(some) else "the best"
    with house_style(ax, (8.4, 0.48 * len(some) + 1.3)) as ax:
        ax.axvline(0, color=_BEST, linewidth=1.4)
        _dots(ax, some.rename(columns={"difference": "mean"}), list(some["verdict"]), scale)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:+.4g}" if value else "0")
        ax.set_xlabel(f"difference in {what.title} ({unit}), 95 % for all pairs together")
        ax.set_title(f"Paired differences to {best}")
    return ax


def _time(values: pd.Series[float]) -> tuple[float, str]:
    """Return the unit in which times (s) are read best, and what they are multiplied by."""
    longest = float(values.abs().max()) if len(values) else 0.0
    seconds, name = next((per, name) for least, per, name in _TIMES if not longest < least)
    return 1 / seconds, name


def _value(what: Metric, value: float, scale: float, time: str) -> str:
    """Return a value as its row says it: times below hours in the axis's own unit."""
    short = {"minutes": "min", "seconds": "s"}.get(time)
    return f"{value * scale:.3g} {short}" if short else what.text(value)


def _difference_unit(unit: str, values: pd.Series[float]) -> tuple[float, str]:
    if unit == "s":
        return _time(values)
    return (100.0, "percentage points") if unit == "share" else (1.0, unit)


def _verdicts(some: pd.DataFrame, comparison: pd.DataFrame | None, metric: str) -> dict[str, str]:
    if comparison is None or not len(comparison):
        return {}
    rows = comparison[comparison["metric"] == metric]
    found = dict(zip(rows["strategy"], rows["verdict"], strict=True))
    return found | {str(name): "best" for name in set(some["strategy"]) - set(found)}


def _dots(ax: Axes, some: pd.DataFrame, verdicts: list[str], scale: float) -> None:
    rows = np.arange(len(some))
    columns = (some[name].to_numpy(float) * scale for name in ("mean", "ci_low", "ci_high"))
    for row, mean, low, high, verdict in zip(rows, *columns, verdicts, strict=True):
        colour, marker, _ = _LOOK[verdict]
        if math.isfinite(low):
            ax.plot([low, high], [row, row], color=colour, linewidth=2.2, alpha=0.75)
        face = "white" if verdict == "cannot tell" else colour
        ax.plot([mean], [row], marker, markersize=7, color=colour, markerfacecolor=face)
    ax.set_yticks(rows, [str(name) for name in some["strategy"]])
    ax.set_ylim(-0.6, len(some) - 0.3)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.08)
    _verdict_legend(ax, [verdict for verdict in _LOOK if verdict and verdict in verdicts])


def _verdict_legend(ax: Axes, verdicts: list[str]) -> None:
    if not verdicts:
        return
    for verdict in verdicts:
        colour, marker, label = _LOOK[verdict]
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 7}
        look["markerfacecolor"] = "white" if verdict == "cannot tell" else colour
        ax.add_line(Line2D([], [], linestyle="none", label=label, **look))
    legend_beside(ax, "compared with the best")


def _value_axis(ax: Axes, unit: str) -> None:
    if unit == "share":
        percent_axis(ax.xaxis)
    elif unit != "s":
        thousands_axis(ax.xaxis)
