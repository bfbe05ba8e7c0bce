"""What rotations do, message by message, and how soon their shares are those asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from mstoolkit.plots.style import PALETTE, colours, house_style, legend_beside

_WAIT = "."
_LEGIBLE = 60  # cells in a row up to which a letter fits into each
_PALE = LinearSegmentedColormap.from_list("pale", ["#ffffff", PALETTE[5]])
_UNIT = 100.0  # percentage points


def sequences(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw whom each rotation chooses, a row a rotation and a cell a message.

    Parameters
    ----------
    frame : DataFrame
        ``rotation``, ``sequence`` (a letter a message, a dot for a wait, as of
        `testing.sequence`), first row on top.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"rotation": ["smooth-weighted"], "sequence": ["aabacaa"]})
    >>> sequences(frame, ax=Figure().subplots()).get_xlabel()
    'message'
    """
    rows = [str(text) for text in frame["sequence"]]
    letters = sorted({letter for text in rows for letter in text} - {_WAIT})
    colour = colours(letters) | {_WAIT: "#ffffff"}
    longest = max((len(text) for text in rows), default=1)
    with house_style(ax, (7.2, 0.24 * len(rows) + 1.2)) as ax:
        cells = [[to_rgb(colour[letter]) for letter in text.ljust(longest, _WAIT)] for text in rows]
        edges = (0.5, longest + 0.5, len(rows) - 0.5, -0.5)
        ax.imshow(np.array(cells), aspect="auto", interpolation="nearest", extent=edges)
        if longest <= _LEGIBLE:
            _letters(ax, rows)
        for letter in letters:
            ax.plot([], [], "s", color=colour[letter], markersize=8, label=letter)
        _quiet(ax)
        ax.set_yticks(range(len(rows)), [str(name) for name in frame["rotation"]])
        ax.hlines(np.arange(1, len(rows)) - 0.5, *edges[:2], color="white", linewidth=3)
        ax.set_xlabel("message")
        ax.set_title("Whom each rotation chooses")
        if letters:
            legend_beside(ax, "server")
    return ax


def share_errors(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how far shares are from those asked for after so many messages, as a shaded table.

    Parameters
    ----------
    frame : DataFrame
        ``rotation``, ``messages`` (how many were handed out), ``error`` (the largest difference of
        a server's share from the share asked for, 0 .. 1), rotations in order, first on top.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"rotation": ["stride"], "messages": [10], "error": [0.025]})
    >>> [text.get_text() for text in share_errors(frame, ax=Figure().subplots()).texts]
    ['2.5']
    """
    table = frame.pivot_table(index="rotation", columns="messages", values="error")
    table = table.loc[list(dict.fromkeys(frame["rotation"]))] * _UNIT
    with house_style(ax, (5.6, 0.24 * len(table) + 1.2)) as ax:
        ax.imshow(table.to_numpy(), aspect="auto", cmap=_PALE, vmin=0.0)
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            text = "0" if value < 1e-9 else f"{value:.2g}" if value < 1 else f"{value:.1f}"
            ax.text(column, row, text, ha="center", va="center", fontsize=8.5)
        _quiet(ax)
        ax.set_yticks(range(len(table)), [str(name) for name in table.index])
        ax.set_xticks(range(table.shape[1]), [f"{n:,}" for n in table.columns])
        ax.set_xlabel("messages handed out")
        ax.set_title("Largest error of a server's share (percentage points)")
    return ax


def _letters(ax: Axes, rows: list[str]) -> None:
    for row, text in enumerate(rows):
        for column, letter in enumerate(text, start=1):
            if letter != _WAIT:
                ax.text(column, row, letter, color="white", fontsize=7.5, ha="center", va="center")


def _quiet(ax: Axes) -> None:
    """Take away what a table of cells does not need."""
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
