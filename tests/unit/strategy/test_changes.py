"""Changes while mail is under way: what is new holds at once, what was owed stays owed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mstoolkit.config import Breaker, ConfigError, Failover, Limits, Policy, Retry, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.model import (
    Command,
    Enqueued,
    Event,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Send,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, accepting

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
CODES = Lot(1, "codes", "codes", "transactional", "gmail", "active", 1e9)
GREY = Reply(450, "4.2.0", "greylisted, try again later", "rcpt")
FREE = {"rate": 1000.0, "burst": 1000, "connections": 1000, "messages_per_connection": 1000}
RETRY = Retry(base=60.0, jitter=0.0, quantum=1.0)


def policy(**pacing: Any) -> Policy:
    return whole(pacing=pacing)


def whole(*, pacing: dict[str, Any] | None = None, **parts: Any) -> Policy:
    limits = Pacing.model_validate({**FREE, **(pacing or {})})
    parts = {"rotation": {"kind": "round-robin"}, "retry": RETRY, **parts}
    return Policy.model_validate({"pacing": limits, **parts})


def mail(n: int, lot: Lot = NEWS, first: int = 0, at: float = 0.0) -> Enqueued:
    return Enqueued(at, Parcel(lot, first, n, 0, at))


def edited(at: float, name: str, spec: Server) -> PoolChanged:
    return PoolChanged(at, name, "edited", spec.model_dump_json())


def swapped(at: float, new: Policy) -> PolicyChanged:
    return PolicyChanged(at, new.model_dump_json())


def sends(commands: list[Command]) -> list[Send]:
    return [command for command in commands if isinstance(command, Send)]


def times(play: Rehearsal, server: str) -> list[float]:
    return [at for at, send in play.all(Send) if send.server == server]


def left_open(now: float, send: Send) -> Event | None:
    """Answer nothing, so that a test answers by hand."""
    return None


BAD_POOL = [
    ("nobody", "drained", ""),
    ("nobody", "restored", ""),
    ("nobody", "removed", ""),
    ("nobody", "edited", "{}"),
    ("a", "added", "{}"),
    ("new", "added", "{"),
    ("new", "added", "[]"),
    ("new", "added", ""),
    ("a", "edited", '{"weight": -1}'),
    ("a", "edited", '{"colour": "red"}'),
]
BAD_POLICY = [
    "",
    "[]",
    "{}",
    '{"rotation": {"kind": "roulette"}}',
    '{"rotation": {"kind": "edf"}, "routes": [{"servers": ["nobody"]}]}',
    '{"rotation": {"kind": "own", "name": "nobody\'s"}}',
]


def refused(event: PoolChanged | PolicyChanged) -> None:
    """Tell a dispatcher in mid-run, with retries due by then, and let it go on."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy(rate=1.0, burst=1), left_open)
    play.tell(mail(20))
    play.tell(Replied(1.0, 0, ((GREY, 1),)))
    before = json.dumps(play.dispatcher.snapshot())
    with pytest.raises(ConfigError):
        play.dispatcher.handle(event)
    assert json.dumps(play.dispatcher.snapshot()) == before
    play.answer = accepting()
    for send in list(play.open.values()):
        play.tell(Replied(2.0, send.token, ((OK, 1),)))
    play.run(1000.0)
    assert play.totals["delivered"] == 20


@pytest.mark.parametrize(("name", "change", "spec"), BAD_POOL)
def test_a_change_of_the_pool_that_cannot_be_carried_out_changes_nothing(
    name: str, change: Any, spec: str
) -> None:
    """Unknown or taken names and bad descriptions are refused before any due work is done."""
    refused(PoolChanged(500.0, name, change, spec))


@pytest.mark.parametrize("text", BAD_POLICY)
def test_a_policy_that_cannot_be_used_changes_nothing(text: str) -> None:
    """Not JSON, not a policy, or one that names a server or a rotation that is not there."""
    refused(PolicyChanged(500.0, text))


def test_a_removed_server_is_known_no_more() -> None:
    """It can be added again, with nothing else of it left to change."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy())
    play.tell(PoolChanged(0.0, "b", "removed"))
    for change in ("removed", "edited", "drained", "restored"):
        with pytest.raises(ConfigError, match="'b'"):
            play.dispatcher.handle(PoolChanged(0.0, "b", change, "{}"))
    play.tell(PoolChanged(0.0, "b", "added", "{}"))
    play.tell(mail(10))
    assert len(times(play, "b")) == 5


def test_to_edit_a_server_does_not_restore_it() -> None:
    """What an operator has drained stays drained until he restores it."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy())
    play.tell(PoolChanged(0.0, "b", "drained"))
    play.tell(edited(0.0, "b", Server(weight=5)))
    play.tell(mail(10))
    assert not times(play, "b")
    play.tell(PoolChanged(1.0, "b", "restored"))
    play.tell(mail(10, first=10, at=1.0))
    assert len(times(play, "b")) == 5


def failover(**path: Any) -> Policy:
    return whole(failover=Failover(path=Breaker.model_validate({"base": 20.0, **path})))


THROTTLE = Reply(421, "4.7.28", "an unusual rate of mail", "data")


def test_a_breaker_that_counts_otherwise_goes_on_where_the_old_one_was() -> None:
    """Failures in a row, then their share, and back: what is suspended stays so as long."""
    in_a_row, by_share = failover(failures=1), failover(rate=0.5, window=60.0, minimum=1)
    for first, second in ((in_a_row, by_share), (by_share, in_a_row)):
        play = Rehearsal({"a": Server()}, first, left_open)
        play.tell(mail(1))
        play.tell(Replied(1.0, 0, ((THROTTLE, 1),)))
        play.tell(swapped(2.0, second))
        play.tell(mail(1, first=1, at=3.0))
        play.run(100.0)
        assert times(play, "a") == [0.0, 21.0]


def test_a_probe_of_another_size_begins_anew() -> None:
    """A probe that was to be one message is half done when it is to be three: it comes through."""
    play = Rehearsal({"a": Server()}, failover(failures=1, probe=2), left_open)
    play.tell(mail(10))
    for token in range(10):
        play.tell(Replied(1.0, token, ((THROTTLE, 1),)))
    play.run(61.0)
    assert [send.token for send in play.open.values()] == [10]
    play.tell(swapped(61.0, failover(failures=1, probe=3)))
    play.answer = accepting()
    play.tell(Replied(61.0, 10, ((OK, 1),)))
    play.run(200.0)
    assert play.totals["delivered"] == 10


@pytest.mark.parametrize(("rate", "next_one"), [(0.1, 10.0), (1.0, 1.0), (20.0, 0.05)])
def test_what_a_path_owes_it_owes_at_the_new_rate(rate: float, next_one: float) -> None:
    """A burst of 3 at 1/s is spent; the fourth message is due an interval of the new rate later."""
    play = Rehearsal({"a": Server()}, policy(rate=1.0, burst=3))
    play.tell(mail(4))
    assert len(times(play, "a")) == 3
    play.tell(edited(0.0, "a", Server(limits=Limits(rate=rate))))
    play.run(100.0)
    assert times(play, "a")[3] == pytest.approx(next_one)


def test_a_lowered_burst_holds_at_once() -> None:
    """Two of a burst of five are spent; of a burst of two none is left until it is made good."""
    play = Rehearsal({"a": Server()}, policy(rate=1.0, burst=5))
    play.tell(mail(2))
    play.tell(swapped(0.0, policy(rate=1.0, burst=2)))
    play.tell(mail(3, first=2))
    play.run(100.0)
    assert times(play, "a") == pytest.approx([0.0, 0.0, 1.0, 3.0, 3.0])


@pytest.mark.parametrize(("rate", "next_one"), [(0.1, 10.0), (1.0, 1.0), (20.0, 0.05)])
def test_connections_are_opened_at_the_new_pace(rate: float, next_one: float) -> None:
    """Of two messages, each on a connection of its own, the second waits for the new pace."""
    own = {"messages_per_connection": 1}
    play = Rehearsal({"a": Server()}, policy(connection_rate=1.0, **own))
    play.tell(mail(2))
    play.tell(swapped(0.0, policy(connection_rate=rate, **own)))
    play.run(100.0)
    assert times(play, "a") == pytest.approx([0.0, next_one])


@pytest.mark.parametrize(("cut", "before", "after", "then"), [
    (False, 10.0, 2.0, 2.0), (False, 10.0, 40.0, 40.0),
    (True, 10.0, 2.0, 2.0), (True, 10.0, 40.0, 5.0),
])  # fmt: skip
def test_a_rate_that_adapts_keeps_to_its_new_range(
    cut: bool, before: float, after: float, then: float
) -> None:
    """One that was cut to 5/s stays there, at most at the new limit; one that was not is at it."""
    adapt = {"kind": "aimd"}
    play = Rehearsal({"a": Server()}, policy(rate=before, adapt=adapt), left_open)
    play.tell(mail(1))
    play.tell(Replied(1.0, 0, ((THROTTLE if cut else OK, 1),)))
    play.tell(swapped(2.0, policy(rate=after, adapt=adapt)))
    assert 1.0 / path_of(play, "a").gcra.interval == pytest.approx(then)


def path_of(play: Rehearsal, server: str) -> Any:
    pool: Any = play.dispatcher._pool
    return pool.path(server, "gmail")


def test_open_attempts_count_where_their_route_has_no_way_any_more() -> None:
    """One of a's two connections is in use for a route that lost a; one more may be used."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy(), left_open)
    play.tell(PoolChanged(0.0, "b", "drained"))
    play.tell(mail(1))
    routes = [{"servers": ["b"], "streams": ["marketing"]}]
    play.tell(swapped(0.0, whole(routes=routes, pacing={"servers": {"connections": 2}})))
    play.tell(mail(5, CODES))
    assert [send.server for send in play.open.values()] == ["a", "a"]
    play.tell(Replied(1.0, 0, ((OK, 1),)))
    assert [send.server for send in play.open.values()] == ["a", "a"]


def test_a_rotation_that_waits_is_asked_anew() -> None:
    """Mail that waits for the turn of an hour goes with the first turn of the new rotation."""
    hourly, quick = ({"kind": "interval", "every": every} for every in (3600.0, 20.0))
    play = Rehearsal(
        {"a": Server(limits=Limits(connections=1)), "b": Server()}, whole(rotation=hourly)
    )
    play.answer = left_open
    play.tell(mail(3))
    assert len(play.open) == 1
    play.tell(swapped(1.0, whole(rotation=quick)))
    play.run(100.0)
    assert times(play, "b") == [20.0, 20.0]


def test_changes_leave_no_timers_behind() -> None:
    """Whatever is changed a hundred times, as much is due later as after the first time."""
    limits = {"rate": 0.5, "burst": 1, "connection_rate": 0.1, "servers": {"rate": 0.1}}
    play = Rehearsal({"a": Server(), "b": Server()}, policy(**limits))
    play.tell(mail(100))
    play.tell(edited(0.0, "a", Server()))
    timers = play.dispatcher.timers
    before = len(timers.snapshot())
    for _ in range(100):
        play.tell(edited(0.0, "a", Server()))
    assert len(timers.snapshot()) == before


@pytest.mark.parametrize("batch", [1, 30])
def test_a_change_that_says_nothing_of_it_changes_no_pace(batch: int) -> None:
    """Edited to the same again and again, a path sends as many messages as ever."""
    servers, rate = {"a": Server(), "b": Server()}, policy(rate=2.0, burst=3, servers={"rate": 3.0})
    play = Rehearsal(servers, rate, batch=batch)
    plain = Rehearsal(servers, rate, batch=batch)
    for one in (play, plain):
        one.tell(mail(600))
    for at in range(1, 100):
        play.run(float(at))
        play.tell(edited(float(at), "a", Server()))
    plain.run(99.0)
    sent = [sum(send.parcel.n for _, send in one.all(Send)) for one in (play, plain)]
    assert sent[0] == pytest.approx(sent[1], abs=30)


def test_what_an_isp_taught_holds_for_the_new_allowance() -> None:
    """Its rate was cut to half by a reply that blames the domain, and stays there."""
    isps = {"gmail": {"rate": 1.0, "adapt": {"kind": "aimd"}}}
    play = Rehearsal({"a": Server()}, policy(isps=isps), left_open)
    play.tell(mail(100))
    blamed = Reply(421, "4.7.28", "an unusual rate of mail from your DKIM domain", "data")
    play.tell(Replied(0.5, 0, ((blamed, 1),)))
    play.tell(PoolChanged(0.6, "b", "added", "{}"))
    play.run(60.0)
    assert len([1 for at, _ in play.all(Send) if at > 0.6]) == pytest.approx(30, abs=2)


DAY = {"n": 50, "per": "day"}
WINDOW = {"n": 50, "within": 3600.0}


@pytest.mark.parametrize("before", [
    {"servers": {"quota": [DAY]}},
    {"servers": {"quota": [{"n": 1000, "per": "hour"}, DAY]}},
    {"servers": {"rate": 100.0, "burst": 100, "quota": [DAY]}},
    {"servers": {"window": [WINDOW]}},
    {"servers": {"window": [{"n": 900, "within": 7200.0}, WINDOW], "quota": [{**DAY, "n": 500}]}},
])  # fmt: skip
@pytest.mark.parametrize("beside", [{}, {"rate": 100.0, "burst": 100}])
def test_what_is_used_of_a_quota_or_window_stays_used(
    before: dict[str, Any], beside: dict[str, Any]
) -> None:
    """Raised from 50 to 60, whatever limits there are or were beside it, it leaves 10."""
    play = Rehearsal({"a": Server()}, policy(**before))
    play.tell(mail(200))
    assert len(times(play, "a")) == 50
    kind = "quota" if "window" not in before["servers"] else "window"
    raised = {**(DAY if kind == "quota" else WINDOW), "n": 60}
    play.run(10.0)
    play.tell(swapped(10.0, policy(servers={kind: [raised], **beside})))
    play.run(3000.0)
    assert len(times(play, "a")) == 60


CAPPED = {
    "set-rate": {"kind": "set-rate", "rate": 0.1},
    "set-connections": {"kind": "set-connections", "connections": 1},
}


@pytest.mark.parametrize("action", CAPPED.values(), ids=list(CAPPED))
def test_caps_of_rules_end_in_time_though_the_rules_are_gone(action: dict[str, Any]) -> None:
    """What a rule did for a minute is undone after it, whatever policy there is by then."""
    rules = [{"name": "slow", "match": {"code": 421}, "action": action, "duration": 60.0}]
    play = Rehearsal({"a": Server()}, whole(rules=rules), left_open)
    play.tell(mail(1))
    play.tell(Replied(1.0, 0, ((THROTTLE, 1),)))
    play.tell(swapped(2.0, policy(connections=7, rate=10.0, burst=1)))
    play.answer = accepting(10.0)
    play.tell(mail(200, first=1, at=3.0))
    play.run(60.0)
    assert len(times(play, "a")) <= 8
    play.run(65.0)
    assert len(play.open) == 7


def test_a_slow_start_is_over_when_the_policy_knows_none() -> None:
    """A path that is back at a tenth of its rate goes on at all of it."""
    slow = Failover(path=Breaker(failures=1, base=20.0, probe=1), slow_start={"window": 3600.0})
    play = Rehearsal({"a": Server()}, whole(pacing={"rate": 1.0}, failover=slow), left_open)
    play.tell(mail(1))
    play.tell(Replied(1.0, 0, ((THROTTLE, 1),)))
    play.run(61.0)
    play.tell(Replied(61.0, 1, ((OK, 1),)))
    assert path_of(play, "a").ramp < 1.0
    play.tell(swapped(62.0, whole(pacing={"rate": 1.0})))
    play.run(4000.0)
    assert path_of(play, "a").gcra.interval == pytest.approx(1.0)


def throttled_first(after: float = 0.1) -> Any:
    """Greylist each first attempt, accept the others."""

    def answer(now: float, send: Send) -> Event:
        reply = OK if send.parcel.attempt else GREY
        return Replied(now + after, send.token, ((reply, send.parcel.n),))

    return answer


@pytest.mark.parametrize("batch", [1, 7])
def test_a_server_that_is_added_gets_its_share_of_what_waits(batch: int) -> None:
    """It was not there when the mail arrived."""
    play = Rehearsal({"a": Server()}, policy(rate=1.0, burst=1), batch=batch)
    play.tell(mail(100))
    play.run(10.0)
    play.tell(PoolChanged(10.0, "b", "added", "{}"))
    play.run(200.0)
    sent = sum(send.parcel.n for _, send in play.all(Send) if send.server == "b")
    assert sent == pytest.approx(45, abs=8)
    assert play.totals["delivered"] == 100


def test_a_removed_server_finishes_what_is_on_the_wire() -> None:
    """Its open attempts count, whatever their answer; what waits or comes back goes by others."""
    routes = [{"servers": ["a"], "campaigns": ["spring"]}, {"servers": ["b", "c"]}]
    pool = {"a": Server(), "b": Server(limits=Limits(connections=3)), "c": Server()}
    play = Rehearsal(pool, whole(routes=routes, failover={"exhausted": "spill"}), left_open)
    play.tell(PoolChanged(0.0, "c", "drained"))
    play.tell(mail(9, CODES))
    assert [send.server for send in play.open.values()] == ["b"] * 3
    play.tell(edited(0.5, "b", Server(limits=Limits(connections=1))))
    play.tell(PoolChanged(0.5, "c", "restored"))
    play.tell(PoolChanged(1.0, "b", "removed"))
    assert [send.server for send in play.open.values()] == ["b"] * 3 + ["c"] * 6
    later = Reply(451, "4.3.0", "try again later", "data")
    play.tell(Replied(2.0, 0, ((OK, 1),)))
    play.tell(Replied(2.0, 1, ((later, 1),)))
    play.tell(Replied(2.0, 2, (), unsent=1, closed=True))
    assert play.totals["delivered"] == 1
    play.answer = accepting()
    for token in range(3, 10):
        play.tell(Replied(3.0, token, ((OK, 1),)))
    play.run(1000.0)
    assert play.totals["delivered"] == 9
    assert len(times(play, "b")) == 3


def test_greylisted_mail_of_a_removed_server_moves() -> None:
    """It waited for b, and goes by a when its time comes."""
    play = Rehearsal({"a": Server(weight=0), "b": Server()}, policy(), throttled_first())
    play.tell(mail(3))
    play.run(10.0)
    play.tell(edited(10.0, "a", Server()))
    play.tell(PoolChanged(10.0, "b", "removed"))
    play.run(100.0)
    assert [at for at, send in play.all(Send) if send.server == "a"] == [61.0] * 3
    assert play.totals["delivered"] == 3


@pytest.mark.parametrize("under_way", [False, True])
def test_greylisted_mail_keeps_its_server_and_its_time(under_way: bool) -> None:
    """Whatever else changes, it waits for b, and comes back to b from an attempt cut short."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy(), throttled_first())
    play.tell(PoolChanged(0.0, "a", "drained"))
    play.tell(mail(5))
    play.run(10.0)
    play.tell(PoolChanged(10.0, "a", "restored"))
    if under_way:
        play.answer = left_open
        play.run(61.0)
        assert len(play.open) == 5
    at = max(play.now, 10.0)
    play.tell(swapped(at, whole(rotation={"kind": "smooth-weighted"})))
    play.tell(edited(at, "a", Server(weight=5)))
    play.answer = accepting()
    for send in list(play.open.values()):
        play.tell(Replied(62.0, send.token, (), unsent=1, closed=True))
    play.run(200.0)
    assert not times(play, "a")
    assert times(play, "b")[5:] == [61.0] * 5 + [62.0] * 5 * under_way
    assert play.totals["delivered"] == 5


