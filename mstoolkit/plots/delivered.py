"""How fast the mail gets through."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import (
    colours,
    dashes,
    hours_axis,
    house_style,
    legend_beside,
    percent_axis,
)


def delivered_over_time(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share of the mail that is delivered, over time, a line a strategy.

    Parameters
    ----------
    frame : DataFrame
        ``at`` (s) and ``share`` (0 .. 1) as of `analysis.delivered_over_time`; with ``strategy``
        and ``replication`` (as ``Comparison.series["delivered"]``) the line is the median of the
        replications and the band holds the middle 90 % of them.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"at": [600.0, 1200.0], "share": [0.4, 0.9]})
    >>> delivered_over_time(frame, ax=Figure().subplots()).get_ylabel()
    'delivered (of all enqueued)'
    """
    last = float(frame["at"].max()) / 3600
    frame = _with_columns(frame).dropna(subset=["share"])  # of nothing enqueued there is no share
    with house_style(ax) as ax:
        names = list(dict.fromkeys(frame["strategy"]))
        colour, dash = colours(names), dashes(names)
        for number, name in enumerate(names):
            hours, low, middle, high = _band(frame[frame["strategy"] == name])
            ax.fill_between(hours, low, high, color=colour[name], alpha=0.15, linewidth=0)
            look = {"color": colour[name], "linestyle": dash[name]}
            ax.plot(hours, middle, linewidth=_width(number), label=name, **look)
        percent_axis(ax.yaxis)
        ax.set_ylim(0, 1)
        hours_axis(ax, last)
        ax.set_ylabel("delivered (of all enqueued)")
        ax.set_title("Delivered over time")
        if any(names):
            legend_beside(ax, "strategy")
    return ax


def _width(number: int) -> float:
    """Return a line width: each line is thinner than the one before, so that none hides another."""
    return max(1.4, 3.2 - 0.35 * number)


def _with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame if "strategy" in frame else frame.assign(strategy="")
    return frame if "replication" in frame else frame.assign(replication=0)


def _band(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    table = frame.pivot_table(index="at", columns="replication", values="share")
    low, middle, high = np.nanquantile(table.to_numpy(), [0.05, 0.5, 0.95], axis=1)
    start = np.zeros(1)
    lines = (table.index.to_numpy() / 3600, low, middle, high)
    hours, low, middle, high = (np.concatenate([start, line]) for line in lines)
    return hours, low, middle, high
