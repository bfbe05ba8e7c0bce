"""`mstoolkit send`: the same strategy over real SMTP."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import figures, screen
from mstoolkit.cli.choices import with_strategy
from mstoolkit.cli.folders import claimed
from mstoolkit.cli.options import Json, Out, Report, ScenarioName, Seed, StrategyName, TimeScale
from mstoolkit.cli.problems import naming, need

if TYPE_CHECKING:
    from mstoolkit.config import Scenario
    from mstoolkit.live import LiveRun

HELP = """
Send a scenario's mail over SMTP with one of its strategies, and write event log and report.

With --sinks the servers are test sinks in this process, so that no mail leaves the machine.
Without it the servers of the scenario are spoken to; any that is not on this machine is refused
unless it is named with --allow-host. How late the run was is told in scenario time.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit send quickstart -s batch --sinks --time-scale 60 --limit 500 --out runs/live

mstoolkit send mine.toml -s batch --allow-host mta.example --limit 10 --out runs/real
"""


def command(
    scenario: ScenarioName,
    strategy: StrategyName,
    out: Out,
    sinks: Annotated[
        bool,
        typer.Option(
            "--sinks", metavar="", help="Start test sinks in this process and send to them."
        ),
    ] = False,
    time_scale: TimeScale = 1.0,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Send at most so many messages."),
    ] = None,
    seed: Seed = 0,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="H", help="Speak to this host too; give it several times."
        ),
    ] = None,
    report: Report = True,
    json: Json = False,
) -> None:
    """Send over SMTP."""
    from mstoolkit.config import load_scenario

    loaded = with_strategy(load_scenario(scenario), strategy)
    folder = claimed(out, "send")
    if sinks:
        need("sinks")
    with naming(str(scenario)), screen.progress(strategy, quiet=json) as show:
        run = asyncio.run(
            sending(
                loaded,
                strategy,
                out=folder,
                with_sinks=sinks,
                seed=seed,
                time_scale=time_scale,
                limit=limit,
                allow_hosts=frozenset(allow_host or ()),
                progress=show,
            )
        )
    page = _report(run) if report else None
    _tell(run, loaded, page, json)
    if run.interrupted:
        raise typer.Exit(130)


async def sending(
    scenario: Scenario,
    strategy: str,
    *,
    with_sinks: bool,
    seed: int,
    time_scale: float,
    **rest: Any,
) -> LiveRun:
    """Send until done or stopped by a signal, to sinks in this process if asked for."""
    from mstoolkit.live import send, stop_on_signals

    with stop_on_signals() as stop:
        if not with_sinks:
            return await send(
                scenario, strategy, seed=seed, time_scale=time_scale, stop=stop, **rest
            )
        from mstoolkit.sinks import Sinks

        async with Sinks(scenario, seed=seed, time_scale=time_scale, any_port=True) as served:
            return await send(
                scenario,
                strategy,
                seed=seed,
                time_scale=time_scale,
                sinks=served,
                stop=stop,
                **rest,
            )


def _report(run: LiveRun) -> Path:
    from mstoolkit.report import write_run

    return write_run(run.folder)


def _tell(run: LiveRun, scenario: Scenario, page: Path | None, json: bool) -> None:
    from mstoolkit.eventlog import read_log

    measured = figures.measured(read_log(run.folder), scenario)
    if json:
        screen.emit(
            {
                "scenario": scenario.name,
                "strategy": run.manifest.strategy,
                "totals": run.totals,
                "metrics": measured,
                "lagged": run.lateness.lagged,
                "late_s": run.lateness.worst,
                "interrupted": run.interrupted,
                "folder": str(run.folder),
                "report": None if page is None else str(page),
            }
        )
        return
    figures.show(f"{run.manifest.strategy} on {scenario.name}, over SMTP", measured)
    tell_lateness(run)
    screen.say(f"Event log: {run.folder}")
    if page is not None:
        screen.say(f"Report:    {page}")
    screen.say(f"Next:      {shlex.join(['mstoolkit', 'replay', str(run.folder)])}")


def tell_lateness(run: LiveRun) -> None:
    """Print one sentence on how late a run was, in scenario time."""
    if run.lateness.lagged:
        screen.say(f"Careful: {run.lateness.warning}.", style="yellow")
        return
    screen.say(
        f"On time: 95 % of its steps were at most {run.lateness.worst:.2f} s of scenario time late "
        f"(bound {run.lateness.bound:g} s)."
    )
