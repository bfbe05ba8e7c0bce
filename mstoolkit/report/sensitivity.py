"""The report of a sensitivity run: which conclusions hold, and which rest on assumptions."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from mstoolkit import plots
from mstoolkit.analysis import METRICS
from mstoolkit.experiment import Sensitivity
from mstoolkit.report.page import Picture, Table, assumptions, page, setting

_POINTS = ("low", "base", "high")
_CAPTION = (
    "The lead of the strategy that is best as assumed, with each figure at its smaller and its "
    "larger value. The pair named changes its order."
)


def write_sensitivity(result: Sensitivity, place: Path) -> None:
    """Write ``plots/tornado.png`` and ``report.html`` into a folder that is there.

    Parameters
    ----------
    result : Sensitivity
        What `experiment.sensitivity` returned.
    place : Path
        An existing folder.
    """
    picture = _picture(result)
    (place / "plots").mkdir()
    (place / "plots" / f"{picture.name}.png").write_bytes(picture.png)
    (place / "report.html").write_text(_page(result, picture), encoding="utf-8")


def rests_on(conclusion: Any) -> str:
    """Return in words whether a row of `Sensitivity.conclusions` holds, or what it rests on.

    Examples
    --------
    >>> rests_on({"holds": False, "reversed_by": "busy", "lost_by": "dsn"})
    'reversed by busy; no longer clear with dsn'
    """
    if conclusion["holds"]:
        return "holds under all variations"
    parts = (
        ("reversed by", conclusion["reversed_by"]),
        ("no longer clear with", conclusion["lost_by"]),
    )
    return "; ".join(f"{what} {names}" for what, names in parts if names)


def _picture(result: Sensitivity) -> Picture:
    size = plots.tornado_size(result.table)
    return Picture("tornado", _CAPTION, plots.rendered(plots.tornado, result.table, size=size))


def _page(result: Sensitivity, picture: Picture) -> str:
    return page(
        "sensitivity.html.j2",
        title=f"Sensitivity: {result.base.scenario.name}",
        verdict=result.sentence,
        metric=METRICS[result.base.metric],
        factor=f"{result.factor:g}",
        best=result.best,
        replications=result.base.replications,
        setting=setting(result.base.scenario),
        conclusions=_conclusions(result),
        figures=_figures(result),
        not_varied=_not_varied(result),
        picture=picture,
        assumptions=assumptions(result.base.scenario),
        command=shlex.join(result.command),
        manifest=result.manifest,
    )


def _conclusions(result: Sensitivity) -> Table:
    what = METRICS[result.base.metric]
    rows = [
        [
            f"{one['ahead']} beats {one['behind']}",
            what.difference(one["difference"]),
            f"{what.difference(one['from']).removesuffix(' points')} to "
            f"{what.difference(one['to'])}",
            rests_on(one),
        ]
        for _, one in result.conclusions.iterrows()
    ]
    return Table(
        ["conclusion", "lead", "90 % interval", "rests on"], rows, [False, True, True, False]
    )


def _figures(result: Sensitivity) -> Table:
    what = METRICS[result.base.metric]
    rows = []
    for _, one in result.table.iterrows():
        values = [f"{one[end]} {one['unit']}".strip() if one[end] else "–" for end in _POINTS]
        leads = [what.difference(one[f"lead_{end}"]) for end in _POINTS]
        noise = "" if one["flip_clear"] or not one["flip"] else "\nwithin the noise"
        rows.append([one["parameter"], *values, *leads, f"{one['flip'] or '–'}{noise}"])
    heads = ["figure", "smaller", "assumed", "larger"]
    heads += ["lead, smaller", "lead, assumed", "lead, larger", "flips"]
    return Table(heads, rows, [False, *(True for _ in range(6)), False])


def _not_varied(result: Sensitivity) -> Table:
    rows = [[str(cell) for cell in row] for row in result.not_varied.itertuples(index=False)]
    return Table(["figure", "end", "why"], rows, [False, False, False])
