"""Standings: what they say of every server is what the dispatcher goes by, with reason and end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import Breaker, Failover, Limits, Policy, Retry, Server
from mstoolkit.config.isolation import CanarySpec, SlowStartSpec
from mstoolkit.config.pacing import Allowance, IspAllowance, Pacing
from mstoolkit.config.quota import WindowSpec
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
from mstoolkit.config.routing import RouteSpec
from mstoolkit.config.rules import Match, Rule, SetConnections, SetRate, Suspend, Trigger
from mstoolkit.model import (
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Lot,
    Parcel,
    PoolChanged,
    Replied,
    Reply,
    Send,
    SplitMix64,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.explain import Block, Situation, Standing
from mstoolkit.strategy.route import RouteKey
from mstoolkit.testing import OK, Rehearsal, accepting

ROTATIONS: list[RotationSpec] = [
    RoundRobinSpec(kind="round-robin"),
    BatchSpec(kind="batch", size=5),
    IntervalSpec(kind="interval", every=20.0),
    SmoothWeightedSpec(kind="smooth-weighted"),
    LeastLoadedSpec(kind="least-loaded"),
    PrioritySpec(kind="priority"),
    PrioritySpec(kind="priority", spill="health"),
    InterleavedSpec(kind="interleaved"),
    StrideSpec(kind="stride"),
    RandomSpec(kind="random"),
    PowerOfTwoSpec(kind="power-of-two"),
    DeficitSpec(kind="deficit"),
    EdfSpec(kind="edf"),
    ThompsonSpec(kind="thompson"),
    StickySpec(kind="sticky"),
]
WEIGHTED = SmoothWeightedSpec(kind="smooth-weighted")
NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
MORE = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
CODES = Lot(2, "codes", "codes", "transactional", "gmail", "active", 1e9)
BUSY = Reply(421, "4.7.28", "an unusual rate of mail", "data")
ODD = Reply(451, "4.7.1", "slow down please", "data")
REPLIES = [OK, OK, OK, BUSY, ODD, Reply(550, "5.1.1", "no such user", "rcpt")]
NOBODY = Reply(0, "", "connection refused", "connect")
SERVERS = {
    "a": Server(weight=3, connections=5, limits=Limits(rate=1.0, burst=3)),
    "b": Server(weight=2, isp_limits={"gmail": Limits(connections=1, connection_rate=0.2)}),
    "c": Server(weight=1, priority=2, connections=3),
    "d": Server(weight=0),
}


def rule(action: SetRate | SetConnections | Suspend) -> Rule:
    return Rule(
        name=action.kind,
        match=Match(text="slow down"),
        trigger=Trigger(count=2, window=3600.0),
        action=action,
        duration=30.0,
    )


def hard_times(rotation: RotationSpec) -> Policy:
    """Return a policy with every kind of limit."""
    return Policy(
        rotation=rotation,
        routes=(RouteSpec(isps=("yahoo",), servers=("b", "c"), exhausted="spill"),),
        pacing=Pacing(
            rate=0.5,
            burst=2,
            connections=3,
            reserve=0.2,
            isps={"gmail": IspAllowance(connections=4, window=(WindowSpec(n=20, within=60.0),))},
            servers=Allowance(rate=2.0, burst=4),
        ),
        failover=Failover(
            server=Breaker(failures=2, base=20.0, longest=80.0, probe=2),
            path=Breaker(failures=3, base=20.0, longest=80.0, probe=2),
            slow_start=SlowStartSpec(window=60.0),
        ),
        rules=(rule(SetRate(rate=0.1)), rule(SetConnections(connections=1))),
        retry=Retry(base=20.0, longest=120.0, quantum=5.0, attempts=4),
    )


def answers(seed: int) -> Any:
    """Return an answer that draws from good and bad ones."""
    draws = SplitMix64(seed)

    def answer(now: float, send: Send) -> Event:
        at = now + 0.5 + 4.0 * draws.uniform()
        if draws.uniform() < 0.15:
            return ConnectionFailed(at, send.token, NOBODY, 0.1)
        reply = REPLIES[int(draws.uniform() * len(REPLIES))]
        return Replied(at, send.token, ((reply, send.parcel.n),), 0, 0.5, draws.uniform() < 0.3)

    return answer


def mail(n: int, lot: Lot = NEWS, first: int = 0, at: float = 0.0) -> Enqueued:
    return Enqueued(at, Parcel(lot, first, n, 0, at))


class Watched(Rehearsal):
    """A rehearsal that looks at the standings after each event and before each decision."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.before: dict[int, Situation] = {}
        self.dispatcher.attend(self._decides)

    def _decides(self, token: int, route: RouteKey) -> None:
        self.before[token] = self.dispatcher.situation(route)

    def tell(self, event: Event) -> list[Command]:
        commands = super().tell(event)
        for situation in self.dispatcher.situations():
            check(situation, self.now)
        return commands


