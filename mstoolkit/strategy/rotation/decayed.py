"""Sums that fade: what happened long ago counts less."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp


class DecayedSums:
    """One sum for each server, of which exp(-age / tau) is left.

    An amount is weighed by its own time and not by that of its arrival, so that late news and news
    in another order come to the same. All sums are kept as of one time and fade together:
    proportions among them do not change by waiting.

    Parameters
    ----------
    size : int
        Number of servers.
    tau : float
        Time after which 1/e is left, s.

    Examples
    --------
    >>> sums = DecayedSums(2, tau=10.0)
    >>> sums.add(0, 1.0, 0.0)
    >>> sums.add(1, 1.0, 10.0)
    >>> [round(value, 3) for value in sums.values]
    [0.368, 1.0]
    """

    __slots__ = ("_tau", "at", "values")

    def __init__(self, size: int, tau: float) -> None:
        self._tau = tau
        self.at = 0.0
        self.values = [0.0] * size

    def add(self, index: int, amount: float, when: float) -> None:
        """Add what happened at `when` (s), which may be long ago."""
        if when > self.at:
            left = self.left(when)
            self.values = [value * left for value in self.values]
            self.at = when
            self.values[index] += amount
        else:
            self.values[index] += amount * exp((when - self.at) / self._tau)

    def left(self, now: float) -> float:
        """Return which part of the sums is left at `now` (s)."""
        return exp((self.at - now) / self._tau) if now > self.at else 1.0

    def snapshot(self) -> list[float]:
        """Return the time and the sums."""
        return [self.at, *self.values]

    def restore(self, state: Sequence[float]) -> None:
        """Take over what `snapshot` returned."""
        self.at, *self.values = [float(value) for value in state]
