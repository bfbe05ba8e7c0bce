"""Orders that a policy states: strict ranks, fair turns, segments, retries and age."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config.ordering import Ordering
from mstoolkit.model import Lot, Parcel
from mstoolkit.strategy.mail_queue import MailQueue, Pile
from mstoolkit.strategy.ordering import OrderedQueue, queue_of

LOTS = [
    Lot(number, f"{campaign}-{segment}", campaign, stream, "gmail", segment, 1e9)
    for number, (campaign, stream, segment) in enumerate(
        [
            ("codes", "transactional", "active"),
            ("spring", "marketing", "active"),
            ("spring", "marketing", "lapsed"),
            ("autumn", "marketing", "lapsed"),
            ("autumn", "marketing", "active"),
            ("winter", "news", "new"),
        ]
    )
]
ORDERINGS = st.builds(
    Ordering,
    streams=st.sampled_from(
        [("transactional", "*"), ("*",), ("transactional", "news", "*"), ("*", "marketing")]
    ),
    campaigns=st.sampled_from(["first", "fair"]),
    segments=st.sampled_from([("*",), ("active", "*"), ("active", "*", "lapsed")]),
    retries=st.sampled_from(["first", "last", "by-age"]),
)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "add", "add", "put_off", "fall_due", "cut", "cut", "cut", "return", "take"]
        ),
        st.sampled_from(LOTS),
        st.integers(1, 9),
        st.sampled_from([30.0, 60.0]),
    ),
    max_size=60,
)
Operation = tuple[str, Lot, int, float]


def campaign(number: int, name: str, segment: str = "active") -> Lot:
    return Lot(number, name, name, "marketing", "gmail", segment, 1e9)


def pile(lot: Lot, n: int, first: int = 0, attempt: int = 0, born: float = 0.0) -> Pile:
    return Pile(lot, first, n, attempt, born, -1)


def left_of(parcel: Parcel) -> Pile:
    """Return a parcel that was not sent."""
    return Pile(
        parcel.lot,
        parcel.first,
        parcel.n,
        parcel.attempt,
        parcel.born,
        parcel.parent,
        parcel.cause,
    )


def sequence(queue: MailQueue, cuts: int, most: int = 1) -> str:
    """Cut so many times; return the initials of the campaigns."""
    return "".join(queue.cut(most).lot.campaign[0] for _ in range(cuts))


class History:
    """Does to queues what Hypothesis thinks of; some mail is of the same age, retries are older."""

    def __init__(self, *queues: MailQueue) -> None:
        self.queues = queues
        self.step = 0
        self.out: list[Parcel] = []

    def apply(self, operation: Operation) -> list[Any]:
        """Do one thing to all queues; return what each of them says."""
        name, lot, n, _ = operation
        self.step += 1
        if name == "take":
            return [queue.take_range(lot.list, 0, self.step * 60) for queue in self.queues]
        if name == "cut" and self.queues[0].n:
            cuts = [queue.cut(n) for queue in self.queues]
            self.out.append(cuts[0])
            return cuts
        back = self.out.pop() if name == "return" and self.out else None
        for queue in self.queues:
            self._fill(queue, operation, back)
        return [None]

    def _fill(self, queue: MailQueue, operation: Operation, back: Parcel | None) -> None:
        name, lot, n, due = operation
        mine = Pile(lot, self.step * 100, n, 0, float(self.step // 4), -1)
        if name == "add":
            queue.add(mine)
        elif name == "put_off":
            queue.put_off(replace(mine, attempt=1, born=float(self.step // 8)), due)
        elif name == "fall_due":
            queue.fall_due(due)
        elif back is not None:
            queue.give_back(left_of(back))


def books(queue: MailQueue) -> list[Any]:
    """All of a queue that can be seen."""
    return [list(queue.piles()), queue.n, queue.later, queue.urgent, queue.snapshot()]


# -- the default


def test_the_default_has_the_fast_queue() -> None:
    """The four lanes serve the default order, the general queue any other."""
    assert type(queue_of(Ordering())) is MailQueue
    assert type(queue_of(Ordering(retries="last"))) is OrderedQueue
    assert type(queue_of(Ordering(campaigns="fair"))) is OrderedQueue


@given(operations=OPERATIONS)
def test_the_general_queue_with_the_default_order_is_the_default_queue(
    operations: list[Operation],
) -> None:
    """Same cuts, same takings, same counts after any history."""
    general, default = OrderedQueue(Ordering()), MailQueue()
    history = History(general, default)
    for operation in operations:
        said = history.apply(operation)
        assert all(each == said[0] for each in said)
        assert (general.n, general.later, general.urgent) == (
            default.n,
            default.later,
            default.urgent,
        )
    assert sorted(map(str, general.drain())) == sorted(map(str, default.drain()))


@given(ordering=ORDERINGS)
def test_an_empty_queue_cannot_be_cut(ordering: Ordering) -> None:
    """Whatever the order, there is an error and no message."""
    with pytest.raises(IndexError):
        queue_of(ordering).cut(1)


# -- the order


class Model:
    """What waits as a list that is sorted at every cut: the plainest queue that keeps the order."""

    def __init__(self, ordering: Ordering) -> None:
        self.ordering = ordering
        self.waiting: list[tuple[tuple[float, ...], Pile]] = []
        self.later: list[tuple[float, Pile]] = []
        self.arrivals = 0

    def rank(self, ranking: tuple[str, ...], name: str) -> int:
        return ranking.index(name if name in ranking else "*")

    def line_up(self, mine: Pile, kind: str) -> None:
        """Rank a pile: stream, segment, line, age, arrival."""
        self.arrivals += 1
        retries = self.ordering.retries
        if retries == "by-age":
            line, age = float(kind != "back"), mine.born * (kind != "back")
        else:
            tried = kind == "again" or (
                kind == "back" and (bool(mine.attempt) or retries == "first")
            )
            line, age = float(tried == (retries == "last")), 0.0
        arrival = float(-self.arrivals if kind == "back" else self.arrivals)
        place = (
            float(self.rank(self.ordering.streams, mine.lot.stream)),
            float(self.rank(self.ordering.segments, mine.lot.segment)),
            line,
            age,
            arrival,
        )
        self.waiting.append((place, mine))

    def next_of(self, name: str | None) -> Pile:
        """Return what goes next of the most urgent rank, or of a campaign within it."""
        best = min(place[0] for place, _ in self.waiting)
        ranked = [(place, each) for place, each in self.waiting if place[0] == best]
        return min(
            (each for each in ranked if name is None or each[1].lot.campaign == name),
            key=lambda each: each[0],
        )[1]

    def remove(self, mine: Pile, n: int) -> None:
        mine.first += n
        mine.n -= n
        self.waiting = [each for each in self.waiting if each[1].n]

    def told(self, operation: Operation, history: History) -> None:
        """Follow what was done, but for cuts."""
        name, lot, n, due = operation
        mine = Pile(lot, history.step * 100, n, 0, float(history.step // 4), -1)
        if name == "add":
            self.line_up(mine, "fresh")
        elif name == "put_off":
            self.later.append((due, replace(mine, attempt=1, born=float(history.step // 8))))
        elif name == "fall_due":
            for _, each in [each for each in self.later if each[0] == due]:
                self.line_up(each, "again")
            self.later = [each for each in self.later if each[0] != due]

    def urgent(self) -> int:
        several = len(self.ordering.streams) > 1
        return several * sum(each.n for place, each in self.waiting if place[0] == 0)


@settings(max_examples=200)
@given(ordering=ORDERINGS, operations=OPERATIONS)
def test_order_is_that_of_a_sorted_list(ordering: Ordering, operations: list[Operation]) -> None:
    """Each cut is the first of a list sorted by stream, segment, retry and age, of its campaign."""
    queue, model = OrderedQueue(ordering), Model(ordering)
    history = History(queue)
    for operation in operations + [("cut", LOTS[0], 9, 0.0)] * 60:
        if operation[0] == "take":
            continue
        if operation[0] == "return" and history.out:
            model.line_up(left_of(history.out[-1]), "back")
        (said,) = history.apply(operation)
        model.told(operation, history)
        if isinstance(said, Parcel):
            fair = ordering.campaigns == "fair"
            expected = model.next_of(said.lot.campaign if fair else None)
            assert (said.lot, said.first) == (expected.lot, expected.first)
            assert said.n == min(operation[2], expected.n)
            model.remove(expected, said.n)
        assert queue.n == sum(each.n for _, each in model.waiting)
        assert queue.urgent == model.urgent()


def test_streams_go_in_the_order_named() -> None:
    """Each before those named after it; the rest where the star stands."""
    queue = queue_of(Ordering(streams=("codes", "*", "bulk")))
    for number, stream in enumerate(["bulk", "news", "codes", "other"]):
        queue.add(pile(Lot(number, stream, stream, stream, "gmail", "active", 1e9), 5))
    assert (queue.n, queue.urgent) == (20, 5)
    assert sequence(queue, 4, 5) == "cnob"
    assert (queue.n, queue.urgent) == (0, 0)


def test_nothing_overtakes_where_all_streams_are_alike() -> None:
    """A single rank has no urgent mail."""
    queue = queue_of(Ordering(streams=("*",)))
    queue.add(pile(LOTS[1], 5))
    queue.add(pile(LOTS[0], 5))
    assert queue.urgent == 0
    assert sequence(queue, 2, 5) == "sc"


def test_engaged_segments_go_first_within_their_campaign() -> None:
    """Active recipients first, but another campaign's turn comes all the same."""
    queue = queue_of(Ordering(campaigns="fair", segments=("active", "*")))
    queue.add(pile(campaign(0, "spring", "lapsed"), 2))
    queue.add(pile(campaign(1, "autumn", "lapsed"), 4))
    queue.add(pile(campaign(2, "spring", "active"), 2))
    cuts = [queue.cut(1).lot for _ in range(8)]
    assert "".join(lot.campaign[0] for lot in cuts) == "sasasasa"
    mine = [lot.segment for lot in cuts if lot.campaign == "spring"]
    assert mine == ["active", "active", "lapsed", "lapsed"]


