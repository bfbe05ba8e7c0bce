"""Mail with homes: nobody waits for another's home, and each home has its mail in order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config.ordering import Ordering
from mstoolkit.model import Lot, Parcel
from mstoolkit.strategy.mail_queue import MailQueue, Pile
from mstoolkit.strategy.ordering import HomeQueue, queue_of

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
CODES = Lot(1, "codes", "codes", "transactional", "gmail", "active", 1e9)
LOTS = {lot.id: lot for lot in (NEWS, CODES)}


@dataclass
class Server:
    """A home."""

    index: int


HOMES = {index: Server(index) for index in range(3)}
Mail = HomeQueue[Server]
Found = tuple[Parcel, Server] | None


def home_of(parcel: Parcel) -> Server | None:
    """Return a message's home: by its number, which is known; every seventh has none."""
    return None if parcel.first % 7 == 6 else HOMES[parcel.first % 3]


def spread(parcel: Parcel) -> Server | None:
    return HOMES[parcel.first % 3]


def only(*indices: int) -> Callable[[Server], bool]:
    return lambda home: home.index in indices


def everywhere(home: Server) -> bool:
    return True


def nowhere(home: Server) -> bool:
    return False


def pile(lot: Lot = NEWS, first: int = 0, n: int = 9) -> Pile:
    return Pile(lot, first, n, 0, 0.0, -1)


def firsts(mail: Mail, ready: Callable[[Server], bool], limit: int = 1000) -> list[int]:
    """Take all that may go; return which messages these were."""
    out = []
    while (found := mail.next_for(spread, ready, limit)) is not None:
        out.append(found[0].first)
    return out


def filled(queue: MailQueue | None = None) -> Mail:
    mail: Mail = HomeQueue(MailQueue() if queue is None else queue)
    mail.add(pile())
    return mail


def test_a_busy_home_holds_up_nobody_else() -> None:
    """All mail of the others goes; what was passed over waits for its home, and is counted."""
    mail = filled()
    assert firsts(mail, only(1, 2)) == [1, 2, 4, 5, 7, 8]
    assert (mail.n, mail.parked, mail.queue.n) == (3, 3, 0)
    assert firsts(mail, everywhere) == [0, 3, 6]
    assert (mail.n, mail.parked) == (0, 0)


def test_parked_mail_goes_first_and_in_its_order() -> None:
    """Of several homes that are ready again, what was passed over first goes first."""
    mail = filled()
    mail.next_for(spread, only(2), 3)
    mail.add(pile(first=90, n=3))
    assert mail.parked == 2
    assert firsts(mail, everywhere) == [0, 1, 3, 4, 5, 6, 7, 8, 90, 91, 92]


def test_urgent_mail_still_goes_first() -> None:
    """Parked bulk mail does not delay a code that arrives later, parked codes go before both."""
    mail = filled()
    assert firsts(mail, nowhere) == []
    mail.add(pile(CODES, 100, 3))
    assert (mail.n, mail.urgent) == (12, 3)
    assert firsts(mail, only(0)) == [102, 0, 3, 6]
    assert (mail.n, mail.urgent, mail.parked) == (8, 2, 8)
    assert firsts(mail, everywhere) == [100, 101, 1, 2, 4, 5, 7, 8]
    assert mail.urgent == 0


@pytest.mark.parametrize("spec", [Ordering(), Ordering(campaigns="fair", retries="by-age")])
def test_released_mail_is_given_another_home(spec: Ordering) -> None:
    """It goes back to the front in its order, and homes are asked for anew."""
    mail = filled(queue_of(spec))
    mail.next_for(spread, only(2), 7)
    assert (mail.parked, mail.queue.n) == (2, 6)
    mail.next_for(spread, only(2), 7)
    assert (mail.parked, mail.queue.n) == (4, 3)
    assert mail.release(HOMES[0]) == 2
    assert (mail.n, mail.parked, mail.queue.n) == (7, 2, 5)
    found = [mail.next_for(lambda parcel: HOMES[2], only(2), 9) for _ in range(2)]
    assert [(parcel.first, home.index) for parcel, home in filter(None, found)] == [(0, 2), (3, 2)]
    assert mail.release(HOMES[0]) == 0


def test_mail_without_a_home_waits_until_it_is_released() -> None:
    """It is parked, whoever is ready; released, it is asked again."""
    mail = filled()
    assert mail.next_for(lambda parcel: None, everywhere, 100) is None
    assert (mail.n, mail.parked) == (9, 9)
    assert firsts(mail, everywhere) == []
    assert mail.release(None) == 9
    assert firsts(mail, everywhere) == list(range(9))


def test_a_call_looks_at_no_more_than_its_limit() -> None:
    """Then it finds nobody, says by what is left in the queue that there is more, and goes on."""
    mail = filled()
    assert mail.next_for(spread, only(2), 2) is None
    assert (mail.parked, mail.queue.n) == (2, 7)
    assert firsts(mail, only(2), 3) == [2, 5, 8]


