"""Random histories of a dispatcher, told event by event; what may be tried is for each test."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mstoolkit.config import Policy, Server
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
    Replied,
    Reply,
    Send,
    Tick,
    Withdrawn,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal

LOTS = [
    Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9),
    Lot(1, "spring", "spring", "marketing", "yahoo", "idle", 1e9),
    Lot(2, "codes", "codes", "transactional", "gmail", "active", 300.0),
    Lot(3, "codes", "codes", "transactional", "gmail", "active", 1e9),
    Lot(4, "autumn", "autumn", "news", "gmail", "idle", 4000.0),
]
REPLIES = [
    OK,
    Reply(421, "4.7.28", "an unusual rate of mail", "data"),
    Reply(421, "4.7.28", "an unusual rate of mail from your DKIM domain", "data"),
    Reply(451, "4.3.0", "try again in 2 minutes", "data"),
    Reply(450, "4.2.0", "greylisted, try again later", "rcpt"),
    Reply(450, "4.2.0", "greylisted, try again later", "rcpt"),
    Reply(452, "4.2.2", "mailbox full", "rcpt"),
    Reply(550, "5.1.1", "no such user", "rcpt"),
]
REFUSALS = [
    Reply(0, "", "connection refused", "connect"),
    Reply(421, "4.7.0", "too many connections", "connect"),
]
PICKS = st.integers(0, 10**6)


def no_answer(now: float, send: Send) -> Event | None:
    return None


class Histories(RuleBasedStateMachine):
    """Random events in random order; `Rehearsal` checks books, limits and promises each step."""

    def begin(self, servers: dict[str, Server], policy: Policy, batch: int) -> None:
        self.servers, self.policy, self.batch = servers, policy, batch
        self.play = Rehearsal(servers, policy, no_answer, seed=5, batch=batch)
        self.twin: Dispatcher | None = None
        self.next = 0
        self.accepted: list[tuple[str, Parcel]] = []

    def tell(self, event: Event) -> list[Command]:
        commands = self.play.tell(event)
        if self.twin is not None:
            assert self.twin.handle(event) == commands, "the restored one decides otherwise"
        return commands

    def end(self, steps: int) -> None:
        """Answer everything well from now on: every message ends."""
        for _ in range(steps):
            totals = self.play.totals
            if not totals["queued"] + totals["in_flight"]:
                break
            if self.play.open:
                send = self.pick(0)
                self.tell(Replied(self.now + 0.1, send.token, ((OK, send.parcel.n),)))
            else:
                due = self.play.dispatcher.next_wakeup()
                assert due is not None, f"nothing will wake what waits: {totals}"
                assert due < 1e8, f"nothing will wake what waits: {totals}"
                self.tell(Tick(due))
        totals = self.play.totals
        assert not totals["queued"] + totals["in_flight"], totals

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
    @rule(count=st.integers(1, 30), after=st.sampled_from([0.0, 0.3, 20.0]))
    def answer_many(self, count: int, after: float) -> None:
        """Accept what is open, so that histories get anywhere."""
        for _ in range(count):
            if not self.play.open:
                return
            send = self.pick(0)
            self.tell(Replied(self.now + after, send.token, ((OK, send.parcel.n),)))

    @precondition(lambda self: self.play.open)
    @rule(which=PICKS, after=st.floats(0.0, 3.0), reply=st.sampled_from(REFUSALS))
    def fail(self, which: int, after: float, reply: Reply) -> None:
        self.tell(ConnectionFailed(self.now + after, self.pick(which).token, reply))

    @precondition(lambda self: self.play.open)
    @rule(which=PICKS, after=st.floats(0.0, 3.0))
    def lose(self, which: int, after: float) -> None:
        self.tell(Lost(self.now + after, self.pick(which).token))

    @rule(late=st.sampled_from([0.0, 0.0, 0.0, 1.0, 50.0, 4000.0]), times=st.integers(1, 10))
    def wake(self, late: float, times: int) -> None:
        for _ in range(times):
            due = self.play.dispatcher.next_wakeup()
            if due is None or due > 1e8:
                return
            self.tell(Tick(due + late))

    @rule(first=st.integers(0, 300), n=st.integers(1, 50), all_of_it=st.booleans())
    def withdraw(self, first: int, n: int, all_of_it: bool) -> None:
        name = "codes" if all_of_it else "spring"
        self.tell(Withdrawn(self.now, name, -1 if all_of_it else first, n))

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
        self.twin = Dispatcher(self.servers, self.policy, seed=5, batch=self.batch)
        self.twin.restore(json.loads(text))
        assert json.dumps(self.twin.snapshot()) == text
        assert self.twin.totals == self.play.totals
        assert self.twin.next_wakeup() == self.play.dispatcher.next_wakeup()

    @invariant()
    def slots_are_accounted_for(self) -> None:
        """A path's slots are idle or taken by an open attempt, each in one place."""
        if not hasattr(self, "play"):
            return
        dispatcher: Any = self.play.dispatcher
        flights = list(dispatcher._flights.values())
        for server in dispatcher._pool.servers:
            taken = 0
            for path in server.paths:
                mine: list[int] = []
                for flight in flights:
                    if flight[0].path is path:
                        mine += [flight[2]] if isinstance(flight[2], int) else flight[2]
                assert sorted([*mine, *path.idle]) == list(range(len(path.used)))
                taken += len(mine)
            assert server.in_use == taken
        for gate in dispatcher._pool.fence.gates._all.values():
            held = sum(flight[1].slots for flight in flights if gate in flight[0].gates)
            assert gate.in_use == held, gate.name
