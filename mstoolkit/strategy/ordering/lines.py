"""Lines of piles: by arrival (a deque) or by age, and the lines of one campaign in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from mstoolkit.strategy.mail_queue import Matching, Pile, messages, sift

LINES = {"first": (1, 0), "last": (0, 1), "by-age": (1, 1)}
"""Of the two lines of a segment, which takes fresh mail and which takes what falls due again.

By age, both take the second, and the first is for what is given back.
"""


class ByAge:
    """Piles in the order of their birth; of the same age, in that of their arrival."""

    __slots__ = ("_arrivals", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Pile]] = []
        self._arrivals = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def __iter__(self) -> Iterator[Pile]:
        return (pile for _, _, pile in sorted(self._heap))

    def __getitem__(self, first: int) -> Pile:
        return self._heap[first][2]

    def append(self, pile: Pile) -> None:
        """Give a pile its place."""
        heappush(self._heap, (pile.born, self._arrivals, pile))
        self._arrivals += 1

    def extend(self, piles: Iterable[Pile]) -> None:
        """Give each pile its place."""
        for pile in piles:
            self.append(pile)

    def popleft(self) -> Pile:
        """Remove and return the oldest."""
        return heappop(self._heap)[2]

    def clear(self) -> None:
        """Remove all."""
        self._heap.clear()


class CampaignMail:
    """What could go now of one campaign, or of all where campaigns take no turns.

    Two lines a segment, in the order in which they go.
    """

    __slots__ = ("credit", "lines", "n", "name", "weight")

    def __init__(
        self, name: str, segments: int, by_age: bool, weight: float = 1.0, credit: float = 0.0
    ) -> None:
        self.name = name
        self.weight = weight
        self.credit = credit
        self.n = 0
        self.lines: list[deque[Pile] | ByAge] = []
        for _ in range(segments):
            self.lines += (deque(), ByAge() if by_age else deque())

    def first_line(self) -> deque[Pile] | ByAge:
        """Return the line that goes next."""
        for line in self.lines:
            if line:
                return line
        raise IndexError("nothing waits")

    def append(self, number: int, pile: Pile) -> None:
        """Line up a pile at the end of a line, or in its place by age."""
        self.lines[number].append(pile)
        self.n += pile.n

    def put_before(self, number: int, pile: Pile) -> None:
        """Put a pile before all of a line, which is not one by age."""
        line = self.lines[number]
        assert isinstance(line, deque)
        line.appendleft(pile)
        self.n += pile.n

    def take(self, matching: Matching) -> list[Pile]:
        """Remove and return what matches."""
        taken = [pile for line in self.lines for pile in sift(line, matching)]
        self.n -= messages(taken)
        return taken
