"""The dispatcher under arbitrary histories and policies, which change while mail is under way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mstoolkit.config import Breaker, ConfigError, Failover, Limits, Policy, Retry, Server
from mstoolkit.config.isolation import (
    CanarySpec,
    ConsecutiveSpec,
    EnvoySpec,
    RobustSpec,
    SlowStartSpec,
)
from mstoolkit.config.ordering import Ordering
from mstoolkit.config.pacing import (
    AimdSpec,
    Allowance,
    CubicSpec,
    FeedbackSpec,
    IspAllowance,
    Pacing,
)
from mstoolkit.config.quota import QuotaSpec, WindowSpec
from mstoolkit.config.routing import RouteSpec
from mstoolkit.config.rules import Match, Rule, SetConnections, SetRate, Suspend, Trigger
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
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Tick,
    Withdrawn,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal
from mstoolkit.testing.limits import LimitWatch

NAMES = ("a", "b", "c", "d")
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
RULES = (
    Rule(
        name="rate",
        match=Match(text="unusual rate"),
        action=SetRate(rate=0.2),
        duration=60.0,
    ),
    Rule(
        name="width",
        match=Match(text="too many"),
        action=SetConnections(connections=1),
        duration=60.0,
        scope="isp",
    ),
    Rule(
        name="rest",
        match=Match(code=451),
        trigger=Trigger(count=2, window=60.0),
        action=Suspend(),
        duration=40.0,
        scope="server",
    ),
)
PICKS = st.integers(0, 10**6)


def seldom(*values: Any) -> st.SearchStrategy[Any]:
    """Draw None half of the time."""
    return st.one_of(st.none(), st.sampled_from(values))


rates = st.sampled_from([0.1, 0.5, 2.0, 10.0])
windows = st.sampled_from(
    [(), (), (WindowSpec(n=6, within=30.0),), (WindowSpec(n=20, within=400.0),)]
)
quotas = st.sampled_from(
    [
        (),
        (),
        (QuotaSpec(n=30, per="hour"),),
        (QuotaSpec(n=40, per="hour", spread=True),),
        (QuotaSpec(n=25, per="hour"), QuotaSpec(n=500, per="day")),
    ]
)
allowances = st.builds(
    Allowance,
    rate=seldom(0.1, 0.5, 2.0),
    burst=st.integers(1, 5),
    window=windows,
    quota=quotas,
    connections=seldom(1, 2, 4),
)
isps = st.one_of(
    allowances.map(lambda each: IspAllowance.model_validate(each.model_dump())),
    st.builds(
        IspAllowance,
        rate=st.sampled_from([0.5, 2.0]),
        burst=st.integers(1, 5),
        quota=quotas,
        adapt=st.sampled_from([AimdSpec(kind="aimd"), CubicSpec(kind="cubic", plateau=60.0)]),
    ),
)
limits = st.builds(
    Limits,
    rate=seldom(0.2, 1.0, 5.0),
    burst=seldom(1, 3),
    connections=seldom(1, 2, 4),
    messages_per_connection=seldom(1, 3),
    connection_rate=seldom(0.1, 1.0),
    window=windows,
    quota=quotas,
)
servers = st.builds(
    Server,
    weight=st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.5]),
    priority=st.integers(1, 2),
    connections=st.integers(1, 6),
    limits=st.one_of(st.just(Limits()), limits),
    isp_limits=st.one_of(st.just({}), st.fixed_dictionaries({"gmail": limits})),
    total=st.one_of(st.none(), st.none(), allowances),
)
pacings = st.builds(
    Pacing,
    rate=rates,
    burst=st.integers(1, 4),
    connections=st.integers(1, 4),
    messages_per_connection=st.integers(1, 5),
    connection_rate=seldom(0.2, 1.0),
    window=windows,
    quota=quotas,
    servers=st.one_of(st.none(), st.none(), allowances),
    isps=st.one_of(
        st.just({}),
        st.fixed_dictionaries({"gmail": isps}),
        st.fixed_dictionaries({"*": isps}),
    ),
    streams=st.one_of(
        st.just({}),
        st.fixed_dictionaries({"marketing": allowances}),
        st.fixed_dictionaries({"transactional": allowances, "news": allowances}),
    ),
    reserve=st.sampled_from([0.0, 0.0, 0.25, 0.5]),
    adapt=seldom(AimdSpec(kind="aimd"), CubicSpec(kind="cubic", plateau=60.0)),
    feedback=seldom(FeedbackSpec(initial=1), FeedbackSpec(initial=3, negative="1/N")),
)
breakers = st.sampled_from(
    [
        Breaker(failures=2, base=20.0, longest=80.0, probe=2),
        Breaker(failures=3, window=30.0, base=20.0, longest=80.0, probe=1),
        Breaker(window=60.0, rate=0.5, minimum=4, base=20.0, longest=80.0, probe=4),
    ]
)
failovers = st.builds(
    Failover,
    server=breakers,
    path=breakers,
    exhausted=st.sampled_from(["hold", "spill", "shed"]),
    shed_after=st.just(50.0),
    panic=seldom(5.0, 30.0),
    pin=st.booleans(),
    outliers=seldom(
        RobustSpec(window=10, minimum=3, memory=20),
        EnvoySpec(kind="envoy", servers=2, minimum=3, most=0.5),
        ConsecutiveSpec(kind="consecutive", failures=2),
    ),
    slow_start=seldom(SlowStartSpec(window=60.0), SlowStartSpec(window=60.0, form="haproxy")),
)
orderings = st.sampled_from(
    [
        Ordering(),
        Ordering(),
        Ordering(campaigns="fair", weights={"spring": 2.0}),
        Ordering(streams=("*", "news"), segments=("active", "*"), retries="last"),
        Ordering(retries="by-age"),
    ]
)
WEIGHTS = ["capacity", "cost", "delivery-rate", "reputation", "latency", "quota-left", "slow-start"]
weightings = st.lists(st.sampled_from(WEIGHTS), max_size=2, unique=True).map(
    lambda kinds: [{"kind": kind} for kind in ("static", *kinds)]
)
retries = st.sampled_from(
    [
        Retry(base=20.0, longest=120.0, quantum=5.0, attempts=4),
        Retry(schedule=(30.0, 60.0), quantum=1.0, attempts=3, hints=False),
        Retry.model_validate({"preset": "postfix"}),
    ]
)
routes = st.lists(
    st.builds(
        RouteSpec,
        servers=st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True).map(tuple),
        isps=st.sampled_from([(), ("gmail",), ("yahoo",)]),
        streams=st.sampled_from([(), ("transactional",), ("marketing", "news")]),
        segments=st.sampled_from([(), ("active",)]),
        campaigns=st.sampled_from([(), (), ("autumn",)]),
        exclusive=st.booleans(),
        exhausted=seldom("hold", "spill", "shed"),
    ),
    max_size=2,
).map(tuple)
rotations = st.sampled_from(
    [
        {"kind": "round-robin"},
        {"kind": "batch", "size": 5},
        {"kind": "interval", "every": 20.0},
        {"kind": "smooth-weighted"},
        {"kind": "least-loaded"},
        {"kind": "priority"},
        {"kind": "priority", "spill": "busy"},
        {"kind": "priority", "spill": "health"},
        {"kind": "interleaved"},
        {"kind": "stride"},
        {"kind": "random"},
        {"kind": "power-of-two"},
        {"kind": "deficit"},
        {"kind": "edf"},
        {"kind": "thompson"},
        {"kind": "sticky"},
        {"kind": "sticky", "bound": 1.25},
    ]
)
SHARELESS = {"round-robin", "batch", "interval", "thompson"}  # with which canaries are refused


def whole(rotation: dict[str, Any], canaries: dict[str, Any], **parts: Any) -> Policy:
    if rotation["kind"] in SHARELESS:
        canaries = {}
    return Policy.model_validate({"rotation": rotation, "canaries": canaries, **parts})


policies = st.builds(
    whole,
    rotation=rotations,
    routes=routes,
    weighting=weightings,
    ordering=orderings,
    canaries=st.sampled_from(
        [{}, {}, {"a": CanarySpec(steps=(0.1, 0.5, 1.0), every=30.0, least=50, mild=True)}]
    ),
    pacing=pacings,
    failover=failovers,
    retry=retries,
    rules=st.sampled_from([(), RULES]),
)
BAD = [
    PoolChanged(0.0, "x", "removed"),
    PoolChanged(0.0, "x", "drained"),
    PoolChanged(0.0, "a", "added", "{}"),
    PoolChanged(0.0, "b", "edited", "{"),
    PoolChanged(0.0, "b", "edited", '{"weight": -1}'),
    PolicyChanged(0.0, "[]"),
    PolicyChanged(0.0, '{"rotation": {"kind": "edf"}, "routes": [{"servers": ["x"]}]}'),
]


def no_answer(now: float, send: Send) -> Event | None:
    return None


class WholePolicy(RuleBasedStateMachine):
    """Random events in random order; `Rehearsal` checks books, limits and promises each step."""

    @initialize(
        policy=policies,
        a=servers,
        b=servers,
        c=st.one_of(st.none(), servers),
        batch=st.sampled_from([1, 1, 7, 100]),
    )
    def start(self, policy: Policy, a: Server, b: Server, c: Server | None, batch: int) -> None:
        pool = {"a": a, "b": b} | ({"c": c} if c else {})
        self.servers, self.policy, self.batch = pool, policy, batch
        self.pool = dict(pool)
        self.play = Rehearsal(pool, policy, no_answer, seed=5, batch=batch)
        self.watch = LimitWatch(pool, policy, batch)
        self.twin: Dispatcher | None = None
        self.sound = True
        self.next = 0
        self.accepted: list[tuple[str, Parcel]] = []

    def tell(self, event: Event) -> list[Command]:
        self.sound = False  # until all is checked: a broken one is not played to its end
        commands = self.play.tell(event)
        self.watch.see(event, commands)
        if self.twin is not None:
            assert self.twin.handle(event) == commands, "the restored one decides otherwise"
        self.sound = True
        return commands

    @property
    def now(self) -> float:
        return self.play.now

    def pick(self, number: int) -> Send:
        opened = list(self.play.open.values())
        return opened[number % len(opened)]

    # -- mail and answers

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

    # -- changes

    @rule(number=PICKS, restored=st.booleans())
    def drain(self, number: int, restored: bool) -> None:
        name = list(self.pool)[number % len(self.pool)]
        self.tell(PoolChanged(self.now, name, "restored" if restored else "drained"))

    @rule(name=st.sampled_from(NAMES), spec=servers)
    def change(self, name: str, spec: Server) -> None:
        kind = "edited" if name in self.pool else "added"
        self.pool[name] = spec
        self.tell(PoolChanged(self.now, name, kind, spec.model_dump_json()))  # type: ignore[arg-type]

    @precondition(lambda self: len(self.pool) > 1)
    @rule(number=PICKS)
    def remove(self, number: int) -> None:
        name = list(self.pool)[number % len(self.pool)]
        del self.pool[name]
        self.tell(PoolChanged(self.now, name, "removed"))

    @rule(policy=policies)
    def swap(self, policy: Policy) -> None:
        self.policy_now = policy
        self.tell(PolicyChanged(self.now, policy.model_dump_json()))

    @rule(event=st.sampled_from(BAD))
    def refuse(self, event: PoolChanged | PolicyChanged) -> None:
        """What cannot be done is refused, and nothing has changed."""
        dispatcher = self.play.dispatcher
        before = json.dumps(dispatcher.snapshot())
        if isinstance(event, PolicyChanged):
            event = PolicyChanged(self.now + 500.0, event.policy)
        else:
            if event.change in {"added", "edited"} and event.server not in self.pool:
                return
            event = PoolChanged(self.now + 500.0, event.server, event.change, event.spec)
        with pytest.raises(ConfigError):
            dispatcher.handle(event)
        assert json.dumps(dispatcher.snapshot()) == before

    @rule()
    def restore(self) -> None:
        """From here on a dispatcher restored from JSON text must decide the same."""
        text = json.dumps(self.play.dispatcher.snapshot())
        self.twin = Dispatcher(self.servers, self.policy, seed=5, batch=self.batch)
        self.twin.restore(json.loads(text))
        assert json.dumps(self.twin.snapshot()) == text
        assert self.twin.totals == self.play.totals
        assert self.twin.next_wakeup() == self.play.dispatcher.next_wakeup()

    # -- what holds at any time

    @invariant()
    def lists_are_up_to_date(self) -> None:
        """What is eligible and ready is so, and where mail waits, it is because it must."""
        if not hasattr(self, "play"):
            return
        pool: Any = self.play.dispatcher._pool
        self.sound = False
        assert not pool.dirty
        for route in pool.routes:
            assert route.held == sum(gate.shut for gate in route.gates)
            assert route.eligible == [c for c in route.choices if usable(c)]
            assert route.ready == [c for c in route.choices if usable(c) and ready(pool, c)]
            if not (route.queue.n and route.ready and not route.held):
                continue
            if route.homes is not None:  # all are looked at, and wait for their own servers
                assert not route.homes.queue.n
                parked = [each.home for each in route.homes._parked.values()]
                assert not any(home is not None and home.is_ready for home in parked)
            else:
                assert route.rotation.choose(route.eligible, route.ready, self.now) is None
        self.sound = True

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

    def teardown(self) -> None:
        """With everything answered well from now on, every message ends."""
        if not getattr(self, "sound", False):
            return
        self.watch.check()
        for name in ("a", "b", "c", *self.pool):  # of which c is in no route
            spec = self.pool.get(name, Server()).model_copy(update={"weight": 1.0})
            kind = "edited" if name in self.pool else "added"
            self.pool[name] = spec
            self.tell(PoolChanged(self.now, name, kind, spec.model_dump_json()))  # type: ignore[arg-type]
            self.tell(PoolChanged(self.now, name, "restored"))
        for _ in range(20_000):
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
        self.watch.check()


def usable(choice: Any) -> bool:
    usable: bool = choice.path.usable
    return usable and choice.weight > 0 and (choice.home or choice.route.spilling)


def ready(pool: Any, choice: Any) -> bool:
    path = choice.path
    gates = [gate for gate in choice.gates if gate not in choice.route.gates]
    assert choice.held == sum(gate.shut for gate in gates)
    for gate in choice.gates:
        if not gate.shut and gate.meter:
            assert gate.meter.ready_at(pool.now) <= pool.now, gate.name
    busy = len(path.used) - len(path.idle)
    return bool(
        path.idle
        and not path.paced
        and not choice.held
        and path.server.in_use < path.server.connections
        and busy < (1 if path.probing else path.width)
        and path.may_connect
    )


TestWholePolicy = pytest.mark.timeout(60)(WholePolicy.TestCase)
TestWholePolicy.settings = settings(max_examples=30, stateful_step_count=40, derandomize=True)
