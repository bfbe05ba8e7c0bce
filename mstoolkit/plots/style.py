"""The house style: colours that colour-blind people tell apart, units on axes, legends outside."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Okabe and Ito's palette, without yellow, which is too light for lines on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 2)),
    (0, (1, 1.2)),
    (0, (6, 2, 1, 2)),
    (0, (9, 4)),
    (0, (3, 1.5, 1, 1.5, 1, 1.5)),
    (0, (2, 3)),
)

GREY = "#6b7280"
INK = "#1f2937"

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9ca3af",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.title_fontsize": 9.5,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
}

SIZE = (8.4, 4.2)


@contextmanager
def house_style(ax: Axes | None, size: tuple[float, float] = SIZE) -> Iterator[Axes]:
    """Give the axes to draw on, in the house style, which is gone again afterwards.

    Parameters
    ----------
    ax : Axes or None
        Where to draw; None makes a figure through pyplot, which a notebook then shows.
    size : tuple of float, optional
        Width and height of a new figure (inches).

    Yields
    ------
    Axes

    Examples
    --------
    >>> with house_style(Figure().subplots()) as ax:
    ...     _ = ax.set_title("delivered")
    """
    with _settings():
        if ax is None:
            ax = plt.subplots(figsize=size, layout=_layout())[1]
        yield ax


def rendered(
    draw: Callable[..., Axes],
    *frames: Any,
    size: tuple[float, float] = SIZE,
    dpi: int = 110,
    **options: Any,
) -> bytes:
    r"""Return a plot as PNG, drawn off screen and without leaving a figure behind.

    Parameters
    ----------
    draw : callable
        A function of this package.
    *frames : Any
        What it is called with.
    size : tuple of float, optional
        Width and height (inches).
    dpi : int, optional
        Pixels an inch.
    **options : Any
        Keywords for `draw`.

    Returns
    -------
    bytes
        The same for the same frames.

    Examples
    --------
    >>> from mstoolkit.plots import ranking
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"strategy": ["a"], "metric": ["delivery_rate"], "mean": [0.95],
    ...                       "ci_low": [0.94], "ci_high": [0.96], "replications": [20]})
    >>> rendered(ranking, frame)[:4]
    b'\x89PNG'
    """
    with _settings():
        figure = Figure(figsize=size, layout=_layout())
        FigureCanvasAgg(figure)
        draw(*frames, ax=figure.add_subplot(), **options)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return file.getvalue()


@contextmanager
def _settings() -> Iterator[None]:
    # Not `rc_context`, which puts everything back: the first figure of a kernel loads pyplot's
    # backend, and what that has set (interactive mode, without which nothing is shown) must stay.
    before = {name: mpl.rcParams[name] for name in _RC}
    mpl.rcParams.update(_RC)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


def _layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name; after seven they repeat, and dashes tell them apart.

    Parameters
    ----------
    names : sequence of str
        Names, in the order of the legend.

    Examples
    --------
    >>> colours(["a", "b"])["a"]
    '#0072B2'
    """
    return {name: PALETTE[k % len(PALETTE)] for k, name in enumerate(names)}


def dashes(names: Sequence[str]) -> dict[str, Any]:
    """Return a line style for each name, so that lines differ by more than colour.

    Parameters
    ----------
    names : sequence of str
        Names, in the order of the legend.

    Examples
    --------
    >>> dashes(["a"])["a"]
    'solid'
    """
    return {name: DASHES[k % len(DASHES)] for k, name in enumerate(names)}


def hours_axis(ax: Axes, last: float) -> None:
    """Label the x axis in hours; the data are in hours already.

    Parameters
    ----------
    ax : Axes
        The axes.
    last : float
        End of the axis (h).

    Examples
    --------
    >>> hours_axis(Figure().subplots(), 8.0)
    """
    ax.set_xlim(0, max(last, 1e-6))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 3, 4, 6, 10]))
    ax.set_xlabel("time since the start (hours)")


def minutes_axis(ax: Axes, last: float) -> None:
    """Label the x axis in minutes, for what is over within an hour or two; the data are in minutes.

    Parameters
    ----------
    ax : Axes
        The axes.
    last : float
        End of the axis (min).

    Examples
    --------
    >>> minutes_axis(Figure().subplots(), 45.0)
    """
    ax.set_xlim(0, max(last, 1e-6))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 3, 5, 6, 10]))
    ax.set_xlabel("time since the start (minutes)")


def percent_axis(axis: Axis) -> None:
    """Show shares (0 .. 1) as percent, with as many digits as the ticks need.

    Parameters
    ----------
    axis : Axis
        ``ax.xaxis`` or ``ax.yaxis``.

    Examples
    --------
    >>> percent_axis(Figure().subplots().yaxis)
    """
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g} %"))


def thousands_axis(axis: Axis) -> None:
    """Show large numbers with separators.

    Parameters
    ----------
    axis : Axis
        ``ax.xaxis`` or ``ax.yaxis``.

    Examples
    --------
    >>> thousands_axis(Figure().subplots().yaxis)
    """
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def legend_beside(ax: Axes, title: str, *, backwards: bool = False) -> None:
    """Put the legend to the right of the data, never over it.

    Parameters
    ----------
    ax : Axes
        The axes, drawn.
    title : str
        What the entries are.
    backwards : bool, optional
        Last entry first, as in a stack whose last layer is on top.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> _ = axes.plot([0, 1], label="a")
    >>> legend_beside(axes, "server")
    """
    handles, labels = ax.get_legend_handles_labels()
    step = -1 if backwards else 1
    ax.legend(
        handles[::step],
        labels[::step],
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        alignment="left",
    )
