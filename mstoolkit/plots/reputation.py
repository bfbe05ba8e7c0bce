"""What the providers think of the servers, which no sender sees."""

from __future__ import annotations

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


def reputation_over_time(
    frame: pd.DataFrame, *, isp: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the hidden reputation of each server, over time.

    Parameters
    ----------
    frame : DataFrame
        ``at`` (s), ``server``, ``reputation`` (0 .. 1) as of `analysis.reputation_over_time`; rows
        with the same time and server (ISPs, replications) are averaged.
    isp : str, optional
        Only with this ISP.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"at": [600.0, 1200.0], "server": ["a", "a"],
    ...                       "reputation": [0.9, 0.8]})
    >>> reputation_over_time(frame, ax=Figure().subplots()).get_ylabel()
    'reputation (100 % is spotless)'
    """
    some = frame if isp is None else frame[frame["isp"] == isp]
    table = some.pivot_table(index="at", columns="server", values="reputation", observed=True)
    with house_style(ax) as ax:
        names = [str(name) for name in table.columns]
        colour, dash = colours(names), dashes(names)
        for name, column in zip(names, table.columns, strict=True):
            hours = table.index.to_numpy() / 3600
            ax.plot(hours, table[column], color=colour[name], linestyle=dash[name], label=name)
        hours_axis(ax, float(table.index.max()) / 3600 if len(table) else 1.0)
        percent_axis(ax.yaxis)
        ax.set_ylabel("reputation (100 % is spotless)")
        ax.set_title("Reputation over time" + (f" at {isp}" if isp else ", mean over the ISPs"))
        if names:
            legend_beside(ax, "server")
    return ax
