"""How many matches there were of late, or which share: for one question, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from mstoolkit.strategy.failover.rolling import RollingCounts


class Window:
    """Whether `count` matches fell within `window` seconds.

    Only as many matches are kept as decide that: the oldest goes as soon as the newer ones reach
    the count alone, for they are in every window that holds it.

    Parameters
    ----------
    count : int
        Matches that are waited for.
    window : float
        Seconds; a match that is exactly so old does not count any more.
    matches : iterable of (float, int), optional
        Time and number of earlier matches, oldest first.
    """

    __slots__ = ("_count", "_matches", "_sum", "_window")

    def __init__(
        self, count: int, window: float, matches: Iterable[tuple[float, int]] = ()
    ) -> None:
        self._count = count
        self._window = window
        self._matches = deque(matches)
        self._sum = sum(n for _, n in self._matches)

    def add(self, n: int, now: float) -> bool:
        """Take `n` matches in; return whether the count is reached."""
        matches, total = self._matches, self._sum + n
        matches.append((now, n))
        since = now - self._window
        while matches and (matches[0][0] <= since or total - matches[0][1] >= self._count):
            total -= matches.popleft()[1]
        self._sum = total
        return total >= self._count

    def matches(self) -> list[list[float]]:
        """Return time and number of the matches that are kept, oldest first."""
        return [[at, n] for at, n in self._matches]


class Proportion:
    """Whether matches are a share of the attempts within about `window` seconds.

    The window moves on by a tenth, see `RollingCounts`.

    Parameters
    ----------
    share : float
        Share of matches that is waited for, 0 to 1.
    least : int
        Attempts below which no share counts.
    window : float
        Seconds.
    parts : sequence of (float, int, int), optional
        What `matches` returned.
    """

    __slots__ = ("_counts", "_least", "_share")

    def __init__(
        self, share: float, least: int, window: float, parts: Sequence[Sequence[float]] = ()
    ) -> None:
        self._share = share
        self._least = least
        self._counts = RollingCounts(window)
        self._counts.restore(parts)

    def add(self, n: int, now: float) -> bool:
        """Take `n` matches in; return whether the share is reached."""
        counts = self._counts
        counts.add(0, n, now)
        total = counts.total
        return total >= self._least and counts.bad >= self._share * total

    def passed(self, n: int, now: float) -> None:
        """Take in `n` attempts that match nothing."""
        self._counts.add(n, 0, now)

    def matches(self) -> list[list[float]]:
        """Return the parts that are kept: begun at (s), other attempts, matches."""
        return self._counts.snapshot()
