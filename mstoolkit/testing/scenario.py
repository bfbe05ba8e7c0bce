"""A deployment small enough for a test: three servers, three providers, a few hundred messages."""

from __future__ import annotations

from mstoolkit.config import Scenario, parse_scenario

_TOML = """
name = "small"
horizon = "3h"
follow = "72h"

[servers.one]
source_ip = "192.0.2.1"
weight = 3
connections = 8
speed = 20
latency = "30ms"
limits = { rate = "60/min", burst = 5, connections = 4, messages_per_connection = 20 }

[servers.two]
source_ip = "192.0.2.2"
weight = 2
connections = 6
latency = "60ms"
warm = 0.5
limits = { rate = "40/min", burst = 4, connections = 3 }

[servers.three]
source_ip = "192.0.2.3"
priority = 2
connections = 4
latency = "90ms"
warm = 0.05
limits = { rate = "20/min", burst = 2, connections = 2 }

[audience]
size = 600
isps = { gmail = 0.5, yahoo = 0.3, gmx = 0.2 }

[audience.segments.active]
share = 0.7
opens = 0.43
clicks = 0.05
complaints = 0.01
unsubscribes = 0.02
unknown = 0.02
full = 0.02
suppressed = 0.01

[audience.segments.dormant]
share = 0.3
opens = 0.05
complaints = 0.02
unknown = 0.08
full = 0.04
suppressed = 0.02

[campaigns.spring]
expires = "2h"

[[outages]]
server = "one"
start = "2min"
lasts = "4min"

[strategies.round-robin]
rotation = { kind = "round-robin" }

[strategies.batch]
rotation = { kind = "batch", size = 40 }

[strategies.interval]
rotation = { kind = "interval", every = "2min" }

[strategies.smooth-weighted]
rotation = { kind = "smooth-weighted" }

[strategies.least-loaded]
rotation = { kind = "least-loaded" }

[strategies.priority]
rotation = { kind = "priority" }
"""


def small_scenario(size: int = 600, *, outages: bool = True) -> Scenario:
    """Return a scenario that is simulated in a fraction of a second.

    It has the six house strategies, unequal servers, one of them cold, and a server that is down
    for 4 min.

    Parameters
    ----------
    size : int
        Recipients.
    outages : bool
        Whether the server goes down.

    Examples
    --------
    >>> small_scenario(100).audience.size
    100
    """
    scenario = parse_scenario(_TOML, file="small.toml")
    audience = scenario.audience.model_copy(update={"size": size})
    kept = scenario.outages if outages else ()
    return scenario.model_copy(update={"audience": audience, "outages": kept})
