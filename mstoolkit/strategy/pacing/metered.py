"""A rate with a burst as a meter: the generic cell rate algorithm behind the protocol."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from mstoolkit.strategy.pacing.gcra import Gcra
from mstoolkit.strategy.pacing.meter import MINUTE, Reversible

_STEPS = 32  # in how many parts of the burst what is owed is told apart for refunds


class Metered(Reversible):
    """At most ``burst + rate x window`` messages in any window.

    Parameters
    ----------
    rate : float
        Messages a second.
    burst : int
        Messages that may leave at one instant, at least 1.

    Examples
    --------
    >>> meter = Metered(rate=2.0, burst=3)
    >>> meter.room(0.0, most=500)
    120
    >>> meter.commit(5, 0.0), meter.ready_at(0.0)
    (1.0, 1.5)
    """

    def __init__(self, rate: float, burst: int) -> None:
        super().__init__()
        self._burst = burst
        self._gcra = Gcra(rate, burst)
        self._least: list[tuple[float, float]] = []  # both values rise
        self._tune(rate)

    def _tune(self, rate: float) -> None:
        self.rate = rate
        self._quantum = max(self._burst, int(rate * MINUTE), 1)

    def retune(self, rate: float, now: float) -> None:
        """Go on at another rate (1/s) from `now` (s) on; what is owed stays owed, in messages."""
        self._last = None
        self._gcra.retune(rate, now)
        self._tune(rate)

    def ready_at(self, now: float) -> float:
        return self._gcra.ready_at(now)

    def room(self, now: float, most: int) -> int:
        return 0 if self._gcra.ready_at(now) > now else min(most, self._quantum)

    def leaves(self, n: int, now: float) -> float:
        return self._gcra.leaves(n, now)

    def _charge(self, n: int, now: float, span: float) -> None:
        gcra = self._gcra
        owed = gcra.tat - now
        owed_at_last = max(owed, 0.0) + (n - 1) * gcra.interval - span
        self._note(now, owed)
        if span:
            self._note(now + span, owed_at_last)
        gcra.commit(n, now)
        if owed_at_last < -1e-9:  # it leaves so slowly that the bucket is full again before its end
            gcra.tat = now + span + gcra.interval

    def _note(self, at: float, owed: float) -> None:
        """Remember how little was owed (s) when a message left.

        A refund of what left before lowers what is owed now by no more than that: the rest of it
        time has made good meanwhile (Lindley's recursion of the waiting time in a queue).
        """
        least, messages = self._least, max(0.0, owed / self._gcra.interval)
        if least:
            at = max(at, least[-1][0])
        while least and least[-1][1] >= messages:
            least.pop()
        if least and messages - least[-1][1] < self._burst / _STEPS:
            messages = least.pop()[1]
        least.append((at, messages))

    def _give_back(self, n: int, charged_at: float) -> None:
        since = bisect_right(self._least, charged_at, key=lambda entry: entry[0])
        later = self._least[since:]
        back = min(n, later[0][1]) if later else n
        self._gcra.tat -= back * self._gcra.interval
        if later:
            least = later[0][1] - back
            earlier = [entry for entry in self._least[:since] if entry[1] < least]
            self._least = earlier + [(at, owed - back) for at, owed in later]

    def _state(self) -> list[Any]:
        return [self.rate, self._gcra.tat, [list(entry) for entry in self._least]]

    def _resume(self, state: list[Any]) -> None:
        rate, tat, least = state
        if rate != self.rate:
            self._gcra.retune(rate, tat)
            self._tune(rate)
        self._gcra.tat = tat
        self._least = [(at, owed) for at, owed in least]