def test_what_is_parked_can_be_taken_back() -> None:
    """Lots, ranges, and everything; parked mail comes before what was not looked at."""
    mail = filled()
    mail.add(pile(CODES, 100, 2))
    mail.put_off(pile(first=50, n=2), 60.0)
    mail.next_for(spread, nowhere, 6)
    assert (mail.parked, mail.queue.n, mail.later) == (6, 5, 2)
    assert [(p.first, p.n) for p in mail.take_range("spring", 2, 4)] == [(2, 1), (3, 1), (4, 2)]
    assert (mail.n, mail.parked) == (7, 4)
    assert [p.first for p in mail.take_lot(CODES.id)] == [100, 101]
    assert (mail.n, mail.parked, mail.urgent) == (5, 2, 0)
    drained = [(due, p.first, p.n) for due, p in mail.drain()]
    assert drained == [(0.0, 0, 1), (0.0, 1, 1), (0.0, 6, 3), (60.0, 50, 2)]
    assert (mail.n, mail.parked, mail.later) == (0, 0, 0)


def test_what_comes_back_and_falls_due_is_looked_at() -> None:
    """Both go through the queue, whose order they keep."""
    mail = filled()
    mail.put_off(pile(first=30, n=1), 60.0)
    found = mail.next_for(spread, everywhere, 9)
    assert found is not None
    mail.fall_due(60.0)
    mail.give_back(Pile(NEWS, found[0].first, 1, 0, 0.0, -1))
    assert firsts(mail, everywhere) == [0, 30, 1, 2, 3, 4, 5, 6, 7, 8]


def test_the_order_of_parked_mail_is_kept() -> None:
    """A queue that is set up again lets what was passed over go in the same order."""
    mail = filled()
    mail.next_for(spread, nowhere, 9)
    twin: Mail = HomeQueue(MailQueue())
    twin.restore(json.loads(json.dumps(mail.snapshot())), LOTS, HOMES)
    assert firsts(twin, everywhere) == list(range(9))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.booleans(), st.integers(1, 9)),
        st.tuples(st.just("next"), st.sets(st.integers(0, 2)), st.integers(1, 30)),
    ),
    max_size=60,
)


@given(steps=STEPS)
def test_it_is_as_if_a_list_were_searched_from_its_front(
    steps: list[tuple[str, bool | set[int], int]],
) -> None:
    """The first urgent message whose home is ready, or else the first other one; or nobody."""
    mail: Mail = HomeQueue(MailQueue())
    waiting: list[tuple[bool, int]] = []  # not urgent, number
    asked: dict[int, int] = defaultdict(int)

    def counting(parcel: Parcel) -> Server | None:
        asked[parcel.first] += 1
        return home_of(parcel)

    for number, (name, what, n) in enumerate(steps):
        if isinstance(what, bool):
            mail.add(pile(CODES if what else NEWS, number * 10, n))
            waiting += [(not what, number * 10 + k) for k in range(n)]
            continue
        found: Found = mail.next_for(counting, only(*sorted(what)), 1000)
        mine = [each for each in waiting if each[1] % 7 != 6 and each[1] % 3 in what]
        if not mine:
            assert found is None, name
        else:
            assert found is not None
            expected = min(mine)
            assert (found[0].lot is NEWS, found[0].first, found[0].n) == (*expected, 1)
            assert found[1].index == expected[1] % 3
            waiting.remove(expected)
        assert mail.n == len(waiting)
        assert mail.urgent == sum(not rest for rest, _ in waiting)
    assert all(times == 1 for times in asked.values()), "each message is looked at once"


@settings(max_examples=100)
@given(
    steps=STEPS,
    after=STEPS,
    limit=st.integers(1, 5),
    released=st.sampled_from([0, 1, 2, None]),
    spec=st.sampled_from([Ordering(), Ordering(campaigns="fair"), Ordering(retries="by-age")]),
)
def test_a_restored_one_goes_on_alike(
    steps: list[tuple[str, bool | set[int], int]],
    after: list[tuple[str, bool | set[int], int]],
    limit: int,
    released: int | None,
    spec: Ordering,
) -> None:
    """What is parked, for whom and in which order, is kept; as JSON, too."""
    mail: Mail = HomeQueue(queue_of(spec))
    do_all(steps, 0, limit, mail)
    state = json.loads(json.dumps(mail.snapshot()))
    twin: Mail = HomeQueue(queue_of(spec))
    twin.queue.refill([(lane, due, copy_of(p)) for lane, due, p in mail.piles()])
    twin.restore(state, LOTS, HOMES)
    assert twin.snapshot() == mail.snapshot()
    do_all(after, len(steps), limit, mail, twin)
    home = None if released is None else HOMES[released]
    assert mail.release(home) == twin.release(home)
    do_all([("next", {0, 1, 2}, 0)] * 20, 1000, limit, mail, twin)
    assert twin.snapshot() == mail.snapshot()
    assert twin.drain() == mail.drain()


def copy_of(mine: Pile) -> Pile:
    return Pile(mine.lot, mine.first, mine.n, mine.attempt, mine.born, mine.parent, mine.cause)


def do_all(
    steps: list[tuple[str, bool | set[int], int]], begin: int, limit: int, *mails: Mail
) -> None:
    """Do the same to all; they say the same."""
    for number, (_, what, n) in enumerate(steps, begin):
        if isinstance(what, bool):
            for mail in mails:
                mail.add(pile(CODES if what else NEWS, number * 10, n))
        else:
            ready = only(*sorted(what))
            found = [mail.next_for(home_of, ready, limit) for mail in mails]
            assert all(each == found[0] for each in found)
        assert len({(mail.n, mail.parked, mail.urgent) for mail in mails}) == 1
