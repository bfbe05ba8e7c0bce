"""`mstoolkit sensitivity`: which conclusions rest on figures that nobody has published."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.choices import with_strategies
from mstoolkit.cli.compare import Jobs, Metric, Strategies
from mstoolkit.cli.folders import claimed
from mstoolkit.cli.options import Batch, Json, ScenarioName, Seed

if TYPE_CHECKING:
    from mstoolkit.experiment import Sensitivity

HELP = """
Vary every assumed figure of the providers, and say which conclusions rest on it.

Much of what providers do is not published; their profiles say which figures are assumed. Each of
these is halved and doubled alone, in all providers that assume it, and the strategies meet each
other again with the same seeds. What is clear in the scenario as it is either holds at both ends,
or rests on the figures that are named.

Written to the folder of --out: report.html, plots/tornado.png, sensitivity.csv, pairs.csv,
conclusions.csv, not-varied.csv and manifest.json.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit sensitivity quickstart --only rate --replications 5

mstoolkit sensitivity mine.toml -s batch -s interval --metric queue_p95

mstoolkit sensitivity mine.toml --factor 3 --audience --out results/sensitivity

mstoolkit isps show gmail             which figures are assumed
"""

_ROWS = 20

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="KEY",
        help="A figure to vary, as rate.cautious, or a table, as rate; give it several times.",
    ),
]
Factor = Annotated[
    float,
    typer.Option("--factor", metavar="F", help="Divide and multiply by this; 2 halves, doubles."),
]
Replications = Annotated[
    int,
    typer.Option(
        "--replications",
        metavar="R",
        min=1,
        help="Runs of each strategy in each variation; 1: no intervals.",
    ),
]
OfAudience = Annotated[
    bool,
    typer.Option("--audience", metavar="", help="Vary what segments of the audience do, as well."),
]
Results = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="New folder for report, plot and CSV; none if left."),
]


def command(
    scenario: ScenarioName,
    strategy: Strategies = None,
    metric: Metric = "delivery_rate",
    replications: Replications = 10,
    factor: Factor = 2.0,
    only: Only = None,
    audience: OfAudience = False,
    seed: Seed = 0,
    batch: Batch = 100,
    jobs: Jobs = None,
    out: Results = None,
    json: Json = False,
) -> None:
    """Vary assumed figures."""
    from mstoolkit.config import load_scenario
    from mstoolkit.experiment import sensitivity
    from mstoolkit.report import write_sensitivity

    loaded, chosen = with_strategies(load_scenario(scenario), strategy)
    folder = None if out is None else claimed(out, "sensitivity")
    result = sensitivity(
        loaded,
        chosen,
        metric=metric,
        replications=replications,
        seed=seed,
        factor=factor,
        only=only or (),
        audience=audience,
        batch=batch,
        jobs=jobs,
        out=folder,
        progress=not json,
        source=scenario,
        finish=write_sensitivity,
    )
    if json:
        screen.emit(_document(result, folder))
        return
    _show(result)
    if folder is not None:
        screen.say(f"Report: {folder / 'report.html'}")
        return
    words = [*result.command, "--out", str(claimed(None, "sensitivity"))]
    screen.say(f"Next:   {shlex.join(words)}")


def _show(result: Sensitivity) -> None:
    from mstoolkit.analysis import METRICS
    from mstoolkit.report import rests_on

    what = METRICS[result.base.metric]
    rows = [
        (
            str(one["parameter"]),
            *(f"{one[end]} {one['unit']}".strip() if one[end] else "–" for end in ("low", "high")),
            *(what.difference(one[f"lead_{point}"]) for point in ("low", "base", "high")),
            _flip(one),
        )
        for _, one in result.table.head(_ROWS).iterrows()
    ]
    columns = ("figure", "smaller", "larger", "lead, smaller", "as assumed", "larger", "flips")
    screen.table(
        f"{result.base.scenario.name}: lead of {result.best} over the best other in {what.title}, "
        f"{result.base.replications} replications",
        columns,
        rows,
        words=("flips",),
    )
    if len(result.table) > _ROWS:
        screen.say(f"And {len(result.table) - _ROWS} more figures with smaller swings.")
    for _, one in result.conclusions.iterrows():
        screen.say(f": {rests_on(one)}", head=f"{one['ahead']} beats {one['behind']}")
    for _, one in result.not_varied.iterrows():
        screen.say(f"Not varied: {one['parameter']} ({one['end']}) {one['reason']}.")
    screen.say(result.sentence, style="bold")


def _flip(one: Any) -> str:
    if not one["flip"]:
        return ""
    return f"{one['flip']}" if one["flip_clear"] else f"{one['flip']} (noise)"


def _document(result: Sensitivity, folder: Path | None) -> dict[str, Any]:
    return {
        **result.manifest,
        "sentence": result.sentence,
        "table": result.table.to_dict("records"),
        "conclusions": result.conclusions.to_dict("records"),
        "not_varied": result.not_varied.to_dict("records"),
        "folder": None if folder is None else str(folder),
    }
