"""`mstoolkit compare`: which of a scenario's strategies is best, and how sure that is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mstoolkit.cli import screen, standings
from mstoolkit.cli.choices import with_strategies
from mstoolkit.cli.folders import claimed
from mstoolkit.cli.options import Batch, Json, ScenarioName, Seed

HELP = """
Simulate strategies side by side and say which is best, and how sure that is.

Every strategy meets the same audience, the same providers and the same outages in each
replication, so that strategies are compared in pairs. Intervals hold for all pairs at once; where
one holds zero, the verdict is "cannot tell", with the replications that would tell.

Written to the folder: summary.csv, comparison.csv, runs.csv, report.html, plots, the event logs
and manifest.json.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit compare quickstart

mstoolkit compare quickstart -s batch -s interval --replications 40

mstoolkit compare quickstart --with postfix,kumomta

mstoolkit compare mine.toml --metric queue_p95 --out results/first

mstoolkit compare mine.toml --json > result.json
"""


Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        "-s",
        metavar="STRATEGY",
        help="A strategy of the scenario, or preset:NAME; give it several times. "
        "All of the scenario's by default.",
    ),
]
Presets = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="PRESETS",
        help="Presets to add beside them, as postfix,kumomta; mstoolkit presets lists them.",
    ),
]
Replications = Annotated[
    int,
    typer.Option(
        "--replications", metavar="R", min=1, help="Runs of each strategy; 1: no intervals."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="J", min=1, help="Processes; one a processor by default."),
]
Metric = Annotated[str, typer.Option("--metric", metavar="M", help="The metric that counts first.")]
Results = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="New folder for the results; runs/compare-<n> by default."
    ),
]


def command(
    scenario: ScenarioName,
    strategy: Strategies = None,
    presets: Presets = None,
    replications: Replications = 20,
    seed: Seed = 0,
    batch: Batch = 100,
    jobs: Jobs = None,
    metric: Metric = "delivery_rate",
    out: Results = None,
    json: Json = False,
) -> None:
    """Compare strategies."""
    from mstoolkit.config import load_scenario
    from mstoolkit.experiment import compare
    from mstoolkit.report import write_pages

    loaded, chosen = with_strategies(load_scenario(scenario), strategy, presets)
    folder = claimed(out, "compare")
    result = compare(
        loaded,
        chosen,
        replications=replications,
        seed=seed,
        batch=batch,
        jobs=jobs,
        out=folder,
        metric=metric,
        progress=not json,
        source=scenario,
        finish=write_pages,
    )
    if json:
        screen.emit(standings.document(result, folder))
        return
    standings.show(result)
    screen.say(f"Report: {folder / 'report.html'}")
    following = ["mstoolkit", "send", scenario, "-s", result.winner.strategy, "--sinks"]
    following += ["--time-scale", "600", "--limit", "500", "--out", str(claimed(None, "send"))]
    screen.say(f"Next:   {shlex.join(following)}")
