"""A circuit breaker: closed, open for a growing time, half open for a probe of few messages.

    closed    -- `failures` in a row, or within `window` -->  open
    open      -- its time is over    -->  half open
    half open -- probe came through  -->  closed
    half open -- a probe failed      -->  open, twice as long

Results carry the generation in which their attempt was sent; older ones change no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mstoolkit.config import Breaker as BreakerSpec

State = Literal["closed", "open", "half-open"]
_STATE = (
    "allowance", "closed_at", "generation", "good", "in_row", "level", "since", "state", "until",
)  # fmt: skip


class Breaker:
    """Decides whether a server or a path may be used.

    Parameters
    ----------
    spec : config.Breaker
        When it opens, for how long, and how large a probe is.
    """

    __slots__ = (*_STATE, "_spec", "troubled")

    def __init__(self, spec: BreakerSpec) -> None:
        self._spec = spec
        self.state: State = "closed"
        self.until = 0.0
        self.generation = 0
        self.allowance = 0
        self.in_row = 0
        self.since = 0.0
        self.level = 0
        self.good = 0
        self.closed_at = 0.0
        self.troubled = False

    @property
    def shut(self) -> bool:
        """Whether nothing may be sent: open, or the whole probe is on its way."""
        return self.state == "open" or (self.state == "half-open" and self.allowance <= 0)

    @property
    def limit(self) -> int:
        """How many failures open it."""
        return self._spec.failures

    def usable_from(self, now: float) -> float:
        """Return when (s) the next message may pass at the earliest."""
        return self.until if self.state == "open" else now

    def rested(self, now: float) -> bool:
        """Whether a suspension is over and no probe has begun yet."""
        return self.state == "open" and self.until <= now

    def success(self, n: int, generation: int, now: float) -> bool:
        """Take note of good results; return whether this closed the breaker.

        Drivers of the hot path may leave the call out while `troubled` is false.
        """
        window = self._spec.window
        if window is None or now > self.since + window:
            self.in_row = 0
            self.troubled = self.state != "closed"
        if self.state != "half-open" or generation != self.generation:
            return False
        self.good += n
        if self.good < self._spec.probe:
            return False
        self._enter("closed")
        self.closed_at = now
        return True

    def failure(self, n: int, generation: int, now: float) -> bool:
        """Take note of bad results; return whether this opened the breaker."""
        if self.state == "open" or generation != self.generation:
            return False
        self.troubled = True
        window = self._spec.window
        if window is not None and now > self.since + window:
            self.in_row = 0
        if not self.in_row:
            self.since = now
        self.in_row += n
        if self.state == "closed":
            if self.in_row < self._spec.failures:
                return False
            self.level = max(0, self.level - int((now - self.closed_at) // self._spec.base))
        self.until = now + min(self._spec.base * 2.0**self.level, self._spec.longest)
        self.level = min(self.level + 1, 30)
        self._enter("open")
        return True

    def hold(self, until: float) -> bool:
        """Open, or stay open, until a time (s); return whether that is later than it was."""
        if self.state == "open" and until <= self.until:
            return False
        self.until = until
        self._enter("open")
        return True

    def take(self, n: int) -> None:
        """Charge `n` messages to the probe, if one is running."""
        if self.state == "half-open":
            self.allowance -= n

    def give_back(self, n: int, generation: int) -> None:
        """Return `n` probe messages that proved nothing."""
        if self.state == "half-open" and generation == self.generation:
            self.allowance += n

    def try_again(self) -> None:
        """The suspension is over: let a probe through."""
        self._enter("half-open")
        self.allowance = self._spec.probe

    def _enter(self, state: State) -> None:
        self.state = state
        self.generation += 1
        self.in_row = 0
        self.good = 0
        self.troubled = state != "closed"

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {name: getattr(self, name) for name in _STATE}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        for name in _STATE:
            setattr(self, name, state[name])
        self.troubled = self.state != "closed" or self.in_row > 0
