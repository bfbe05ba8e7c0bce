"""How long an isolated server is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor


class IsolationTimes:
    """How long one server stays isolated: longer each time, and shorter again with healthy time.

    The time is base x m, at most the longest. m grows by one with each isolation, as long as m x
    base < longest + base, and falls by one at each tick that is a whole interval of healthy time
    after the end. As Envoy's ``ejectHost`` and ``checkHostForUneject`` with jitter 0.

    Parameters
    ----------
    base, longest : float
        Times, s; if base is the longer one, it is the longest.
    interval : float
        Time between ticks, s, counted from 0.
    at_tick : bool
        Whether isolation ends at a tick only, which rounds it up; else ticks count from its end.

    Examples
    --------
    >>> times = IsolationTimes(30.0, 300.0, interval=10.0, at_tick=True)
    >>> times.isolate(5.0), times.isolate(41.0)
    (40.0, 110.0)
    >>> times.multiplier(120.0), times.multiplier(1000.0)
    (1, 0)
    """

    def __init__(self, base: float, longest: float, interval: float, at_tick: bool = False) -> None:
        self._base = base
        self._longest = max(base, longest)
        self._interval = interval
        self._at_tick = at_tick
        self._multiplier = 0
        self._until = 0.0

    def isolate(self, now: float) -> float:
        """Return until when (s) the server is isolated from now (s) on."""
        multiplier = self.multiplier(now)
        if multiplier * self._base < self._longest + self._base:
            multiplier += 1
        self._multiplier = multiplier
        self._until = now + min(multiplier * self._base, self._longest)
        if self._at_tick:
            ticks = floor(self._until / self._interval)
            if ticks * self._interval < self._until:
                ticks += 1
            self._until = ticks * self._interval
        return self._until

    def multiplier(self, now: float) -> int:
        """Return what is left of m at a time (s) after healthy time was forgiven."""
        healthy = floor((now - self._until) / self._interval) if now > self._until else 0
        return max(0, self._multiplier - healthy)

    def snapshot(self) -> list[float]:
        """Return the state as JSON-able values."""
        return [self._multiplier, self._until]

    def restore(self, state: Sequence[float]) -> None:
        """Take over what `snapshot` returned."""
        self._multiplier, self._until = int(state[0]), state[1]
