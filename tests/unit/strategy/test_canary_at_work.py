"""Canaries at work: the share of a new server rises by steps, or it is out until it is restored."""

from __future__ import annotations

import json
from math import ceil

import pytest

from mstoolkit.config import Breaker, Failover, Pacing, Policy, Server
from mstoolkit.config.isolation import CanarySpec
from mstoolkit.config.rotation import SmoothWeightedSpec
from mstoolkit.config.routing import RouteSpec
from mstoolkit.model import (
    Enqueued,
    Feedback,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Reply,
    Send,
    Stepped,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import Rehearsal, partly

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
BLOCKED = Reply(550, "5.7.1", "client host blocked using a blocklist", "data")
NEVER = Breaker(failures=10**9)
SERVERS = {"a": Server(), "b": Server(weight=2), "new": Server(weight=3)}
STEPS = CanarySpec(steps=(0.02, 0.05, 0.25, 0.5, 1.0), every=120.0, least=50)


def policy(canaries: dict[str, CanarySpec] | None = None, *routes: RouteSpec) -> Policy:
    return Policy(
        rotation=SmoothWeightedSpec(kind="smooth-weighted"),
        pacing=Pacing(rate=1000.0, burst=1000, connections=100),
        failover=Failover(server=NEVER, path=NEVER),
        canaries={"new": STEPS} if canaries is None else canaries,
        routes=routes,
    )


def flow(play: Rehearsal, seconds: int, rate: int = 20, lot: Lot = GMAIL) -> dict[str, float]:
    """Let mail arrive evenly; return each server's share of it."""
    begin, seen = ceil(play.now), len(play.log)
    for second in range(begin, begin + seconds):
        play.run(float(second))
        play.tell(Enqueued(float(second), Parcel(lot, second * 1000, rate, 0, second)))
    play.run(begin + seconds - 0.1)
    sent: dict[str, int] = {}
    for _, commands in play.log[seen:]:
        for send in commands:
            if isinstance(send, Send):
                sent[send.server] = sent.get(send.server, 0) + send.parcel.n
    return {name: n / sum(sent.values()) for name, n in sorted(sent.items())}


@pytest.mark.parametrize("batch", [1, 5])
def test_the_share_rises_by_steps_while_figures_are_good(batch: int) -> None:
    """Two per cent first, each step told with figures, then the server's own weight."""
    play = Rehearsal(SERVERS, policy(), batch=batch)
    assert flow(play, 119)["new"] == pytest.approx(0.02, abs=0.008)
    shares = [0.05, 0.25, 0.5, 0.5]  # the last: 3 of 1 + 2 + 3
    for share in shares:
        flow(play, 35)  # the step, and the weighing after it
        assert flow(play, 85)["new"] == pytest.approx(share, abs=0.01 + share * 0.1)
    steps = [(command.server, command.share) for _, command in play.all(Stepped)]
    assert steps == [("new", share) for share in STEPS.steps[1:]]
    assert "delivered 100.0% (others 100.0%)" in play.all(Stepped)[0][1].reason


def rolled_back() -> Rehearsal:
    shares = {"new": 0.6}
    play = Rehearsal(SERVERS, policy(), partly(shares, BLOCKED), batch=5)
    flow(play, 180, rate=50)
    shares["new"] = 1.0
    return play


def test_bad_figures_roll_it_back() -> None:
    """It carries nothing more, and the notice says why."""
    play = rolled_back()
    (notice,) = [command for _, command in play.all(Stepped)]
    assert (notice.server, notice.share) == ("new", 0.0)
    assert "delivers worse: delivered " in notice.reason
    assert "new" not in flow(play, 300)


def test_an_operator_restarts_it() -> None:
    """Restored, it begins with its first step, judged by what comes from then on."""
    play = rolled_back()
    play.tell(PoolChanged(ceil(play.now), "new", "restored"))
    last = play.all(Stepped)[-1][1]
    assert (last.share, last.reason) == (0.02, "restarted by an operator")
    assert flow(play, 100)["new"] == pytest.approx(0.02, abs=0.008)
    flow(play, 90)
    assert play.all(Stepped)[-1][1].share == 0.05


def test_what_is_not_out_goes_on_after_maintenance() -> None:
    """A canary that was drained and restored keeps its step."""
    play = Rehearsal(SERVERS, policy(), batch=5)
    flow(play, 280)
    seen = play.all(Stepped)[-1][1].share
    play.tell(PoolChanged(play.now, "new", "drained"))
    play.tell(PoolChanged(play.now, "new", "restored"))
    assert len(play.all(Stepped)) == 2
    assert flow(play, 60)["new"] == pytest.approx(seen, abs=0.03)


def test_complaints_roll_it_back() -> None:
    """Mail of the canary that is complained about counts by when it was sent."""
    play = Rehearsal(SERVERS, policy())
    flow(play, 100, rate=20)
    own = [(at, send) for at, send in play.all(Send) if send.server == "new"]
    for at, send in own[:20]:
        play.tell(Feedback(play.now, "complained", "new", send.parcel, at))
    flow(play, 60)
    (notice,) = [command for _, command in play.all(Stepped)]
    assert notice.share == 0.0
    assert "draws complaints" in notice.reason


def test_messages_that_come_back_are_no_deliveries() -> None:
    """A DSN takes back the delivery that was counted, and is a bounce."""
    play = Rehearsal(SERVERS, policy(), batch=5)
    flow(play, 100)
    own = [(at, send) for at, send in play.all(Send) if send.server == "new"]
    for at, send in own:
        late = Reply(550, "5.7.1", BLOCKED.text, "dsn")
        play.tell(Feedback(ceil(play.now), "dsn", "new", send.parcel, at, late))
    flow(play, 120)
    (notice,) = [command for _, command in play.all(Stepped)]
    assert notice.share == 0.0
    assert float(notice.reason.split("delivered ")[1].split("%")[0]) < 40.0


def test_mail_in_short_bursts_is_judged_too() -> None:
    """Ten minutes of mail a day: a step a day, though no look falls into the mail."""
    slow = CanarySpec(steps=(0.1, 0.5, 1.0), every=7200.0, least=50)
    play = Rehearsal(SERVERS, policy({"new": slow}), batch=100)
    for day in range(3):
        play.now = day * 86_400.0 + 100.0
        flow(play, 120, rate=100)
        play.run((day + 1) * 86_400.0)
    assert [command.share for _, command in play.all(Stepped)] == [0.5, 1.0]


def test_two_canaries_each_have_their_share_of_all_mail() -> None:
    """A quarter each leaves half for the others, by their weights."""
    quarter = CanarySpec(steps=(0.25, 1.0), every=1e6)
    play = Rehearsal(SERVERS, policy({"new": quarter, "a": quarter}))
    assert flow(play, 60) == pytest.approx({"a": 0.25, "b": 0.5, "new": 0.25}, abs=0.01)


def test_a_canary_that_is_over_counts_among_the_others() -> None:
    """A share of all mail is one of what it carries, too."""
    half = CanarySpec(steps=(0.5, 1.0), every=1e6)
    over = CanarySpec(steps=(1.0,))
    play = Rehearsal(SERVERS, policy({"new": half, "b": over}))
    assert flow(play, 60) == pytest.approx({"a": 1 / 6, "b": 1 / 3, "new": 0.5}, abs=0.01)


def test_a_thousandth_is_not_rounded_up() -> None:
    """Weights are dealt out in finer parts where a step is that small."""
    small = CanarySpec(steps=(0.002, 1.0), every=1e6)
    play = Rehearsal(SERVERS, policy({"new": small}), batch=10)
    assert flow(play, 250)["new"] == pytest.approx(0.002, abs=0.0005)


def test_a_share_is_one_of_its_routes_mail() -> None:
    """Servers that the route may merely spill to do not count; alone it carries all."""
    routes = (
        RouteSpec(servers=("a", "new"), isps=("gmail",), exhausted="spill"),
        RouteSpec(servers=("new",), isps=("yahoo",)),
    )
    half = CanarySpec(steps=(0.5, 1.0), every=1e6)
    play = Rehearsal(SERVERS, policy({"new": half}, *routes))
    assert flow(play, 60) == pytest.approx({"a": 0.5, "new": 0.5}, abs=0.01)
    yahoo = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
    assert flow(play, 20, lot=yahoo) == {"new": 1.0}


def test_a_change_of_the_policy_keeps_the_step() -> None:
    """What its entry leaves unchanged goes on; a canary that is new begins when it is named."""
    play = Rehearsal(SERVERS, policy(), batch=5)
    flow(play, 280)
    more = policy({"new": STEPS, "b": STEPS}).model_dump_json()
    play.tell(PolicyChanged(play.now, more))
    assert flow(play, 60)["new"] == pytest.approx(0.25, abs=0.02)
    assert {command.server for _, command in play.all(Stepped)} == {"new"}


@pytest.mark.parametrize(("seconds", "batch"), [(70, 1), (280, 5)])
def test_a_restored_dispatcher_steps_as_the_original(seconds: int, batch: int) -> None:
    """From JSON in the middle of a step: the same commands from there on."""
    play = Rehearsal(SERVERS, policy(), partly({"new": 0.97, "a": 0.98}, BLOCKED), batch=batch)
    flow(play, seconds)
    twin = Dispatcher(SERVERS, policy(), batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    flow(play, 180)
    assert [c for _, cs in play.log[seen:] for c in cs if isinstance(c, Stepped)]
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands
