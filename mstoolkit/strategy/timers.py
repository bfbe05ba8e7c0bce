"""Due times in order: (due, order, kind, argument). Same due, first set first."""

from __future__ import annotations

from collections.abc import Container
from heapq import heappop, heappush

Timer = tuple[float, int, str, int | str]


class Timers:
    """A heap of timers; `due` is the earliest due time or infinity."""

    __slots__ = ("_cancelled", "_heap", "_order", "due")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._cancelled: set[int] = set()  # of those that are still in the heap, never at its top
        self._order = 0
        self.due = float("inf")

    def set(self, due: float, kind: str, argument: int | str = "") -> int:
        """Add a timer; return its number."""
        self._order += 1
        heappush(self._heap, (due, self._order, kind, argument))
        self.due = self._heap[0][0]
        return self._order

    def pop(self) -> Timer:
        """Remove and return the earliest timer."""
        timer = heappop(self._heap)
        if self._cancelled:
            self._skip()
        self.due = self._heap[0][0] if self._heap else float("inf")
        return timer

    def cancel(self, number: int) -> None:
        """Forget a timer that has not come due."""
        self._cancelled.add(number)
        self._skip()
        self.due = self._heap[0][0] if self._heap else float("inf")

    def _skip(self) -> None:
        while self._heap and self._heap[0][1] in self._cancelled:
            self._cancelled.discard(heappop(self._heap)[1])

    def drop(self, kinds: Container[str]) -> None:
        """Forget all timers of some kinds."""
        self._heap = [timer for timer in self.snapshot() if timer[2] not in kinds]
        self._cancelled.clear()
        self.due = self._heap[0][0] if self._heap else float("inf")

    @property
    def last(self) -> int:
        """Number of the timer that was set last."""
        return self._order

    def snapshot(self) -> list[Timer]:
        """Return all timers in order."""
        return sorted(timer for timer in self._heap if timer[1] not in self._cancelled)

    def restore(self, timers: list[Timer], last: int) -> None:
        """Take over timers that `snapshot` returned, and go on counting from the `last`."""
        self._heap = [(float(due), int(k), str(kind), arg) for due, k, kind, arg in timers]
        self._order = last
        self.due = self._heap[0][0] if self._heap else float("inf")
