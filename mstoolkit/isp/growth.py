"""How fast a source IP may grow: a day's volume is held against the days before it.

A day may bring `factor` times the mean of the last days with mail, and always the `cold` volume.
Each day without mail takes its share of `idle` off what is remembered, linearly, until nothing is
left: that it cools is what senders report, the straight line is an assumption. Days are counted
from scenario time 0; a message is of the day in which it arrives, and only what passes is counted.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from mstoolkit.config.profile import Growth

DAY = 86400.0


class Volumes:
    """The daily volumes of one source IP at one provider.

    Parameters
    ----------
    growth : Growth
        What is tolerated.
    known : float
        Messages of the day before the start, of an address that was known by then.

    Examples
    --------
    >>> volumes = Volumes(Growth(factor=2.0, cold=100))
    >>> [volumes.take(day * DAY, 0.0, 1000, 1000) for day in range(4)]
    [100, 200, 300, 400]
    """

    __slots__ = ("_days", "_growth")

    def __init__(self, growth: Growth, known: float = 0.0) -> None:
        self._growth = growth
        # [day, messages, most of them that day], in order; a day begins with its first message
        self._days: list[list[float]] = [[-1.0, known, known]] if known > 0.0 else []

    def take(self, now: float, span: float, n: int, passing: int) -> int:
        """Count what a parcel brings; return how many of its messages are tolerated.

        Parameters
        ----------
        now, span : float
            The first message's time and how long all of them take, s.
        n : int
            Messages of the parcel, evenly spread.
        passing : int
            How many of them, the first, come as far as here.
        """
        taken = 0
        while taken < passing:
            day = (now + span * taken / n) // DAY
            until = passing
            if span > 0.0:
                until = min(passing, max(taken + 1, ceil(((day + 1) * DAY - now) * n / span)))
            wanted = until - taken
            fits = self._count(day, wanted)
            taken += fits
            if fits < wanted:
                break
        return taken

    def most(self, day: float) -> float:
        """Return how many messages a day may bring in all."""
        for row in reversed(self._days):
            if row[0] == day:
                return row[2]
        earlier = [row for row in self._days if row[0] < day][-self._remembered :]
        if not earlier:
            return self._growth.cold
        mean = sum(row[1] for row in earlier) / len(earlier)
        left = self._left(earlier[-1][0], day)
        return max(float(self._growth.cold), self._growth.factor * mean * left)

    def snapshot(self) -> list[list[float]]:
        """Return the state."""
        return [list(row) for row in self._days]

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._days = [list(row) for row in state]

    @property
    def _remembered(self) -> int:
        return int(self._growth.trailing // DAY)

    def _left(self, last: float, day: float) -> float:
        """Return the share of the memory that the days between have left over."""
        return max(0.0, 1.0 - (day - last - 1.0) * DAY / self._growth.idle)

    def _count(self, day: float, n: int) -> int:
        row = next((row for row in reversed(self._days) if row[0] == day), None)
        if row is None:
            row = self._begin(day)
        fits = max(0, min(n, int(row[2] - row[1] + 1e-9)))
        row[1] += fits
        return fits

    def _begin(self, day: float) -> list[float]:
        """Open a day with its first message; what came before an idle time weighs less from now."""
        row = [day, 0.0, self.most(day)]
        days = self._days
        if days and days[-1][0] < day:
            left = self._left(days[-1][0], day)
            if left <= 0.0:
                days.clear()
            elif left < 1.0:
                for old in days:
                    old[1] *= left
        # A parcel that is spread over midnight may have begun a later day already.
        place = len(days)
        while place and days[place - 1][0] > day:
            place -= 1
        days.insert(place, row)
        del days[: -self._remembered - 2]
        return row
