"""How late a run was, in scenario seconds: quantiles in bounded memory."""

from __future__ import annotations

import math
from typing import NamedTuple

_LOWEST = 1e-4
_STEP = math.log(1.05)
_SIZE = 420


class Quantiles:
    """Counts in buckets that grow by 5 %: quantiles are right to 5 %, the maximum is exact."""

    def __init__(self) -> None:
        self.n = 0
        self.largest = 0.0
        self._buckets = [0] * _SIZE

    def add(self, value: float) -> None:
        """Count a value."""
        self.n += 1
        if value > self.largest:
            self.largest = value
        place = 0 if value <= _LOWEST else int(math.log(value / _LOWEST) / _STEP) + 1
        self._buckets[min(place, _SIZE - 1)] += 1

    def quantile(self, share: float) -> float:
        """Return the value that `share` of the values do not exceed; 0 where there are none."""
        wanted, seen = share * self.n, 0
        for place, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                upper = _LOWEST * math.exp(place * _STEP) if place else 0.0
                return min(self.largest, upper)
        return 0.0

    def summary(self) -> dict[str, float]:
        """Return number, median, 95th percentile and maximum."""
        return {
            "n": self.n,
            "p50": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "max": self.largest,
        }


class Lateness(NamedTuple):
    """How late a live run was, each as n, p50, p95 and max in scenario seconds.

    Parameters
    ----------
    ticks : dict
        Wake-ups and arrivals: promised time to actual time.
    commands : dict
        A decision to send, to the moment a connection took it up.
    replies : dict
        The end of an attempt, to the moment the dispatcher was told.
    exchange : dict
        What attempts took on the wire, in all; not lateness, but it grows with the time scale.
    bound : float
        The 95th percentile above which a run is marked as lagged.
    """

    ticks: dict[str, float]
    commands: dict[str, float]
    replies: dict[str, float]
    exchange: dict[str, float]
    bound: float

    @property
    def worst(self) -> float:
        """The largest 95th percentile of ticks, commands and replies (scenario s)."""
        return max(part["p95"] for part in (self.ticks, self.commands, self.replies))

    @property
    def lagged(self) -> bool:
        """Whether the run was late beyond the bound, so that its timing is not to be trusted."""
        return self.worst > self.bound

    @property
    def warning(self) -> str:
        """One sentence with a remedy where the run lagged; empty otherwise."""
        if not self.lagged:
            return ""
        return (
            f"the run lagged: 5 % of its steps were more than {self.worst:.1f} s of scenario time "
            f"late (bound {self.bound:.1f} s), so its timing is not to be trusted; "
            "lower the time scale or send fewer messages"
        )


class Watch:
    """The lateness of a run while it goes."""

    def __init__(self, horizon: float) -> None:
        self.ticks = Quantiles()
        self.commands = Quantiles()
        self.replies = Quantiles()
        self.exchange = Quantiles()
        self.bound = max(5.0, horizon * 1e-3)

    def result(self) -> Lateness:
        """Return what was seen so far."""
        return Lateness(
            self.ticks.summary(),
            self.commands.summary(),
            self.replies.summary(),
            self.exchange.summary(),
            self.bound,
        )
