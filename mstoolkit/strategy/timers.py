"""Due times in order: (due, order, kind, argument). Same due, first set first."""

from __future__ import annotations

from collections.abc import Container
from heapq import heapify, heappop, heappush

Timer = tuple[float, int, str, int | str]


class Timers:
    """A heap of timers; `due` is the earliest due time or infinity."""

    __slots__ = ("_heap", "_order", "due")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._order = 0
        self.due = float("inf")

    def set(self, due: float, kind: str, argument: int | str = "") -> None:
        """Add a timer."""
        self._order += 1
        heappush(self._heap, (due, self._order, kind, argument))
        self.due = self._heap[0][0]

    def pop(self) -> Timer:
        """Remove and return the earliest timer."""
        timer = heappop(self._heap)
        self.due = self._heap[0][0] if self._heap else float("inf")
        return timer

    def drop(self, kinds: Container[str]) -> None:
        """Forget all timers of some kinds."""
        self._heap = sorted(timer for timer in self._heap if timer[2] not in kinds)
        self.due = self._heap[0][0] if self._heap else float("inf")

    def cancel(self, kind: str, argument: int | str) -> None:
        """Forget the timers of one kind and argument."""
        self._heap = [t for t in self._heap if t[2] != kind or t[3] != argument]
        heapify(self._heap)
        self.due = self._heap[0][0] if self._heap else float("inf")

    def snapshot(self) -> list[Timer]:
        """Return all timers in order."""
        return sorted(self._heap)

    def restore(self, timers: list[Timer], order: int | None = None) -> None:
        """Take over timers that `snapshot` returned."""
        self._heap = [(float(due), int(k), str(kind), arg) for due, k, kind, arg in timers]
        self._order = max((timer[1] for timer in self._heap), default=0)
        self.due = self._heap[0][0] if self._heap else float("inf")
