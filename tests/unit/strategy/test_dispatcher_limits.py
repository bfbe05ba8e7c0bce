"""The dispatcher keeps limits: rate, connections, messages a connection, and asks for wake-ups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import Limits, Policy, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import BatchSpec, IntervalSpec, PrioritySpec, RoundRobinSpec
from mstoolkit.model import (
    Close,
    Closed,
    ConnectionFailed,
    Enqueued,
    Event,
    Lost,
    Lot,
    Parcel,
    Replied,
    Reply,
    Send,
    Tick,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.path import QUANTUM
from mstoolkit.testing import OK, Rehearsal, accepting

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
MORE = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
TURNS = RoundRobinSpec(kind="round-robin")
FREE = Pacing(rate=1000.0, burst=1000, connections=1000, messages_per_connection=1000)


def mail(n: int, lot: Lot = NEWS, first: int = 0, at: float = 0.0) -> Enqueued:
    return Enqueued(at, Parcel(lot, first, n, 0, at))


def policy(**pacing: float) -> Policy:
    return Policy(rotation=TURNS, pacing=FREE.model_copy(update=pacing))


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_each_path_keeps_its_rate(batch: int) -> None:
    """Two servers, two ISPs, own and inherited limits: no window of any path is over its rate."""
    own = {"yahoo": Limits(rate=0.5, burst=1)}
    servers = {
        "a": Server(limits=Limits(rate=2.0, burst=5), isp_limits=own),
        "b": Server(),
    }
    play = Rehearsal(servers, policy(rate=1.0, burst=3, connections=4), batch=batch)
    play.tell(mail(400))
    play.tell(mail(200, MORE, first=400))
    play.run(400.0)
    expected = {("a", "gmail"): (2.0, 5), ("a", "yahoo"): (0.5, 1), ("b", "gmail"): (1.0, 3)}
    expected["b", "yahoo"] = (1.0, 3)
    for path, (rate, burst) in expected.items():
        sent = [
            (at, send.parcel.n, at + send.span)
            for at, send in play.all(Send)
            if (send.server, send.isp) == path
        ]
        assert sum(n for _, n, _ in sent) > 50
        for i, (start, _, _) in enumerate(sent):
            total = 0
            for _, n, end in sent[i:]:
                total += n
                assert total <= burst + rate * (end - start) + 1e-6
    assert play.totals["delivered"] == 600


def test_a_path_is_used_as_fast_as_its_rate_allows() -> None:
    """Pacing holds nothing back beyond the rate: each burst goes when it is made good."""
    play = Rehearsal({"a": Server()}, policy(rate=2.0, burst=3))
    play.tell(mail(21))
    play.run(100.0)
    times = [at for at, _ in play.all(Send)]
    assert times == pytest.approx([1.5 * (k // 3) for k in range(21)])


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_a_path_keeps_its_connections(batch: int) -> None:
    """With slow answers exactly so many attempts are open, and the rest waits."""
    play = Rehearsal({"a": Server()}, policy(connections=3), accepting(10.0), batch=batch)
    play.tell(mail(300))
    assert sum(send.slots for send in play.open.values()) == 3
    play.run(10_000.0)
    assert play.totals["delivered"] == 300


@pytest.mark.parametrize("batch", [1, 7])
def test_a_server_keeps_its_connections_over_all_paths(batch: int) -> None:
    """Two ISPs share the server's five connections, and both get on."""
    servers = {"a": Server(connections=5)}
    play = Rehearsal(servers, policy(connections=4), accepting(10.0), batch=batch)
    play.tell(mail(100))
    play.tell(mail(100, MORE, first=100))
    assert sum(send.slots for send in play.open.values()) == 5
    assert {send.isp for send in play.open.values()} == {"gmail", "yahoo"}
    play.run(10_000.0)
    assert play.totals["delivered"] == 200


def test_connections_are_used_again_and_renewed() -> None:
    """One slot, four messages a connection: opened anew for each fifth message, and only then."""
    play = Rehearsal({"a": Server()}, policy(connections=1, messages_per_connection=4))
    play.tell(mail(10))
    play.run(100.0)
    fresh = [send.fresh for _, send in play.all(Send)]
    assert fresh == [k % 4 == 0 for k in range(10)]


