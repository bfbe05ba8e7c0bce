"""`mstoolkit export`: a strategy in another system's words, and what is lost on the way."""

from __future__ import annotations

import shlex
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen, standings
from mstoolkit.cli.choices import with_strategy
from mstoolkit.cli.files import write_new
from mstoolkit.cli.options import Batch, Json, ScenarioName, Seed, StrategyName
from mstoolkit.cli.problems import refuse
from mstoolkit.cli.systems import known_system

if TYPE_CHECKING:
    from mstoolkit.config.peers import Exported
    from mstoolkit.experiment import Comparison

HELP = """
Write a strategy as a configuration of KumoMTA, PowerMTA or Postfix.

No other system can express all of a strategy. What is lost is listed, here and at the head of each
file. With --compare the strategy is simulated beside its reduced form, which behaves as the written
configuration would, so that you see what the loss costs.

The files hold sources, pool, limits and retry times, and no more: check names and addresses, and
add them to a configuration that has the rest.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit export quickstart -s smooth-weighted --to kumomta -o kumomta

mstoolkit export quickstart -s priority --to postfix

mstoolkit export quickstart -s smooth-weighted --to powermta -o pmta --compare
"""

To = Annotated[str, typer.Option("--to", metavar="SYSTEM", help="kumomta, powermta or postfix.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Folder for the files; else they are printed."),
]
Force = Annotated[
    bool, typer.Option("--force", metavar="", help="Write over files that are there already.")
]
Compare = Annotated[
    bool,
    typer.Option("--compare", metavar="", help="Simulate what is left beside the whole strategy."),
]
Replications = Annotated[
    int,
    typer.Option("--replications", metavar="R", min=1, help="Runs of each for --compare."),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="J", min=1, help="Processes; one a processor by default."),
]
Metric = Annotated[str, typer.Option("--metric", metavar="M", help="The metric that counts first.")]


def command(
    scenario: ScenarioName,
    strategy: StrategyName,
    to: To,
    out: Out = None,
    force: Force = False,
    compare: Compare = False,
    replications: Replications = 20,
    seed: Seed = 0,
    batch: Batch = 100,
    jobs: Jobs = None,
    metric: Metric = "delivery_rate",
    json: Json = False,
) -> None:
    """Export a strategy."""
    from mstoolkit.config import load_scenario
    from mstoolkit.config.peers import export

    loaded = with_strategy(load_scenario(scenario), strategy)
    exported = export(loaded, strategy, known_system(to, "--to"))
    if out is not None:
        if out.is_file():
            refuse("is a file, not a folder", key="--out", file=str(out), remedy="name a folder")
        write_new({out / name: text for name, text in exported.files.items()}, force=force)
    result = None
    if compare:
        from mstoolkit.experiment import compare_reduced

        result = compare_reduced(
            loaded,
            strategy,
            exported.reduced,
            exported.servers,
            label=_label(f"as-{to}", loaded.strategies),
            replications=replications,
            seed=seed,
            batch=batch,
            jobs=jobs,
            metric=metric,
            progress=not json,
            source=scenario,
        )
    if json:
        screen.emit(_document(exported, out, result))
        return
    _show(exported, out, to)
    if result is not None:
        standings.show(result)
    elif out is not None:
        again = ["mstoolkit", "export", scenario, "-s", strategy, "--to", to, "--compare"]
        screen.say(f"Next:    {shlex.join(again)}")


def _label(name: str, taken: Container[str]) -> str:
    """Return a name for the reduced form that no strategy has."""
    while name in taken:
        name += "-now"
    return name


def _show(exported: Exported, out: Path | None, to: str) -> None:
    if out is None:
        for name, text in exported.files.items():
            screen.say(f"==> {name} <==")
            screen.say(text)
        return
    screen.say(f"What {to} cannot express:")
    for line in exported.lost:
        screen.say(f"  {line}")
    for name in exported.files:
        screen.say(f"Written: {out / name}")


def _document(exported: Exported, out: Path | None, result: Comparison | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "files": dict(exported.files),
        "folder": None if out is None else str(out),
        "lost": list(exported.lost),
        "reduced": exported.reduced.model_dump(mode="json"),
    }
    if result is not None:
        document["comparison"] = {
            **result.manifest,
            "summary": result.summary.to_dict("records"),
            "comparison": result.comparison.to_dict("records"),
        }
    return document