def check(situation: Situation, now: float) -> None:
    rows = situation.standings
    for row in rows:
        effects = {block.effect for block in row.blocks}
        assert row.eligible == ("out" not in effects), row
        assert row.ready == (not effects & {"out", "wait"}), row
        assert row.free > 0 or not row.ready, row
        assert all(block.until is None or block.until > now for block in row.blocks), row
    assert sum(row.next for row in rows) <= 1
    assert all(row.ready for row in rows if row.next)
    if any(row.eligible for row in rows):
        assert sum(row.asked for row in rows) == pytest.approx(1.0)
    assert not situation.shares or sum(situation.shares.values()) == pytest.approx(1.0)


def started(play: Rehearsal) -> None:
    play.tell(mail(80))
    play.tell(mail(60, MORE, first=80))
    play.tell(mail(20, CODES))


@settings(max_examples=20, deadline=None)
@given(
    rotation=st.sampled_from(ROTATIONS),
    batch=st.sampled_from([1, 7]),
    seed=st.integers(0, 2**32),
    drained=st.booleans(),
)
def test_standings_are_what_the_dispatcher_goes_by(
    rotation: RotationSpec, batch: int, seed: int, drained: bool
) -> None:
    """In any history: eligible and ready as the blocks say, and the next one is the one that goes.

    Where a message is known by its key it goes by its own server, which is ready then.
    """
    play = Watched(SERVERS, hard_times(rotation), answers(seed), batch=batch)
    started(play)
    play.run(60.0)
    if drained:
        play.tell(PoolChanged(60.0, "a", "drained", ""))
    play.run(200.0)
    sent = [send for _, send in play.all(Send)]
    assert len(sent) == len(play.before) > 10
    for send in sent:
        situation = play.before[send.token]
        chosen = next(row for row in situation.standings if row.server == send.server)
        assert chosen.ready
        assert chosen.next or situation.keyed


@pytest.mark.parametrize("rotation", ROTATIONS, ids=lambda spec: spec.kind)
def test_looking_changes_nothing(rotation: RotationSpec) -> None:
    """A dispatcher that is looked at all the time decides as another one."""
    plain = Rehearsal(SERVERS, hard_times(rotation), answers(3))
    watched = Watched(SERVERS, hard_times(rotation), answers(3))
    for play in (plain, watched):
        started(play)
        play.run(150.0)
    assert watched.log == plain.log
    assert watched.dispatcher.snapshot() == plain.dispatcher.snapshot()


def standing(dispatcher: Dispatcher, server: str, isp: str = "gmail") -> Standing:
    return next(row for row in dispatcher.standings(isp) if row.server == server)


def blocks(dispatcher: Dispatcher, server: str, isp: str = "gmail") -> list[Block]:
    return list(standing(dispatcher, server, isp).blocks)


