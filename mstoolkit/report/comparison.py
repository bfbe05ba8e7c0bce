"""The report of a comparison: the question, the verdict, the figures and how to run it again."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mstoolkit import plots
from mstoolkit.analysis import METRICS
from mstoolkit.experiment import Comparison, staged
from mstoolkit.report.page import Picture, Table, assumptions, breakdown_table, page, setting

_SHOWN = {
    "delivery_rate": "delivered",
    "bounce_rate": "bounced",
    "open_rate": "opened",
    "complaint_rate": "complaints",
    "deferral_rate": "deferred attempts",
    "queued_rate": "queued",
    "makespan": "99 % delivered after",
    "queue_p95": "95 % waited less than",
    "cost": "cost",
}

_RANKED = "Means over the replications. Hollow grey dots cannot be told from the best."
_PAIRED = "Differences within a replication; an interval that holds zero tells nothing."
_BANDS = "Median of the replications; the band holds the middle 90 % of them."

_OF_THE_WINNER: tuple[tuple[str, str, Callable[..., Any], str], ...] = (
    ("outcomes", "outcomes", plots.outcomes_by_isp, "all replications."),
    ("server-share", "server_share", plots.server_share_over_time, "all replications."),
    ("deferrals", "deferrals", plots.deferrals_over_time, "mean of the replications."),
    (
        "reputation",
        "reputation",
        plots.reputation_over_time,
        "mean of the replications. Hidden from the sender.",
    ),
)

BY_ISP = {
    "enqueued": "enqueued",
    "delivery_rate": "delivered",
    "bounce_rate": "bounced",
    "deferral_rate": "deferred attempts",
    "open_rate": "opened",
    "complaint_rate": "complaints",
    "expired_rate": "expired",
    "queued_rate": "queued",
}

BY_SERVER = {
    "attempts": "attempts",
    "delivered": "delivered",
    "share": "share",
    "accepted_rate": "accepted attempts",
    "deferral_rate": "deferred attempts",
    "complaint_rate": "complaints",
    "connection_failures": "failed connections",
    "suspensions": "suspensions",
    "cost": "cost",
}


def write_comparison(comparison: Comparison, folder: str | Path) -> None:
    """Write everything of a comparison but its event logs: CSV, plots, ``report.html``, manifest.

    Parameters
    ----------
    comparison : Comparison
        What `experiment.compare` returned.
    folder : str or Path
        A folder that is empty or not there, which is there whole afterwards or not at all; or the
        one that this comparison was written to before, which gets plots and report added.

    Raises
    ------
    ConfigError
        If the folder holds anything else.
    """
    path = Path(folder)
    if _holds(path, comparison):
        _added(comparison, path)
        return
    with staged(path) as place:
        comparison.write_into(place)
        write_pages(comparison, place)


def write_pages(comparison: Comparison, place: Path) -> None:
    """Write ``plots/*.png`` and ``report.html`` into a folder that is there.

    Made to be handed to `experiment.compare` as ``finish``, so that the folder goes to its place
    with plots and report in it.

    Parameters
    ----------
    comparison : Comparison
        What `experiment.compare` returned.
    place : Path
        An existing folder.
    """
    pictures = comparison_pictures(comparison)
    (place / "plots").mkdir()
    for picture in pictures:
        (place / "plots" / f"{picture.name}.png").write_bytes(picture.png)
    (place / "report.html").write_text(_page(comparison, pictures), encoding="utf-8")


def comparison_page(comparison: Comparison) -> str:
    """Return the report of a comparison as one HTML page that needs nothing else.

    Parameters
    ----------
    comparison : Comparison
        What `experiment.compare` returned.

    Examples
    --------
    >>> from mstoolkit.experiment import compare
    >>> result = compare("quickstart", ["batch"], replications=1, progress=False)
    >>> comparison_page(result).startswith("<!DOCTYPE html>")
    True
    """
    return _page(comparison, comparison_pictures(comparison))


def comparison_pictures(comparison: Comparison) -> list[Picture]:
    """Return the plots of a comparison, rendered.

    Parameters
    ----------
    comparison : Comparison
        What `experiment.compare` returned.
    """
    best = comparison.winner.strategy
    size = (8.4, 0.48 * len(comparison.strategies) + 1.5)
    look: dict[str, Any] = {"metric": comparison.metric, "size": size}
    frames = (comparison.summary, comparison.comparison)
    found = [Picture("ranking", _RANKED, plots.rendered(plots.ranking, *frames, **look))]
    if len(comparison.strategies) > 1:
        image = plots.rendered(plots.differences, comparison.comparison, **look)
        found.append(Picture("differences", _PAIRED, image))
    delivered = plots.rendered(plots.delivered_over_time, comparison.series["delivered"])
    found.append(Picture("delivered", _BANDS, delivered))
    for name, series, draw, caption in _OF_THE_WINNER:
        image = plots.rendered(draw, _of(comparison.series[series], best))
        found.append(Picture(name, f"Strategy {best}, {caption}", image))
    return found


def _page(comparison: Comparison, pictures: list[Picture]) -> str:
    best = comparison.winner.strategy
    return page(
        "comparison.html.j2",
        title=f"Comparison: {comparison.scenario.name}",
        verdict=comparison.winner.sentence,
        metric=METRICS[comparison.metric],
        count=len(comparison.strategies),
        replications=comparison.replications,
        setting=setting(comparison.scenario),
        ranking=_ranking(comparison),
        differences=_differences(comparison),
        others=_other_differences(comparison),
        best=best,
        by_isp=breakdown_table(_means(comparison.series["by_isp"], best, "isp"), "ISP", BY_ISP),
        by_server=breakdown_table(
            _means(comparison.series["by_server"], best, "server"), "server", BY_SERVER
        ),
        pictures={picture.name: picture for picture in pictures},
        assumptions=assumptions(comparison.scenario),
        metrics=[METRICS[name] for name in METRICS],
        command=shlex.join(comparison.command),
        manifest=comparison.manifest,
    )


def _ranking(comparison: Comparison) -> Table:
    table = comparison.summary.set_index(["strategy", "metric"])
    order = comparison.summary[comparison.summary["metric"] == comparison.metric]
    up = METRICS[comparison.metric].direction == "lower"
    order = order.sort_values(["mean", "strategy"], ascending=[up, True])
    shown = [comparison.metric, *(name for name in _SHOWN if name != comparison.metric)]
    rows = [
        [str(strategy), *(_interval(table.loc[(strategy, name)], name) for name in shown)]
        for strategy in order["strategy"]
    ]
    return Table(
        ["strategy", *(_SHOWN.get(name, METRICS[name].title) for name in shown)],
        rows,
        _right(len(shown)),
    )


def _interval(row: Any, name: str) -> str:
    metric = METRICS[name]
    text = metric.text(row["mean"])
    if pd.isna(row["ci_low"]) or row["ci_low"] == row["ci_high"]:
        return text
    interval = metric.interval(row["ci_low"], row["ci_high"])
    return text if interval == text else f"{text}\n{interval}"


def _differences(comparison: Comparison) -> Table:
    frame = comparison.comparison
    frame = frame[frame["metric"] == comparison.metric]
    up = METRICS[comparison.metric].direction == "lower"
    frame = frame.sort_values(["difference", "strategy"], ascending=[up, True])
    return Table(
        [
            "strategy",
            "difference to the best",
            "interval",
            "verdict",
            "replications that would tell",
        ],
        [_difference(row) for _, row in frame.iterrows()],
        [False, True, True, False, True],
    )


def _other_differences(comparison: Comparison) -> Table:
    frame = comparison.comparison
    frame = frame[frame["metric"].isin(_SHOWN) & (frame["metric"] != comparison.metric)]
    rows = [[METRICS[row["metric"]].title, *_difference(row)] for _, row in frame.iterrows()]
    heads = ["metric", "strategy", "difference", "interval", "verdict", "would tell"]
    return Table(heads, rows, [False, False, True, True, False, True])


def _difference(row: Any) -> list[str]:
    metric = METRICS[row["metric"]]
    interval = "none with one replication"
    if not pd.isna(row["ci_low"]):
        low, high = (metric.difference(row[end]) for end in ("ci_low", "ci_high"))
        interval = low if low == high else f"{low.removesuffix(' points')} to {high}"
    needed = row["replications_needed"]
    needed_text = "–" if pd.isna(needed) else f"{int(needed):,}"
    return [
        str(row["strategy"]),
        metric.difference(row["difference"]),
        interval,
        str(row["verdict"]),
        needed_text,
    ]


def _means(frame: pd.DataFrame, strategy: str, what: str) -> pd.DataFrame:
    some = _of(frame, strategy).drop(columns=["strategy", "replication"])
    means = some.groupby(what).mean()
    return means.sort_values(means.columns[0], ascending=False)


def _of(frame: pd.DataFrame, strategy: str) -> pd.DataFrame:
    return frame[frame["strategy"] == strategy]


def _right(count: int) -> list[bool]:
    return [False, *(True for _ in range(count))]


def _holds(path: Path, comparison: Comparison) -> bool:
    manifest = path / "manifest.json"
    if not manifest.is_file():
        return False
    return manifest.read_text(encoding="utf-8") == comparison.manifest_text


def _added(comparison: Comparison, path: Path) -> None:
    """Build the pages beside, then move them in one by one."""
    place = path / ".pages.partial"
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.mkdir()
        write_pages(comparison, place)
        shutil.rmtree(path / "plots", ignore_errors=True)
        (place / "plots").rename(path / "plots")
        (place / "report.html").replace(path / "report.html")
    finally:
        shutil.rmtree(place, ignore_errors=True)
