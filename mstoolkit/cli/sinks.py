"""`mstoolkit sinks`: one SMTP server on loopback for every server of a scenario."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json, ScenarioName, Seed, TimeScale
from mstoolkit.cli.problems import naming, need

if TYPE_CHECKING:
    from mstoolkit.config import Scenario
    from mstoolkit.sinks import Sinks

HELP = """
Start SMTP sinks on loopback, one for every server of a scenario, and serve until Ctrl-C.

They answer as the scenario's mailbox providers would: limits, deferrals, bounces, blocklists. The
ports are those of the scenario. No mail leaves the machine. A sender must name the same scenario
and time scale, or is refused.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit sinks quickstart --time-scale 60

mstoolkit send quickstart -s batch --time-scale 60 --out runs/batch     (in another terminal)
"""


def command(
    scenario: ScenarioName, time_scale: TimeScale = 1.0, seed: Seed = 0, json: Json = False
) -> None:
    """Serve sinks."""
    need("sinks")
    from mstoolkit.config import load_scenario

    loaded = load_scenario(scenario)
    with naming(str(scenario)):
        served = asyncio.run(_serve(loaded, time_scale, seed, json))
    if json:
        screen.emit({"event": "stopped", "counts": _counts(served)}, lines=True)
    else:
        show(served)


async def _serve(scenario: Scenario, time_scale: float, seed: int, json: bool) -> Sinks:
    from mstoolkit.live import stop_on_signals
    from mstoolkit.sinks import serve

    with stop_on_signals() as stop:
        return await serve(
            scenario,
            seed=seed,
            time_scale=time_scale,
            ready=_ready_json if json else _ready,
            stop=stop,
        )


def _ready(sinks: Sinks) -> None:
    for name, (host, port) in sinks.addresses.items():
        screen.aside(f"{name} listens on {host}:{port}")
    screen.aside(f"Time scale {sinks.clock.scale:g}. Ctrl-C ends it.")


def _ready_json(sinks: Sinks) -> None:
    screen.emit(
        {
            "event": "listening",
            "scenario": sinks.scenario.name,
            "time_scale": sinks.clock.scale,
            "servers": {name: list(address) for name, address in sinks.addresses.items()},
        },
        lines=True,
    )


def _counts(sinks: Sinks) -> list[dict[str, Any]]:
    return [count._asdict() for count in sinks.counts()]


def show(sinks: Sinks) -> None:
    """Print what the sinks were given and how they answered."""
    rows: Counter[tuple[str, int]] = Counter()
    for count in sinks.counts():
        rows[count.server, count.code] += count.n
    screen.table(
        "What the sinks answered",
        ("server", "reply", "messages"),
        [(server, str(code), f"{n:,}") for (server, code), n in sorted(rows.items())],
    )
