"""A server in the simulation: how long it takes, and when it is down."""

from __future__ import annotations

from bisect import bisect_right

from mstoolkit.config import Server
from mstoolkit.isp import Attempt
from mstoolkit.model import Lot, Parcel

ROUND_TRIPS = 3  # MAIL and RCPT and DATA and the dot, pipelined as far as RFC 2920 lets them
FRESH_ROUND_TRIPS = 3  # TCP, banner, EHLO


class Machine:
    """Working time and outages of one server.

    A message takes its round trips (``trips`` s, ``fresh_trips`` with a new connection) and
    ``active / speed`` s of the server itself: messages under way share what it can do, so that
    service time grows with load. The one ``attempt`` is filled anew each time.
    """

    __slots__ = (
        "_ends",
        "active",
        "attempt",
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
        self.attempt = Attempt(source_ip, Parcel(Lot(-1, "", "", "", "", "", 0.0), -1, 0))
        self.active = 0
        self.starts = [start for start, _ in outages]
        self._ends = [end for _, end in outages]

    def down_at(self, now: float) -> bool:
        """Whether the server cannot be reached."""
        k = bisect_right(self.starts, now) - 1
        return k >= 0 and now < self._ends[k]

    def next_outage(self, now: float) -> float:
        """Return when the next outage begins; infinity if none does."""
        k = bisect_right(self.starts, now)
        return self.starts[k] if k < len(self.starts) else float("inf")
