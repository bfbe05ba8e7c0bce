"""Rules that give mail up, hold a campaign, move mail, or go by a share: what they do, and undo."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import ConfigError, Policy, Server
from mstoolkit.config.scenario import Scenario
from mstoolkit.config.units import WRITTEN
from mstoolkit.model import (
    ConnectionFailed,
    Enqueued,
    Event,
    Finish,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Probed,
    Replied,
    Reply,
    Resumed,
    Send,
    Suspended,
    Tick,
    Withdrawn,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, small_scenario

SPRING = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
AUTUMN = Lot(1, "autumn", "autumn", "marketing", "gmail", "active", 1e9)
YAHOO = Lot(2, "spring", "spring", "marketing", "yahoo", "active", 1e9)
ODD = Reply(451, "4.7.1", "XYZ policy, slow down please", "data")
SERVERS = {"a": Server(), "b": Server()}
ORDERS = [{}, {"campaigns": "fair"}, {"retries": "by-age"}]
KEYED = {"kind": "sticky", "key": "recipient"}


def policy(
    action: Any, scope: str, *, trigger: str = "immediate", duration: str = "10min", **parts: Any
) -> Policy:
    rule = {
        "name": "xyz",
        "match": {"text": "xyz policy"},
        "trigger": trigger,
        "action": action,
        "scope": scope,
    }
    if scope != "message":
        rule["duration"] = duration
    whole = {
        "rotation": {"kind": "round-robin"},
        "pacing": {"rate": "2/s", "burst": 1, "connections": 8},
        "rules": [rule],
        **parts,
    }
    return Policy.model_validate(whole, context=WRITTEN)


def odd_for(
    wanted: Callable[[float, Send], bool], most: int = 1
) -> Callable[[float, Send], Replied]:
    """Answer the first `most` wanted attempts with the odd reply, all others well."""
    left = [most]

    def answer(at: float, send: Send) -> Replied:
        odd = left[0] > 0 and wanted(at, send)
        left[0] -= odd
        reply = ODD if odd else OK
        return Replied(at + send.span + 0.1, send.token, ((reply, send.parcel.n),))

    return answer


def of_spring(at: float, send: Send) -> bool:
    return send.parcel.lot is SPRING


def play(
    chosen: Policy,
    wanted: Callable[[float, Send], bool] = of_spring,
    most: int = 1,
    batch: int = 1,
    servers: dict[str, Server] | None = None,
) -> Rehearsal:
    on = Rehearsal(servers or SERVERS, chosen, odd_for(wanted, most), batch=batch)
    on.tell(Enqueued(0.0, Parcel(SPRING, 0, 400)))
    on.tell(Enqueued(0.0, Parcel(AUTUMN, 1000, 100)))
    on.tell(Enqueued(0.0, Parcel(YAHOO, 2000, 400)))
    return on


def sent(on: Rehearsal, lot: Lot, since: float, until: float) -> int:
    return sum(
        send.parcel.n for at, send in on.all(Send) if send.parcel.lot is lot and since <= at < until
    )


def bounced(on: Rehearsal, lot: Lot) -> int:
    return sum(f.n for _, f in on.all(Finish) if f.outcome == "bounced" and f.parcel.lot is lot)


# -- giving up


@pytest.mark.parametrize("batch", [1, 50])
def test_a_bounce_gives_up_what_waits_and_what_comes_in(batch: int) -> None:
    """All that waits for the ISP ends as bounced, with rule and reply; other ISPs go on."""
    on = play(policy("bounce", "isp"), batch=batch)
    on.run(100.0)
    gmail = bounced(on, SPRING) + bounced(on, AUTUMN)
    assert on.totals["queued"] == 400 - sent(on, YAHOO, 0.0, 101.0)
    assert gmail + sent(on, SPRING, 0.0, 101.0) + sent(on, AUTUMN, 0.0, 101.0) >= 500
    assert bounced(on, YAHOO) == 0
    on.tell(Enqueued(200.0, Parcel(AUTUMN, 5000, 30)))
    assert bounced(on, SPRING) + bounced(on, AUTUMN) == gmail + 30
    given_up = [f for _, f in on.all(Finish) if f.outcome == "bounced"]
    assert {(f.reason, f.reply, f.server) for f in given_up} == {("xyz", ODD, "")}


def test_a_bounce_ends() -> None:
    """Mail that comes in after its time is sent as before."""
    on = play(policy("bounce", "isp"))
    on.run(700.0)
    on.tell(Enqueued(700.0, Parcel(AUTUMN, 5000, 30)))
    on.run(900.0)
    assert sent(on, AUTUMN, 700.0, 900.0) == 30


def test_messages_on_the_wire_finish_as_they_do() -> None:
    """What is under way is delivered if it is accepted; what is deferred comes back, and ends."""
    dispatcher = Dispatcher({"a": Server()}, policy("bounce", "isp", pacing={"connections": 3}))
    first, second, third = [
        c for c in dispatcher.handle(Enqueued(0.0, Parcel(SPRING, 0, 50))) if type(c) is Send
    ]
    told = dispatcher.handle(Replied(1.0, first.token, ((ODD, 1),)))
    assert sum(c.n for c in told if type(c) is Finish) == 48
    (end,) = dispatcher.handle(Replied(2.0, second.token, ((OK, 1),)))
    assert isinstance(end, Finish)
    assert (end.outcome, end.server) == ("delivered", "a")
    later = ODD._replace(text="try again later")
    (end,) = dispatcher.handle(Replied(3.0, third.token, ((later, 1),)))
    assert isinstance(end, Finish)
    assert (end.outcome, end.reason) == ("bounced", "xyz")
    assert dispatcher.totals["queued"] == 0


def test_a_campaign_is_given_up_alone() -> None:
    """Other campaigns to the ISP, and the campaign's mail to other ISPs, go on."""
    on = play(policy("bounce", "campaign"))
    on.run(900.0)
    assert bounced(on, SPRING) > 350
    assert bounced(on, AUTUMN) == bounced(on, YAHOO) == 0
    assert on.totals["queued"] == on.totals["in_flight"] == 0