def test_greylisted_mail_leaves_a_server_that_may_not_carry_it_any_more() -> None:
    """Its new route knows a only."""
    play = Rehearsal({"a": Server(weight=0), "b": Server()}, policy(), throttled_first())
    play.tell(mail(5))
    play.run(10.0)
    play.tell(edited(10.0, "a", Server()))
    play.tell(swapped(10.0, whole(routes=[{"servers": ["a"], "streams": ["marketing"]}])))
    play.run(100.0)
    assert times(play, "a") == [61.0] * 5


def test_new_weights_hold_at_once() -> None:
    """From 1 to 1 to 3 to 1."""
    play = Rehearsal({"a": Server(), "b": Server()}, whole(rotation={"kind": "smooth-weighted"}))
    play.tell(mail(40))
    assert len(times(play, "a")) == 20
    play.tell(edited(1.0, "a", Server(weight=3)))
    play.tell(mail(40, first=40, at=1.0))
    assert len(times(play, "a")) == 20 + 30
    play.tell(edited(2.0, "a", Server(weight=0)))
    play.tell(mail(40, first=80, at=2.0))
    assert len(times(play, "a")) == 50


@pytest.mark.parametrize("batch", [1, 7])
def test_connections_above_a_lowered_limit_are_not_used_anew(batch: int) -> None:
    """Five are in use when two are allowed: three answers open nothing, the fourth one does."""
    play = Rehearsal({"a": Server()}, policy(connections=5), left_open, batch=batch)
    play.tell(mail(100 if batch > 1 else 20))
    opened = sum(send.slots for send in play.open.values())
    assert opened == 5
    play.tell(swapped(1.0, policy(connections=2)))
    most = []
    play.answer = left_open
    while play.open:
        send = next(iter(play.open.values()))
        opened -= send.slots
        play.tell(Replied(2.0, send.token, ((OK, send.parcel.n),)))
        opened = sum(each.slots for each in play.open.values())
        most.append(opened)
    assert max(most[5:], default=0) <= 2
    assert play.totals["delivered"] == (100 if batch > 1 else 20)


