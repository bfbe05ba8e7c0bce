"""Mail that waits for one ISP: fresh parcels, what is due again, and what is due later.

Order: transactional before the rest; what was tried before fresh mail; then first come first. Other
orders are in `ordering`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mstoolkit.model import Lot, Parcel

URGENT = "transactional"


@dataclass(slots=True)
class Pile:
    """A parcel that is being cut: what is left of it."""

    lot: Lot
    first: int
    n: int
    attempt: int
    born: float
    parent: int
    cause: str = ""

    def parcel(self) -> Parcel:
        """Return all of it as a parcel."""
        return Parcel(
            self.lot, self.first, self.n, self.attempt, self.born, self.parent, self.cause
        )

    @property
    def key(self) -> tuple[int, int, int, str]:
        """What piles that may join have in common; a known pile is like no other."""
        return (self.lot.id, self.first, self.attempt, self.cause)

    def absorb(self, other: Pile) -> None:
        """Join a like pile whose messages are counted, not known; ages are kept as sums."""
        total = self.n + other.n
        self.born = (self.born * self.n + other.born * other.n) / total
        self.n = total


Matching = Callable[[Pile], Pile | None]
"""What is meant of a pile: all of it (the pile itself), a piece of it (a new pile), or nothing."""


class Line(Protocol):
    """Piles in the order in which they go: a deque, a list, or what can do as much."""

    def __iter__(self) -> Iterator[Pile]: ...
    def clear(self) -> None: ...  # noqa: D102 (as a list's)
    def extend(self, piles: Iterable[Pile], /) -> None: ...  # noqa: D102


class MailQueue:
    """What waits for one ISP, in four lanes: the default order, and the base of other orders.

    Attributes
    ----------
    n : int
        Messages that could go now.
    later : int
        Messages that are due at a later time.
    urgent : int
        Those of `n` that belong to the most urgent stream and go before all others; 0 where no
        stream goes before another.

    Examples
    --------
    >>> from mstoolkit.model import Lot
    >>> news = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
    >>> codes = Lot(1, "codes", "codes", "transactional", "gmail", "active", 1e9)
    >>> queue = MailQueue()
    >>> queue.add(Pile(news, 0, 1000, 0, 0.0, -1))
    >>> queue.add(Pile(codes, 0, 3, 0, 1.0, -1))
    >>> queue.n, queue.urgent, queue.cut(100).lot.list
    (1003, 3, 'codes')
    """

    __slots__ = (
        "_again",
        "_fresh",
        "_lanes",
        "_later",
        "_urgent",
        "_urgent_again",
        "later",
        "n",
        "urgent",
    )

    def __init__(self) -> None:
        self._urgent_again: deque[Pile] = deque()
        self._urgent: deque[Pile] = deque()
        self._again: deque[Pile] = deque()
        self._fresh: deque[Pile] = deque()
        self._lanes = (self._urgent_again, self._urgent, self._again, self._fresh)
        self._later: dict[float, dict[tuple[int, int, int, str], Pile]] = {}
        self.n = 0
        self.later = 0
        self.urgent = 0

    def add(self, pile: Pile) -> None:
        """Append fresh mail."""
        self._into(3, pile).append(pile)

    def give_back(self, pile: Pile) -> None:
        """Put mail that was not tried back to the front."""
        self._into(2, pile).appendleft(pile)

    def _into(self, lane: int, pile: Pile) -> deque[Pile]:
        """Count a pile and return its lane: this one, or the like one of urgent mail."""
        self.n += pile.n
        if pile.lot.stream == URGENT:
            self.urgent += pile.n
            lane -= 2
        return self._lanes[lane]

    def put_off(self, pile: Pile, due: float) -> bool:
        """Keep mail until `due`; return whether nothing else was due then.

        Counted piles of the same lot, attempt and cause are alike and join.
        """
        self.later += pile.n
        key = pile.key
        piles = self._later.get(due)
        if piles is None:
            self._later[due] = {key: pile}
            return True
        other = piles.get(key)
        if other is None:
            piles[key] = pile
        else:
            other.absorb(pile)
        return False

    def fall_due(self, due: float) -> None:
        """Line up what was kept until `due`."""
        line_up = self.line_up
        for pile in self._later.pop(due, {}).values():
            self.later -= pile.n
            line_up(pile)

    def line_up(self, pile: Pile) -> None:
        """Append mail that goes again."""
        self.n += pile.n
        if pile.lot.stream == URGENT:
            self.urgent += pile.n
            self._urgent_again.append(pile)
        else:
            self._again.append(pile)

    def cut(self, most: int) -> Parcel:
        """Take at most so many messages off the pile that goes next; there must be one."""
        lane = (self._urgent_again or self._urgent) if self.urgent else (self._again or self._fresh)
        pile = lane[0]
        first, n = pile.first, pile.n
        if n <= most:
            lane.popleft()
        else:
            pile.n = n - most
            if first >= 0:
                pile.first = first + most
            n = most
        self.n -= n
        if self.urgent:
            self.urgent -= n
        return Parcel(pile.lot, first, n, pile.attempt, pile.born, pile.parent, pile.cause)

    def take_lot(self, lot_id: int) -> list[Pile]:
        """Remove and return all mail of a lot."""
        return [pile for _, pile in self.take(of_lot(lot_id))]

    def take_range(self, name: str, first: int, n: int) -> list[Pile]:
        """Remove and return mail of list `name`: a range of it, or all of it where `first` is -1.

        Counted piles do not know which messages they hold, so only a whole list reaches them.
        """
        return [pile for _, pile in self.take(of_range(name, first, n))]

    def drain(self) -> list[tuple[float, Pile]]:
        """Remove and return everything, as `take` does."""
        return self.take(lambda pile: pile)

    def take(self, matching: Matching) -> list[tuple[float, Pile]]:
        """Remove and return what matches, in order: what could go now, then what is due later.

        Parameters
        ----------
        matching : callable
            Told a pile, it returns the pile, a piece of it, or None.

        Returns
        -------
        list of (float, Pile)
            When each is due (s), 0 for now.
        """
        out = [(0.0, pile) for pile in self._take_ready(matching)]
        for due in sorted(self._later):
            kept = list(self._later[due].values())
            taken = sift(kept, matching)
            self.later -= messages(taken)
            self._later[due] = {pile.key: pile for pile in kept}
            out += [(due, pile) for pile in taken]
        return out

    def _take_ready(self, matching: Matching) -> list[Pile]:
        """Remove, count off and return what matches of what could go now."""
        urgent = [pile for lane in self._lanes[:2] for pile in sift(lane, matching)]
        rest = [pile for lane in self._lanes[2:] for pile in sift(lane, matching)]
        self.urgent -= messages(urgent)
        self.n -= messages(urgent) + messages(rest)
        return urgent + rest

    def piles(self) -> Iterator[tuple[int, float, Pile]]:
        """Yield everything as (lane or -1, due, pile), in order, for snapshots."""
        for number, pile in self._ready():
            yield number, 0.0, pile
        for due in sorted(self._later):
            for pile in self._later[due].values():
                yield -1, due, pile

    def _ready(self) -> Iterator[tuple[int, Pile]]:
        for number, lane in enumerate(self._lanes):
            for pile in lane:
                yield number, pile

    def refill(self, piles: Sequence[tuple[int, float, Pile]]) -> None:
        """Take over what `piles` yielded; the queue must be fresh."""
        for number, due, pile in piles:
            if number >= 0:
                self._refill(number, pile)
            else:
                self._later.setdefault(due, {})[pile.key] = pile
                self.later += pile.n

    def _refill(self, number: int, pile: Pile) -> None:
        self._into(number | 2, pile).append(pile)

    def snapshot(self) -> dict[str, Any]:
        """Return what `piles` does not tell, as JSON-able values: credit, if turns are taken."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `snapshot` returned, after `refill`."""


