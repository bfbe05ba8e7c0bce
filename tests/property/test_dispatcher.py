"""The dispatcher under arbitrary histories: nothing is lost, no limit is passed, state restores."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mstoolkit.config import Breaker, Failover, Limits, Policy, Retry, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import (
    BatchSpec,
    DeficitSpec,
    EdfSpec,
    InterleavedSpec,
    IntervalSpec,
    LeastLoadedSpec,
    PowerOfTwoSpec,
    PrioritySpec,
    RandomSpec,
    RotationSpec,
    RoundRobinSpec,
    SmoothWeightedSpec,
    StickySpec,
    StrideSpec,
    ThompsonSpec,
)
from mstoolkit.model import (
    Closed,
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Lost,
    Lot,
    Parcel,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Tick,
    Withdrawn,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal

SERVERS = {
    "a": Server(weight=3, connections=5, limits=Limits(rate=1.0, burst=3)),
    "b": Server(weight=2, isp_limits={"gmail": Limits(connections=1)}),
    "c": Server(weight=1, priority=2, connections=3),
}
ROTATIONS: list[RotationSpec] = [
    RoundRobinSpec(kind="round-robin"),
    BatchSpec(kind="batch", size=5),
    IntervalSpec(kind="interval", every=20.0),
    SmoothWeightedSpec(kind="smooth-weighted"),
    LeastLoadedSpec(kind="least-loaded"),
    PrioritySpec(kind="priority"),
    InterleavedSpec(kind="interleaved"),
    StrideSpec(kind="stride"),
    RandomSpec(kind="random"),
    PowerOfTwoSpec(kind="power-of-two"),
    DeficitSpec(kind="deficit"),
    PrioritySpec(kind="priority", spill="busy"),
    PrioritySpec(kind="priority", spill="health"),
    EdfSpec(kind="edf"),
    ThompsonSpec(kind="thompson"),
    StickySpec(kind="sticky"),
    StickySpec(kind="sticky", bound=1.25),
]
LOTS = [
    Lot(0, "spring", "spring", "marketing", "gmail", "active", 4000.0),
    Lot(1, "spring", "spring", "marketing", "yahoo", "active", 4000.0),
    Lot(2, "codes", "codes", "transactional", "gmail", "active", 300.0),
]
REPLIES = [
    OK,
    Reply(421, "4.7.28", "an unusual rate of mail", "data"),
    Reply(451, "4.3.0", "try again later", "data"),
    Reply(452, "4.2.2", "mailbox full", "rcpt"),
    Reply(550, "5.1.1", "no such user", "rcpt"),
]
REFUSALS = [
    Reply(0, "", "connection refused", "connect"),
    Reply(421, "4.7.0", "too many connections", "connect"),
]
PICKS = st.integers(0, 10**6)


def policy(rotation: RotationSpec) -> Policy:
    return Policy(
        rotation=rotation,
        pacing=Pacing(rate=0.5, burst=2, connections=3, messages_per_connection=3),
        failover=Failover(
            server=Breaker(failures=2, base=20.0, longest=80.0, probe=2),
            path=Breaker(failures=3, window=30.0, base=20.0, longest=80.0, probe=2),
        ),
        retry=Retry(base=20.0, longest=120.0, quantum=5.0, attempts=4),
    )


def no_answer(now: float, send: Send) -> Event | None:
    return None


class Histories(RuleBasedStateMachine):
    """Random events in random order; `Rehearsal` checks books, limits and promises each step."""

    @initialize(rotation=st.sampled_from(ROTATIONS), batch=st.sampled_from([1, 7, 100]))
    def start(self, rotation: RotationSpec, batch: int) -> None:
        self.policy, self.batch = policy(rotation), batch
        self.play = Rehearsal(SERVERS, self.policy, no_answer, seed=5, batch=batch)
        self.twin: Dispatcher | None = None
        self.next = 0
        self.accepted: list[tuple[str, Parcel]] = []

    def tell(self, event: Event) -> list[Command]:
        commands = self.play.tell(event)
        if self.twin is not None:
            assert self.twin.handle(event) == commands, "the restored one decides otherwise"
        return commands

    @property
    def now(self) -> float:
        return self.play.now

    def pick(self, number: int) -> Send:
        opened = list(self.play.open.values())
        return opened[number % len(opened)]

    @rule(
        lot=st.sampled_from(LOTS),
        n=st.integers(1, 40),
        counted=st.booleans(),
        suppressed=st.sampled_from([False, False, False, True]),
    )
    def enqueue(self, lot: Lot, n: int, counted: bool, suppressed: bool) -> None:
        first = -1 if counted and self.batch > 1 else self.next
        self.next += n
        self.tell(Enqueued(self.now, Parcel(lot, first, n, 0, self.now), suppressed))

    @precondition(lambda self: self.play.open)
    @rule(
        which=PICKS,
        after=st.floats(0.0, 3.0),
        kinds=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=3, unique=True),
        cut=st.integers(0, 100),
        closed=st.booleans(),
    )
    def answer(self, which: int, after: float, kinds: list[Reply], cut: int, closed: bool) -> None:
        send = self.pick(which)
        n = send.parcel.n
        unsent = n * cut // 100 if closed else 0
        replies, left = [], n - unsent
        for k, reply in enumerate(kinds):
            share = left if k == len(kinds) - 1 else left // 2
            if share:
                replies.append((reply, share))
            left -= share
        if kinds[0] is OK and replies and send.parcel.first >= 0 and n == 1 and not unsent:
            self.accepted.append((send.server, send.parcel))
        self.tell(Replied(self.now + after, send.token, tuple(replies), unsent, after, closed))

    @precondition(lambda self: self.play.open)
    @rule(count=st.integers(1, 30))
    def answer_many(self, count: int) -> None:
        """Accept what is open, so that histories get anywhere."""
        for _ in range(count):
            if not self.play.open:
                return
            send = self.pick(0)
            self.tell(Replied(self.now + 0.3, send.token, ((OK, send.parcel.n),)))

    @precondition(lambda self: self.play.open)
    @rule(which=PICKS, after=st.floats(0.0, 3.0), reply=st.sampled_from(REFUSALS))
    def fail(self, which: int, after: float, reply: Reply) -> None:
        self.tell(ConnectionFailed(self.now + after, self.pick(which).token, reply))

    @precondition(lambda self: self.play.open)
    @rule(which=PICKS, after=st.floats(0.0, 3.0))
    def lose(self, which: int, after: float) -> None:
        self.tell(Lost(self.now + after, self.pick(which).token))

    @rule(late=st.sampled_from([0.0, 0.0, 0.0, 1.0, 50.0]), times=st.integers(1, 10))
    def wake(self, late: float, times: int) -> None:
        for _ in range(times):
            due = self.play.dispatcher.next_wakeup()
            if due is None:
                return
            self.tell(Tick(due + late))

    @rule(first=st.integers(0, 300), n=st.integers(1, 50), all_of_it=st.booleans())
    def withdraw(self, first: int, n: int, all_of_it: bool) -> None:
        name = "codes" if all_of_it else "spring"
        self.tell(Withdrawn(self.now, name, -1 if all_of_it else first, n))

    @rule(server=st.sampled_from("abc"), restored=st.booleans())
    def change(self, server: str, restored: bool) -> None:
        self.tell(PoolChanged(self.now, server, "restored" if restored else "drained"))

    @precondition(lambda self: self.accepted)
    @rule()
    def bounce_later(self) -> None:
        server, parcel = self.accepted.pop()
        reply = Reply(550, "5.1.1", "no such user", "dsn")
        self.tell(Feedback(self.now, "dsn", server, parcel, self.now, reply))

    @rule()
    def close_idle(self) -> None:
        """The receiver ends a connection between two messages."""
        busy = {send.connection for send in self.play.open.values()}
        idle = [s.connection for _, s in self.play.all(Send) if s.connection not in busy]
        if idle:
            self.tell(Closed(self.now, idle[-1]))

    @rule()
    def restore(self) -> None:
        """From here on a dispatcher restored from JSON text must decide the same."""
        text = json.dumps(self.play.dispatcher.snapshot())
        self.twin = Dispatcher(SERVERS, self.policy, seed=5, batch=self.batch)
        self.twin.restore(json.loads(text))
        assert json.dumps(self.twin.snapshot()) == text
        assert self.twin.totals == self.play.totals
        assert self.twin.next_wakeup() == self.play.dispatcher.next_wakeup()

    @invariant()
    def nothing_due_is_left(self) -> None:
        """Where mail waits and a path is free, it is because the rotation says wait."""
        if not hasattr(self, "play"):
            return
        pool: Any = self.play.dispatcher._pool
        assert not pool.dirty
        for route in pool.routes:
            assert all(choice.path.usable for choice in route.eligible)
            if route.homes is not None:  # what waits has looked for its home, and that is busy
                assert not (route.ready and route.homes.queue.n)
                parked = {row[0] for row in route.homes.snapshot()["parked"]}
                assert not parked & {choice.index for choice in route.ready}
            elif route.queue.n and route.ready:
                assert route.rotation.choose(route.eligible, route.ready, self.now) is None

    @invariant()
    def slots_are_accounted_for(self) -> None:
        """A path's slots are idle or taken by an open attempt, each in one place."""
        if not hasattr(self, "play"):
            return
        dispatcher: Any = self.play.dispatcher
        for server in dispatcher._pool.servers:
            taken = 0
            for path in server.paths:
                mine: list[int] = []
                for flight in dispatcher._flights.values():
                    if flight[0].path is path:
                        mine += [flight[2]] if isinstance(flight[2], int) else flight[2]
                assert sorted([*mine, *path.idle]) == list(range(len(path.used)))
                taken += len(mine)
            assert server.in_use == taken

    def teardown(self) -> None:
        """With everything answered well from now on, every message ends."""
        if not hasattr(self, "play"):
            return
        for name in SERVERS:
            self.tell(PoolChanged(self.now, name, "restored"))
        for _ in range(3000):
            totals = self.play.totals
            if not totals["queued"] + totals["in_flight"]:
                break
            if self.play.open:
                send = self.pick(0)
                self.tell(Replied(self.now + 0.1, send.token, ((OK, send.parcel.n),)))
            else:
                due = self.play.dispatcher.next_wakeup()
                assert due is not None, f"mail waits and nothing will wake it: {totals}"
                self.tell(Tick(due))
        totals = self.play.totals
        assert not totals["queued"] + totals["in_flight"], totals


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=50, stateful_step_count=40)
