"""A queue in any order that a policy states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mstoolkit.config.ordering import REST, Ordering
from mstoolkit.model import Parcel
from mstoolkit.strategy.mail_queue import MailQueue, Matching, Pile, messages
from mstoolkit.strategy.ordering.lines import LINES
from mstoolkit.strategy.ordering.turns import AsItComes, FairTurns, Turns


class OrderedQueue(MailQueue):
    """What waits for one ISP, in the order of a policy: stream, campaign, segment, retries, age.

    A cut looks through the ranks of streams, the lines of one campaign and, where a turn ends,
    at worst through the campaigns of which mail waits.

    Parameters
    ----------
    spec : Ordering
        The order.

    Examples
    --------
    >>> from mstoolkit.model import Lot
    >>> spec = Ordering(campaigns="fair", weights={"spring": 2})
    >>> queue = OrderedQueue(spec)
    >>> for number, name in enumerate(["spring", "autumn"]):
    ...     lot = Lot(number, name, name, "marketing", "gmail", "active", 1e9)
    ...     queue.add(Pile(lot, 0, 1000, 0, 0.0, -1))
    >>> [queue.cut(1).lot.list for _ in range(6)]
    ['spring', 'spring', 'autumn', 'spring', 'spring', 'autumn']
    """

    __slots__ = (
        "_again_line",
        "_fresh_line",
        "_last",
        "_segments",
        "_several",
        "_streams",
        "_turns",
    )

    def __init__(self, spec: Ordering) -> None:
        super().__init__()  # whose own lanes stay empty
        kind: type[Turns] = FairTurns if spec.campaigns == "fair" else AsItComes
        self._turns = [kind(spec) for _ in spec.streams]
        self._streams = {name: rank for rank, name in enumerate(spec.streams)}
        self._segments = {name: 2 * rank for rank, name in enumerate(spec.segments)}
        self._several = len(spec.streams) > 1
        self._last = spec.retries == "last"
        self._fresh_line, self._again_line = LINES[spec.retries]

    def add(self, pile: Pile) -> None:
        """Append fresh mail."""
        self._append(self._first_line(pile) + self._fresh_line, pile)

    def give_back(self, pile: Pile) -> None:
        """Put mail that was cut here and not tried back to the front of its line; it is refunded.

        Mail of another queue is added instead.
        """
        line = self._first_line(pile)
        if self._last and pile.attempt:
            line += 1
        turns = self._turns_of(pile)
        campaign = turns.of(pile.lot)
        campaign.put_before(line, pile)
        turns.refund(campaign, pile.n)
        self._count(turns, pile.n)

    def line_up(self, pile: Pile) -> None:
        self._append(self._first_line(pile) + self._again_line, pile)

    def _append(self, line: int, pile: Pile) -> None:
        turns = self._turns_of(pile)
        turns.of(pile.lot).append(line, pile)
        self._count(turns, pile.n)

    def _turns_of(self, pile: Pile) -> Turns:
        ranks = self._streams
        return self._turns[ranks.get(pile.lot.stream, ranks[REST])]

    def _first_line(self, pile: Pile) -> int:
        lines = self._segments
        return lines.get(pile.lot.segment, lines[REST])

    def _count(self, turns: Turns, n: int) -> None:
        """Add `n` messages to a rank of streams that its campaigns know of already."""
        turns.n += n
        self.n += n
        if self._several and turns is self._turns[0]:
            self.urgent += n

    def cut(self, most: int) -> Parcel:
        """Take at most so many messages off the pile that goes next; there must be one."""
        for turns in self._turns:
            if turns.n:
                break
        else:
            raise IndexError("nothing waits")
        campaign = turns.next()
        line = campaign.first_line()
        pile = line[0]
        first, n = pile.first, pile.n
        if n <= most:
            line.popleft()
        else:
            pile.n = n - most
            if first >= 0:
                pile.first = first + most
            n = most
        turns.charge(campaign, n)
        self._count(turns, -n)
        return Parcel(pile.lot, first, n, pile.attempt, pile.born, pile.parent, pile.cause)

    def _take_ready(self, matching: Matching) -> list[Pile]:
        out: list[Pile] = []
        for turns in self._turns:
            taken = turns.take(matching)
            self._count(turns, -messages(taken))
            out += taken
        return out

    def _ready(self) -> Iterator[tuple[int, Pile]]:
        for turns in self._turns:
            for campaign in turns:
                for number, line in enumerate(campaign.lines):
                    for pile in line:
                        yield number, pile

    def _refill(self, number: int, pile: Pile) -> None:
        self._append(number, pile)

    def snapshot(self) -> dict[str, Any]:
        """Return the credit (messages) of campaigns, a table for each rank of streams."""
        return {"credit": [turns.snapshot() for turns in self._turns]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `snapshot` returned, after `refill`, which tells whose turn comes when."""
        for turns, credit in zip(self._turns, state["credit"], strict=True):
            turns.restore(credit)


def queue_of(spec: Ordering) -> MailQueue:
    """Return an empty queue in the order of a policy; the default order has a faster one.

    Parameters
    ----------
    spec : Ordering
        The order.

    Examples
    --------
    >>> type(queue_of(Ordering())).__name__
    'MailQueue'
    """
    return MailQueue() if spec == Ordering() else OrderedQueue(spec)