@pytest.mark.parametrize(
    ("retries", "order"), [("first", "rof"), ("last", "ofr"), ("by-age", "orf")]
)
def test_retries_go_first_or_last_or_by_age(retries: Any, order: str) -> None:
    """Old fresh mail, a retry of middle age, and young fresh mail."""
    queue = queue_of(Ordering(retries=retries, segments=("active", "*")))
    queue.put_off(pile(campaign(0, "retry"), 1, attempt=1, born=5.0), 60.0)
    queue.add(pile(campaign(1, "old"), 1, born=0.0))
    queue.add(pile(campaign(2, "fresh"), 1, born=9.0))
    queue.fall_due(60.0)
    assert sequence(queue, 3) == order


def test_what_comes_back_goes_to_the_front_of_its_own_line() -> None:
    """With retries last, fresh mail comes back before fresh mail, a retry before retries."""
    queue = queue_of(Ordering(retries="last"))
    queue.add(pile(campaign(0, "fresh"), 2))
    queue.put_off(pile(campaign(1, "again"), 2, attempt=1), 60.0)
    queue.fall_due(60.0)
    queue.give_back(pile(campaign(2, "Fresh"), 1))
    queue.give_back(pile(campaign(3, "Again"), 1, attempt=1))
    assert sequence(queue, 6) == "FffAaa"


