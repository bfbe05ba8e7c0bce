"""Rotations that learn and rotations by key, at work through the dispatcher."""

from __future__ import annotations

import json
from collections import Counter
from math import ceil

import pytest

from mstoolkit.config import Breaker, Failover, Pacing, Policy, Retry, Server
from mstoolkit.config.rotation import RotationSpec, StickySpec, ThompsonSpec
from mstoolkit.config.weighting import ReputationWeighing, StaticWeighing
from mstoolkit.model import Enqueued, Feedback, Lot, Parcel, Replied, Reply, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, accepting, partly

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
BLOCKED = Reply(550, "5.7.1", "client host blocked using a blocklist", "data")
THROTTLED = Reply(421, "4.7.0", "too many messages, slow down", "data")
BUSY = Reply(450, "4.2.0", "local error, try again later", "data")
NEVER = Breaker(failures=10**9)
STICKY = StickySpec(kind="sticky")
FOUR = {name: Server() for name in "abcd"}


def policy(rotation: RotationSpec, path: Breaker = NEVER, **pacing: object) -> Policy:
    limits = {"rate": 1000.0, "burst": 1000, "connections": 100, **pacing}
    return Policy(
        rotation=rotation,
        pacing=Pacing(**limits),
        failover=Failover(server=NEVER, path=path),
        retry=Retry(base=60.0, jitter=0.0, quantum=1.0, attempts=9),
    )


def flow(play: Rehearsal, seconds: int, *, rate: int = 20, known: bool = True) -> dict[str, float]:
    """Let mail arrive evenly; return each server's share of it."""
    begin, seen = ceil(play.now), len(play.log)
    for second in range(begin, begin + seconds):
        play.run(float(second))
        first = second * rate if known else -1
        play.tell(Enqueued(float(second), Parcel(GMAIL, first, rate, 0, second)))
    play.run(begin + seconds - 0.1)
    sent: Counter[str] = Counter()
    for _, commands in play.log[seen:]:
        for send in commands:
            if isinstance(send, Send):
                sent[send.server] += send.parcel.n
    return {name: n / sent.total() for name, n in sorted(sent.items())}


@pytest.mark.parametrize("batch", [1, 10])
def test_thompson_finds_the_best_and_keeps_its_bounds(batch: int) -> None:
    """The best carries the ceiling, each other at least the floor, and the second best the rest."""
    play = Rehearsal(
        FOUR,
        policy(ThompsonSpec(kind="thompson", tau=600.0, floor=0.05, ceiling=0.6)),
        partly({"a": 0.5, "b": 0.7, "c": 0.98, "d": 0.8}, BLOCKED),
        batch=batch,
    )
    flow(play, 120)
    shares = flow(play, 200)
    assert shares["c"] == pytest.approx(0.6, abs=0.03)
    assert min(shares.values()) >= 0.045
    assert shares["a"] < shares["d"] + 0.05


def test_thompson_hears_of_messages_that_come_back() -> None:
    """What was accepted and bounced later speaks against its server."""
    chosen = policy(ThompsonSpec(kind="thompson", floor=0.02, ceiling=0.9))
    play = Rehearsal({"a": Server(), "b": Server()}, chosen)
    flow(play, 60)
    own = [(at, send) for at, send in play.all(Send) if send.server == "a"]
    for at, send in own:
        late = Reply(550, "5.7.1", BLOCKED.text, "dsn")
        play.tell(Feedback(3600.0, "dsn", "a", send.parcel, at, late))
    assert flow(play, 60)["a"] < 0.1


def test_thompson_learns_from_greylisted_mail_too() -> None:
    """What is delivered at its second attempt, pinned to its server, counts where one chooses."""
    greylisted = Reply(451, "4.7.1", "greylisted, try again later", "rcpt")

    def answer(at: float, send: Send) -> Replied:
        late = send.parcel.attempt == 0
        bad = greylisted if late else OK if send.server == "a" else BLOCKED
        return Replied(at + 0.1, send.token, ((bad, 1),))

    chosen = policy(ThompsonSpec(kind="thompson", floor=0.02, ceiling=0.95))
    play = Rehearsal({"a": Server(), "b": Server()}, chosen, answer)
    flow(play, 100)
    assert flow(play, 100)["a"] > 0.8


def homes(play: Rehearsal) -> dict[int, set[str]]:
    """Return by which servers each message went."""
    by: dict[int, set[str]] = {}
    for _, send in play.all(Send):
        assert send.parcel.n == 1
        by.setdefault(send.parcel.first, set()).add(send.server)
    return by


@pytest.mark.parametrize("batch", [1, 100])
def test_a_recipient_keeps_its_server(batch: int) -> None:
    """Over retries and over campaigns to the same list; all servers have their part."""
    tries: Counter[int] = Counter()

    def answer(at: float, send: Send) -> Replied:
        tries[send.parcel.first] += 1
        late = tries[send.parcel.first] < 3
        return Replied(at + send.span + 0.1, send.token, ((BUSY if late else OK, 1),))

    play = Rehearsal(FOUR, policy(STICKY, rate=20.0, burst=5, connections=4), answer, batch=batch)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 400)))
    play.run(3600.0)
    assert play.totals["delivered"] == 400
    assert set(tries.values()) == {3}
    again = Lot(2, "spring", "reminder", "marketing", "gmail", "active", 1e9)
    play.tell(Enqueued(4000.0, Parcel(again, 0, 400)))
    play.run(9000.0)
    by = homes(play)
    assert all(len(servers) == 1 for servers in by.values())
    parts = Counter(next(iter(servers)) for servers in by.values())
    assert all(70 <= n <= 130 for n in parts.values())