def test_a_suspension_outlasts_a_new_policy() -> None:
    """The path rests as long as it was told, and comes back by a probe."""
    play = Rehearsal({"a": Server(), "b": Server()}, failover(failures=1, base=100.0), left_open)
    play.tell(mail(2))
    play.tell(Replied(1.0, 0, ((THROTTLE, 1),)))
    play.tell(swapped(2.0, failover(failures=9, base=5.0, probe=1)))
    play.answer = accepting()
    play.tell(mail(50, first=2, at=3.0))
    play.run(90.0)
    assert len(times(play, "a")) == 1
    play.tell(mail(10, first=60, at=102.0))
    assert len(times(play, "a")) > 1


@pytest.mark.parametrize("batch", [1, 7])
def test_a_snapshot_after_changes_restores_into_the_original_setup(batch: int) -> None:
    """A dispatcher made with the servers and policy of the beginning goes on alike."""
    servers, first = {"a": Server(), "b": Server()}, policy(rate=1.0, burst=3, reserve=0.5)
    play = Rehearsal(servers, first, throttled_first(), batch=batch)
    play.tell(mail(60))
    play.tell(mail(10, CODES))
    play.run(5.0)
    play.tell(PoolChanged(5.0, "c", "added", Server(weight=2).model_dump_json()))
    play.run(6.0)
    play.tell(PoolChanged(6.0, "b", "removed"))
    play.run(7.0)
    play.tell(swapped(7.0, policy(rate=2.0, burst=1, servers={"quota": [DAY]}, connections=2)))
    play.run(8.0)
    text = json.dumps(play.dispatcher.snapshot())
    twin = Dispatcher(servers, first, batch=batch)
    twin.restore(json.loads(text))
    assert json.dumps(twin.snapshot()) == text
    begun = len(play.log)
    play.run(100_000.0)
    assert play.totals["delivered"] == 70
    for event, commands in play.log[begun:]:
        assert twin.handle(event) == commands


def test_a_canary_keeps_its_step() -> None:
    """It has come to half of the mail, and does not begin anew because another server is added."""
    steps = {"steps": [0.2, 0.5, 1.0], "every": 60.0, "least": 50}
    kind = {"kind": "smooth-weighted"}
    slow = whole(rotation=kind, canaries={"b": steps}, pacing={"rate": 10.0, "burst": 1})
    play = Rehearsal({"a": Server(), "b": Server()}, slow)
    play.tell(mail(5000))
    play.run(100.0)
    scales: Any = play.dispatcher._pool.scales
    assert scales.canaries["b"].share == 0.5
    play.tell(PoolChanged(100.0, "c", "added", "{}"))
    scales = play.dispatcher._pool.scales
    assert scales.canaries["b"].share == 0.5
