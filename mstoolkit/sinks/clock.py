"""Scenario time of the sinks: none until a sender says when the run began."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_FUTURE = 60.0


class SinkClock:
    """Scenario seconds since the epoch that the first sender named; 0 until then.

    The wall clock is read once, when the clock is armed; from then on the monotonic clock goes, so
    that a step of the system time does not move the scenario.
    """

    def __init__(self, scale: float, scenario_hash: str) -> None:
        self.scale = scale
        self.epoch: float | None = None
        self.on_armed: Callable[[], None] = lambda: None
        self._hash = scenario_hash
        self._zero = 0.0

    def started(self) -> bool:
        """Return whether time goes; at scale 1 the first message starts it."""
        if self.epoch is None and self.scale == 1.0:
            self.arm(time.time())
        return self.epoch is not None

    def now(self) -> float:
        """Return the scenario time, s; 0 before the epoch."""
        return max(0.0, self.elapsed()) if self.epoch is not None else 0.0

    def elapsed(self) -> float:
        """Return the scenario time of an armed clock; negative before the epoch."""
        return (time.monotonic() - self._zero) * self.scale

    def until(self, at: float) -> float:
        """Return the real seconds from now to scenario time `at`."""
        return self._zero + at / self.scale - time.monotonic()

    def arm(self, epoch: float) -> None:
        """Let time go, from this Unix time on."""
        self.epoch = epoch
        self._zero = time.monotonic() - (time.time() - epoch)
        self.on_armed()

    def agree(self, epoch: float, scale: float, scenario_hash: str) -> str:
        """Arm the clock, or return why it cannot be: empty where both sides agree."""
        if scenario_hash != self._hash:
            return f"another scenario is served here ({self._hash[:12]}, not {scenario_hash[:12]})"
        if not math.isclose(scale, self.scale, rel_tol=1e-9):
            return f"time scale here is {self.scale:g}, not {scale:g}"
        if self.epoch is not None and self.epoch != epoch:
            return f"armed already by a run with epoch {self.epoch:.6f}"
        if abs(epoch - time.time()) > _FUTURE and self.epoch is None:
            return f"epoch {epoch:.6f} is not now; the clocks of the two machines differ"
        if self.epoch is None:
            self.arm(epoch)
        return ""
