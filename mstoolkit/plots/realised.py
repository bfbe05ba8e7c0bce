"""Asked against sent: lines for what was asked of each server, points for what it sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import (
    GREY,
    INK,
    colours,
    hours_axis,
    house_style,
    legend_beside,
    percent_axis,
)

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def realised_share(frame: pd.DataFrame, *, isp: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw which share of an ISP's mail each server sent, and which was asked of it, over time.

    Parameters
    ----------
    frame : DataFrame
        ``start`` (s), ``isp``, ``server``, ``asked``, ``sent`` (0 .. 1), ``n`` (messages),
        ``drift``, ``cause`` as of `analysis.realised_share`. A window lasts until the next one
        begins, which are equally long. Drifts are filled points; their causes stand in the legend.
    isp : str, optional
        The ISP; by default the one that most mail went to.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"start": [0.0, 0.0], "isp": "gmail", "server": ["a", "b"],
    ...     "asked": 0.5, "sent": [0.9, 0.1], "n": 100, "drift": True, "cause": "rate limit"})
    >>> realised_share(frame, ax=Figure().subplots()).get_title(loc="left")
    'Share of gmail: asked (lines) and sent (points)'
    """
    if isp is None and len(frame):
        windows = frame.drop_duplicates(["start", "isp"])
        isp = str(windows.groupby("isp", observed=True)["n"].sum().idxmax())
    some = frame[frame["isp"] == isp]
    with house_style(ax) as ax:
        names = sorted(str(name) for name in some["server"].unique())
        if not names:
            ax.text(0.5, 0.5, "none", transform=ax.transAxes, ha="center", color=GREY)
        width = _width(frame)
        colour = colours(names)
        for number, name in enumerate(names):
            rows = some[some["server"] == name].sort_values("start")
            _server(ax, rows, width, colour[name], _place(number, len(names)), number)
        starts = some["start"].to_numpy()
        hours_axis(ax, (float(starts.max()) + width) / 3600 if len(starts) else 1.0)
        percent_axis(ax.yaxis)
        ax.set_ylim(bottom=0)
        ax.set_ylabel(f"share of the messages sent (per {_length(width)})")
        ax.set_title(f"Share of {isp or 'the mail'}: asked (lines) and sent (points)")
        if names:
            legend_beside(ax, "server\n(filled: has drifted)")
    return ax


def _server(
    ax: Axes, rows: pd.DataFrame, width: float, colour: str, place: float, number: int
) -> None:
    starts = rows["start"].to_numpy(dtype=float)
    asked, sent = rows["asked"].to_numpy(dtype=float), rows["sent"].to_numpy(dtype=float)
    drift = rows["drift"].to_numpy(dtype=bool)
    low, high = starts / 3600, (starts + width) / 3600
    ax.hlines(asked, low, high, colors=colour, linewidth=1.6, alpha=0.8)
    at = low + place * (high - low)
    ax.vlines(at[drift], asked[drift], sent[drift], colors=colour, linewidth=1.0, alpha=0.8)
    marker = _MARKERS[number % len(_MARKERS)]
    kept: dict[str, Any] = {"marker": marker, "linestyle": "none", "markersize": 6.5}
    ax.plot(at[~drift], sent[~drift], color=colour, markerfacecolor="white", zorder=3, **kept)
    ax.plot(at[drift], sent[drift], color=colour, markeredgecolor=INK, zorder=4, **kept)
    label = "\n    ".join([str(rows["server"].iloc[0]), *_causes(rows)])
    filled = colour if drift.any() else "white"
    ax.plot([], [], color=colour, markerfacecolor=filled, label=label, **kept)


def _causes(rows: pd.DataFrame) -> list[str]:
    """Return what made a server drift, the most frequent first."""
    drifted = rows[rows["drift"].to_numpy(dtype=bool)]
    return [str(cause) for cause in drifted["cause"].value_counts().index[:2]]


def _place(number: int, count: int) -> float:
    """Return where in a window a server's points stand, so that they do not cover each other."""
    return 0.5 if count == 1 else 0.2 + 0.6 * number / (count - 1)


def _width(frame: pd.DataFrame) -> float:
    """Return the length of a window (s), as far as their beginnings tell."""
    starts = np.unique(frame["start"].to_numpy(dtype=float))
    return float(np.diff(starts).min()) if len(starts) > 1 else 3600.0


def _length(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
