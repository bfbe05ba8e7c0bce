"""What two providers show a sender of each day: the spam rate, and the filter's results."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.plots.style import (
    GREY,
    colours,
    dashes,
    house_style,
    legend_beside,
    percent_axis,
)

ADVISED, LIMIT = 0.001, 0.003  # of the spam rate, as Google's sender guidelines have them
_FILTER = {"green": "#009E73", "yellow": "#F0E442", "red": "#D55E00"}
_ON = {"green": "white", "yellow": "#1f2937", "red": "white"}


def postmaster_daily(
    frame: pd.DataFrame, *, isp: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the spam rate that recipients reported, by day, with the limits that Google names.

    Parameters
    ----------
    frame : DataFrame
        ``isp``, ``day``, ``spam_rate`` (0 .. 1, NaN where hidden) as of
        `analysis.postmaster_daily`.
    isp : str, optional
        Only this ISP.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"isp": ["gmail"] * 2, "day": [0, 1], "spam_rate": [0.001, 0.002]})
    >>> postmaster_daily(frame, ax=Figure().subplots()).get_title(loc="left")
    'Spam rate reported by recipients'
    """
    some = frame if isp is None else frame[frame["isp"] == isp]
    table = some.pivot_table(index="day", columns="isp", values="spam_rate", dropna=False)
    names = [str(name) for name in table.columns]
    colour, dash = colours(names), dashes(names)
    with house_style(ax) as ax:
        for name, column in zip(names, table.columns, strict=True):
            ax.plot(
                table.index, table[column], "o", color=colour[name], label=name,
                linestyle=dash[name], markersize=4.5,
            )  # fmt: skip
        for level, words in ((ADVISED, "advised: below 0.1 %"), (LIMIT, "limit: 0.3 %")):
            ax.axhline(level, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)))
            ax.annotate(
                words, (1.0, level), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                color=GREY, fontsize=8.5,
            )  # fmt: skip
        top = float(np.nanmax(table.to_numpy(), initial=LIMIT)) if table.size else LIMIT
        ax.set_ylim(0, 1.15 * top)
        _days_axis(ax, some["day"])
        percent_axis(ax.yaxis)
        ax.set_ylabel("complaints by mail in the inbox")
        ax.set_title("Spam rate reported by recipients" + (f" at {isp}" if isp else ""))
        if names:
            legend_beside(ax, "ISP")
    return ax


def snds_daily(frame: pd.DataFrame, *, isp: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the filter's result for each source IP and day, as SNDS colours it.

    Parameters
    ----------
    frame : DataFrame
        ``isp``, ``source_ip``, ``day``, ``filter_result``, ``verdicts`` (0 .. 1) as of
        `analysis.snds_daily`; where several ISPs are in it, the worst result of an address shows.
    isp : str, optional
        Only this ISP.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"isp": ["outlook"], "source_ip": ["192.0.2.1"], "day": [0],
    ...                       "filter_result": ["yellow"], "verdicts": [0.25]})
    >>> [text.get_text() for text in snds_daily(frame, ax=Figure().subplots()).texts]
    ['25 %']
    """
    some = frame if isp is None else frame[frame["isp"] == isp]
    worst = some.sort_values("verdicts").drop_duplicates(["source_ip", "day"], keep="last")
    names = sorted(set(worst["source_ip"].astype(str)))
    with house_style(ax, (8.4, 0.5 * len(names) + 1.6)) as ax:
        for result, colour in _FILTER.items():
            mine = worst[worst["filter_result"] == result]
            ax.bar(np.nan, np.nan, color=colour, label=result)  # in the legend even if on no day
            rows = [names.index(str(name)) for name in mine["source_ip"]]
            ax.barh(
                rows, np.ones(len(mine)), 0.8, left=mine["day"] - 0.5, color=colour,
                edgecolor="white",
            )  # fmt: skip
            for row, day, share in zip(rows, mine["day"], mine["verdicts"], strict=True):
                ax.text(
                    day, row, f"{100 * share:.0f} %", ha="center", va="center",
                    color=_ON[result], fontsize=8.5,
                )  # fmt: skip
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.grid(visible=False)
        _days_axis(ax, worst["day"])
        ax.set_title("Taken for spam, by source IP and day" + (f", at {isp}" if isp else ""))
        legend_beside(ax, "filter result")
    return ax


def _days_axis(ax: Axes, days: pd.Series[int]) -> None:
    low, high = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    ax.set_xlim(low - 0.5, high + 0.5)
    ax.set_xticks(range(low, high + 1, max(1, (high - low + 1) // 10)))
    ax.set_xlabel("day since the start (0 is the first)")
