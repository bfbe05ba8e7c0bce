"""Virtual time: SimPy's, with a lighter kind of timer beside its events.

What needs waiting for in several steps (arrivals, outages, the horizon) is a SimPy process. The end
of an attempt and a wake-up of the dispatcher need one call at one time, tens of thousands of times:
a timer is just that, in a heap of its own. At one instant SimPy's events come first, then timers in
the order in which they were set.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import nextafter
from typing import Any

import simpy

_NEVER = float("inf")


class Clock(simpy.Environment):
    """A SimPy environment that also runs timers.

    Examples
    --------
    >>> clock, heard = Clock(), []
    >>> clock.later(2.0, heard.append, "timer")
    >>> def process():
    ...     yield clock.timeout(1.0)
    ...     heard.append("process")
    >>> clock.process(process())
    <Process(process) object at 0x...>
    >>> clock.run_until(3.0)
    >>> heard, clock.now
    (['process', 'timer'], 3.0)
    """

    def __init__(self) -> None:
        super().__init__()
        self._timers: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._order = 0

    def later(self, at: float, do: Callable[[Any], None], what: Any) -> None:
        """Call ``do(what)`` at time `at`, or at once if that is past."""
        self._order = order = self._order + 1
        heappush(self._timers, (at, order, do, what))

    def run_until(self, until: float) -> None:
        """Let time pass until `until`; what is due then happens."""
        timers, events = self._timers, self._queue
        beyond = nextafter(until, _NEVER)
        while True:
            known = len(events)  # timers may start SimPy events, and only that
            limit = min(events[0][0], beyond) if events else beyond
            while timers and timers[0][0] < limit and len(events) == known:
                at, _, do, what = heappop(timers)
                if at > self._now:
                    self._now = at
                do(what)
            if len(events) == known:
                if limit == beyond:
                    break
                self.step()
        self._now = until
