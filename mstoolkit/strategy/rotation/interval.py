"""Interval rotation: one server for a time, then the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from mstoolkit.strategy.rotation.base import C, Rotation


class IntervalRotation(Rotation):
    """Server number ``floor(now / every) mod servers``, walking on to the next eligible one.

    It keeps no score: the clock alone decides. It waits while its server is merely busy.

    Parameters
    ----------
    every : float
        Length of a turn, s.
    servers : int
        Number of servers in the pool.
    """

    scope: ClassVar[Literal["isp", "pool"]] = "pool"
    waits: ClassVar[bool] = True

    def __init__(self, every: float, servers: int) -> None:
        self._every = every
        self._servers = servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        turn = int(now // self._every) % self._servers
        current = next((c for c in eligible if c.index >= turn), eligible[0])
        for candidate in ready:
            if candidate.index == current.index:
                return candidate
        return None

    def next_change(self, now: float) -> float | None:
        after = (now // self._every + 1) * self._every
        return after if after > now else after + self._every