def policy(**parts: Any) -> Policy:
    return Policy(rotation=WEIGHTED, **parts)


def reasons(found: list[Block]) -> list[str]:
    return [block.reason for block in found]


def test_nothing_stands_against_a_free_server() -> None:
    """Weights, shares of the eligible, scores and free connections are told; nothing blocks."""
    play = Rehearsal(SERVERS, policy(pacing=Pacing(rate=10.0, burst=10, connections=2)))
    play.tell(mail(1))
    row = standing(play.dispatcher, "b")
    assert (row.weight, row.eligible, row.ready, row.home) == (2.0, True, True, True)
    assert row.asked == pytest.approx(2 / 6)
    assert (row.in_flight, row.free, row.blocks) == (0, 1, ())
    assert standing(play.dispatcher, "a").in_flight == 1
    assert dict(row.score) == {"score": 2.0}


def test_pace_names_the_time_at_which_it_ends() -> None:
    """A spent rate lets a server wait until the very time at which the next message goes."""
    play = Rehearsal({"a": Server()}, policy(pacing=Pacing(rate=0.5, burst=1, connections=9)))
    play.tell(mail(2))
    (found,) = blocks(play.dispatcher, "a")
    assert found == Block("rate limit", 2.0, effect="wait")
    play.run(10.0)
    assert [at for at, _ in play.all(Send)] == [0.0, 2.0]


def test_connections_in_use_and_a_full_server() -> None:
    """A path's own connections, and those of its server, are told apart."""
    servers = {"a": Server(connections=2)}
    play = Rehearsal(servers, policy(pacing=Pacing(rate=10.0, burst=99, connections=2)))
    play.tell(mail(5))
    full = Block("server's connections in use", effect="wait")
    assert blocks(play.dispatcher, "a") == [Block("connections in use", effect="wait"), full]
    play.tell(mail(1, MORE, first=5))
    assert blocks(play.dispatcher, "a", "yahoo") == [full]


def test_a_suspended_path_is_hard_and_a_suspended_server_soft() -> None:
    """Each tells its reason and its end; only what could not be reached is soft."""
    breakers = Failover(server=Breaker(failures=1, base=60.0), path=Breaker(failures=1, base=40.0))
    play = Rehearsal(SERVERS, policy(failover=breakers), lambda now, send: None)
    play.tell(mail(9))
    one, two = (next(s for s in play.open.values() if s.server == name) for name in "ab")
    play.tell(Replied(1.0, one.token, ((BUSY, 1),), 0, 0.5))
    play.tell(ConnectionFailed(2.0, two.token, NOBODY, 0.1))
    assert Block("path suspended: throttle", 41.0) in blocks(play.dispatcher, "a")
    assert Block("server suspended: network", 62.0, hard=False) in blocks(play.dispatcher, "b")
    assert standing(play.dispatcher, "a").asked == 0.0
    assert standing(play.dispatcher, "c").asked == 1.0


def test_reasons_are_kept_over_a_restart_and_a_change_of_the_pool() -> None:
    """Who restores a snapshot, or changes the pool, still knows why a server is left alone."""
    breakers = Failover(server=Breaker(failures=1), path=Breaker(failures=1))
    play = Rehearsal(SERVERS, policy(failover=breakers), lambda now, send: None)
    play.tell(mail(9))
    one, two = (next(s for s in play.open.values() if s.server == name) for name in "ab")
    play.tell(Replied(1.0, one.token, ((BUSY, 1),), 0, 0.5))
    play.tell(ConnectionFailed(2.0, two.token, NOBODY, 0.1))
    again = Dispatcher(SERVERS, policy(failover=breakers))
    again.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    assert again.standings() == play.dispatcher.standings()
    again.handle(PoolChanged(3.0, "d", "removed", ""))
    assert "path suspended: throttle" in reasons(blocks(again, "a"))
    assert "server suspended: network" in reasons(blocks(again, "b"))
    assert reasons(blocks(again, "d")) == ["removed from the pool"]


