"""A server in the simulation: how long it takes, and when it is down."""

from __future__ import annotations

from bisect import bisect_right

from mstoolkit.config import Server
from mstoolkit.isp import Provider

ROUND_TRIPS = 3  # MAIL and RCPT and DATA and the dot, pipelined as far as RFC 2920 lets them
FRESH_ROUND_TRIPS = 3  # TCP, banner, EHLO


class Machine:
    """Working time and outages of one server.

    A message takes round trips and ``active / speed`` s of the server itself: messages under way
    share what it can do, so that service time grows with load.
    """

    __slots__ = ("_ends", "_starts", "active", "latency", "open", "source_ip", "speed")

    def __init__(
        self, server: Server, source_ip: str, outages: list[tuple[float, float]]
    ) -> None:
        self.latency = server.latency
        self.speed = server.speed
        self.source_ip = source_ip
        self.active = 0
        self.open: dict[int, Provider] = {}
        self._starts = [start for start, _ in outages]
        self._ends = [end for _, end in outages]

    def down_at(self, now: float) -> bool:
        """Whether the server cannot be reached."""
        if not self._starts:
            return False
        k = bisect_right(self._starts, now) - 1
        return k >= 0 and now < self._ends[k]

    def next_outage(self, now: float) -> float:
        """Return when the next outage begins; infinity if none does."""
        k = bisect_right(self._starts, now)
        return self._starts[k] if k < len(self._starts) else float("inf")

    def time(self, fresh: bool) -> float:
        """Return the time (s) one message takes here, without the provider's own."""
        trips = ROUND_TRIPS + (FRESH_ROUND_TRIPS if fresh else 0)
        return trips * self.latency + self.active / self.speed
