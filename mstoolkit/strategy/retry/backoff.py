"""Delays by attempt with equal jitter, on a grid so that remainders can be joined."""

from __future__ import annotations

from math import ceil, floor

from mstoolkit.config import Retry
from mstoolkit.model import SplitMix64


class Backoff:
    """Delay of a message after so many attempts.

    Parameters
    ----------
    spec : Retry
        Delays, jitter and grid.
    draws : SplitMix64
        Stream for the jitter.
    """

    def __init__(self, spec: Retry, draws: SplitMix64) -> None:
        self._quantum = spec.quantum
        self._jitter = spec.jitter
        self._draws = draws
        self._steps = [(delay, max(spec.quantum, spec.jitter * delay)) for delay in spec.delays()]

    def due(self, attempt: int, now: float, counted: bool = False) -> float:
        """Return when messages whose attempt number `attempt` (from 0) just failed go again.

        `counted` messages are many and not known one by one. Instead of drawing their jitter they
        are put on a grid as wide as the jitter, which spreads them alike and joins what is alike.
        """
        delay, grid = self._steps[attempt]
        if counted:
            nearest, next_one = ceil((now + delay) / grid - 0.5), floor(now / grid) + 1
            return (nearest if nearest > next_one else next_one) * grid
        delay *= 1.0 + self._jitter * (self._draws.uniform() - 0.5)
        return ceil((now + delay) / self._quantum) * self._quantum

    def not_before(self, at: float) -> float:
        """Return the first time (s) of the grid that is not before `at`."""
        return ceil(at / self._quantum) * self._quantum