# -- fair shares


def test_turns_are_weights_in_messages() -> None:
    """The deficit round robin of single messages, and of parcels that are paid for afterwards."""
    queue = queue_of(Ordering(campaigns="fair", weights={"a": 2, "c": 0.5}))
    for number, name in enumerate("abc"):
        queue.add(pile(campaign(number, name), 1000))
    assert sequence(queue, 14) == "aabcaabaabcaab"
    assert Counter(sequence(queue, 70, 10)) == {"a": 40, "b": 20, "c": 10}


def test_a_large_campaign_does_not_starve_a_small_one() -> None:
    """Ten messages behind a million are through after twenty."""
    queue = queue_of(Ordering(campaigns="fair"))
    queue.add(pile(campaign(0, "large"), 1_000_000))
    queue.cut(500)
    queue.add(pile(campaign(1, "small"), 10))
    assert sequence(queue, 20).count("s") == 10


@given(
    weights=st.lists(st.floats(0.1, 8.0), min_size=2, max_size=4),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=150),
)
def test_shares_hold_within_a_turn_and_a_parcel(weights: list[float], cuts: list[int]) -> None:
    """At any time campaigns that had mail all along have had their shares, however it was cut."""
    names = [f"c{number}" for number in range(len(weights))]
    shares = dict(zip(names, weights, strict=True))
    queue = queue_of(Ordering(campaigns="fair", weights=shares))
    for number, name in enumerate(names):
        queue.add(pile(campaign(number, name), 40 * len(cuts) + 1))
    sent = dict.fromkeys(names, 0)
    for most in cuts:
        parcel = queue.cut(most)
        assert parcel.n == most
        sent[parcel.lot.campaign] += most
        for a in names:
            for b in names:
                apart = sent[a] / shares[a] - sent[b] / shares[b]
                assert apart <= 2 + max(cuts) / shares[a] + 1e-6


