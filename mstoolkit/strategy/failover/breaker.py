"""A circuit breaker: closed, open for a growing time, half open for a probe of few messages.

    closed    -- `failures` in a row or within `window`, or the share `rate` of them  -->  open
    open      -- its time is over        -->  half open
    half open -- probe came through      -->  closed
    half open -- a probe failed          -->  open, twice as long
    half open -- the probe's lease is over, and no word of it  -->  half open, with a new probe

Results carry the generation in which their attempt was sent; older ones change no state. Times are
not jittered: what two runs do at one time is then the same, and the probe of one path does not
meet those of a thousand clients, which is what jitter is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mstoolkit.config import Breaker as BreakerSpec
from mstoolkit.strategy.failover.rolling import RollingCounts

State = Literal["closed", "open", "half-open"]
_STATE = (
    "allowance", "closed_at", "generation", "good", "in_row", "level", "since", "state",
    "taken_at", "until",
)  # fmt: skip


class Breaker:
    """Decides whether a server or a path may be used.

    Parameters
    ----------
    spec : config.Breaker
        When it opens, for how long, and how large a probe is.

    Attributes
    ----------
    troubled : bool
        Whether good results matter now; with a `rate` they always do.

    Examples
    --------
    >>> breaker = Breaker(BreakerSpec(failures=2, base=60.0, probe=1, lease=600.0))
    >>> breaker.failure(2, breaker.generation, now=0.0), breaker.until
    (True, 60.0)
    >>> breaker.try_again()
    >>> breaker.take(1, now=70.0)
    >>> breaker.shut, breaker.expires_at
    (True, 670.0)
    >>> breaker.expire(now=670.0), breaker.shut
    (True, False)
    """

    __slots__ = (*_STATE, "_counts", "_spec", "troubled")

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
        self.taken_at: float | None = None
        rated = spec.rate is not None
        self._counts = RollingCounts(spec.window) if rated and spec.window else None
        self.troubled = self._counts is not None

    @property
    def shut(self) -> bool:
        """Whether nothing may be sent: open, or the whole probe is on its way."""
        return self.state == "open" or (self.state == "half-open" and self.allowance <= 0)

    @property
    def limit(self) -> int:
        """How many failures open it, unless it goes by their share."""
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
        if self._counts is not None:
            if self.state == "closed" and generation == self.generation:
                self._counts.add(n, 0, now)
        elif self._spec.window is None or now > self.since + self._spec.window:
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
        if self.state == "closed":
            if not self._too_many(n, now):
                return False
            self.level = max(0, self.level - int((now - self.closed_at) // self._spec.base))
        self.until = now + min(self._spec.base * 2.0**self.level, self._spec.longest)
        self.level = min(self.level + 1, 30)
        self._enter("open")
        return True

    def _too_many(self, n: int, now: float) -> bool:
        """Count failures; return whether they are enough to open it."""
        spec, counts = self._spec, self._counts
        if counts is not None and spec.rate is not None:
            counts.add(0, n, now)
            total = counts.total
            return total >= spec.minimum and counts.bad >= spec.rate * total
        self.troubled = True
        if spec.window is not None and now > self.since + spec.window:
            self.in_row = 0
        if not self.in_row:
            self.since = now
        self.in_row += n
        return self.in_row >= spec.failures

    def hold(self, until: float) -> bool:
        """Open, or stay open, until a time (s); return whether that is later than it was."""
        if self.state == "open" and until <= self.until:
            return False
        self.until = until
        self._enter("open")
        return True

    def take(self, n: int, now: float | None = None) -> None:
        """Charge `n` messages that leave now (s) to the probe, if one is running.

        Without a time the probe holds no lease, and waits for its answer as long as it takes.
        """
        if self.state == "half-open":
            self.allowance -= n
            self.taken_at = now

    def give_back(self, n: int, generation: int) -> None:
        """Return `n` probe messages that proved nothing."""
        if self.state == "half-open" and generation == self.generation:
            self.allowance += n

    @property
    def expires_at(self) -> float | None:
        """When (s) the lease of the messages on probe is over; None if none is on its way."""
        if self.state != "half-open" or self.taken_at is None:
            return None
        on_their_way = self._spec.probe - self.allowance - self.good
        return self.taken_at + self._spec.lease if on_their_way > 0 else None

    def expire(self, now: float) -> bool:
        """Let another probe go if the lease of this one is over; return whether it was.

        What became of the old one is unknown: it counts neither way, whenever word of it comes.
        The lease is that of the last message that left; each message of a probe renews it.
        """
        expires_at = self.expires_at
        if expires_at is None or now < expires_at:
            return False
        self.try_again()
        return True

    def try_again(self) -> None:
        """The suspension is over: let a probe through."""
        self._enter("half-open")
        self.allowance = self._spec.probe

    def _enter(self, state: State) -> None:
        self.state = state
        self.generation += 1
        self.in_row = 0
        self.good = 0
        self.taken_at = None
        if self._counts is not None:
            self._counts.clear()
        self.troubled = state != "closed" or self._counts is not None

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        state = {name: getattr(self, name) for name in _STATE}
        if self._counts is not None:
            state["counts"] = self._counts.snapshot()
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        for name in _STATE:
            setattr(self, name, state[name])
        if self._counts is not None:
            self._counts.restore(state["counts"])
        self.troubled = self.state != "closed" or self.in_row > 0 or self._counts is not None

    def inherit(self, old: Breaker) -> None:
        """Go on where a breaker of other figures was; a probe of another size begins anew."""
        self.restore({"counts": [], **old.snapshot()})
        if self.state == "half-open" and self._spec.probe != old._spec.probe:
            self.try_again()
