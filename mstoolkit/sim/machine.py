"""A server in the simulation: how long it takes, and when it is down."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator

import simpy

from mstoolkit.config import Server
from mstoolkit.config.scenario import FRESH_ROUND_TRIPS, ROUND_TRIPS
from mstoolkit.sim.clock import Clock


class Machine:
    """Working time and outages of one server.

    A message takes its round trips (``trips`` s, ``fresh_trips`` with a new connection) and
    ``active / speed`` s of the server itself: messages under way share what it can do, so that
    service time grows with load.
    """

    __slots__ = (
        "_ends",
        "active",
        "down",
        "fresh_trips",
        "latency",
        "source_ip",
        "speed",
        "starts",
        "trips",
    )

    def __init__(self, server: Server, source_ip: str, outages: list[tuple[float, float]]) -> None:
        self.latency = server.latency
        self.trips = ROUND_TRIPS * server.latency
        self.fresh_trips = (ROUND_TRIPS + FRESH_ROUND_TRIPS) * server.latency
        self.speed = server.speed
        self.source_ip = source_ip
        self.active = 0
        self.down = False
        self.starts = [start for start, _ in outages]
        self._ends = [end for _, end in outages]

    def outages(self, clock: Clock) -> Generator[simpy.Event, None, None]:
        """Go down and come back, as a SimPy process."""
        for start, end in zip(self.starts, self._ends, strict=True):
            if start > clock.now:
                yield clock.timeout(start - clock.now)
            self.down = True
            if end > clock.now:
                yield clock.timeout(end - clock.now)
            self.down = False

    def next_outage(self, now: float) -> float:
        """Return when the next outage begins; infinity if none does."""
        k = bisect_right(self.starts, now)
        return self.starts[k] if k < len(self.starts) else float("inf")
