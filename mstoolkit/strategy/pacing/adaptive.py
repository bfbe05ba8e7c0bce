"""Rates that learn a provider's hidden limit from its refusals, within a range.

A throttle tells of the rate at which its message was sent. Refusals of what was sent before the
last cut are therefore no news: a burst of them lowers the rate once, however late they arrive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mstoolkit.config import AdaptSpec
from mstoolkit.config.pacing import CubicSpec


class AdaptiveRate(ABC):
    """The rate of one path, in messages a second, between `lowest` and `highest`.

    Parameters
    ----------
    lowest, highest : float
        Range of the rate, 1/s; it starts at the highest, the rate that was configured.
    decrease : float
        Factor of a cut, 0 to 1.
    hold : float
        Time (s) after a cut in which the rate does not grow.
    """

    _state: ClassVar[tuple[str, ...]] = ("rate", "cut_at", "peak")

    def __init__(self, lowest: float, highest: float, decrease: float, hold: float = 0.0) -> None:
        self.hold = hold
        self.lowest = min(lowest, highest)
        self.highest = highest
        self.decrease = decrease
        self.rate = highest
        self.cut_at = float("-inf")
        self.peak = highest  # the rate before the last cut

    def throttled(self, sent_at: float, now: float) -> bool:
        """Take note of a throttle; return whether the rate was cut.

        Parameters
        ----------
        sent_at : float
            When (s) the refused messages were sent.
        now : float
            Scenario time, s.
        """
        if sent_at < self.cut_at:
            return False
        self.peak, self.cut_at = self.rate, now
        self.rate = max(self.lowest, self.rate * self.decrease)
        return True

    def accepted(self, n: int, now: float) -> bool:
        """Take note of `n` accepted messages; return whether the rate has grown."""
        before = self.rate
        if before < self.highest:
            grown = self._grown(n, now)
            if now >= self.cut_at + self.hold:
                self.rate = min(self.highest, max(before, grown))
        return self.rate > before

    def inherit(self, old: AdaptiveRate) -> None:
        """Go on where one of another range was: one that was not cut back is whole again."""
        self.restore(old.snapshot())
        self.peak = min(self.peak, self.highest)
        whole = old.rate >= old.highest
        self.rate = self.highest if whole else min(max(old.rate, self.lowest), self.highest)

    @abstractmethod
    def _grown(self, n: int, now: float) -> float: ...

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values; a time that never was is None."""
        values = {name: getattr(self, name) for name in self._state}
        return {name: None if value == float("-inf") else value for name, value in values.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        for name in self._state:
            setattr(self, name, float("-inf") if state[name] is None else state[name])


class Aimd(AdaptiveRate):
    """Additive increase, multiplicative decrease (Chiu and Jain, 1989).

    A cut multiplies the rate by `decrease`. Growth counts accepted messages, not time: `increase`
    of the highest rate for as many as the rate allows in `every` s. So a path that is little used
    does not grow beyond what was tried (the guard of Netflix's concurrency-limits: app-limited).

    Parameters
    ----------
    lowest, highest : float
        Range of the rate, 1/s.
    decrease : float
        Factor of a cut, 0 to 1.
    increase : float
        Growth in shares of the highest rate.
    every : float
        Time (s) of full use that earns the growth.
    hold : float
        Time (s) after a cut in which the rate does not grow.

    Examples
    --------
    >>> rate = Aimd(0.1, 10.0, decrease=0.5, increase=0.05, every=60.0)
    >>> rate.throttled(sent_at=1.0, now=2.0), rate.throttled(sent_at=1.5, now=3.0), rate.rate
    (True, False, 5.0)
    >>> rate.accepted(300, 62.0), rate.rate
    (True, 5.5)
    """

    def __init__(
        self,
        lowest: float,
        highest: float,
        decrease: float,
        increase: float,
        every: float,
        hold: float = 0.0,
    ) -> None:
        super().__init__(lowest, highest, decrease, hold)
        self._step = increase * highest
        self._every = every

    def _grown(self, n: int, now: float) -> float:
        return self.rate + self._step * n / (self.rate * self._every)


class Cubic(AdaptiveRate):
    """Cubic growth back to where the last cut was, slow around it, then faster again.

    As botocore's adaptive retry mode does with the request rate (RFC 9438 for windows): after a cut
    at rate ``w``, rate(t) = c (t - k)^3 + w with k = cbrt(w (1 - decrease) / c), at most twice the
    rate that was measured. With time counted in units of `plateau` s, c is chosen so that k is one
    unit: the old rate is reached again after `plateau` s, whatever it was.

    Parameters
    ----------
    lowest, highest : float
        Range of the rate, 1/s.
    decrease : float
        Factor of a cut, 0 to 1.
    plateau : float
        Time (s) from a cut until the rate is back where it was.
    hold : float
        Time (s) after a cut in which the rate does not grow.

    Examples
    --------
    >>> rate = Cubic(0.1, 10.0, decrease=0.7, plateau=600.0)
    >>> rate.throttled(sent_at=0.0, now=0.0), rate.rate
    (True, 7.0)
    >>> for minute in range(1, 11):
    ...     grown = rate.accepted(600, 60.0 * minute)
    >>> rate.rate
    10.0
    """

    _state = (*AdaptiveRate._state, "measured", "bin_start", "bin_count")

    def __init__(
        self, lowest: float, highest: float, decrease: float, plateau: float, hold: float = 0.0
    ) -> None:
        super().__init__(lowest, highest, decrease, hold)
        self._plateau = plateau
        self.measured = 0.0
        self.bin_start = float("-inf")
        self.bin_count = 0

    def _grown(self, n: int, now: float) -> float:
        self._measure(n, now)
        elapsed = (now - self.cut_at) / self._plateau
        target = self.peak * (1.0 + (1.0 - self.decrease) * (elapsed - 1.0) ** 3)
        return min(target, max(self.lowest, 2.0 * self.measured))

    def _measure(self, n: int, now: float) -> None:
        """Smooth the accepted rate over bins of a twentieth of the plateau, 0.8 to the newest."""
        width = self._plateau / 20.0
        if self.bin_start == float("-inf"):
            self.bin_start = now
        if now - self.bin_start >= width:
            newest = self.bin_count / (now - self.bin_start)
            self.measured = 0.8 * newest + 0.2 * self.measured if self.measured else newest
            self.bin_start, self.bin_count = now, 0
        self.bin_count += n


def adaptive_of(spec: AdaptSpec | None, rate: float) -> AdaptiveRate | None:
    """Return how a path with this configured rate (1/s) adapts, if it does."""
    if spec is None:
        return None
    if isinstance(spec, CubicSpec):
        return Cubic(spec.lowest, rate, spec.decrease, spec.plateau, spec.hold)
    return Aimd(spec.lowest, rate, spec.decrease, spec.increase, spec.every, spec.hold)
