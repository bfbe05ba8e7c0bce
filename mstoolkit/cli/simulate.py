"""`mstoolkit simulate`: one strategy, one run, one event log."""

from __future__ import annotations

import shlex
from pathlib import Path

from mstoolkit.cli import figures, screen
from mstoolkit.cli.choices import with_strategy
from mstoolkit.cli.folders import claimed
from mstoolkit.cli.options import Batch, Json, Out, Report, ScenarioName, Seed, StrategyName

HELP = """
Run one strategy once in simulated time and write its event log.

The folder holds the events and the providers' hidden state (truth) in Parquet, the scenario, a
manifest and report.html with its plots; mstoolkit replay reads it again, and so does pandas.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit simulate quickstart -s interval --out runs/interval

mstoolkit simulate quickstart -s interval --batch 1 --seed 7 --out runs/exact
"""


def command(
    scenario: ScenarioName,
    strategy: StrategyName,
    out: Out,
    seed: Seed = 0,
    batch: Batch = 100,
    report: Report = True,
    json: Json = False,
) -> None:
    """Simulate a strategy."""
    from mstoolkit.config import load_scenario
    from mstoolkit.experiment import staged
    from mstoolkit.sim import simulate

    loaded = with_strategy(load_scenario(scenario), strategy)
    folder = claimed(out, "simulate")
    with screen.progress(strategy, quiet=json) as show, staged(folder) as place:
        run = simulate(loaded, strategy, seed=seed, batch=batch, progress=show)
        run.write(place)
        if report:
            _report(place, scenario)
    measured = figures.measured(run.events, loaded)
    if json:
        screen.emit(
            {
                "scenario": loaded.name,
                "strategy": strategy,
                "seed": seed,
                "batch": batch,
                "metrics": measured,
                "totals": run.totals,
                "folder": str(folder),
                "report": str(folder / "report.html") if report else None,
            }
        )
        return
    figures.show(f"{strategy} on {loaded.name}, seed {seed}", measured)
    screen.say(f"Event log: {folder}")
    if report:
        screen.say(f"Report:    {folder / 'report.html'}")
    screen.say(f"Next:      {shlex.join(['mstoolkit', 'replay', str(folder)])}")


def _report(folder: Path, scenario: str) -> None:
    from mstoolkit.report import write_run

    write_run(folder, source=scenario)
