"""Figures of a simulation beside published ones: how near each comes, and curves."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import GREY, PALETTE, house_style, legend_beside, percent_axis

_COLOURS = {"fitted": PALETTE[0], "input": GREY, "held-out": PALETTE[1]}
_MEANING = {
    "fitted": "fitted to it",
    "input": "put in with the audience",
    "held-out": "not looked at before",
}


def against_published(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw what a simulation comes to, each figure as a share of what was published.

    Parameters
    ----------
    frame : DataFrame
        ``what``, ``published``, ``found`` (shares), ``use`` (fitted, input, held-out).
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"what": ["open rate"], "published": [0.2], "found": [0.21],
    ...                       "use": ["input"]})
    >>> against_published(frame, ax=Figure().subplots()).get_xlabel()
    'simulated, of what was published'
    """
    with house_style(ax, (8.4, 1.2 + 0.26 * len(frame))) as ax:
        places = list(range(len(frame) - 1, -1, -1))
        ratio = frame["found"] / frame["published"]
        ax.axvline(1.0, color=GREY, linewidth=1.2)
        for use, colour in _COLOURS.items():
            own = (frame["use"] == use).to_numpy()
            mine = [place for place, mark in zip(places, own, strict=True) if mark]
            if mine:
                ax.hlines(mine, 1.0, ratio[own], color=colour, linewidth=1.4)
                ax.scatter(ratio[own], mine, s=34, color=colour, label=_MEANING[use], zorder=3)
        far = max(0.25, float((ratio - 1.0).abs().max()) * 1.15) if len(frame) else 0.25
        labels = [
            f"{what}: {100 * share:.3g} %"
            for what, share in zip(frame["what"], frame["published"], strict=True)
        ]
        ax.set_yticks(places, labels)
        ax.set_xlim(1.0 - far, 1.0 + far)
        percent_axis(ax.xaxis)
        ax.set_xlabel("simulated, of what was published")
        ax.set_title("Simulated and published")
        ax.grid(axis="y", visible=False)
        if len(frame):
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def placement_curve(
    frame: pd.DataFrame, published: Mapping[str, float], *, ax: Axes | None = None
) -> Axes:
    """Draw the share of mail that reaches the inbox by the sender's score.

    Parameters
    ----------
    frame : DataFrame
        ``score`` (0..100) and ``inbox`` (share of the best), in order of the score.
    published : mapping of str to float
        Published shares by score.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"score": [70.0, 90.0], "inbox": [0.3, 0.8]})
    >>> placement_curve(frame, {"75.5": 0.45}, ax=Figure().subplots()).get_ylabel()
    'in the inbox, of the best'
    """
    with house_style(ax, (6.4, 3.8)) as ax:
        ax.plot(frame["score"], frame["inbox"], color=PALETTE[0], label="model")
        scores = [float(score) for score in published]
        ax.scatter(scores, list(published.values()), color="black", zorder=3, label="published")
        ax.set_xlabel("score (100 times the reputation)")
        ax.set_ylabel("in the inbox, of the best")
        ax.set_ylim(0, 1)
        percent_axis(ax.yaxis)
        ax.set_title("Placement by score")
        ax.legend(loc="upper left")
    return ax


def memories(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw reputations over days, one line a column.

    Parameters
    ----------
    frame : DataFrame
        Reputations (0..1) by day (index), a column for each provider or kind of memory.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"short": [1.0, 0.5], "long": [1.0, 0.7]}, index=[1, 2])
    >>> memories(frame, ax=Figure().subplots()).get_xlabel()
    'day'
    """
    with house_style(ax, (7.4, 3.8)) as ax:
        for name, colour in zip(frame.columns, PALETTE, strict=False):
            ax.plot(frame.index, frame[name], color=colour, marker="o", markersize=4, label=name)
        ax.set_xlabel("day")
        ax.set_ylabel("reputation")
        percent_axis(ax.yaxis)
        ax.set_title("What is remembered of a bad day")
        legend_beside(ax, "")
    return ax
