"""`mstoolkit validate`: reads a scenario and says what it holds, or what is wrong with it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json, ScenarioName

if TYPE_CHECKING:
    from mstoolkit.config import Scenario

HELP = """
Check a scenario file and show what it holds.

Every key is checked: unknown ones, wrong units, shares that do not sum to 1, names that exist
nowhere. The first thing that is wrong is told in one sentence, with the key and what to do.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit validate quickstart

mstoolkit validate mine.toml --json
"""


def command(scenario: ScenarioName, json: Json = False) -> None:
    """Check a scenario."""
    from mstoolkit.config import load_scenario

    loaded = load_scenario(scenario)
    if json:
        screen.emit(_summary(loaded))
        return
    screen.say(f": {loaded.description or 'valid'}", head=loaded.name)
    screen.say(
        f"{loaded.audience.size:,} recipients, {len(loaded.isps)} providers, "
        f"{_counted(len(loaded.campaigns), 'campaign')}, "
        f"{_counted(len(loaded.outages), 'outage')}, "
        f"horizon {loaded.horizon / 3600:g} h, followed {loaded.follow / 3600:g} h longer"
    )
    screen.table(
        "Servers",
        ("server", "region", "weight", "tier", "connections", "messages/s", "cost/1000", "warm"),
        [
            (
                name,
                server.region,
                f"{server.weight:g}",
                str(server.priority),
                str(server.connections),
                f"{server.speed:g}",
                f"{server.cost_per_1000:.2f}",
                f"{server.warm:.0%}",
            )
            for name, server in loaded.servers.items()
        ],
        words=("region",),
    )
    screen.table(
        "Audience by provider",
        ("provider", "share", "recipients"),
        [
            (isp, f"{share:.1%}", f"{loaded.audience.size * share:,.0f}")
            for isp, share in loaded.audience.isps.items()
        ],
    )
    screen.say(f"Strategies: {', '.join(loaded.strategies)}")
    screen.say(f"Next: {shlex.join(['mstoolkit', 'compare', scenario])}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _summary(scenario: Scenario) -> dict[str, Any]:
    from mstoolkit.config import content_hash

    return {
        "valid": True,
        "name": scenario.name,
        "description": scenario.description,
        "hash": content_hash(scenario),
        "horizon_s": scenario.horizon,
        "follow_s": scenario.follow,
        "recipients": scenario.audience.size,
        "servers": list(scenario.servers),
        "isps": list(scenario.audience.isps),
        "campaigns": list(scenario.campaigns),
        "outages": len(scenario.outages),
        "strategies": list(scenario.strategies),
    }
