"""Good and bad results of the last while, kept in ten parts."""

from __future__ import annotations

from collections.abc import Sequence

PARTS = 10


class RollingCounts:
    """Results within a window that moves on by a tenth (Polly's ``RollingHealthMetrics``).

    A part begins with the first result after the last part is over, and is forgotten once its
    beginning is a whole window ago.

    Parameters
    ----------
    window : float
        Length, s.

    Examples
    --------
    >>> counts = RollingCounts(30.0)
    >>> counts.add(8, 0, now=0.0)
    >>> counts.add(0, 2, now=10.0)
    >>> counts.bad, counts.total
    (2, 10)
    >>> counts.add(0, 1, now=30.0)
    >>> counts.bad, counts.total
    (3, 3)
    """

    __slots__ = ("_parts", "_window")

    def __init__(self, window: float) -> None:
        self._window = window
        self._parts: list[tuple[float, int, int]] = []  # begun at (s), good, bad

    def add(self, good: int, bad: int, now: float) -> None:
        """Count results, and forget those that are too old."""
        parts = self._parts
        if parts and now - parts[-1][0] < self._window / PARTS:
            begun, before, failed = parts[-1]
            parts[-1] = (begun, before + good, failed + bad)
        else:
            parts.append((now, good, bad))
        while now - parts[0][0] >= self._window:
            del parts[0]

    @property
    def bad(self) -> int:
        """How many failed."""
        return sum(bad for _, _, bad in self._parts)

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(good + bad for _, good, bad in self._parts)

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()

    def snapshot(self) -> list[list[float]]:
        """Return the parts as JSON-able values."""
        return [list(part) for part in self._parts]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Take over what `snapshot` returned."""
        self._parts = [(begun, int(good), int(bad)) for begun, good, bad in state]
