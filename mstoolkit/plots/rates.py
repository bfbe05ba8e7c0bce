"""How hard a provider is tried, and how much of a quota is used."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import (
    INK,
    colours,
    dashes,
    hours_axis,
    house_style,
    legend_beside,
    minutes_axis,
    thousands_axis,
)


def attempt_rates(
    frame: pd.DataFrame, limit: pd.DataFrame | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw how many messages a minute are tried, a line a strategy.

    Parameters
    ----------
    frame : DataFrame
        ``at`` (end of the bin, s), ``attempts`` (messages) as of `analysis.attempts_over_time`,
        with ``strategy`` a line each; bins are of equal width.
    limit : DataFrame, optional
        ``at`` (s), ``rate`` (messages/s): what the provider allowed, as of a run's ``truth``.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"at": [60.0, 120.0], "attempts": [10.0, 4.0]})
    >>> attempt_rates(frame, ax=Figure().subplots()).get_ylabel()
    'messages tried a minute'
    """
    frame = frame if "strategy" in frame else frame.assign(strategy="")
    names = [str(name) for name in dict.fromkeys(frame["strategy"])]
    last = float(frame["at"].max())
    with house_style(ax, (7.6, 3.6)) as ax:
        colour, dash = colours(names), dashes(names)
        for name in names:
            mine = frame[frame["strategy"] == name].sort_values("at")
            at = mine["at"].to_numpy()
            width = at[0]
            middle, rate = (at - width / 2) / 60, mine["attempts"].to_numpy() * 60 / width
            ax.plot(middle, rate, color=colour[name], linestyle=dash[name], label=name)
        if limit is not None:
            known = limit[limit["at"] <= last].sort_values("at")
            label = "allowed (hidden)"
            at, rate = known["at"].to_numpy() / 60, known["rate"].to_numpy() * 60
            ax.plot(at, rate, color=INK, linewidth=5, alpha=0.2, zorder=1, label=label)
        minutes_axis(ax, last / 60)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("messages tried a minute")
        ax.set_title("How hard the provider is tried")
        if len(names) > 1 or limit is not None:
            legend_beside(ax, "strategy")
    return ax


def quota_use(
    frame: pd.DataFrame,
    *,
    quota: float | None = None,
    kept: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw how a quota is used up in each of its windows, as a stack.

    Parameters
    ----------
    frame : DataFrame
        ``at`` (s), ``stream`` (or ``server``, ``isp``), ``used`` (messages since the window began)
        as of `analysis.quota_use`.
    quota : float, optional
        Messages that a window allows; drawn as a line.
    kept : float, optional
        Share of it (0 .. 1) that is kept for transactional mail; where that begins is drawn too.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"at": [0.0, 600.0], "stream": "news", "used": [0.0, 80.0]})
    >>> quota_use(frame, quota=100, ax=Figure().subplots()).get_title(loc="left")
    'Quota used'
    """
    what = next(name for name in ("stream", "server", "isp") if name in frame)
    table = frame.pivot_table(index="at", columns=what, values="used", observed=True).fillna(0.0)
    names = [str(name) for name in table.columns]
    with house_style(ax) as ax:
        hours, colour = table.index.to_numpy() / 3600, colours(names)
        base = np.zeros(len(table))
        for name, column in zip(names, table.columns, strict=True):
            above = base + table[column].to_numpy()
            ax.fill_between(
                hours, base, above, label=name, color=colour[name], alpha=0.85, linewidth=0
            )
            base = above
        if quota is not None:
            _line(ax, quota, f"the quota, {quota:,.6g}")
            if kept:
                _line(ax, quota * (1 - kept), f"less {100 * kept:g} % kept back", "dashed")
        hours_axis(ax, float(hours[-1]))
        thousands_axis(ax.yaxis)
        ax.set_ylim(0, 1.12 * max(quota or 0.0, float(base.max()), 1.0))
        ax.set_ylabel("messages since the window began")
        ax.set_title("Quota used")
        legend_beside(ax, what, backwards=True)
    return ax


def _line(ax: Axes, level: float, label: str, style: str = "solid") -> None:
    ax.axhline(level, color=INK, linewidth=1.2, linestyle=style, label=label)
