"""Exponential back-off with equal jitter, on a grid of due times so that remainders can be joined."""

from __future__ import annotations

from math import ceil

from mstoolkit.config import Retry
from mstoolkit.model import SplitMix64


class Backoff:
    """Delay of a message after so many attempts.

    Parameters
    ----------
    spec : Retry
        Base, factor, cap, jitter and grid.
    draws : SplitMix64
        Stream for the jitter.
    """

    def __init__(self, spec: Retry, draws: SplitMix64) -> None:
        self._spec = spec
        self._draws = draws

    def due(self, attempt: int, now: float) -> float:
        """Return when a message whose attempt number `attempt` (from 0) just failed goes again."""
        spec = self._spec
        delay = min(spec.base * spec.factor**attempt, spec.longest)
        delay *= 1.0 + spec.jitter * (self._draws.uniform() - 0.5)
        return ceil((now + delay) / spec.quantum) * spec.quantum
