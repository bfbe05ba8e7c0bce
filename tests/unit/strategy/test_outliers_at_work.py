"""Outliers at work: a server that does worse at an ISP is isolated there, and comes back."""

from __future__ import annotations

import json
from math import ceil

import pytest

from mstoolkit.config import Breaker, Failover, Pacing, Policy, Server
from mstoolkit.config.isolation import (
    ConsecutiveSpec,
    EnvoySpec,
    OutlierSpec,
    RobustSpec,
    SlowStartSpec,
)
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.config.routing import RouteSpec
from mstoolkit.model import (
    ConnectionFailed,
    Enqueued,
    Lot,
    Parcel,
    PoolChanged,
    Probed,
    Replied,
    Reply,
    Resumed,
    Send,
    Suspended,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, partly

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
YAHOO = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
CODES = Lot(2, "codes", "codes", "transactional", "gmail", "active", 1e9)
BLOCKED = Reply(550, "5.7.1", "client host blocked using a blocklist", "data")
NEVER = Breaker(failures=10**9, base=60.0)
FIVE = {name: Server() for name in "abcde"}
USUAL = dict.fromkeys(FIVE, 0.95)


def policy(outliers: OutlierSpec, *routes: RouteSpec, **more: object) -> Policy:
    return Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(rate=1000.0, burst=1000, connections=100),
        failover=Failover(server=NEVER, path=NEVER, outliers=outliers, **more),
        routes=routes,
    )


def flow(play: Rehearsal, seconds: int, lot: Lot = GMAIL, rate: int = 20) -> set[str]:
    """Let mail arrive evenly; return who carried some."""
    begin, seen = ceil(play.now), len(play.log)
    for second in range(begin, begin + seconds):
        play.run(float(second))
        play.tell(Enqueued(float(second), Parcel(lot, second * 1000, rate, 0, second)))
    play.run(begin + seconds - 0.1)
    sends = (each for _, commands in play.log[seen:] for each in commands)
    return {s.server for s in sends if isinstance(s, Send) and s.isp == lot.isp}


@pytest.mark.parametrize("batch", [1, 10])
def test_one_that_does_worse_is_isolated_and_comes_back(batch: int) -> None:
    """60 % among four at 95 %: suspended at that ISP within minutes, for five; then probed."""
    shares = {**USUAL, "c": 0.6}
    play = Rehearsal(FIVE, policy(RobustSpec()), partly(shares, BLOCKED), batch=batch)
    flow(play, 120)
    ((at, notice),) = play.all(Suspended)
    assert (notice.server, notice.isp, notice.until) == ("c", "gmail", at + 300.0)
    assert "outlier: success " in notice.reason
    assert ", median 9" in notice.reason
    assert flow(play, 20) == set("abde")
    assert flow(play, 5, YAHOO) == set("abcde")
    shares["c"] = 1.0
    flow(play, 320)
    assert [command.server for _, command in play.all(Probed)] == ["c"]
    assert [command.server for _, command in play.all(Resumed)] == ["c"]
    assert flow(play, 60) == set("abcde")
    assert len(play.all(Suspended)) == 1


def test_one_that_stays_bad_is_isolated_for_longer() -> None:
    """Judged anew after its return, it goes for longer each time."""
    play = Rehearsal(FIVE, policy(RobustSpec()), partly({**USUAL, "c": 0.6}, BLOCKED), batch=10)
    flow(play, 1500)
    lengths = [round(n.until - at) for at, n in play.all(Suspended) if "outlier" in n.reason]
    assert len(lengths) >= 2
    assert lengths[:2] == [300, 600]


def test_nobody_is_isolated_where_all_are_equally_bad() -> None:
    """It is the provider, or the mail."""
    play = Rehearsal(FIVE, policy(RobustSpec()), partly(dict.fromkeys(FIVE, 0.6), BLOCKED))
    flow(play, 150)
    assert not play.all(Suspended)


def test_never_the_last_one() -> None:
    """Of two that fail always one goes on; nor does a route lose its only server."""
    spec = ConsecutiveSpec(kind="consecutive", failures=5, base=600.0, longest=600.0)
    two = {"a": Server(), "b": Server()}
    play = Rehearsal(two, policy(spec), partly({"a": 0.0, "b": 0.0}, BLOCKED))
    flow(play, 60)
    assert len({notice.server for _, notice in play.all(Suspended)}) == 1
    own = RouteSpec(servers=("a",), streams=("transactional",), exclusive=True)
    play = Rehearsal(FIVE, policy(spec, own), partly({"a": 0.0}, BLOCKED))
    flow(play, 30)
    assert flow(play, 30, CODES) == {"a"}
    assert not play.all(Suspended)


def test_a_server_without_weight_is_no_way_out() -> None:
    """The other one is not isolated for the sake of a server that carries nothing."""
    spec = ConsecutiveSpec(kind="consecutive", failures=5)
    play = Rehearsal(
        {"a": Server(), "b": Server(weight=0)}, policy(spec), partly({"a": 0.0}, BLOCKED)
    )
    flow(play, 30)
    assert not play.all(Suspended)


def test_intervals_are_judged_when_they_are_over() -> None:
    """Envoy's share of an interval counts at its end, though nothing bad comes after it."""
    spec = EnvoySpec(kind="envoy", interval=10.0, failures=1000, minimum=20, most=0.5)
    shares = {**dict.fromkeys(FIVE, 1.0), "c": 0.0}
    play = Rehearsal(FIVE, policy(spec), partly(shares, BLOCKED))
    flow(play, 9)
    shares["c"] = 1.0
    flow(play, 4)
    assert [notice.server for _, notice in play.all(Suspended)] == ["c"]
    assert play.all(Suspended)[0][0] == pytest.approx(10.5, abs=1.0)


def test_a_change_of_the_pool_keeps_the_record_of_those_unchanged() -> None:
    """A sixth server is added while a bad one is about to be found: it is found all the same."""
    shares = {**USUAL, "c": 0.6}
    play = Rehearsal(FIVE, policy(RobustSpec()), partly(shares, BLOCKED))
    flow(play, 5)
    records = play.dispatcher.snapshot()["pool"]["isps"]["gmail"]["outliers"]["records"]
    play.tell(PoolChanged(play.now, "f", "added", Server().model_dump_json()))
    after = play.dispatcher.snapshot()["pool"]["isps"]["gmail"]["outliers"]["records"]
    assert after == records
    edited = Server(weight=2).model_dump_json()
    play.tell(PoolChanged(play.now, "a", "edited", edited))
    after = play.dispatcher.snapshot()["pool"]["isps"]["gmail"]["outliers"]["records"]
    assert after[1:] == records[1:]
    assert after[0] != records[0]


@pytest.mark.parametrize("batch", [1, 10])
@pytest.mark.parametrize("seconds", [15, 60, 340])
def test_a_restored_dispatcher_isolates_as_the_original(batch: int, seconds: int) -> None:
    """From JSON before isolation, during it and in the slow start after it."""
    chosen = policy(RobustSpec(), slow_start=SlowStartSpec(window=160.0))
    shares = {**USUAL, "c": 0.5, "d": 0.9}
    play = Rehearsal(FIVE, chosen, partly(shares, BLOCKED), batch=batch)
    flow(play, seconds, rate=10)
    shares["c"] = 0.95
    twin = Dispatcher(FIVE, chosen, batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    flow(play, 400, rate=10)
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands


def test_a_probe_that_is_never_answered_is_replaced_after_its_lease() -> None:
    """The connection that it holds does not keep the next one; late word of it counts no more."""
    lease = Breaker(failures=1, base=60.0, probe=1, lease=120.0)
    failover = Failover(server=NEVER, path=lease)
    chosen = policy(RobustSpec()).model_copy(update={"failover": failover})
    kept: list[Send] = []

    def answer(at: float, send: Send) -> Replied | None:
        if send.token == 0:
            return Replied(at + 0.1, 0, ((BLOCKED, 1),))
        if at < 180.0:
            kept.append(send)
            return None
        return Replied(at + 0.1, send.token, ((OK, 1),))

    play = Rehearsal({"a": Server()}, chosen, answer)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 1)))
    play.run(1.0)
    play.tell(Enqueued(1.0, Parcel(GMAIL, 1, 100)))
    play.run(1000.0)
    assert [at for at, _ in play.all(Probed)] == [60.1, 180.1]
    assert [round(at, 1) for at, _ in play.all(Resumed)] == [180.2]
    (lost,) = kept
    assert play.totals["in_flight"] == 1
    play.tell(Replied(1000.0, lost.token, ((BLOCKED, 1),)))
    assert not play.all(Suspended)[1:]
    assert play.totals["in_flight"] == 0


def test_a_servers_probe_has_a_lease_too() -> None:
    """It could not be reached, and nothing is heard of its probe: another one goes."""
    lease = Breaker(failures=1, base=60.0, probe=1, lease=120.0)
    chosen = policy(RobustSpec()).model_copy(
        update={"failover": Failover(server=lease, path=NEVER)}
    )

    def answer(at: float, send: Send) -> Replied | ConnectionFailed | None:
        if at < 60.0:
            return ConnectionFailed(at + 0.1, send.token, Reply(0, "", "refused", "connect"))
        return None if at < 180.0 else Replied(at + 0.1, send.token, ((OK, 1),))

    play = Rehearsal({"a": Server()}, chosen, answer)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 1)))
    play.run(1.0)
    play.tell(Enqueued(1.0, Parcel(YAHOO, 1, 5)))
    play.run(1000.0)
    assert [at for at, _ in play.all(Probed)] == [60.1, 180.1]
    assert [round(at, 1) for at, _ in play.all(Resumed)] == [180.2]
    assert play.totals["delivered"] == 5
    assert play.totals["in_flight"] == 1
