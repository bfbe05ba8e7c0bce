"""A comparison as people read it, and as programs do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mstoolkit.cli import screen

if TYPE_CHECKING:
    import pandas as pd

    from mstoolkit.experiment import Comparison

SHOWN = ("delivery_rate", "bounce_rate", "open_rate", "queue_p95", "cost")


def show(result: Comparison) -> None:
    """Print the ranking with intervals, the differences to the best and the verdict."""
    metrics = list(dict.fromkeys((result.metric, *SHOWN)))
    rows = [_row(result, name, metrics) for name in _ranked(result)]
    titles = [metric.replace("_", " ") for metric in metrics]
    screen.table(
        f"{result.scenario.name}: {result.replications} replications of {len(rows)} strategies",
        ("strategy", *titles, "against the best"),
        rows,
    )
    screen.say(f"[bold]{result.winner.sentence}[/bold]")


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
    best = strategy == result.winner.strategy
    name = f"[bold green]{strategy}[/bold green]" if best else strategy
    return [name, *cells, _against(result, strategy)]


def _cell(row: pd.Series[Any], with_interval: bool) -> str:
    from mstoolkit.analysis import METRICS

    what = METRICS[str(row["metric"])]
    mean, low, high = (float(row[part]) for part in ("mean", "ci_low", "ci_high"))
    if with_interval and low == low:  # NaN with one replication
        return f"{what.text(mean)} ± {what.text((high - low) / 2)}"
    return what.text(mean)


def _against(result: Comparison, strategy: str) -> str:
    from mstoolkit.analysis import METRICS

    found = _of(result.comparison, metric=result.metric, strategy=strategy)
    if found.empty:
        return "best mean"
    row = found.iloc[0]
    text = f"{METRICS[result.metric].difference(float(row['difference']))}, {row['verdict']}"
    needed = row["replications_needed"]
    if row["verdict"] == "cannot tell" and needed == needed and needed is not None:
        return f"{text} ({int(needed)} replications would)"
    return text


def _of(frame: pd.DataFrame, **where: str) -> pd.DataFrame:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame
