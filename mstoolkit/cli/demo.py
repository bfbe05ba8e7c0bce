"""`mstoolkit demo`: the whole path, from strategies in simulation to mail sent by the winner."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mstoolkit.cli import screen, send, standings
from mstoolkit.cli.folders import claimed
from mstoolkit.cli.problems import need

if TYPE_CHECKING:
    from mstoolkit.config import Scenario
    from mstoolkit.live import LiveRun

HELP = """
See the whole path in two minutes: compare the strategies of the quickstart, then send with the
winner.

Five SMTP servers, seven mailbox providers, 50,000 recipients and an outage are simulated under
six strategies. Then real SMTP messages go to test sinks on this machine, and the log of that is
replayed to show that the dispatcher decides the same again.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit demo

mstoolkit demo --out runs/look
"""

SCENARIO, REPLICATIONS, BATCH, SEED = "quickstart", 10, 100, 0
MESSAGES, TIME_SCALE = 2000, 300.0
HORIZON, SPREAD = 3 * 3600.0, 90 * 60.0
"""Of the live part, s: sending stops after 3 h, and the mail comes in over 90 min."""


def command(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="New folder; runs/demo-<n> by default."),
    ] = None,
    replications: Annotated[
        int, typer.Option("--replications", metavar="R", min=1, help="Runs of each strategy.")
    ] = REPLICATIONS,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Real messages to send.")
    ] = MESSAGES,
) -> None:
    """Show the whole path."""
    need("sinks")
    from mstoolkit.config import load_scenario

    folder = claimed(out, "demo")
    scenario = load_scenario(SCENARIO)
    winner = _simulated(scenario, replications, folder / "compare")
    _sent(scenario, winner, limit, folder / "live")
    _replayed(folder / "live")
    _where(folder)


def _simulated(scenario: Scenario, replications: int, folder: Path) -> str:
    from mstoolkit.experiment import compare
    from mstoolkit.report import write_pages

    screen.say(
        f": {len(scenario.servers)} servers, {len(scenario.isps)} "
        f"providers, {scenario.audience.size:,} recipients, {replications} times under each of "
        f"{len(scenario.strategies)} strategies",
        head="1. Simulated",
    )
    result = compare(
        scenario,
        replications=replications,
        seed=SEED,
        batch=BATCH,
        out=folder,
        finish=write_pages,
    )
    standings.show(result)
    return result.winner.strategy


def _sent(scenario: Scenario, strategy: str, limit: int, folder: Path) -> None:
    from mstoolkit.report import write_run

    screen.say(
        f": {limit:,} real SMTP messages by {strategy}, to sinks on this "
        f"machine that answer as the providers do; they come in over {SPREAD / 60:g} minutes, and "
        f"an hour passes in {3600 / TIME_SCALE:g} s",
        head="\n2. Sent",
    )
    with screen.progress(strategy) as show:
        run = asyncio.run(
            send.sending(
                _spread(scenario),
                strategy,
                out=folder,
                with_sinks=True,
                seed=SEED,
                time_scale=TIME_SCALE,
                limit=limit,
                progress=show,
            )
        )
    if run.interrupted:
        raise typer.Exit(130)
    write_run(folder)
    _happened(run, limit)


def _spread(scenario: Scenario) -> Scenario:
    """Return the scenario with mail that comes in over a while, so that it meets the outage."""
    campaigns = {
        name: campaign.model_copy(update={"spread": SPREAD})
        for name, campaign in scenario.campaigns.items()
    }
    return scenario.model_copy(update={"horizon": HORIZON, "campaigns": campaigns})


def _happened(run: LiveRun, limit: int) -> None:
    from mstoolkit.analysis import by
    from mstoolkit.eventlog import read_log

    screen.table(
        "What came of them",
        ("outcome", "messages", "share"),
        [
            (name, f"{n:,}", f"{n / limit:.1%}")
            for name, n in run.totals.items()
            if n and name != "enqueued"
        ],
    )
    columns = ["share", "deferral_rate", "connection_failures", "suspensions"]
    servers = by(read_log(run.folder), "server")[columns]
    screen.table(
        "By whom",
        ("server", "deliveries", "deferred", "failed connections", "left alone"),
        [
            (name, f"{share:.1%}", f"{deferred:.1%}", f"{failures:.0f}", f"{suspensions:.0f}")
            for name, share, deferred, failures, suspensions in servers.itertuples(name=None)
        ],
    )
    send.tell_lateness(run)


def _replayed(folder: Path) -> None:
    from mstoolkit.replay import replay

    found = replay(folder)
    screen.say(f": {found}", head="\n3. Replayed")
    if not found.identical:
        raise typer.Exit(1)


def _where(folder: Path) -> None:
    screen.say(f"\nReports:   {folder / 'compare' / 'report.html'}")
    screen.say(f"           {folder / 'live' / 'report.html'}")
    screen.say(f"Event log: {folder / 'live'}")
    screen.say("Next:      mstoolkit --help, or mstoolkit lab for the notebooks")
