"""Waiting mail: its order, what goes back, what waits, and what is taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.model import Lot, Parcel
from mstoolkit.strategy.mail_queue import MailQueue, Pile

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
CODES = Lot(1, "codes", "codes", "transactional", "gmail", "active", 1e9)


def pile(lot: Lot = NEWS, first: int = 0, n: int = 10, attempt: int = 0, born: float = 0.0) -> Pile:
    return Pile(lot, first, n, attempt, born, -1)


def drained(queue: MailQueue) -> list[tuple[str, int, int]]:
    """Take everything in order: list, first, n."""
    taken = []
    while queue.n:
        parcel = queue.cut(1000)
        taken.append((parcel.lot.list, parcel.first, parcel.n))
    return taken


def counted(queue: MailQueue) -> tuple[int, int]:
    """Count anew what waits and what is due later."""
    now = sum(p.n for lane, _, p in queue.piles() if lane >= 0)
    return now, sum(p.n for lane, _, p in queue.piles() if lane < 0)


def test_order() -> None:
    """Transactional first; what was tried goes before fresh mail; given back goes to the front."""
    queue = MailQueue()
    queue.add(pile(first=0))
    queue.add(pile(CODES, first=0))
    queue.put_off(pile(first=100, attempt=1), 60.0)
    queue.put_off(pile(CODES, first=100, attempt=1), 60.0)
    queue.fall_due(60.0)
    queue.give_back(pile(first=200, attempt=1))
    queue.add(pile(first=300))
    assert drained(queue) == [
        ("codes", 100, 10),
        ("codes", 0, 10),
        ("spring", 200, 10),
        ("spring", 100, 10),
        ("spring", 0, 10),
        ("spring", 300, 10),
    ]
    with pytest.raises(IndexError):
        queue.cut(1)


def test_cutting_keeps_what_is_known() -> None:
    """Cuts are consecutive ranges with the attempt, age, parent and cause of their pile."""
    queue = MailQueue()
    queue.add(Pile(NEWS, 5, 10, 2, 7.0, 33, "greylist"))
    assert queue.cut(4) == Parcel(NEWS, 5, 4, 2, 7.0, 33, "greylist")
    assert queue.cut(6) == Parcel(NEWS, 9, 6, 2, 7.0, 33, "greylist")
    assert queue.n == 0
    queue.add(Pile(NEWS, -1, 10, 0, 0.0, -1))
    assert queue.cut(4).first == -1


def test_only_like_counted_piles_join() -> None:
    """Same lot, attempts, cause and due time, and nobody knows who they are: ages stay as means."""
    queue = MailQueue()
    assert queue.put_off(Pile(NEWS, -1, 10, 1, 0.0, 4), 60.0)
    assert not queue.put_off(Pile(NEWS, -1, 30, 1, 100.0, 5), 60.0)
    assert not queue.put_off(Pile(NEWS, -1, 1, 2, 0.0, 5), 60.0), "another attempt"
    assert not queue.put_off(Pile(NEWS, -1, 1, 1, 0.0, 5, "mailbox_full"), 60.0), "another cause"
    assert not queue.put_off(Pile(CODES, -1, 1, 1, 0.0, 5), 60.0), "another lot"
    assert not queue.put_off(Pile(NEWS, 7, 1, 1, 0.0, 5), 60.0), "known messages stay themselves"
    assert not queue.put_off(Pile(NEWS, 8, 1, 1, 0.0, 5), 60.0)
    assert queue.put_off(Pile(NEWS, -1, 1, 1, 0.0, 5), 90.0), "another time"
    piles = [p for _, due, p in queue.piles() if due == 60.0]
    assert [(p.first, p.n) for p in piles] == [(-1, 40), (-1, 1), (-1, 1), (-1, 1), (7, 1), (8, 1)]
    assert piles[0].born == pytest.approx(75.0)
    assert queue.later == 46


def test_taking_a_range_splits_piles() -> None:
    """What is before and after the range stays, in its order; counted piles are left alone."""
    queue = MailQueue()
    queue.add(pile(first=0, n=10))
    queue.put_off(pile(first=20, n=10, attempt=1), 60.0)
    queue.put_off(Pile(NEWS, -1, 5, 1, 0.0, 0), 60.0)
    taken = queue.take_range("spring", 4, 20)
    assert [(p.first, p.n) for p in taken] == [(4, 6), (20, 4)]
    assert [(p.first, p.n) for _, _, p in queue.piles()] == [(0, 4), (24, 6), (-1, 5)]
    assert (queue.n, queue.later) == (4, 11)
    assert not queue.take_range("autumn", -1, 1)
    assert sum(p.n for p in queue.take_range("spring", -1, 1)) == 15
    assert (queue.n, queue.later) == (0, 0)


def test_taking_from_the_middle_leaves_both_ends() -> None:
    """One message out of the middle of a pile."""
    queue = MailQueue()
    queue.add(pile(first=0, n=10))
    assert [(p.first, p.n) for p in queue.take_range("spring", 5, 1)] == [(5, 1)]
    assert drained(queue) == [("spring", 0, 5), ("spring", 6, 4)]


def test_taking_a_lot() -> None:
    """All mail of a lot, now and later, and nothing else."""
    queue = MailQueue()
    queue.add(pile(first=0))
    queue.add(pile(CODES, first=0))
    queue.put_off(pile(first=100), 60.0)
    assert sum(p.n for p in queue.take_lot(NEWS.id)) == 20
    assert (queue.n, queue.later) == (10, 0)
    assert drained(queue) == [("codes", 0, 10)]


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "give_back", "put_off", "fall_due", "cut", "range", "lot", "all"]),
        st.integers(0, 60),
        st.integers(1, 12),
        st.sampled_from([30.0, 60.0]),
        st.booleans(),
    ),
    max_size=60,
)


def apply(
    queue: MailQueue, name: str, first: int, n: int, due: float, known: bool
) -> tuple[int, int]:
    """Do one thing; return how many messages went in and came out."""
    mine = pile(NEWS if first % 3 else CODES, first if known else -1, n, first % 2)
    if name in {"add", "give_back"}:
        getattr(queue, name)(mine)
        return n, 0
    if name == "put_off":
        queue.put_off(mine, due)
        return n, 0
    if name == "fall_due":
        queue.fall_due(due)
    elif name == "cut" and queue.n:
        return 0, queue.cut(n).n
    elif name == "range":
        return 0, sum(p.n for p in queue.take_range("spring", first, n))
    elif name == "all":
        return 0, sum(p.n for p in queue.take_range("codes", -1, 1))
    elif name == "lot":
        return 0, sum(p.n for p in queue.take_lot(NEWS.id))
    return 0, 0


@settings(max_examples=50)
@given(operations=OPERATIONS)
def test_counts_are_always_right(
    operations: list[tuple[str, int, int, float, bool]],
) -> None:
    """After any history `n` and `later` are the sums, and a refilled queue goes on alike."""
    queue, held = MailQueue(), 0
    for operation in operations:
        into, out = apply(queue, *operation)
        held += into - out
        assert (queue.n, queue.later) == counted(queue)
        assert queue.n + queue.later == held
    again = MailQueue()
    again.refill(list(queue.piles()))
    assert list(again.piles()) == list(queue.piles())
    assert (again.n, again.later) == (queue.n, queue.later)


@given(operations=OPERATIONS)
def test_urgent_mail_is_counted(operations: list[tuple[str, int, int, float, bool]]) -> None:
    """`urgent` is what could go now of transactional mail, and goes before all others."""
    queue = MailQueue()
    for operation in operations:
        apply(queue, *operation)
        ready = [p for lane, _, p in queue.piles() if lane >= 0]
        assert queue.urgent == sum(p.n for p in ready if p.lot is CODES)
    urgent = queue.urgent
    assert [queue.cut(1).lot for _ in range(urgent)] == [CODES] * urgent
    assert queue.urgent == 0
    assert not queue.n or queue.cut(1).lot is NEWS


def test_draining_names_due_times() -> None:
    """Everything comes out in order, what could go now without a due time; timers stay set."""
    queue = MailQueue()
    queue.add(pile(n=3))
    queue.add(pile(CODES, n=2))
    queue.put_off(pile(first=50, n=4, attempt=1), 90.0)
    queue.put_off(pile(first=60, n=5, attempt=1), 60.0)
    out = [(due, p.lot.list, p.n) for due, p in queue.drain()]
    assert out == [(0.0, "codes", 2), (0.0, "spring", 3), (60.0, "spring", 5), (90.0, "spring", 4)]
    assert (queue.n, queue.later, queue.urgent) == (0, 0, 0)
    assert not queue.put_off(pile(attempt=1), 60.0), "whoever set a timer for then has it still"


def test_taking_what_matches() -> None:
    """A whole pile, a piece of one, or nothing: the rest stays where it is."""
    queue = MailQueue()
    queue.add(pile(first=0, n=10))
    queue.add(pile(CODES, n=2))
    queue.put_off(pile(first=50, n=4, attempt=1), 90.0)

    def first_two(waiting: Pile) -> Pile | None:
        return replace(waiting, n=2) if waiting.lot is NEWS else None

    assert [(due, p.first, p.n) for due, p in queue.take(first_two)] == [(0.0, 0, 2), (90.0, 50, 2)]
    assert (queue.n, queue.later, queue.urgent) == (10, 2, 2)
    assert drained(queue) == [("codes", 0, 2), ("spring", 2, 8)]
    queue.add(Pile(NEWS, -1, 10, 0, 0.0, -1))
    assert [
        (p.first, p.n) for _, p in queue.take(lambda waiting: replace(waiting, n=min(waiting.n, 2)))
    ] == [
        (-1, 2),
        (52, 2),
    ]
    assert drained(queue) == [("spring", -1, 8)], "counted mail stays counted"