def test_a_message_is_given_up_alone() -> None:
    """The messages that got the reply end, with their server; all others are delivered."""
    on = play(policy("bounce", "message"), most=3)
    on.run(2000.0)
    ends = [f for _, f in on.all(Finish) if f.outcome == "bounced"]
    assert [(f.n, f.reason, f.reply) for f in ends] == [(1, "xyz", ODD)] * 3
    assert all(f.server in SERVERS for f in ends)
    assert on.totals["delivered"] == 897


def test_a_connection_that_is_turned_away_gives_up_no_message() -> None:
    """Nothing was tried, so there is no message to give up; a rule for the campaign still acts."""
    for scope, queued in (("message", 50), ("campaign", 0)):
        dispatcher = Dispatcher({"a": Server()}, policy("bounce", scope))
        first = next(
            c for c in dispatcher.handle(Enqueued(0.0, Parcel(SPRING, 0, 50))) if type(c) is Send
        )
        dispatcher.handle(ConnectionFailed(0.1, first.token, ODD))
        totals = dispatcher.totals
        assert totals["queued"] + totals["in_flight"] == queued
        assert totals["bounced"] == 50 - queued


def test_own_replies_give_nothing_up() -> None:
    """A server that cannot be reached speaks no word that a rule could match."""
    dispatcher = Dispatcher({"a": Server()}, policy("bounce", "isp"))
    first = next(
        c for c in dispatcher.handle(Enqueued(0.0, Parcel(SPRING, 0, 50))) if type(c) is Send
    )
    dispatcher.handle(ConnectionFailed(0.1, first.token, ODD._replace(code=0)))
    assert dispatcher.totals["bounced"] == 0


# -- holding a campaign


@pytest.mark.parametrize("ordering", ORDERS, ids=str)
@pytest.mark.parametrize("rotation", [{"kind": "round-robin"}, KEYED], ids=["any", "keyed"])
def test_a_campaign_is_held_and_holds_up_nobody(
    ordering: dict[str, str], rotation: dict[str, str]
) -> None:
    """The campaign rests for ten minutes at that ISP; what stood behind it goes, in any order."""
    on = play(policy("suspend", "campaign", ordering=ordering, rotation=rotation))
    on.run(590.0)
    assert sent(on, SPRING, 20.0, 590.0) == 0
    assert sent(on, AUTUMN, 0.0, 590.0) == 100
    assert sent(on, YAHOO, 20.0, 590.0) > 300
    on.tell(Enqueued(590.0, Parcel(SPRING, 5000, 10)))
    on.run(599.0)
    assert sent(on, SPRING, 20.0, 599.0) == 0
    on.run(3000.0)
    assert sent(on, SPRING, 600.0, 620.0) > 20
    assert on.totals["delivered"] == 910


def test_a_hold_is_told_and_prolonged() -> None:
    """The log says whose mail is held by what; a further match holds it from then on."""
    dispatcher = Dispatcher({"a": Server()}, policy("suspend", "campaign", pacing={"burst": 2}))
    first, second, *_ = [
        c for c in dispatcher.handle(Enqueued(0.0, Parcel(SPRING, 0, 50))) if type(c) is Send
    ]
    told = dispatcher.handle(Replied(1.0, first.token, ((ODD, 1),)))
    assert Suspended("", "gmail", 601.0, "xyz (campaign spring)") in told
    dispatcher.handle(Replied(301.0, second.token, ((ODD, 1),)))
    assert not [c for c in dispatcher.handle(Tick(601.0)) if type(c) is Send]
    assert not [c for c in dispatcher.handle(Tick(900.0)) if type(c) is Send]
    assert [c for c in dispatcher.handle(Tick(901.0)) if type(c) is Send]


def test_held_mail_can_be_taken_back_and_grows_too_old() -> None:
    """Held mail is in the books: a recall reaches it, and its expiry does."""
    brief = Lot(3, "brief", "spring", "marketing", "gmail", "active", 60.0)
    on = play(policy("suspend", "campaign"))
    on.tell(Enqueued(0.0, Parcel(brief, 3000, 40)))
    on.run(10.0)
    on.tell(Withdrawn(10.0, "spring", 300, 100))
    assert on.totals["withdrawn"] == 100
    on.run(61.0)
    assert on.totals["expired"] == 40


def test_mail_without_a_campaign_is_not_held() -> None:
    """A rule for a campaign does nothing where there is none, as in KumoMTA."""
    plain = Lot(4, "codes", "", "marketing", "gmail", "active", 1e9)
    for action in ("suspend", "bounce"):
        on = Rehearsal(SERVERS, policy(action, "campaign"), odd_for(lambda at, send: True))
        on.tell(Enqueued(0.0, Parcel(plain, 0, 50)))
        on.run(500.0)
        assert on.totals["delivered"] >= 49
        assert on.totals["bounced"] == 0


@pytest.mark.parametrize("action", ["suspend", "bounce"])
def test_orders_outlive_a_change(action: str) -> None:
    """A new policy without rules, and a new server, leave what was ordered in force to its end."""
    on = play(policy(action, "campaign"))
    on.run(20.0)
    plain = policy(action, "campaign").model_copy(update={"rules": ()})
    on.tell(PolicyChanged(20.0, plain.model_dump_json()))
    on.tell(PoolChanged(20.0, "c", "added", Server().model_dump_json()))
    on.run(30.0)
    on.tell(Enqueued(30.0, Parcel(SPRING, 5000, 10)))
    on.run(599.0)
    assert sent(on, SPRING, 20.0, 599.0) == 0
    on.tell(Enqueued(700.0, Parcel(SPRING, 6000, 10)))
    on.run(2000.0)
    assert sent(on, SPRING, 700.0, 2000.0) >= 10
    assert on.totals["queued"] == 0


def test_a_cap_ends_although_the_rules_are_gone() -> None:
    """A policy without rules does not make a rate cap eternal."""
    on = play(policy({"kind": "set-rate", "rate": "1/min"}, "isp"))
    on.run(20.0)
    plain = policy("suspend", "path").model_copy(update={"rules": ()})
    on.tell(PolicyChanged(20.0, plain.model_dump_json()))
    on.run(590.0)
    assert sent(on, SPRING, 30.0, 590.0) < 30
    on.run(800.0)
    assert sent(on, SPRING, 620.0, 720.0) > 100


# -- moving


def from_a(at: float, send: Send) -> bool:
    return send.server == "a" and send.isp == "gmail"


def shares(on: Rehearsal, since: float, until: float, isp: str = "gmail") -> dict[str, int]:
    counts: dict[str, int] = {}
    for at, send in on.all(Send):
        if since <= at < until and send.isp == isp:
            counts[send.server] = counts.get(send.server, 0) + send.parcel.n
    return counts


THREE = {"a": Server(weight=2.0), "b": Server(weight=1.0), "c": Server(weight=1.0)}
WEIGHTED = {"kind": "smooth-weighted"}
SLOW = {"rate": "20/s", "burst": 1, "connections": 8}


def moving(to: str | None = "c", rotation: Mapping[str, object] = WEIGHTED, **parts: Any) -> Policy:
    action = {"kind": "move", **({"to": to} if to else {})}
    return policy(action, "path", rotation=rotation, **{"pacing": SLOW, **parts})


