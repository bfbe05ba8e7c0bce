"""The generic cell rate algorithm: a bucket whose whole state is one time.

With emission interval T = 1 / rate and tolerance burst x T, a message may leave when
``max(tat, now) + T - burst x T <= now``. An empty path lets ``burst`` messages leave at once.
"""

from __future__ import annotations


class Gcra:
    """Meters one path. Times in s.

    Parameters
    ----------
    rate : float
        Messages a second.
    burst : int
        Messages that may leave at one instant, at least 1.
    """

    __slots__ = ("_burst", "full_at", "interval", "spent", "tat", "tolerance")

    def __init__(self, rate: float, burst: int) -> None:
        self._burst = burst
        self.tat = 0.0
        self.full_at = 0.0
        self._set(rate)

    def _set(self, rate: float) -> None:
        self.interval = 1.0 / rate
        self.tolerance = self._burst * self.interval
        self.spent = 1e-9 - self.interval

    def retune(self, rate: float, now: float) -> None:
        """Go on at another rate; what is owed stays owed, in messages."""
        owed = max(0.0, self.tat - now) / self.interval
        self._set(rate)
        if owed:
            self.tat = now + owed * self.interval

    def inherit(self, old: Gcra, now: float) -> None:
        """Owe, in messages, what another one owes `now` (s)."""
        self.full_at, self.tat = old.full_at, old.tat
        if old.tat > now:
            self.tat = now + (old.tat - now) / old.interval * self.interval

    def ready_at(self, now: float) -> float:
        """Return when the next message may leave; `now` if it may leave now."""
        ready = self.tat + self.interval - self.tolerance
        return ready if ready > now + 1e-9 else now

    def leaves(self, n: int, now: float) -> float:
        """Return when the last of `n` messages would leave, were they taken `now`."""
        last = (self.tat if self.tat > now else now) + n * self.interval - self.tolerance
        return last if last > now else now

    def commit(self, n: int, now: float) -> float:
        """Take `n` messages; the last of them leaves after the span (s) that is returned.

        A negative span tells that more could leave at once, up to `spent`, where none can.
        """
        tat = self.tat
        if tat <= now:
            tat = self.full_at = now
        tat += n * self.interval
        self.tat = tat
        return tat - self.tolerance - now

    def stretch(self, until: float) -> None:
        """The last of the messages just taken leaves as late as `until` (s), for another reason."""
        self.tat = max(self.tat, until + self.interval)

    def refund(self, n: int, charged_at: float) -> None:
        """Give back `n` messages taken at `charged_at` (s) that were not sent after all.

        Nothing is left to give back if the bucket has been full since: the charge has lapsed.
        """
        if self.full_at <= charged_at:
            self.tat -= n * self.interval
