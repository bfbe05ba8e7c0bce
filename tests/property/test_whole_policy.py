"""The dispatcher under arbitrary histories and policies, which change while mail is under way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

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
from mstoolkit.model import Command, Event, PolicyChanged, PoolChanged
from mstoolkit.testing.limits import LimitWatch
from tests.property.histories import PICKS, Histories
from tests.rotations import ROTATIONS

NAMES = ("a", "b", "c", "d")
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
rotations = st.sampled_from(ROTATIONS)
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


class WholePolicy(Histories):
    """The histories of any policy, with changes of pool and policy on the way."""

    @initialize(
        policy=policies,
        a=servers,
        b=servers,
        c=st.one_of(st.none(), servers),
        batch=st.sampled_from([1, 1, 7, 100]),
    )
    def start(self, policy: Policy, a: Server, b: Server, c: Server | None, batch: int) -> None:
        pool = {"a": a, "b": b} | ({"c": c} if c else {})
        self.begin(pool, policy, batch)
        self.pool = dict(pool)
        self.watch = LimitWatch(pool, policy, batch)
        self.sound = True

    def tell(self, event: Event) -> list[Command]:
        self.sound = False  # until all is checked: a broken one is not played to its end
        commands = super().tell(event)
        self.watch.see(event, commands)
        self.sound = True
        return commands

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
        self.end(steps=20_000)
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