def of_lot(lot_id: int) -> Matching:
    """Return what picks all mail of a lot."""
    return lambda pile: pile if pile.lot.id == lot_id else None


def of_range(name: str, first: int, n: int) -> Matching:
    """Return what picks a range of list `name`, or all of the list where `first` is -1."""

    def matching(pile: Pile) -> Pile | None:
        if pile.lot.list != name:
            return None
        if first < 0:
            return pile
        low, high = max(first, pile.first), min(first + n, pile.first + pile.n)
        if pile.first < 0 or low >= high:
            return None
        return replace(pile, first=low, n=high - low)

    return matching


def sift(piles: Line, matching: Matching) -> list[Pile]:
    """Remove and return what matches, in order; the rest keeps its order."""
    taken: list[Pile] = []
    kept: list[Pile] = []
    for pile in piles:
        piece = matching(pile)
        if piece is None:
            kept.append(pile)
            continue
        taken.append(piece)
        kept.extend(_around(pile, piece))
    if taken:
        piles.clear()
        piles.extend(kept)
    return taken


def messages(piles: Iterable[Pile]) -> int:
    """Return how many messages piles hold."""
    return sum(pile.n for pile in piles)


def _around(pile: Pile, piece: Pile) -> Iterator[Pile]:
    """Yield what is left of `pile` before and after `piece`; counted piles have no before."""
    if piece is pile:
        return
    before = piece.first - pile.first
    after = pile.n - before - piece.n
    if before:
        yield replace(pile, n=before)
    if after:
        first = piece.first + piece.n if pile.first >= 0 else -1
        yield replace(pile, first=first, n=after)