@pytest.mark.parametrize("batch", [1, 100])
def test_mail_of_a_suspended_server_goes_to_the_next_in_its_order_and_returns(batch: int) -> None:
    """Only its messages move, to several others, and are at home again afterwards."""
    path = Breaker(failures=1, base=600.0, probe=3)
    bad = [False]

    def answer(at: float, send: Send) -> Replied:
        failing = bad[0] and send.server == "a"
        return Replied(at + 0.1, send.token, ((THROTTLED if failing else OK, 1),))

    play = Rehearsal(FOUR, policy(STICKY, path=path), answer, batch=batch)

    def campaign(number: int) -> dict[int, str]:
        lot = Lot(number, "spring", f"campaign-{number}", "marketing", "gmail", "active", 1e9)
        seen = len(play.log)
        play.tell(Enqueued(float(ceil(play.now)), Parcel(lot, 0, 200)))
        play.run(play.now + 100.0)
        sends = [c for _, out in play.log[seen:] for c in out if isinstance(c, Send)]
        return {s.parcel.first: s.server for s in sends if s.parcel.lot is lot}

    before = campaign(1)
    bad[0] = True
    campaign(2)  # in which a is suspended
    bad[0] = False
    away = campaign(3)
    moved = {key for key in before if away[key] != before[key]}
    assert moved == {key for key, server in before.items() if server == "a"}
    assert {away[key] for key in moved} == {"b", "c", "d"}
    play.run(1200.0)
    campaign(4)  # with the probe
    assert campaign(5) == before


@pytest.mark.parametrize("batch", [1, 100])
def test_keyed_mail_goes_as_fast_as_its_limits(batch: int) -> None:
    """Though it goes message by message, none waits for the answer of the one before."""
    chosen = policy(STICKY, rate=5.0, burst=1, connections=20)
    play = Rehearsal(FOUR, chosen, accepting(2.0), batch=batch)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 3000)))
    play.run(100.0)
    assert len(play.all(Send)) == pytest.approx(4 * 5 * 100, rel=0.01)


@pytest.mark.parametrize("batch", [1, 100])
def test_one_busy_home_holds_up_nobody(batch: int) -> None:
    """The mail of three servers goes at once while a fourth takes one message a minute."""
    slow = {**FOUR, "a": Server.model_validate({"limits": {"rate": 1 / 60.0, "burst": 1}})}
    play = Rehearsal(slow, policy(STICKY), batch=batch)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 400)))
    play.run(30.0)
    left = [send.server for at, send in play.all(Send) if at + send.span <= 30.0]
    assert left.count("a") == 1
    assert play.totals["queued"] == sum(1 for k in range(400) if k not in homes(play))
    play.run(3 * 3600.0)
    assert play.totals["delivered"] == 400
    assert all(len(servers) == 1 for servers in homes(play).values())


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("bound", [None, 1.25])
def test_counted_mail_is_shared_out_by_weight(batch: int, bound: float | None) -> None:
    """Where messages are not told apart, each server has its share."""
    spec = StickySpec(kind="sticky", bound=bound)
    servers = {"a": Server(weight=3), "b": Server()}
    play = Rehearsal(servers, policy(spec), batch=batch)
    assert flow(play, 30, known=False) == pytest.approx({"a": 0.75, "b": 0.25}, abs=0.02)


def test_no_home_has_more_in_flight_than_its_bound() -> None:
    """One sender's mail, which is all of one key, spreads as the bound says."""
    spec = StickySpec(kind="sticky", key="sender", bound=1.5)
    play = Rehearsal(FOUR, policy(spec), lambda at, send: None)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 80)))
    counts = Counter(send.server for send in play.open.values())
    assert sum(counts.values()) == 80
    assert max(counts.values()) <= 31
    for token in list(play.open):
        play.tell(Replied(1.0, token, ((OK, 1),)))
    assert play.totals["delivered"] == 80


@pytest.mark.parametrize("batch", [1, 25])
@pytest.mark.parametrize(
    "rotation",
    [
        ThompsonSpec(kind="thompson", tau=300.0),
        STICKY,
        StickySpec(kind="sticky", bound=1.25),
        StickySpec(kind="sticky", key="domain", bound=1.5),
    ],
    ids=lambda spec: f"{spec.kind}-{getattr(spec, 'bound', '')}",
)
def test_a_restored_dispatcher_chooses_as_the_original(rotation: RotationSpec, batch: int) -> None:
    """From JSON amid deferrals, parked mail, suspensions and moving weights."""
    path = Breaker(failures=30, base=60.0, window=60.0)
    chosen = policy(rotation, path=path, rate=4.0, burst=2, connections=3).model_copy(
        update={"weighting": (StaticWeighing(), ReputationWeighing())}
    )
    servers = {**FOUR, "d": Server(weight=2)}
    play = Rehearsal(servers, chosen, partly({"a": 0.5, "b": 0.9}, THROTTLED), batch=batch)
    flow(play, 65, rate=10)
    twin = Dispatcher(servers, chosen, batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    flow(play, 150, rate=10)
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands
