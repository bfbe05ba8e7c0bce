"""Mail that waits for one ISP: fresh parcels, what is due again, and what is due later.

Order: transactional before the rest; what was tried before fresh mail; then first come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

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


class MailQueue:
    """What waits for one ISP. `n` is what could go now, `later` what is due at a later time."""

    __slots__ = ("_lanes", "_later", "later", "n")

    def __init__(self) -> None:
        self._lanes: tuple[deque[Pile], ...] = (deque(), deque(), deque(), deque())
        self._later: dict[float, dict[tuple[int, int, int, str], Pile]] = {}
        self.n = 0
        self.later = 0

    @property
    def urgent(self) -> bool:
        """Whether what goes next is of the stream that overtakes the rest."""
        return bool(self._lanes[0] or self._lanes[1])

    def add(self, pile: Pile) -> None:
        """Append fresh mail."""
        self._lanes[1 if pile.lot.stream == URGENT else 3].append(pile)
        self.n += pile.n

    def give_back(self, pile: Pile) -> None:
        """Put mail that was not tried back to the front."""
        self._lanes[0 if pile.lot.stream == URGENT else 2].appendleft(pile)
        self.n += pile.n

    def line_up(self, pile: Pile) -> None:
        """Append mail to those of its kind, whether it is fresh or was tried before."""
        tried = pile.attempt > 0
        urgent = pile.lot.stream == URGENT
        self._lanes[(0 if tried else 1) if urgent else (2 if tried else 3)].append(pile)
        self.n += pile.n

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
        for pile in self._later.pop(due, {}).values():
            self._lanes[0 if pile.lot.stream == URGENT else 2].append(pile)
            self.n += pile.n
            self.later -= pile.n

    def cut(self, most: int) -> Parcel:
        """Take at most so many messages off the pile that goes next; there must be one."""
        urgent_again, urgent, again, fresh = self._lanes
        lane = urgent_again or urgent or again or fresh
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
        return Parcel(pile.lot, first, n, pile.attempt, pile.born, pile.parent, pile.cause)

    def take_lot(self, lot_id: int) -> list[Pile]:
        """Remove and return all mail of a lot."""
        return self._take(lambda pile: pile if pile.lot.id == lot_id else None)

    def take_range(self, name: str, first: int, n: int) -> list[Pile]:
        """Remove and return mail of list `name`: a range of it, or all of it where `first` is -1.

        Counted piles do not know which messages they hold, so only a whole list reaches them.
        """

        def matching(pile: Pile) -> Pile | None:
            if pile.lot.list != name:
                return None
            if first < 0:
                return pile
            low, high = max(first, pile.first), min(first + n, pile.first + pile.n)
            if pile.first < 0 or low >= high:
                return None
            return replace(pile, first=low, n=high - low)

        return self._take(matching)

    def drain(self) -> list[tuple[float, Pile]]:
        """Remove and return everything, in order, each with the time (s) at which it is due."""
        everything = [(due, pile) for _, due, pile in self.piles()]
        for lane in self._lanes:
            lane.clear()
        self._later.clear()
        self.n = self.later = 0
        return everything

    def _take(self, matching: Any) -> list[Pile]:
        taken: list[Pile] = []
        for lane in self._lanes:
            self.n -= _sift(lane, matching, taken)
        for due in sorted(self._later):
            kept = list(self._later[due].values())
            self.later -= _sift(kept, matching, taken)
            self._later[due] = {pile.key: pile for pile in kept}
        return taken

    def piles(self) -> Iterator[tuple[int, float, Pile]]:
        """Yield everything as (lane or -1, due, pile), in order, for snapshots."""
        for number, lane in enumerate(self._lanes):
            for pile in lane:
                yield number, 0.0, pile
        for due in sorted(self._later):
            for pile in self._later[due].values():
                yield -1, due, pile

    def refill(self, piles: Sequence[tuple[int, float, Pile]]) -> None:
        """Take over what `piles` yielded."""
        for number, due, pile in piles:
            if number >= 0:
                self._lanes[number].append(pile)
                self.n += pile.n
            else:
                self._later.setdefault(due, {})[pile.key] = pile
                self.later += pile.n


def _sift(piles: Any, matching: Any, taken: list[Pile]) -> int:
    """Move what matches from `piles` to `taken`, keep the rest in order; return how many."""
    kept: list[Pile] = []
    moved = 0
    for pile in piles:
        piece = matching(pile)
        if piece is None:
            kept.append(pile)
            continue
        taken.append(piece)
        moved += piece.n
        kept.extend(_around(pile, piece))
    piles.clear()
    piles.extend(kept)
    return moved


def _around(pile: Pile, piece: Pile) -> Iterator[Pile]:
    """Yield what is left of `pile` before and after `piece`."""
    if piece is pile:
        return
    before = piece.first - pile.first
    after = pile.n - before - piece.n
    if before:
        yield replace(pile, n=before)
    if after:
        yield replace(pile, first=piece.first + piece.n, n=after)
