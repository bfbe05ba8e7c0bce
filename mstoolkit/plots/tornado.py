"""How far the lead of the best strategy moves with each assumed figure."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from mstoolkit.analysis import METRICS
from mstoolkit.plots.style import GREY, INK, PALETTE, house_style, legend_beside

MOST = 20  # bars that are still read with ease
_CLEAR, _NOISE, _NONE = PALETTE[1], PALETTE[4], "#b6bcc6"
_LABELS = {
    _CLEAR: "a pair flips, more than noise",
    _NOISE: "a pair flips, within the noise",
    _NONE: "no pair flips",
}


def tornado(frame: pd.DataFrame, *, most: int = MOST, ax: Axes | None = None) -> Axes:
    """Draw how far each parameter moves the lead of the best strategy, largest swing on top.

    A bar goes from the lead with the smaller value to that with the larger one. Left of 0 the best
    strategy is overtaken.

    Parameters
    ----------
    frame : DataFrame
        The ``table`` of `experiment.Sensitivity`.
    most : int, optional
        Bars to draw; clear flips among the rest stay in it, and a note tells how many are left out.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> frame = pd.DataFrame({"parameter": ["busy"], "unit": ["share"], "low": ["0.01"],
    ...                       "high": ["0.04"], "metric": ["delivery_rate"], "best": ["a"],
    ...                       "lead_low": [0.02], "lead_base": [0.01], "lead_high": [-0.01],
    ...                       "swing": [0.03], "flip": ["a ⇄ b"], "flip_clear": [True],
    ...                       "flips_clear": [1]})
    >>> axes = tornado(frame, ax=Figure().subplots())
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['busy: 0.01 – 0.04']
    """
    shown = _shown(frame, most)
    what = METRICS[str(frame["metric"].iloc[0])]
    scale, unit = _unit(what.unit, shown)
    with house_style(ax, tornado_size(frame, most)) as ax:
        for row, (_, one) in enumerate(shown.iterrows()):
            _bar(ax, row, one, scale)
        base = float(frame["lead_base"].iloc[0]) * scale
        ax.axvline(0, color=INK, linewidth=1.0)
        ax.axvline(base, color=GREY, linewidth=1.2, linestyle=(0, (4, 2)))
        ax.set_yticks(range(len(shown)), [_label(one) for _, one in shown.iterrows()])
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.grid(visible=False, axis="y")
        _room(ax, shown, base, scale)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:+.4g}" if value else "0")
        best = str(frame["best"].iloc[0])
        ax.set_xlabel(
            f"lead of {best} over the best other in {what.title} ({unit});\n"
            f"dashed: as assumed; left of 0 it is overtaken{_left_out(frame, shown)}"
        )
        ax.set_title("What the lead owes to each assumed figure")
        _legend(ax, shown, base)
    return ax


def tornado_size(frame: pd.DataFrame, most: int = MOST) -> tuple[float, float]:
    """Return width and height (inches) in which the bars of a frame are read well."""
    return 10.6, 0.34 * min(len(frame), most) + 1.8


def _shown(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the rows to draw: clear flips are never the ones that are left out."""
    ordered = frame.sort_values("swing", ascending=False, kind="stable")
    kept = ordered.sort_values("flip_clear", ascending=False, kind="stable").head(most)
    return kept.sort_values("swing", ascending=False, kind="stable")


def _unit(unit: str, shown: pd.DataFrame) -> tuple[float, str]:
    if unit == "share":
        return 100.0, "percentage points"
    largest = shown[["lead_low", "lead_base", "lead_high"]].abs().max().max()
    if unit == "s" and largest >= 120:
        return (1 / 3600, "hours") if largest >= 7200 else (1 / 60, "minutes")
    return 1.0, unit


def _label(one: Any) -> str:
    """Return the key with the values of both ends, where all providers assume the same."""
    ends = [str(one[end]) for end in ("low", "high") if one[end]]
    if any("…" in end for end in ends):
        return f"{one['parameter']}: by provider"
    unit = "" if one["unit"] == "share" else f" {one['unit']}"
    return f"{one['parameter']}: {' – '.join(ends)}{unit}".rstrip()


def _colour(one: Any) -> str:
    if one["flip_clear"]:
        return _CLEAR
    return _NOISE if one["flip"] else _NONE


def _bar(ax: Axes, row: int, one: Any, scale: float) -> None:
    leads = [float(one[f"lead_{point}"]) * scale for point in ("low", "base", "high")]
    known = [lead for lead in leads if math.isfinite(lead)]
    low, high = min(known), max(known)
    ax.barh(row, high - low, left=low, height=0.62, color=_colour(one), zorder=2)
    for lead, face in ((leads[0], "white"), (leads[2], INK)):
        if math.isfinite(lead):
            ax.plot([lead], [row], "o", markersize=4, color=INK, markerfacecolor=face, zorder=3)
    text = _flip(one)
    if text:
        weight, colour = ("bold", _CLEAR) if one["flip_clear"] else ("normal", GREY)
        ax.annotate(
            text,
            (high, row),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
            fontweight=weight,
        )


def _flip(one: Any) -> str:
    if not one["flip"]:
        return ""
    more = int(one["flips_clear"]) - 1
    return f"{one['flip']} (and {more} more)" if more > 0 else str(one["flip"])


def _room(ax: Axes, shown: pd.DataFrame, base: float, scale: float) -> None:
    """Leave room on the right for the longest text, which begins where its bar ends."""
    leads = shown[["lead_low", "lead_base", "lead_high"]] * scale
    low = min(0.0, base, float(leads.min().min()))
    high = max(0.0, base, float(leads.max().max()))
    span = (high - low) or abs(base) or 1.0
    longest = max((len(_flip(one)) for _, one in shown.iterrows()), default=0)
    ax.set_xlim(low - 0.06 * span, high + (0.06 + 0.022 * longest) * span)


def _left_out(frame: pd.DataFrame, shown: pd.DataFrame) -> str:
    count = len(frame) - len(shown)
    return f"\nand {count} more with smaller swings or no clear flip" if count else ""


def _legend(ax: Axes, shown: pd.DataFrame, base: float) -> None:
    used = {_colour(one) for _, one in shown.iterrows()}
    for colour, label in _LABELS.items():
        if colour in used:
            ax.barh([0], [0], left=base, color=colour, label=label)
    for face, label in (("white", "smaller value"), (INK, "larger value")):
        ax.plot([], [], "o", markersize=4, color=INK, markerfacecolor=face, label=label)
    legend_beside(ax, "assumed figure varied")
