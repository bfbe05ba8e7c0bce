"""Mail for policies that look at the recipient: each message has a home, and waits for it only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from mstoolkit.model import Lot, Parcel
from mstoolkit.strategy.mail_queue import MailQueue, Matching, Pile, of_lot, of_range

NOWHERE = -1  # where messages are parked that have no home at present


class Home(Protocol):
    """Where messages belong: a path, or any candidate of a rotation."""

    index: int


H = TypeVar("H", bound=Home)


class _Parked(Generic[H]):
    """Messages of one home, first come first, those of the most urgent stream apart.

    Each comes with its number, by which messages of several homes keep their order.
    """

    __slots__ = ("home", "rest", "urgent")

    def __init__(self, home: H | None) -> None:
        self.home = home
        self.urgent: deque[tuple[int, Pile]] = deque()
        self.rest: deque[tuple[int, Pile]] = deque()

    def __bool__(self) -> bool:
        return bool(self.urgent or self.rest)


class HomeQueue(Generic[H]):
    """A queue from which single messages go to a home of their own, as sticky rotations want it.

    Messages are taken off the queue in its order. One whose home is busy is parked until that home
    is ready, and holds up none of another home. Parked messages go before what was not yet looked
    at, in the order in which they were parked, but the most urgent stream stays before all others.
    Each message is looked at once and parked at most once, until its home is given up.

    Parameters
    ----------
    queue : MailQueue
        What waits, in any order.

    Examples
    --------
    >>> from mstoolkit.model import Lot
    >>> from mstoolkit.testing import contenders
    >>> homes = contenders(1, 1)
    >>> mail = HomeQueue(MailQueue())
    >>> lot = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
    >>> mail.add(Pile(lot, 0, 6, 0, 0.0, -1))
    >>> def odd_or_even(parcel):
    ...     return homes[parcel.first % 2]
    >>> def firsts(ready):
    ...     found = [mail.next_for(odd_or_even, ready, 10) for _ in range(3)]
    ...     return [parcel.first for parcel, home in found]
    >>> firsts(lambda home: home.index == 1), mail.n
    ([1, 3, 5], 3)
    >>> firsts(lambda home: True), mail.n
    ([0, 2, 4], 0)
    """

    __slots__ = ("_number", "_parked", "parked", "queue")

    def __init__(self, queue: MailQueue) -> None:
        self.queue = queue
        self.parked = 0
        self._parked: dict[int, _Parked[H]] = {}
        self._number = 0

    @property
    def n(self) -> int:
        """Messages that wait for nothing but a server: those parked, and those not looked at."""
        return self.queue.n + self.parked

    @property
    def later(self) -> int:
        """Messages that are due at a later time."""
        return self.queue.later

    @property
    def urgent(self) -> int:
        """Those of `n` that go before all others."""
        return self.queue.urgent + sum(len(each.urgent) for each in self._parked.values())

    def add(self, pile: Pile) -> None:
        """Append fresh mail."""
        self.queue.add(pile)

    def give_back(self, pile: Pile) -> None:
        """Put mail that was not tried back to the front; its homes are asked for again."""
        self.queue.give_back(pile)

    def put_off(self, pile: Pile, due: float) -> bool:
        """Keep mail until `due`; return whether nothing else was due then."""
        return self.queue.put_off(pile, due)

    def fall_due(self, due: float) -> None:
        """Line up what was kept until `due`."""
        self.queue.fall_due(due)

    def next_for(
        self, home_of: Callable[[Parcel], H | None], ready: Callable[[H], bool], limit: int
    ) -> tuple[Parcel, H] | None:
        """Take the next message whose home is ready.

        A call asks `ready` once for each home with parked mail, and `home_of` at most `limit`
        times. `ready` must not change its mind within a call.

        Parameters
        ----------
        home_of : callable
            Told a message, it returns where that belongs, or None if nowhere at present; such
            messages are parked until ``release(None)``.
        ready : callable
            Whether a home could carry a message at once.
        limit : int
            How many messages may be looked at that were not looked at before.

        Returns
        -------
        tuple of (Parcel, home), or None
            None if nothing that was looked at may go. If `queue.n` is above 0 then, the limit was
            the reason, and a further call may find something.
        """
        queue = self.queue
        open_homes = [each for each in self._parked.values() if _is_ready(each, ready)]
        for urgent in (True, False):
            found = self._unpark(open_homes, urgent)
            if found is not None:
                return found
            while limit > 0 and (queue.urgent if urgent else queue.n):
                limit -= 1
                parcel = queue.cut(1)
                home = home_of(parcel)
                if home is not None and ready(home):
                    return parcel, home
                self._park(home, urgent, _pile(parcel))
        return None

    def _unpark(self, homes: list[_Parked[H]], urgent: bool) -> tuple[Parcel, H] | None:
        """Take the message that was parked first, of those homes."""
        first: deque[tuple[int, Pile]] | None = None
        owner: H | None = None
        for each in homes:
            line = each.urgent if urgent else each.rest
            if line and (first is None or line[0][0] < first[0][0]):
                first, owner = line, each.home
        if first is None or owner is None:
            return None
        self.parked -= 1
        _, pile = first.popleft()
        self._forget_if_empty(owner.index)
        return pile.parcel(), owner

    def _park(self, home: H | None, urgent: bool, pile: Pile) -> None:
        index = NOWHERE if home is None else home.index
        parked = self._parked.get(index)
        if parked is None:
            parked = self._parked[index] = _Parked(home)
        (parked.urgent if urgent else parked.rest).append((self._number, pile))
        self._number += 1
        self.parked += 1

    def _forget_if_empty(self, index: int) -> None:
        if not self._parked[index]:
            del self._parked[index]

    def release(self, home: H | None) -> int:
        """Put what is parked for a home back to the front of the queue, to be given another.

        Parameters
        ----------
        home : home or None
            A home that is no longer usable; None for the messages that had none.

        Returns
        -------
        int
            Number of messages.
        """
        parked = self._parked.pop(NOWHERE if home is None else home.index, None)
        if parked is None:
            return 0
        entries = [*parked.urgent, *parked.rest]
        for _, pile in reversed(entries):
            self.queue.give_back(pile)
        self.parked -= len(entries)
        return len(entries)

    def take_lot(self, lot_id: int) -> list[Pile]:
        """Remove and return all mail of a lot."""
        return [pile for _, pile in self.take(of_lot(lot_id))]

    def take_range(self, name: str, first: int, n: int) -> list[Pile]:
        """Remove and return mail of list `name`, as `MailQueue.take_range` does."""
        return [pile for _, pile in self.take(of_range(name, first, n))]

    def drain(self) -> list[tuple[float, Pile]]:
        """Remove and return everything, as `take` does."""
        return self.take(lambda pile: pile)

    def take(self, matching: Matching) -> list[tuple[float, Pile]]:
        """Remove and return what matches: what was parked, in order, then as `MailQueue.take`."""
        taken: list[tuple[int, Pile]] = []
        for index, parked in list(self._parked.items()):
            for line in (parked.urgent, parked.rest):
                taken += _picked(line, matching)
            self._forget_if_empty(index)
        self.parked -= len(taken)
        taken.sort(key=_number_of)
        return [(0.0, pile) for _, pile in taken] + self.queue.take(matching)

    def piles(self) -> Iterator[tuple[int, float, Pile]]:
        """Yield what is not parked, as `MailQueue.piles` does."""
        return self.queue.piles()

    def snapshot(self) -> dict[str, Any]:
        """Return what `piles` does not tell, as JSON-able values: what is parked, and credit."""
        rows = [
            (number, index, urgent, pile)
            for index, each in self._parked.items()
            for urgent, line in ((True, each.urgent), (False, each.rest))
            for number, pile in line
        ]
        return {
            "parked": [
                [index, urgent, [p.lot.id, p.first, p.n, p.attempt, p.born, p.parent, p.cause]]
                for _, index, urgent, p in sorted(rows, key=_number_of)
            ],
            "queue": self.queue.snapshot(),
        }

    def restore(
        self, state: Mapping[str, Any], lots: Mapping[int, Lot], homes: Mapping[int, H]
    ) -> None:
        """Take over what `snapshot` returned, after the queue's `refill`.

        Parameters
        ----------
        state : mapping
            The snapshot.
        lots : mapping of int to Lot
            Lots by number.
        homes : mapping of int to home
            Homes by index.
        """
        for index, urgent, (lot, *rest) in state["parked"]:
            home = None if index == NOWHERE else homes[index]
            self._park(home, urgent, Pile(lots[lot], *rest))
        self.queue.restore(state["queue"])


def _is_ready(parked: _Parked[H], ready: Callable[[H], bool]) -> bool:
    return parked.home is not None and ready(parked.home)


def _number_of(entry: tuple[Any, ...]) -> int:
    number: int = entry[0]
    return number


def _picked(line: deque[tuple[int, Pile]], matching: Matching) -> list[tuple[int, Pile]]:
    """Remove and return what matches of a line of single messages."""
    taken: list[tuple[int, Pile]] = []
    for _ in range(len(line)):
        entry = line.popleft()
        (line if matching(entry[1]) is None else taken).append(entry)
    return taken


def _pile(parcel: Parcel) -> Pile:
    return Pile(
        parcel.lot,
        parcel.first,
        parcel.n,
        parcel.attempt,
        parcel.born,
        parcel.parent,
        parcel.cause,
    )
