"""Servers over time: what they carried, when they failed, were left alone and came back."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import (
    INK,
    PALETTE,
    colours,
    house_style,
    legend_beside,
    minutes_axis,
)

_ROW = 0.82  # height of a server's row that bars may fill
_SHUT = "#d1d5db"
_MARKS = {  # by event: marker, colour, height in the row, name
    "failed": ("x", PALETTE[1], 0.2, "connection failed"),
    "probed": ("v", INK, 0.78, "probed"),
    "resumed": ("^", PALETTE[2], 0.5, "back in use"),
}


def server_timeline(
    frame: pd.DataFrame, *, end: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw what each server carried over time, a row a server, with failures and suspensions.

    Parameters
    ----------
    frame : DataFrame
        As of `analysis.server_timeline`.
    end : float, optional
        End of the axis (s); by default the last message sent.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"server": ["a"], "what": ["sent"], "at": [0.0], "until": [60.0],
    ...                       "n": [12]})
    >>> server_timeline(frame, ax=Figure().subplots()).get_title(loc="left")
    'Messages sent by each server (a full row: 12 a minute)'
    """
    sent = frame[frame["what"] == "sent"]
    names = sorted(frame["server"].unique())
    last = float(sent["until"].max()) if end is None else end
    top = float(sent.loc[sent["at"] < last, "n"].max()) if len(sent) else 1.0
    with house_style(ax, (8.4, 1.05 * len(names) + 1.1)) as ax:
        hue = colours(names)
        for row, name in enumerate(reversed(names)):
            mine = frame[(frame["server"] == name) & (frame["at"] < last)]
            _bars(ax, mine[mine["what"] == "sent"], row, top, hue[name])
            _suspensions(ax, mine[mine["what"] == "suspended"], row)
            _marks(ax, mine, row)
        ax.set_yticks(np.arange(len(names)) + _ROW / 2, reversed(names))
        ax.set_ylim(-0.08, len(names))
        ax.grid(visible=False, axis="y")
        minutes_axis(ax, last / 60)
        ax.set_title(f"Messages sent by each server (a full row: {_pace(sent, top)})")
        _legend(ax, set(frame.loc[frame["at"] < last, "what"]))
    return ax


def _pace(sent: pd.DataFrame, top: float) -> str:
    width = float((sent["until"] - sent["at"]).median()) if len(sent) else 60.0
    return f"{60 * top / width:.4g} a minute"


def _bars(ax: Axes, sent: pd.DataFrame, row: int, top: float, colour: str) -> None:
    at, until = sent["at"].to_numpy() / 60, sent["until"].to_numpy() / 60
    height = _ROW * sent["n"].to_numpy() / top
    ax.bar(at, height, until - at, bottom=row, align="edge", color=colour, linewidth=0)


def _suspensions(ax: Axes, shut: pd.DataFrame, row: int) -> None:
    spans = [
        (at / 60, (until - at) / 60) for at, until in zip(shut["at"], shut["until"], strict=True)
    ]
    ax.broken_barh(spans, (row, _ROW), color=_SHUT, linewidth=0)


def _marks(ax: Axes, mine: pd.DataFrame, row: int) -> None:
    for what, (marker, colour, height, _) in _MARKS.items():
        at = mine.loc[mine["what"] == what, "at"].to_numpy() / 60
        level = row + _ROW * height
        ax.plot(at, np.full(len(at), level), marker, color=colour, markersize=6.5, zorder=3)


def _legend(ax: Axes, shown: set[str]) -> None:
    look = {"suspended": ("s", _SHUT, 0.0, "left alone"), **_MARKS}
    for what, (marker, colour, _, label) in look.items():
        if what in shown:
            ax.plot([], [], marker, color=colour, markersize=7, label=label)
    if shown - {"sent"}:
        legend_beside(ax, "server")
