"""Who carries the mail, and where it is put off: stacks over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import (
    GREY,
    colours,
    hours_axis,
    house_style,
    legend_beside,
    percent_axis,
    thousands_axis,
)

_THIN = 0.002
_FILLS = {"#000000": GREY}


def server_share_over_time(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw which share of the deliveries each server makes, over time.

    Parameters
    ----------
    frame : DataFrame
        ``at`` (s), ``server``, ``delivered`` (messages) as of `analysis.server_share_over_time`;
        further rows with the same time and server, as of more replications, are added up. Bins with
        under 0.2 % of all deliveries stay blank.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"at": [600.0, 600.0], "server": ["a", "b"], "delivered": [4.0, 1.0]})
    >>> server_share_over_time(frame, ax=Figure().subplots()).get_title(loc="left")
    'Server share over time'
    """
    table = _table(frame, "server", "delivered")
    whole = table.sum(axis=1)
    enough = whole > _THIN * whole.sum()
    shares = table.div(whole.where(enough), axis=0).fillna(0.0)
    with house_style(ax) as ax:
        _stack(ax, shares, "server")
        percent_axis(ax.yaxis)
        ax.set_ylim(0, 1)
        if enough.any():
            hours_axis(ax, float(table.index[enough.to_numpy()][-1]) / 3600)
        ax.set_ylabel("share of the deliveries")
        ax.set_title("Server share over time")
        if (~enough & (whole > 0)).any():
            ax.set_xlabel(f"{ax.get_xlabel()}; blank: under {100 * _THIN:g} % of the deliveries")
    return ax


def deferrals_over_time(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how many attempts the providers put off, over time.

    Parameters
    ----------
    frame : DataFrame
        ``at`` (s), ``isp`` (or ``server``, ``category``), ``deferred`` (messages) as of
        `analysis.deferrals_over_time`; with ``replication`` the mean of the replications is drawn.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"at": [600.0], "isp": ["gmail"], "deferred": [40.0]})
    >>> deferrals_over_time(frame, ax=Figure().subplots()).get_title(loc="left")
    'Deferrals over time'
    """
    what = next(name for name in ("isp", "server", "category") if name in frame)
    table = _table(frame, what, "deferred")
    if "replication" in frame and len(frame):
        table = table / frame["replication"].nunique()
    with house_style(ax) as ax:
        _stack(ax, table, what)
        thousands_axis(ax.yaxis)
        ax.set_ylim(bottom=0)
        ax.set_ylabel(f"attempts put off (per {_width(table) / 60:g} min)")
        ax.set_title("Deferrals over time")
    return ax


def _table(frame: pd.DataFrame, what: str, values: str) -> pd.DataFrame:
    table = frame.pivot_table(index="at", columns=what, values=values, aggfunc="sum", observed=True)
    return table.fillna(0.0)


def _width(table: pd.DataFrame) -> float:
    return float(table.index[0]) if len(table) else 600.0


def _stack(ax: Axes, table: pd.DataFrame, what: str) -> None:
    names = [str(name) for name in table.columns]
    if not names:
        ax.text(0.5, 0.5, "none", transform=ax.transAxes, ha="center", color=GREY)
        return
    width = _width(table)
    hours = np.append(table.index.to_numpy() - width, table.index[-1]) / 3600
    colour = {name: _FILLS.get(hue, hue) for name, hue in colours(names).items()}
    base = np.zeros(len(table))
    for name, column in zip(names, table.columns, strict=True):
        top = base + table[column].to_numpy()
        low, high = np.append(base, base[-1]), np.append(top, top[-1])
        ax.fill_between(
            hours, low, high, step="post", color=colour[name], alpha=0.85, linewidth=0, label=name
        )
        base = top
    hours_axis(ax, float(hours[-1]))
    ax.grid(visible=False)
    legend_beside(ax, "ISP" if what == "isp" else what, backwards=True)
