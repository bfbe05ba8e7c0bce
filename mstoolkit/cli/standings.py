"""A comparison as people read it, and as programs do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mstoolkit.cli import screen

if TYPE_CHECKING:
    import pandas as pd

    from mstoolkit.experiment import Comparison

SHOWN = {
    "delivery_rate": "delivered",
    "bounce_rate": "bounced",
    "open_rate": "opened",
    "queue_p95": "95 % within",
    "cost": "cost",
}
"""Metrics of the table, with headings that leave room for the rest in 80 columns."""


def show(result: Comparison) -> None:
    """Print the ranking with intervals, the differences to the best and the verdict."""
    metrics = list(dict.fromkeys((result.metric, *SHOWN)))
    rows = [_row(result, name, metrics) for name in _ranked(result)]
    screen.table(
        f"{result.scenario.name}: {result.replications} replications of {len(rows)} strategies",
        ("strategy", *(SHOWN.get(name, name) for name in metrics), "against the best"),
        rows,
        words=("against the best",),
        best=result.winner.strategy,
    )
    if any("(" in row[-1] for row in rows):
        screen.say("In brackets: the replications that would tell.")
    screen.say(result.winner.sentence, style="bold")


def document(result: Comparison, folder: Path) -> dict[str, Any]:
    """Return the result of a comparison for programs."""
    return {
        **result.manifest,
        "summary": result.summary.to_dict("records"),
        "comparison": result.comparison.to_dict("records"),
        "folder": str(folder),
        "report": str(folder / "report.html"),
    }


def _ranked(result: Comparison) -> list[str]:
    from mstoolkit.analysis import METRICS

    means = _of(result.summary, metric=result.metric).set_index("strategy")["mean"]
    ordered = means.sort_values(ascending=METRICS[result.metric].direction == "lower")
    return [str(name) for name in ordered.index]


def _row(result: Comparison, strategy: str, metrics: list[str]) -> list[str]:
    cells = [
        _cell(_of(result.summary, strategy=strategy, metric=name).iloc[0], name == result.metric)
        for name in metrics
    ]
    return [strategy, *cells, _against(result, strategy)]


def _cell(row: pd.Series[Any], with_interval: bool) -> str:
    from mstoolkit.analysis import METRICS

    what = METRICS[str(row["metric"])]
    mean, low, high = (float(row[part]) for part in ("mean", "ci_low", "ci_high"))
    text = what.text(mean)
    if not with_interval or math.isnan(low):
        return text
    half = what.text((high - low) / 2)
    return f"{text.removesuffix(' %')} ± {half}" if text.endswith(" %") else f"{text} ± {half}"


def _against(result: Comparison, strategy: str) -> str:
    found = _of(result.comparison, metric=result.metric, strategy=strategy)
    if found.empty:
        return "best mean"
    verdict, needed = str(found["verdict"].iloc[0]), found["replications_needed"]
    if verdict == "cannot tell" and needed.notna().all():
        return f"{verdict} ({int(needed.iloc[0])})"
    return verdict


def _of(frame: pd.DataFrame, **where: str) -> pd.DataFrame:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame
