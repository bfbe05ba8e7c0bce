"""The report of a single run, simulated or live, from its event log."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mstoolkit import plots
from mstoolkit.analysis import (
    METRICS,
    by,
    conservation,
    deferrals_over_time,
    delivered_over_time,
    outcomes,
    reputation_over_time,
    server_share_over_time,
    summary,
)
from mstoolkit.config import Scenario
from mstoolkit.eventlog import (
    Manifest,
    littles_law,
    read_log,
    read_manifest,
    read_truth,
    stored_scenario,
    write_text,
)
from mstoolkit.report.comparison import BY_ISP, BY_SERVER
from mstoolkit.report.page import Picture, Table, assumptions, breakdown_table, page, setting

_BINS = 48


def write_run(folder: str | Path, *, source: str | None = None) -> Path:
    """Write ``report.html`` and ``plots/*.png`` into the folder of a finished run.

    Parameters
    ----------
    folder : str or Path
        As `simulate`, `send` or `Run.write` wrote it: log, manifest and scenario.
    source : str, optional
        How the scenario is named where the page says how to make the run again, as the path of its
        file; by default the scenario's own name.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If it is not the folder of a run.
    """
    place = Path(folder)
    manifest, events = read_manifest(place), read_log(place)
    pictures = run_pictures(events, read_truth(place))
    (place / "plots").mkdir(exist_ok=True)
    for picture in pictures:
        (place / "plots" / f"{picture.name}.png").write_bytes(picture.png)
    fields = manifest.model_dump(mode="json")
    text = _page(events, stored_scenario(place), fields, pictures, _command(manifest, source))
    write_text(place / "report.html", text)
    return place / "report.html"


def run_page(
    events: pd.DataFrame,
    scenario: Scenario,
    *,
    manifest: Mapping[str, Any],
    truth: pd.DataFrame | None = None,
    command: str = "",
) -> str:
    """Return the report of one run as one HTML page that needs nothing else.

    Parameters
    ----------
    events : DataFrame
        The event log.
    scenario : Scenario
        The scenario that was run.
    manifest : mapping
        What the run's manifest says; shown as it is. ``strategy``, ``kind`` and ``lagged`` are
        looked at.
    truth : DataFrame, optional
        The truth table of a simulated run.
    command : str, optional
        The command line that makes the same run.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> from mstoolkit.config import load_scenario
    >>> text = run_page(small_log(), load_scenario("quickstart"), manifest={"strategy": "batch"})
    >>> text.startswith("<!DOCTYPE html>")
    True
    """
    return _page(events, scenario, manifest, run_pictures(events, truth), command)


def _page(
    events: pd.DataFrame,
    scenario: Scenario,
    manifest: Mapping[str, Any],
    pictures: Sequence[Picture],
    command: str,
) -> str:
    costs = {name: server.cost_per_1000 for name, server in scenario.servers.items()}
    figures = summary(events, costs=costs)
    checked = conservation(events)
    return page(
        "run.html.j2",
        title=f"Run: {scenario.name}, {manifest.get('strategy', '')}".rstrip(", "),
        verdict=_verdict(figures, manifest),
        lagged=bool(manifest.get("lagged", False)),
        conserved=bool(checked["ok"].all() and littles_law(events)["ok"].all()),
        setting=setting(scenario),
        figures=_figures(figures),
        by_isp=breakdown_table(by(events, "isp"), "ISP", BY_ISP),
        by_server=breakdown_table(by(events, "server", costs=costs), "server", BY_SERVER),
        pictures={picture.name: picture for picture in pictures},
        assumptions=assumptions(scenario),
        command=command,
        manifest=manifest,
    )


def run_pictures(events: pd.DataFrame, truth: pd.DataFrame | None = None) -> list[Picture]:
    """Return the plots of one run, rendered.

    Parameters
    ----------
    events : DataFrame
        The event log.
    truth : DataFrame, optional
        The truth table of a simulated run.
    """
    width = _width(events)
    found = [
        Picture(
            "delivered",
            "Share of all enqueued messages.",
            plots.rendered(plots.delivered_over_time, delivered_over_time(events, width)),
        ),
        Picture(
            "outcomes",
            "How the messages of each ISP ended.",
            plots.rendered(plots.outcomes_by_isp, outcomes(events)),
        ),
        Picture(
            "server-share",
            "Who made the deliveries.",
            plots.rendered(plots.server_share_over_time, server_share_over_time(events, width)),
        ),
        Picture(
            "deferrals",
            "Attempts that the providers put off.",
            plots.rendered(plots.deferrals_over_time, deferrals_over_time(events, width)),
        ),
    ]
    if truth is not None and len(truth):
        frame = reputation_over_time(truth, max(width, 300.0))
        image = plots.rendered(plots.reputation_over_time, frame)
        found.append(Picture("reputation", "Hidden from the sender.", image))
    return found


def _command(manifest: Manifest, source: str | None) -> str:
    """Return the command line of a simulated run; a live one cannot be made again."""
    if manifest.kind != "simulated":
        return ""
    words = ["mstoolkit", "simulate", source or manifest.scenario, "-s", manifest.strategy]
    words += ["--seed", str(manifest.seed), "--batch", str(manifest.batch), "--out", "DIR"]
    return shlex.join(words)


def _width(events: pd.DataFrame) -> float:
    """Return a bin width (s) that gives about 48 bins: a round number of minutes, if it can."""
    last = float(events.loc[events["event"] == "delivered", "at"].max())
    if not last > 0:
        return 600.0
    steps = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
    return next((step for step in steps if last / step <= _BINS), last / _BINS)


def _verdict(figures: pd.Series[float], manifest: Mapping[str, Any]) -> str:
    def text(name: str) -> str:
        return METRICS[name].text(float(figures[name]))

    who = manifest.get("strategy") or "The run"
    if not figures["enqueued"]:
        return f"{who}: no message was enqueued."
    if not figures["delivered"]:
        return f"{who}: none of {figures['enqueued']:,.0f} messages was delivered."
    return (
        f"{who}: {text('delivery_rate')} of {figures['enqueued']:,.0f} messages were delivered, "
        f"{text('bounce_rate')} bounced, {text('open_rate')} of the delivered were opened; "
        f"99 % of the deliveries took {text('makespan')}."
    )


def _figures(figures: pd.Series[float]) -> Table:
    rows = [
        [metric.title, metric.text(float(figures[name])), metric.meaning]
        for name, metric in METRICS.items()
    ]
    return Table(["metric", "value", "meaning"], rows, [False, True, False])