def stream(on: Rehearsal, until: int, since: int = 0) -> None:
    """Let a message to each ISP come in every two seconds."""
    for second in range(since, until, 2):
        on.later(Enqueued(float(second), Parcel(AUTUMN, 10_000 + second, 1)))
        on.later(Enqueued(float(second), Parcel(YAHOO, 20_000 + second, 1)))


def test_a_path_s_share_is_moved_for_a_time() -> None:
    """What the path would have carried goes by the server named; other ISPs see no change."""
    on = Rehearsal(THREE, moving(), odd_for(from_a))
    stream(on, 3000)
    on.run(3000.0)
    moved = shares(on, 10.0, 590.0)
    assert moved.keys() == {"b", "c"}
    assert moved["c"] / moved["b"] == pytest.approx(3.0, rel=0.05)
    assert shares(on, 10.0, 590.0, "yahoo")["a"] == pytest.approx(145, abs=5)
    after = shares(on, 700.0, 2900.0)
    assert after["a"] / after["b"] == pytest.approx(2.0, rel=0.05)
    assert after["c"] / after["b"] == pytest.approx(1.0, rel=0.05)


def test_what_was_refused_goes_by_the_server_named() -> None:
    """Whatever the rotation: the very message waits for it, and is delivered there."""
    for rotation in ({"kind": "round-robin"}, {"kind": "batch", "size": 10}):
        on = Rehearsal(THREE, moving(rotation=rotation), odd_for(from_a))
        stream(on, 600)
        on.run(4000.0)
        again = [send.server for _, send in on.all(Send) if send.parcel.attempt]
        assert again == ["c"]


def test_a_reserve_of_weight_0_can_be_moved_to() -> None:
    """A server that is never chosen otherwise takes the path's share, for that time only."""
    servers = {"a": Server(), "b": Server(), "spare": Server(weight=0.0)}
    on = Rehearsal(servers, moving("spare"), odd_for(from_a))
    stream(on, 3000)
    on.run(3000.0)
    moved = shares(on, 10.0, 590.0)
    assert moved["spare"] == pytest.approx(moved["b"], abs=3)
    assert "spare" not in shares(on, 700.0, 3000.0)


@pytest.mark.parametrize("to", [None, "a", "c"], ids=["nowhere", "itself", "one-that-is-out"])
def test_any_other_server_takes_what_cannot_go_by_the_one_named(to: str | None) -> None:
    """Without a server, or with one that may not be used, the others share the mail."""
    on = Rehearsal(THREE, moving(to), odd_for(from_a))
    on.tell(PoolChanged(0.0, "c", "drained"))
    stream(on, 500)
    on.run(2000.0)
    assert shares(on, 10.0, 500.0).keys() == {"b"}
    assert on.totals["queued"] == on.totals["in_flight"] == 0


def test_a_move_keeps_to_the_routes() -> None:
    """A server that a route does not use is not used because a rule names it."""
    routes = [{"isps": ["gmail"], "servers": ["a", "b"]}]
    on = Rehearsal(THREE, moving(routes=routes), odd_for(from_a))
    stream(on, 600)
    on.run(4000.0)
    assert "c" not in shares(on, 0.0, 4000.0)
    assert on.totals["queued"] == 0


def test_an_unknown_server_is_told() -> None:
    """A rule that moves mail to a server that is not there is refused, with its key."""
    with pytest.raises(
        ConfigError, match=r"no server 'd' in the pool.*known are a, b, c"
    ) as caught:
        Dispatcher(THREE, moving("d"))
    assert caught.value.key == "rules.0.action.to"
    scenario = small_scenario()
    strategies = {"mine": moving("d")}
    with pytest.raises(ValueError, match=r"strategies\.mine\.rules: xyz: there is no 'd'"):
        Scenario.model_validate({**dict(scenario), "strategies": strategies})


# -- by share


def test_a_share_of_the_attempts_fires() -> None:
    """A fourth of the replies are odd: 20 % fires at a match with enough attempts, 30 % never."""
    for share, fires in (("20% of 40 in 10min", True), ("30% of 40 in 10min", False)):
        tried = [0]

        def every_fourth(at: float, send: Send, tried: list[int] = tried) -> bool:
            tried[0] += from_a(at, send)
            return from_a(at, send) and tried[0] % 4 == 0

        on = Rehearsal(
            SERVERS, policy("suspend", "path", trigger=share), odd_for(every_fourth, 999)
        )
        stream(on, 400)
        on.run(450.0)
        told = [(at, notice) for at, notice in on.all(Suspended) if notice.reason == "xyz"]
        assert bool(told) is fires
        if fires:
            assert {(n.server, n.isp) for _, n in told} == {("a", "gmail")}
            answered = sum(1 for at, send in on.all(Send) if from_a(at, send) and at < told[0][0])
            assert answered >= 40