def test_a_closed_connection_is_opened_anew() -> None:
    """After the receiver closed it, with a reply or between two, the next message opens it."""

    def answer(now: float, send: Send) -> Event:
        closed = send.parcel.first == 1
        return Replied(now + 0.5, send.token, ((OK, 1),), closed=closed)

    play = Rehearsal({"a": Server()}, policy(connections=1), answer)
    play.tell(mail(4))
    play.run(10.0)
    play.tell(Closed(20.0, play.all(Send)[-1][1].connection))
    play.tell(mail(1, first=4, at=21.0))
    play.run(30.0)
    assert [send.fresh for _, send in play.all(Send)] == [True, False, True, False, True]


def test_idle_connections_are_closed() -> None:
    """What carried nothing for a minute is ended, once, and the next message opens anew."""
    play = Rehearsal({"a": Server()}, policy(connections=2))
    play.tell(mail(2))
    play.run(300.0)
    closes = play.all(Close)
    assert len(closes) == 2
    assert all(60.0 <= at <= 120.0 for at, _ in closes)
    play.tell(mail(1, first=2, at=300.0))
    assert play.all(Send)[-1][1].fresh


def test_parcels_are_cut() -> None:
    """A cut is at most the batch and a quantum of the rate, and takes slots for it."""
    most = int(0.5 * QUANTUM)
    play = Rehearsal({"a": Server()}, policy(rate=0.5, burst=10, connections=5), batch=5 * most)
    play.tell(mail(4 * most))
    play.run(10_000.0)
    sizes = [send.parcel.n for _, send in play.all(Send)]
    assert sum(sizes) == 4 * most
    assert max(sizes) == most
    assert all(1 <= send.slots <= min(5, send.parcel.n) for _, send in play.all(Send))
    assert all(send.fresh for _, send in play.all(Send) if send.parcel.n > 1)
    play = Rehearsal({"a": Server()}, policy(rate=100.0, burst=10), batch=7)
    play.tell(mail(100))
    play.run(1000.0)
    assert max(send.parcel.n for _, send in play.all(Send)) == 7


def test_a_paced_parcel_tells_its_span_and_busies_the_path() -> None:
    """Thirty messages at two a second are spread over their time; then comes the next parcel.

    It begins at once, but its messages keep their distance from the last of the first parcel.
    """
    play = Rehearsal({"a": Server()}, policy(rate=2.0, burst=1), batch=30)
    play.tell(mail(60))
    play.run(100.0)
    (first, one), (second, two) = play.all(Send)
    assert (one.parcel.n, two.parcel.n) == (30, 30)
    assert [first, one.span, second, two.span] == pytest.approx([0.0, 14.5, 14.5, 15.0])


@given(st.floats(0.01, 50.0), st.integers(1, 20), st.lists(st.integers(1, 40), min_size=2))
def test_messages_of_parcels_never_leave_before_pacing_lets_them(
    rate: float, burst: int, sizes: list[int]
) -> None:
    """Spread over its span, a message leaves no earlier than a bucket of the path would let it."""
    play = Rehearsal({"a": Server()}, policy(rate=rate, burst=burst, connections=1), batch=40)
    for k, n in enumerate(sizes):
        play.tell(mail(n, first=40 * k))
    play.run(1e5)
    full = sent = 0.0
    for at, send in play.all(Send):
        for k in range(send.parcel.n):
            allowed = max(at, full - (burst - 1) / rate)
            assert at + send.span * (k + 1) / send.parcel.n >= allowed - 1e-6
            full = max(full, at) + 1.0 / rate
        sent += send.parcel.n
    assert sent == sum(sizes)


@pytest.mark.parametrize(
    "rotation",
    [
        BatchSpec(kind="batch", size=4),
        IntervalSpec(kind="interval", every=60.0),
        PrioritySpec(kind="priority"),
    ],
)
def test_rotations_that_wait_hold_mail_for_their_server(
    rotation: BatchSpec | IntervalSpec | PrioritySpec,
) -> None:
    """While the chosen server is merely busy, nothing goes through the one that is free."""
    chosen = Policy(rotation=rotation, pacing=FREE.model_copy(update={"connections": 1}))
    play = Rehearsal({"a": Server(), "b": Server(priority=2)}, chosen, lambda now, send: None)
    play.tell(mail(20))
    assert [send.server for send in play.open.values()] == ["a"]
    assert play.totals["queued"] == 19