def test_a_probe_under_way_keeps_a_path_out_until_its_lease_is_over() -> None:
    """While the probe is on its way nothing else goes, and its lease is told as the end."""
    breakers = Failover(path=Breaker(failures=1, base=10.0, probe=1, lease=90.0))
    narrow = policy(failover=breakers, pacing=Pacing(connections=1))
    play = Rehearsal({"a": Server()}, narrow, lambda now, send: None)
    play.tell(mail(9))
    play.tell(Replied(1.0, next(iter(play.open)), ((BUSY, 1),), 0, 0.5))
    play.run(12.0)
    assert Block("path on probe: throttle", 101.0) in blocks(play.dispatcher, "a")


def test_drained_and_weightless_servers_are_out() -> None:
    """What an operator has closed is told as such."""
    play = Rehearsal(SERVERS, policy())
    play.tell(mail(1))
    play.tell(PoolChanged(1.0, "a", "drained", ""))
    assert reasons(blocks(play.dispatcher, "a")) == ["drained"]
    assert reasons(blocks(play.dispatcher, "d")) == ["weight 0"]


def test_a_canary_is_told_as_one() -> None:
    """A new server that is held to a small share says so, and also that it was rolled back."""
    canary = CanarySpec(steps=(0.1, 1.0), every=60.0, least=100)
    play = Rehearsal(SERVERS, policy(canaries={"c": canary}), answers_of_a_bad_canary())
    play.tell(mail(40))
    found = blocks(play.dispatcher, "c")
    assert Block("a canary, held to its step", effect="slow") in found
    for minute in range(1, 20):
        play.run(60.0 * minute)
        play.tell(mail(40, first=40 * minute, at=60.0 * minute))
    assert Block("canary rolled back") in blocks(play.dispatcher, "c")


def answers_of_a_bad_canary() -> Any:
    """Return an answer by which all is well but at server c."""

    def answer(now: float, send: Send) -> Event:
        reply = Reply(550, "5.7.1", "blocked", "data") if send.server == "c" else OK
        return Replied(now + 0.5, send.token, ((reply, send.parcel.n),), 0, 0.5)

    return answer


def test_shut_gates_are_named() -> None:
    """A limit of the ISP as a whole holds all, until it lets something through again."""
    gate = {"gmail": IspAllowance(window=(WindowSpec(n=2, within=60.0),))}
    play = Rehearsal(SERVERS, policy(pacing=Pacing(rate=10.0, burst=9, connections=9, isps=gate)))
    play.tell(mail(5))
    for server in ("a", "b", "c"):
        assert Block("limit of isp gmail", 60.0, effect="wait") in blocks(play.dispatcher, server)
    few = {"gmail": IspAllowance(connections=1)}
    play = Rehearsal(SERVERS, policy(pacing=Pacing(rate=10.0, burst=9, connections=9, isps=few)))
    play.tell(mail(5))
    assert Block("connections of isp gmail", effect="wait") in blocks(play.dispatcher, "c")


def test_the_pace_of_new_connections_is_named() -> None:
    """A path that may not open a connection yet says when it may."""
    pacing = Pacing(rate=10.0, burst=9, connections=9, connection_rate=0.1)
    play = Rehearsal({"a": Server()}, policy(pacing=pacing), lambda now, send: None)
    play.tell(mail(2))
    assert blocks(play.dispatcher, "a") == [Block("connection rate", 10.0, effect="wait")]


