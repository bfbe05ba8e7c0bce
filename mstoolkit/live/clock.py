"""Scenario time of a live run: real time since its start, times the scale."""

from __future__ import annotations

import time


class RunClock:
    """Scenario seconds since `epoch` (Unix s); the event loop's clock is the monotonic one too."""

    __slots__ = ("_zero", "epoch", "scale")

    def __init__(self, epoch: float, scale: float) -> None:
        self.epoch = epoch
        self.scale = scale
        self._zero = time.monotonic() + (epoch - time.time())

    def now(self) -> float:
        """Return the scenario time, s; negative before the epoch."""
        return (time.monotonic() - self._zero) * self.scale

    def real(self, at: float) -> float:
        """Return the event loop's time at scenario time `at`."""
        return self._zero + at / self.scale
