"""A server in the simulation: how long it takes, and when it is down."""

from __future__ import annotations

from collections.abc import Generator

import simpy

from mstoolkit.config import Server
from mstoolkit.config.scenario import FRESH_ROUND_TRIPS, ROUND_TRIPS
from mstoolkit.sim.clock import Clock

_NEVER = float("inf")


class Machine:
    """Working time and outages of one server.

    A message takes its round trips (``trips`` s, ``fresh_trips`` with a new connection) and
    ``active / speed`` s of the server itself: messages under way share what it can do, so that
    service time grows with load.
    """

    __slots__ = (
        "_outages",
        "active",
        "down",
        "fresh_trips",
        "latency",
        "next_outage",
        "source_ip",
        "speed",
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
        self.next_outage = outages[0][0] if outages else _NEVER
        self._outages = outages

    def outages(self, clock: Clock) -> Generator[simpy.Event, None, None]:
        """Go down and come back, as a SimPy process."""
        following = [start for start, _ in self._outages[1:]]
        for (start, end), after in zip(self._outages, [*following, _NEVER], strict=False):
            if start > clock.now:
                yield clock.timeout(start - clock.now)
            self.down, self.next_outage = True, after
            if end > clock.now:
                yield clock.timeout(end - clock.now)
            self.down = False
