"""How fast a source IP may grow: what it brings is held against its last days with mail.

A day may bring `factor` times the mean of those days, and always the `cold` volume. The day's share
becomes free evenly; `at_once` of it may come in one go. Who keeps to a factor of 2 over three days
can grow by 1.45 a day for good, or double every third day, as the cautious published plans do.

Each day without mail takes its share of `idle` off what is remembered: that an address cools is
what senders report, the straight line is an assumption. Days are counted from scenario time 0.
"""

from __future__ import annotations

from typing import Any

from mstoolkit.config.profile import Growth

DAY = 86400.0


def left_over(last: float, day: float, idle: float) -> float:
    """Return the share of a memory of day `last` that is left on another day.

    Parameters
    ----------
    last, day : float
        Numbers of days; the first day without mail takes nothing off.
    idle : float
        Time (s) after which nothing is left.

    Examples
    --------
    >>> left_over(0, 1, 30 * DAY), left_over(0, 16, 30 * DAY), left_over(0, 40, 30 * DAY)
    (1.0, 0.5, 0.0)
    """
    if day <= last + 1.0:
        return 1.0
    return max(0.0, 1.0 - (day - last - 1.0) * DAY / idle)


class Volumes:
    """The daily volumes of one source IP at one provider.

    Parameters
    ----------
    growth : Growth
        What is tolerated.
    idle : float
        Time (s) without mail after which all is forgotten.
    known : float
        Messages of the day before the start, of an address that was known by then.

    Examples
    --------
    >>> volumes = Volumes(Growth(factor=2.0, cold=100), idle=30 * DAY)
    >>> volumes.room(0.0), volumes.tolerated
    (50.0, 100.0)
    >>> volumes.count(0.0, 50)
    >>> volumes.room(0.0), volumes.room(DAY / 4)
    (0.0, 25.0)
    """

    __slots__ = ("_at", "_days", "_growth", "_idle", "_level", "tolerated")

    def __init__(self, growth: Growth, idle: float, known: float = 0.0) -> None:
        self._growth = growth
        self._idle = idle
        self._days: list[list[float]] = [[-1.0, known]] if known > 0.0 else []  # [day, messages]
        self._at = self._level = 0.0
        self.tolerated = self._most(0.0)  # messages, of the present day

    def room(self, now: float, ahead: float = 0.0) -> float:
        """Return how many messages may come at once, with those of the next `ahead` s."""
        self._leak(now)
        tolerated = self.tolerated
        room = self._growth.at_once * tolerated - self._level
        return (room if room > 0.0 else 0.0) + ahead * tolerated / DAY

    def count(self, now: float, n: float) -> None:
        """Take note of `n` messages."""
        self._leak(now)
        days, day = self._days, now // DAY
        if not days or days[-1][0] < day:
            self._begin(day)
        days[-1][1] += n
        self._level += n

    def snapshot(self) -> list[Any]:
        """Return the state."""
        return [self._at, self._level, self.tolerated, [list(row) for row in self._days]]

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._at, self._level, self.tolerated, days = state
        self._days = [list(row) for row in days]

    def _leak(self, now: float) -> None:
        before = self._at
        if now <= before:
            return
        if now // DAY > before // DAY:
            self.tolerated = self._most(now // DAY)
        level = self._level - (now - before) * self.tolerated / DAY
        self._level = level if level > 0.0 else 0.0
        self._at = now

    def _most(self, day: float) -> float:
        """Return how many messages a day may bring in all."""
        earlier = [row for row in self._days if row[0] < day][-self._growth.days :]
        cold = float(self._growth.cold)
        if not earlier:
            return cold
        mean = sum(row[1] for row in earlier) / len(earlier)
        left = left_over(earlier[-1][0], day, self._idle)
        return max(cold, self._growth.factor * mean * left)

    def _begin(self, day: float) -> None:
        """Open a day; what came before an idle time weighs less from now on."""
        days = self._days
        if days:
            left = left_over(days[-1][0], day, self._idle)
            for row in days:
                row[1] *= left
        days.append([day, 0.0])
        del days[: -self._growth.days - 1]