@given(
    weights=st.lists(st.floats(0.5, 4.0), min_size=2, max_size=4),
    steps=st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=30),
    victim=st.integers(0, 1),
)
def test_nobody_starves(weights: list[float], steps: list[tuple[int, bool]], victim: int) -> None:
    """Each campaign is served again within a bound, although mail of the others comes back."""
    names = [f"c{number}" for number in range(len(weights))]
    spec = Ordering(campaigns="fair", weights=dict(zip(names, weights, strict=True)))
    queue = queue_of(spec)
    for number, name in enumerate(names):
        queue.add(pile(campaign(number, name), 10_000))
    rounds = 6 / min(weights) + 2
    bound = rounds * sum(weight + 1 for weight in weights)
    waited = 0
    for most, returns in steps * 10:
        parcel = queue.cut(most)
        mine = parcel.lot.campaign == names[victim]
        waited = 0 if mine else waited + 1
        assert waited <= bound
        if returns and not mine:
            queue.give_back(left_of(parcel))


def test_mail_that_always_comes_back_holds_up_nobody() -> None:
    """It is refunded, but its turn is over."""
    queue = queue_of(Ordering(campaigns="fair", weights={"bad": 5}))
    queue.add(pile(campaign(0, "bad"), 100))
    queue.add(pile(campaign(1, "good"), 100))
    order = ""
    for _ in range(20):
        parcel = queue.cut(1)
        order += parcel.lot.campaign[0]
        if parcel.lot.campaign == "bad":
            queue.give_back(left_of(parcel))
    assert order == "bg" * 10


def test_what_comes_back_is_refunded() -> None:
    """A parcel that was not sent counts for nothing: the shares of what was sent are equal."""
    queue = queue_of(Ordering(campaigns="fair"))
    queue.add(pile(campaign(0, "a"), 1000))
    queue.add(pile(campaign(1, "b"), 1000))
    unsent = queue.cut(100)
    assert (unsent.lot.campaign, sequence(queue, 20)) == ("a", "b" * 20)
    queue.give_back(left_of(unsent))
    order = sequence(queue, 60)
    assert (order.count("a"), order.count("b")) == (40, 20)
    assert order[20:] in ("ab" * 20, "ba" * 20)


def test_who_was_empty_collects_no_credit() -> None:
    """A campaign that returns after a thousand messages of another takes turns with it at once."""
    queue = queue_of(Ordering(campaigns="fair", weights={"b": 3}))
    queue.add(pile(campaign(0, "a"), 2000))
    queue.add(pile(campaign(1, "b"), 1))
    assert sequence(queue, 1000) == "ab" + "a" * 998
    queue.add(pile(campaign(1, "b"), 100))
    assert sequence(queue, 12) == "abbb" * 3