def test_interval_changes_servers_on_the_clock() -> None:
    """Mail that waits is woken at the turn, and goes out by the next server."""
    chosen = Policy(rotation=IntervalSpec(kind="interval", every=60.0), pacing=FREE)
    slow = chosen.model_copy(update={"pacing": Pacing(rate=1.0, burst=1, connections=5)})
    play = Rehearsal({"a": Server(), "b": Server(), "c": Server()}, slow)
    play.tell(mail(200))
    play.run(400.0)
    for at, send in play.all(Send):
        assert send.server == "abc"[int(at // 60) % 3]
    assert play.totals["delivered"] == 200


def test_batch_moves_on_after_its_messages() -> None:
    """Four messages from each server in turn, across ISPs, since the turn is the pool's."""
    chosen = Policy(rotation=BatchSpec(kind="batch", size=4), pacing=FREE)
    play = Rehearsal({"a": Server(), "b": Server()}, chosen)
    play.tell(mail(6))
    play.tell(mail(6, MORE, first=6))
    play.run(10.0)
    assert "".join(send.server for _, send in play.all(Send)) == "aaaabbbbaaaa"


def test_the_wake_up_is_later_than_the_event() -> None:
    """A promise lies ahead after every event (the rehearsal checks it), and none is made idle."""
    dispatcher = Dispatcher({"a": Server()}, policy(rate=1.0, burst=1))
    assert dispatcher.next_wakeup() is None
    dispatcher.handle(mail(3))
    wake = dispatcher.next_wakeup()
    assert wake == pytest.approx(1.0)
    dispatcher.handle(Tick(wake or 0.0))
    assert (dispatcher.next_wakeup() or 0.0) > 1.0


def test_a_late_tick_does_all_that_is_due() -> None:
    """A driver that overslept finds nothing left behind."""
    dispatcher = Dispatcher({"a": Server(), "b": Server()}, policy(rate=1.0, burst=1))
    dispatcher.handle(mail(4))
    assert len(dispatcher.handle(Tick(50.0))) == 2
    assert (dispatcher.next_wakeup() or 0.0) > 50.0


def test_time_does_not_run_backwards() -> None:
    """An event before the last one is refused and changes nothing."""
    dispatcher = Dispatcher({"a": Server()}, policy())
    dispatcher.handle(mail(1, at=10.0))
    before = dispatcher.snapshot()
    with pytest.raises(ValueError, match="backwards"):
        dispatcher.handle(Tick(9.0))
    assert dispatcher.snapshot() == before


@pytest.mark.parametrize(
    "again",
    [
        Replied(2.0, 0, ((OK, 1),)),
        ConnectionFailed(2.0, 0, Reply(0, "", "refused", "connect")),
        Lost(2.0, 0),
        Replied(2.0, 77, ((OK, 1),)),
    ],
)
def test_a_token_is_answered_once(again: Event) -> None:
    """A second answer, or one to a token that never was, is a KeyError."""
    dispatcher = Dispatcher({"a": Server()}, policy())
    dispatcher.handle(mail(1))
    dispatcher.handle(Replied(1.0, 0, ((OK, 1),)))
    with pytest.raises(KeyError):
        dispatcher.handle(again)


def test_a_server_of_weight_zero_carries_nothing() -> None:
    """Weight 0 takes a server out under every rotation."""
    play = Rehearsal({"a": Server(weight=0), "b": Server()}, policy())
    play.tell(mail(10))
    play.run(10.0)
    assert {send.server for _, send in play.all(Send)} == {"b"}


def test_a_connection_that_is_gone_is_opened_anew_at_its_pace() -> None:
    """Ready because of an open connection only: when that is closed, the next waits its time."""
    play = Rehearsal({"a": Server()}, policy(connection_rate=0.1))
    play.tell(mail(1))
    play.run(1.0)
    (_, first) = play.all(Send)[0]
    play.tell(Closed(1.0, first.connection))
    play.tell(mail(1, first=1, at=1.0))
    play.run(100.0)
    assert [(at, send.fresh) for at, send in play.all(Send)] == [(0.0, True), (10.0, True)]
