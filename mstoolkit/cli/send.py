"""`mstoolkit send`: the same strategy over real SMTP."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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

The folder's spool.db says at any moment what is left, what may be on the wire, and how each message
ended. A run that was stopped (Ctrl-C, SIGTERM) or killed goes on with the same command and --out;
its time has gone on meanwhile. A message whose connection or process was lost after the final dot
is ambiguous: it is tried again, may arrive twice, and is counted. A power cut may take the last
moments of the spool, and what went out in them goes again; --sync full waits for the disk instead.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit send quickstart -s batch --sinks --time-scale 60 --limit 500 --out runs/live

mstoolkit send mine.toml -s batch --allow-host mta.example --limit 10 --out runs/real

mstoolkit send mine.toml -s batch --allow-host mta.example --limit 10 --out runs/real     (goes on)
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
    sync: Annotated[
        Literal["normal", "full"],
        typer.Option(
            "--sync",
            help="What the spool survives: normal: kill -9; full: also a power cut, slower.",
        ),
    ] = "normal",
    report: Report = True,
    json: Json = False,
) -> None:
    """Send over SMTP, or go on with a run that was cut off."""
    from mstoolkit.config import load_scenario
    from mstoolkit.live.spool import holds_spool

    loaded = with_strategy(load_scenario(scenario), strategy)
    folder = out if holds_spool(out) else claimed(out, "send")
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
                sync=sync,
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
    out: Path,
    with_sinks: bool,
    seed: int,
    time_scale: float,
    **rest: Any,
) -> LiveRun:
    """Send until done or stopped by a signal, to sinks in this process if asked for.

    Sinks of a run that is taken up go by its clock; what they knew of the mail before is gone.
    """
    from mstoolkit.live import send, stop_on_signals
    from mstoolkit.live.spool import epoch_of

    rest["out"] = out

    with stop_on_signals() as stop:
        if not with_sinks:
            return await send(
                scenario, strategy, seed=seed, time_scale=time_scale, stop=stop, **rest
            )
        from mstoolkit.sinks import Sinks

        async with Sinks(scenario, seed=seed, time_scale=time_scale, any_port=True) as served:
            if (epoch := epoch_of(out)) is not None:
                served.clock.arm(epoch)
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
                "starts": run.starts,
                "ambiguous": run.ambiguous,
                "folder": str(run.folder),
                "report": None if page is None else str(page),
            }
        )
        return
    figures.show(f"{run.manifest.strategy} on {scenario.name}, over SMTP", measured)
    tell_lateness(run)
    _tell_ambiguous(run)
    screen.say(f"Event log: {run.folder}")
    if page is not None:
        screen.say(f"Report:    {page}")
    if run.interrupted:
        screen.say(f"Stopped:   the same command with --out {shlex.quote(str(run.folder))} goes on")
    screen.say(f"Next:      {shlex.join(['mstoolkit', 'replay', str(run.folder)])}")


def _tell_ambiguous(run: LiveRun) -> None:
    """Say how many messages may have gone out twice."""
    if run.ambiguous:
        attempts = "1 attempt" if run.ambiguous == 1 else f"{run.ambiguous:,} attempts"
        screen.say(
            f"Ambiguous: {attempts} ended after the final dot without an answer and went again; "
            "only these messages may have arrived twice.",
            style="yellow",
        )


def tell_lateness(run: LiveRun) -> None:
    """Print one sentence on how late a run was, in scenario time."""
    if run.lateness.lagged:
        screen.say(f"Careful: {run.lateness.warning}.", style="yellow")
        return
    screen.say(
        f"On time: 95 % of its steps were at most {run.lateness.worst:.2f} s of scenario time late "
        f"(bound {run.lateness.bound:g} s)."
    )