# -- a blocklist


def test_a_listed_server_rests_everywhere_and_begins_slowly() -> None:
    """Three refusals that name the list at one ISP stop the server; it is back by degrees."""
    listed = Reply(554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using "
                   "zen.spamhaus.org", "rcpt")  # fmt: skip
    chosen = policy(
        "suspend",
        "path",
        rules=["blocklists"],
        rotation=WEIGHTED,
        pacing=SLOW,
        failover={"slow_start": {"window": "30min"}},
    )
    left = [3]

    def answer(at: float, send: Send) -> Event:
        odd = from_a(at, send) and left[0] > 0
        left[0] -= odd
        return Replied(at + 0.1, send.token, ((listed if odd else OK, 1),))

    on = Rehearsal(SERVERS, chosen, answer)
    stream(on, 200)
    stream(on, 17_500, since=14_300)
    on.run(17_500.0)
    (notice,) = [n for _, n in on.all(Suspended) if n.server == "a" and not n.isp]
    assert notice.reason == "blocklists-spamhaus"
    begun = notice.until
    for isp in ("gmail", "yahoo"):
        assert "a" not in shares(on, 20.0, begun, isp)
    assert ("a", "") in {(c.server, c.isp) for _, c in on.all(Probed)}
    assert ("a", "") in {(c.server, c.isp) for _, c in on.all(Resumed)}
    early = shares(on, begun + 60.0, begun + 400.0)
    late = shares(on, begun + 2400.0, begun + 2800.0)
    assert early["a"] < early["b"] / 2
    assert late["a"] == pytest.approx(late["b"], rel=0.1)


def test_panic_does_not_probe_what_a_rule_has_stopped() -> None:
    """A server that a rule rests was reached well enough: it is not probed before its time."""
    chosen = policy("suspend", "server", failover={"panic": "30s"})
    on = Rehearsal({"a": Server()}, chosen, odd_for(of_spring))
    on.tell(Enqueued(0.0, Parcel(SPRING, 0, 20)))
    on.run(590.0)
    assert not on.all(Probed)
    on.run(700.0)
    assert on.totals["delivered"] == 20


# -- snapshots

CASES = {
    "bounce-isp": policy("bounce", "isp"),
    "bounce-campaign": policy("bounce", "campaign", ordering={"campaigns": "fair"}),
    "bounce-message": policy("bounce", "message", trigger="2 in 1h"),
    "hold": policy("suspend", "campaign", duration="1min"),
    "hold-keyed": policy("suspend", "campaign", duration="1min", rotation=KEYED),
    "move": policy({"kind": "move", "to": "b"}, "path", rotation=WEIGHTED, duration="1min"),
    "share": policy("suspend", "path", trigger="20% of 5 in 1min", duration="1min"),
    "server": policy("suspend", "server", trigger="2 in 1min", duration="1min"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8, deadline=None)
@given(cut=st.integers(1, 120), seed=st.integers(0, 9))
def test_a_restored_dispatcher_goes_on_the_same(name: str, cut: int, seed: int) -> None:
    """Wherever a snapshot is taken, through JSON, the copy wants the same done, word for word."""
    chosen = CASES[name]
    on = Rehearsal(SERVERS, chosen, odd_for(lambda at, s: (s.token + seed) % 5 == 0, 999))
    for second in range(0, 100, 5):
        on.later(Enqueued(float(second), Parcel(SPRING, 100 * second, 4)))
        on.later(Enqueued(float(second), Parcel(AUTUMN, 50_000 + 100 * second, 3)))
    on.run(400.0)
    events = on.log
    cut = min(cut, len(events) - 1)
    first = Dispatcher(SERVERS, chosen)
    for event, _ in events[:cut]:
        first.handle(event)
    second_one = Dispatcher(SERVERS, chosen)
    second_one.restore(json.loads(json.dumps(first.snapshot(), allow_nan=False)))
    assert second_one.snapshot() == first.snapshot()
    for event, commands in events[cut:]:
        assert second_one.handle(event) == commands
    assert _orderless(second_one.snapshot()) == _orderless(on.dispatcher.snapshot())


def _orderless(state: dict[str, Any]) -> dict[str, Any]:
    """Leave out by which numbers timers of one time keep their order: only the order counts."""
    return {**state, "timers": [(due, *rest) for due, _, *rest in state["timers"]]}