def test_who_was_empty_still_owes() -> None:
    """A large parcel that was all a campaign had is made up for when it has mail again."""
    queue = queue_of(Ordering(campaigns="fair"))
    queue.add(pile(campaign(0, "a"), 10))
    queue.add(pile(campaign(1, "b"), 1000))
    assert queue.cut(10).lot.campaign == "a"
    queue.add(pile(campaign(0, "a"), 10))
    assert sequence(queue, 14) == "b" * 10 + "abab"


def test_a_turn_that_is_broken_off_is_finished_and_no_other_given() -> None:
    """While another makes up for a parcel of 100, five messages a turn go, not a turn and five."""
    queue = queue_of(Ordering(campaigns="fair", weights={"a": 5}))
    queue.add(pile(campaign(0, "a"), 1000))
    queue.add(pile(campaign(1, "b"), 1000))
    assert sequence(queue, 5) == "aaaaa"
    assert queue.cut(100).lot.campaign == "b"
    queue.give_back(left_of(queue.cut(1)))
    assert sequence(queue, 496) == "a" * 495 + "b"


# -- snapshots


def test_debts_of_who_is_empty_are_kept() -> None:
    """A queue that is set up again knows what a campaign owes of which nothing waits."""
    spec = Ordering(campaigns="fair")
    queue = queue_of(spec)
    queue.add(pile(LOTS[1], 10))
    queue.add(pile(LOTS[3], 100))
    queue.cut(10)
    twin = through_json(queue, spec)
    assert twin.snapshot() == queue.snapshot() == {"credit": [{}, {"spring": -9.0}]}
    twin.add(pile(LOTS[1], 10))
    assert sequence(twin, 12) == "a" * 10 + "sa"


def through_json(queue: MailQueue, spec: Ordering) -> MailQueue:
    """Take a queue down as JSON and set it up again."""
    lots = {lot.id: lot for lot in LOTS}
    text = json.dumps(
        [
            [
                [lane, due, [p.lot.id, p.first, p.n, p.attempt, p.born, p.parent, p.cause]]
                for lane, due, p in queue.piles()
            ],
            queue.snapshot(),
        ]
    )
    rows, state = json.loads(text)
    again = queue_of(spec)
    again.refill([(lane, due, Pile(lots[lot], *rest)) for lane, due, (lot, *rest) in rows])
    again.restore(state)
    return again


@settings(max_examples=100)
@given(ordering=ORDERINGS, before=OPERATIONS, after=OPERATIONS)
def test_a_restored_queue_goes_on_alike(
    ordering: Ordering, before: list[Operation], after: list[Operation]
) -> None:
    """Piles, counts, credit and every later cut are the same."""
    if ordering.campaigns == "fair":
        ordering = Ordering(**{**ordering.model_dump(), "weights": {"spring": 2.5}})
    queue = queue_of(ordering)
    history = History(queue)
    for operation in before:
        history.apply(operation)
    twin = through_json(queue, ordering)
    assert books(twin) == books(queue)
    history.queues = (queue, twin)
    for operation in after + [("cut", LOTS[0], 3, 0.0)] * 30:
        said = history.apply(operation)
        assert all(each == said[0] for each in said)
        assert books(twin) == books(queue)


@given(ordering=ORDERINGS, operations=OPERATIONS)
def test_draining_returns_everything(ordering: Ordering, operations: list[Operation]) -> None:
    """What goes now has no due time, what goes later has its own; nothing is left, nothing lost."""
    queue = queue_of(ordering)
    history = History(queue)
    for operation in operations:
        history.apply(operation)
    held = [(due, each) for _, due, each in queue.piles()]
    n, later = queue.n, queue.later
    drained = queue.drain()
    assert drained == held
    assert sum(each.n for due, each in drained if not due) == n
    assert sum(each.n for due, each in drained if due) == later
    assert (queue.n, queue.later, queue.urgent, list(queue.piles())) == (0, 0, 0, [])
