"""How the mail to each provider ended."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import house_style, legend_beside, percent_axis

_ORDER = ("delivered", "bounced", "expired", "suppressed", "withdrawn", "queued")
_COLOURS = {
    "delivered": "#009E73",
    "bounced": "#D55E00",
    "expired": "#E69F00",
    "suppressed": "#9ca3af",
    "withdrawn": "#CC79A7",
    "queued": "#56B4E9",
}


def outcomes_by_isp(
    frame: pd.DataFrame, *, undelivered: bool = True, ax: Axes | None = None
) -> Axes:
    r"""Draw how the messages of each ISP ended, as stacked bars.

    Parameters
    ----------
    frame : DataFrame
        ``isp``, ``outcome``, ``n`` (messages) as of `analysis.outcomes`; rows with the same ISP and
        outcome (strategies, replications) are added up.
    undelivered : bool, optional
        Draw only what was not delivered, whose differences are else too small to be seen; the
        delivered share is then written beside the name.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"isp": ["gmail"] * 2, "outcome": ["delivered", "bounced"],
    ...                       "n": [98, 2]})
    >>> axes = outcomes_by_isp(frame, ax=Figure().subplots())
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['gmail\n98.0 % delivered']
    """
    table = frame.pivot_table(index="isp", columns="outcome", values="n", aggfunc="sum")
    sizes = table.sum(axis=1)
    shares = table.div(sizes, axis=0).fillna(0.0).loc[sizes.sort_values().index]
    shown = [name for name in _ORDER if name in shares and shares[name].any()]
    shown = [name for name in shown if not (undelivered and name == "delivered")]
    with house_style(ax, (8.4, 0.55 * len(shares) + 1.4)) as ax:
        left = np.zeros(len(shares))
        rows = np.arange(len(shares))
        for name in shown:
            width = shares[name].to_numpy()
            ax.barh(rows, width, 0.65, left=left, color=_COLOURS[name], label=name)
            left = left + width
        ax.set_yticks(rows, _labels(shares, undelivered))
        ax.grid(visible=False, axis="y")
        percent_axis(ax.xaxis)
        ax.set_xlim(0, max(float(left.max(initial=0.0)) * 1.04, 1e-4))
        ax.set_xlabel("share of the messages enqueued for the ISP")
        ax.set_title("What was not delivered, by ISP" if undelivered else "Outcome by ISP")
        if shown:
            legend_beside(ax, "outcome")
    return ax


def _labels(shares: pd.DataFrame, undelivered: bool) -> list[str]:
    names = [str(name) for name in shares.index]
    if not undelivered or "delivered" not in shares:
        return names
    return [
        f"{name}\n{100 * share:.1f} % delivered"
        for name, share in zip(names, shares["delivered"], strict=True)
    ]