def test_rules_that_lower_limits_are_named_with_their_end() -> None:
    """Caps do not keep a server out; they are told, and so is that the lower rate is theirs."""
    rules = (rule(SetRate(rate=0.1)), rule(SetConnections(connections=1)))
    play = Rehearsal({"a": Server()}, policy(rules=rules), lambda now, send: None)
    play.tell(mail(40))
    for token in list(play.open)[:2]:
        play.tell(Replied(1.0, token, ((ODD, 1),), 0, 0.5))
    found = blocks(play.dispatcher, "a")
    assert Block("rate capped by a rule", 31.0, effect="slow") in found
    assert Block("connections capped by a rule", 31.0, effect="slow") in found
    assert not [block for block in found if block.effect == "out"]
    assert {block.until for block in found if block.effect == "wait"} <= {None, 31.0, 10.0}


def test_spares_wait_for_their_turn_and_strangers_are_told_apart() -> None:
    """A server that the route may spill to is a spare; others are no server of the route."""
    spill = RouteSpec(isps=("gmail",), servers=("a",), exhausted="spill")
    hold = RouteSpec(isps=("gmail",), servers=("a",), exhausted="hold")
    for route, told in ((spill, "spare: "), (hold, "not a server of this route")):
        play = Rehearsal(SERVERS, policy(routes=(route,)), lambda now, send: None)
        play.tell(mail(1))
        assert blocks(play.dispatcher, "b")[0].reason.startswith(told)
    play = Rehearsal(SERVERS, policy(routes=(spill,)), lambda now, send: None)
    play.tell(PoolChanged(0.0, "a", "drained", ""))
    play.tell(mail(1))
    (situation,) = play.dispatcher.situations("gmail")
    assert situation.spilling
    assert standing(play.dispatcher, "b").eligible


def test_a_rotation_that_waits_says_for_whom() -> None:
    """In an interval all wait for the server whose turn it is, although others could send."""
    turns = Policy(
        rotation=IntervalSpec(kind="interval", every=60.0),
        pacing=Pacing(rate=0.1, burst=1, connections=9),
    )
    play = Rehearsal(SERVERS, turns)
    play.tell(mail(5))
    (situation,) = play.dispatcher.situations()
    assert situation.awaits == "a"
    assert [row.server for row in situation.standings if row.ready] == ["b", "c"]
    assert not any(row.next for row in situation.standings)


ASKED: list[tuple[RotationSpec, dict[str, float]]] = [
    (RoundRobinSpec(kind="round-robin"), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}),
    (WEIGHTED, {"a": 3 / 6, "b": 2 / 6, "c": 1 / 6}),
    (PrioritySpec(kind="priority"), {"a": 3 / 5, "b": 2 / 5, "c": 0.0}),
    (IntervalSpec(kind="interval", every=60.0), {"a": 1.0, "b": 0.0, "c": 0.0}),
    (LeastLoadedSpec(kind="least-loaded"), {}),
]


@pytest.mark.parametrize(("rotation", "shares"), ASKED)
def test_shares_asked_are_those_of_the_rotation(
    rotation: RotationSpec, shares: dict[str, float]
) -> None:
    """Weights, turns, tiers or nothing; a suspended server is still asked for its share."""
    breakers = Failover(path=Breaker(failures=1))
    play = Rehearsal(SERVERS, Policy(rotation=rotation, failover=breakers), lambda now, send: None)
    play.tell(mail(1))
    play.tell(Replied(1.0, next(iter(play.open)), ((BUSY, 1),), 0, 0.5))
    (situation,) = play.dispatcher.situations()
    assert not all(row.eligible for row in situation.standings[:3])
    assert situation.shares == pytest.approx(shares)


def test_a_draw_is_told() -> None:
    """What leaves it to chance tells its next draw, which falls into the chosen one's stretch."""
    play = Watched(SERVERS, Policy(rotation=RandomSpec(kind="random")), accepting())
    play.tell(mail(30))
    play.run(60.0)
    for _, send in play.all(Send):
        situation = play.before[send.token]
        mark = situation.rotation["draw"] * sum(r.weight for r in situation.standings if r.ready)
        for row in situation.standings:
            if row.ready:
                if mark < row.weight:
                    assert row.server == send.server
                    break
                mark -= row.weight
