"""The simulator as a textbook queue: Poisson arrivals, exponential service, c connections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mstoolkit.config import Policy, Scenario, parse_scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.eventlog import Recorder, check_balance
from mstoolkit.isp import Draws, Provider, Verdict
from mstoolkit.model import Enqueued, Event, Parcel, Reply
from mstoolkit.sim.driver import Driver
from mstoolkit.strategy import Dispatcher

Floats = NDArray[np.float64]
MEAN_SERVICE = 100.0  # s, there are no round trips
_SCENARIO = """
name = "queue"
horizon = "30000000s"
follow = "30000000s"

[servers.one]
source_ip = "192.0.2.1"
connections = {c}
speed = 1000000000
latency = "0s"
limits.connections = {c}
limits.messages_per_connection = 1000000
limits.rate = "1000000/s"
limits.burst = 1000000

[audience]
size = {size}
isps = {{ gmail = 1.0 }}

[audience.segments.all]
share = 1.0
opens = 0.0

[campaigns.all]
expires = "20000000s"

[strategies.fifo]
rotation = {{ kind = "round-robin" }}
"""


class Open:
    """A provider that lets everything in."""

    profile = SimpleNamespace(service=MEAN_SERVICE, feedback_loop=False)
    waits = False  # for the banner

    def connect(self, now: float, source_ip: str, slots: int = 1) -> Reply:
        return Reply(220, "", "hello", "connect")

    def disconnect(self, source_ip: str, slots: int = 1) -> None:
        return

    def receive(self, now: float, attempt: object, draws: Draws) -> Verdict:
        return Verdict(((Reply(250, "2.0.0", "taken"), 1),))


def waits(servers: int, arrivals: Floats, services: Floats) -> Floats:
    """Return the time (s) that each message waits in the simulator, in the order of arrival."""
    text = _SCENARIO.format(c=servers, size=len(arrivals))
    scenario = parse_scenario(text, file="queue.toml")
    dispatcher, recorder = _sender(scenario), Recorder(scenario, run="queue", strategy="fifo")
    draws = Draws(scenario, 0)
    (block,) = Mailing(scenario).blocks
    draws.stretch[block.lot.list] = services / MEAN_SERVICE
    driver = Driver(scenario, dispatcher, {"gmail": cast("Provider", Open())}, draws, recorder)
    came: list[Event] = [
        Enqueued(at, Parcel(block.lot, k, 1, 0, at)) for k, at in enumerate(arrivals.tolist())
    ]
    driver.run(came, None)
    check_balance(recorder.table(), dispatcher.totals)
    events: Any = recorder.frame()
    sent = events[events["event"] == "sent"].sort_values("first")
    assert len(sent) == len(arrivals)
    return np.asarray(sent["at"].to_numpy() - arrivals, np.float64)


def _sender(scenario: Scenario) -> Dispatcher:
    policy: Policy = scenario.strategies["fifo"]
    return Dispatcher(scenario.servers, policy, seed=0, batch=1, epoch=scenario.epoch)


def recursion(servers: int, arrivals: Floats, services: Floats) -> Floats:
    """Return the waits by Kiefer and Wolfowitz's recursion (1955): first come, first served."""
    free = [0.0] * servers
    out = []
    for at, service in zip(arrivals.tolist(), services.tolist(), strict=True):
        soonest = min(range(servers), key=free.__getitem__)
        begun = max(at, free[soonest])
        free[soonest] = begun + service
        out.append(begun - at)
    return np.array(out)


def erlang_c(servers: int, rho: float) -> float:
    """Return the chance that a message must wait in M/M/c at a load of `rho` (Erlang 1917).

    By the recursion of Erlang B, 1/B(k) = 1 + k / (a B(k - 1)), and C = B / (1 - rho (1 - B)).
    """
    offered, inverse = servers * rho, 1.0
    for k in range(1, servers + 1):
        inverse = 1.0 + inverse * k / offered
    return 1.0 / (inverse * (1.0 - rho) + rho)


def mean_wait(servers: int, rho: float) -> float:
    """Return the mean wait in M/M/c in units of the mean service time."""
    return erlang_c(servers, rho) / (servers * (1.0 - rho))
