"""Each preset does in a dispatcher what is documented of its system."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby, pairwise

import pytest

from mstoolkit.config import Policy, Server, load_policy, policy_names
from mstoolkit.config.pacing import Limits
from mstoolkit.model import (
    ConnectionFailed,
    Enqueued,
    Event,
    Lot,
    Parcel,
    Replied,
    Reply,
    Send,
    Suspended,
)
from mstoolkit.sim import simulate
from mstoolkit.testing import Rehearsal, small_scenario
from mstoolkit.testing.rehearsal import OK, Answer

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
YAHOO = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
BUSY = Reply(451, "4.3.0", "Temporary server error. Please try again later", "data")
SLOW_DOWN = Reply(451, "4.7.1", "Too many messages from your IP address, slow down", "data")
TURNED_AWAY = Reply(421, "4.7.0", "Too many connections from your IP address", "connect")
UNREACHABLE = Reply(0, "", "connection refused", "connect")
DAY = 86_400.0


def pool(*weights: float) -> dict[str, Server]:
    """Return servers a, b, c and so on with these weights, in tiers 1, 2, 3 and so on."""
    return {"abcdef"[k]: Server(weight=w, priority=k + 1) for k, w in enumerate(weights)}


def play(
    name: str, servers: dict[str, Server], answer: Answer | None = None, *, batch: int = 1
) -> Rehearsal:
    """Return a rehearsal of a preset."""
    return Rehearsal(servers, load_policy(name), answer, batch=batch)


def trickle(
    rehearsal: Rehearsal, n: int, lot: Lot = GMAIL, first: int = 0, *, start: float | None = None
) -> None:
    """Let messages arrive a second apart, each when the one before is through."""
    at = rehearsal.now + 1.0 if start is None else start
    for k in range(first, first + n):
        rehearsal.tell(Enqueued(at, Parcel(lot, k, 1, 0, at)))
        at += 1.0
        rehearsal.run(at - 1e-6)


def sequence(rehearsal: Rehearsal) -> str:
    """Return the servers of all attempts, in order."""
    return "".join(send.server for _, send in rehearsal.all(Send))


def servers_by_message(rehearsal: Rehearsal) -> dict[int, set[str]]:
    """Return by which servers each message was tried."""
    found: dict[int, set[str]] = defaultdict(set)
    for _, send in rehearsal.all(Send):
        found[send.parcel.first].add(send.server)
    return dict(found)


def refusing(reply: Reply, *, attempts: int = 10**9) -> Answer:
    """Return an answer that refuses a message's first attempts, and accepts the next one."""

    def answer(now: float, send: Send) -> Event:
        said = reply if send.parcel.attempt < attempts else OK
        return Replied(now + 0.1, send.token, ((said, send.parcel.n),), 0, 0.1)

    return answer


def failing(reply: Reply, *servers: str) -> Answer:
    """Return an answer by which connections of these servers fail; others accept."""

    def answer(now: float, send: Send) -> Event:
        if send.server in servers:
            return ConnectionFailed(now + 0.1, send.token, reply)
        return Replied(now + 0.1, send.token, ((OK, send.parcel.n),), 0, 0.1)

    return answer


def suspensions(rehearsal: Rehearsal) -> list[tuple[str, str, float]]:
    """Return what was suspended, and for how long (s)."""
    return [
        (each.server, each.isp, round(each.until - at)) for at, each in rehearsal.all(Suspended)
    ]


# -- Postal and ZoneMTA: a message keeps its server


@pytest.mark.parametrize(("low", "share"), [(1, 0.005), (10, 0.05), (50, 0.25)])
def test_postals_shares_are_not_in_proportion(low: float, share: float) -> None:
    """Beside priority 100 an address of 1 gets 0.5 %, of 10 gets 5 %, of 50 gets 25 %."""
    n, there = 3000, play("postal", pool(low, 100))
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, n, 0, 0.0)))
    there.run(60.0)
    carried = Counter(sequence(there))
    assert carried.total() == n
    assert abs(carried["a"] - n * share) <= 4 * (n * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("name", ["postal", "zonemta", "listmonk"])
@pytest.mark.parametrize("batch", [1, 50])
def test_a_message_keeps_its_server_over_its_retries(name: str, batch: int) -> None:
    """Though each server has mail, no message is tried by two of them."""
    there = play(name, pool(3, 2, 1), refusing(BUSY, attempts=1), batch=batch)
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 200, 0, 0.0)))
    there.run(DAY)
    tried = servers_by_message(there)
    assert there.totals["delivered"] == 200
    assert len(there.all(Send)) == 400
    assert all(len(servers) == 1 for servers in tried.values())
    assert set.union(*tried.values()) == {"a", "b", "c"}


def test_postals_retries_grow_by_1_3() -> None:
    """5 min after the first attempt, then 1.3 times as long each time."""
    there = play("postal", pool(1), refusing(BUSY, attempts=4))
    trickle(there, 1)
    there.run(DAY)
    at = [when for when, _ in there.all(Send)]
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert waits == pytest.approx([300.0, 390.0, 507.0, 659.1], abs=31.0)  # a grid of 30 s


def test_zonemtas_ratios_are_shares() -> None:
    """Addresses of ratio 0.05 and 0.95 get that, where ZoneMTA's own pool would be empty."""
    n, there = 2000, play("zonemta", pool(0.05, 0.95))
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, n, 0, 0.0)))
    there.run(3600.0)
    share = Counter(sequence(there))["a"] / n
    assert there.totals["delivered"] == n
    assert abs(share - 0.05) <= 4 * (0.05 * 0.95 / n) ** 0.5


def test_zonemta_opens_five_connections_to_a_domain() -> None:
    """Over all addresses of the zone, and five to each other domain."""
    there = play("zonemta", pool(1, 1, 1), lambda now, send: None)
    for lot in (GMAIL, YAHOO):
        there.tell(Enqueued(0.0, Parcel(lot, 0, 50, 0, 0.0)))
    assert Counter(send.isp for send in there.open.values()) == {"gmail": 5, "yahoo": 5}


def test_zonemta_leaves_out_what_is_on_a_block_list() -> None:
    """For an hour, at that domain only; a plain deferral changes nothing."""
    listed = Reply(554, "5.7.1", "Service unavailable; Client host blocked using zen.spamhaus.org")
    there = play("zonemta", pool(1, 1), refusing(BUSY, attempts=2))
    trickle(there, 20)
    assert suspensions(there) == []
    there.answer = refusing(listed, attempts=1)
    trickle(there, 1, first=20)
    (suspended,) = suspensions(there)
    assert suspended[1:] == ("gmail", 3600)
    there.answer = refusing(BUSY, attempts=0)
    before = len(there.log)
    trickle(there, 20, first=21)
    trickle(there, 20, YAHOO)
    sends = [c for _, commands in there.log[before:] for c in commands if isinstance(c, Send)]
    assert suspended[0] not in {send.server for send in sends if send.isp == "gmail"}
    assert suspended[0] in {send.server for send in sends if send.isp == "yahoo"}


# -- KumoMTA and PowerMTA


def test_kumomtas_sequence() -> None:
    """4:3:2 is AABABCABC, after one message for each source but the first."""
    there = play("kumomta", pool(4, 3, 2))
    trickle(there, 20)
    assert sequence(there) == "bc" + 2 * "aababcabc"


def test_kumomta_skips_a_suspended_source() -> None:
    """Yahoo's [TS04] suspends a source there, as its rule says; the others go on."""
    ts04 = Reply(421, "4.7.0", "[TS04] Messages from 192.0.2.1 temporarily deferred", "mail")

    def answer(now: float, send: Send) -> Event:
        said = ts04 if send.server == "a" else OK
        return Replied(now + 0.1, send.token, ((said, 1),), 0, 0.1)

    there = play("kumomta", pool(1, 1, 1), answer)
    trickle(there, 30, YAHOO)
    assert {(server, isp) for server, isp, _ in suspensions(there)} == {("a", "yahoo")}
    assert suspensions(there)[0][2] >= 3600
    assert set(sequence(there)[-10:]) == {"b", "c"}


def test_kumomtas_limits_are_those_of_its_shaping() -> None:
    """10 connections to a site from each source, 100 messages on each."""
    there = play("kumomta", pool(1), lambda now, send: None)
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 50, 0, 0.0)))
    there.run(60.0)
    assert len(there.open) == 10
    assert load_policy("kumomta").pacing.messages_per_connection == 100


def test_powermtas_cold_server_has_its_cap_and_the_hot_ones_the_rest() -> None:
    """Each ISP gets so many cold messages a day, the rest goes hot at once, and again next day."""
    servers = {**pool(1, 1), "c": Server(limits=Limits(quota=[{"n": 3, "per": "day"}]))}
    there = play("powermta", servers)
    for day in range(2):
        there.run(day * DAY)
        for number, lot in enumerate((GMAIL, YAHOO)):
            trickle(there, 30, lot, 30 * day, start=day * DAY + 100.0 * number)
        assert there.totals["delivered"] == 60 * (day + 1)
    by_day = Counter((int(at // DAY), send.isp, send.server) for at, send in there.all(Send))
    for day in range(2):
        for isp in ("gmail", "yahoo"):
            counts = [by_day[day, isp, name] for name in "abc"]
            assert counts[2] == 3
            assert abs(counts[0] - counts[1]) <= 1


def test_powermta_takes_turns_and_backs_off_by_patterns() -> None:
    """Round robin; a reply of its list is an hour's pause for that virtual MTA and domain."""
    there = play("powermta", pool(5, 1, 1))
    trickle(there, 6)
    assert sequence(there) in ("abcabc", "bcabca", "cabcab")
    there.answer = refusing(Reply(421, "4.7.0", "host: too many errors", "mail"), attempts=1)
    trickle(there, 1, first=6)
    assert [each[1:] for each in suspensions(there)] == [("gmail", 3600)]


def test_powermta_opens_twenty_connections() -> None:
    """max-smtp-out is 20 to a domain from each virtual MTA."""
    there = play("powermta", pool(1, 1), lambda now, send: None)
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 90, 0, 0.0)))
    assert Counter(send.server for send in there.open.values()) == {"a": 20, "b": 20}


# -- listmonk, Mumara, Symfony Mailer


def test_listmonk_draws_uniformly() -> None:
    """Servers of weights 5 and 1 have half of the mail each, within what chance allows."""
    n, there = 2000, play("listmonk", pool(5, 1))
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, n, 0, 0.0)))
    there.run(600.0)
    assert abs(Counter(sequence(there))["a"] - n / 2) <= 4 * n**0.5 / 2


def test_listmonk_drops_what_fails_twice() -> None:
    """A throttled message is tried once more at once, then lost; nothing slows down."""
    there = play("listmonk", pool(1, 1), refusing(SLOW_DOWN))
    trickle(there, 40)
    there.run(60.0)
    assert there.totals["expired"] == 40
    assert len(there.all(Send)) == 80
    assert suspensions(there) == []


def test_mumaras_batches() -> None:
    """100 messages by each node in turn; in a loop each message by the next."""
    there = play("mumara-batches", pool(1, 1, 1))
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 500, 0, 0.0)))
    there.run(600.0)
    runs = [(server, len(list(group))) for server, group in groupby(sequence(there))]
    assert runs == [("a", 100), ("b", 100), ("c", 100), ("a", 100), ("b", 100)]
    there = play("mumara-loop", pool(1, 1, 1))
    trickle(there, 6)
    assert sequence(there) in ("abcabc", "bcabca", "cabcab")


@pytest.mark.parametrize("name", ["mumara-batches", "mumara-loop"])
def test_mumara_deactivates_a_node_that_cannot_connect(name: str) -> None:
    """After one failure for an hour, and the others carry on; a throttle is none."""
    there = play(name, pool(1, 1), failing(UNREACHABLE, "a"))
    trickle(there, 50)
    assert suspensions(there) == [("a", "", 3600)]
    assert there.totals["delivered"] == 50
    there.answer = refusing(SLOW_DOWN, attempts=1)
    trickle(there, 50, first=50)
    assert len(suspensions(there)) == 1


@pytest.mark.parametrize("name", ["symfony-roundrobin", "symfony-failover"])
def test_symfonys_dead_transport_comes_back_after_a_minute(name: str) -> None:
    """The first failure marks it dead for 60 s; the message goes by the next one."""
    there = play(name, pool(1, 1, 1), failing(UNREACHABLE, "a"))
    trickle(there, 30)
    assert suspensions(there)[0] == ("a", "", 60)
    assert there.totals["delivered"] == 30
    there.answer = failing(UNREACHABLE)
    there.run(120.0)
    before = len(sequence(there))
    trickle(there, 12, first=30)
    expected = 4 if name == "symfony-roundrobin" else 12
    assert sequence(there)[before:].count("a") == expected


def test_symfonys_orders() -> None:
    """A roundrobin takes each in turn, failover the first only, and the second if that is dead."""
    there = play("symfony-roundrobin", pool(5, 1, 1))
    trickle(there, 6)
    assert sequence(there) in ("abcabc", "bcabca", "cabcab")
    there = play("symfony-failover", pool(1, 5, 9))
    trickle(there, 6)
    assert sequence(there) == "aaaaaa"
    there.answer = failing(UNREACHABLE, "a")
    trickle(there, 6, first=6)
    assert sequence(there) == "aaaaaa" + "a" + "bbbbbb"


# -- Postfix and Haraka


def test_postfixs_destination_is_dead_after_three_failures() -> None:
    """From 5 connections three refused ones in a row suspend it for minimal_backoff_time."""
    there = play("postfix", pool(1), failing(TURNED_AWAY, "a"))
    failed = 0
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 1, 0, 0.0)))
    while not suspensions(there):
        there.run(there.now + 0.15)
        failed = len(there.all(Send))
    assert failed == 3
    assert suspensions(there) == [("a", "gmail", 300)]


def test_postfix_begins_with_five_and_grows_to_twenty() -> None:
    """Deliveries widen the window to the limit; deferrals of messages do not narrow it."""
    there = play("postfix", pool(1))
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 400, 0, 0.0)))
    assert len(there.open) == 5
    there.run(60.0)
    there.answer = refusing(SLOW_DOWN, attempts=1)
    there.tell(Enqueued(there.now, Parcel(GMAIL, 400, 300, 0, there.now)))
    there.run(there.now + 60.0)
    there.answer = lambda now, send: None
    there.tell(Enqueued(there.now, Parcel(GMAIL, 700, 300, 0, there.now)))
    assert len(there.open) == 20
    assert suspensions(there) == []


def test_postfix_draws_by_repetition() -> None:
    """An entry that randmap names three times gets three quarters."""
    n, there = 2000, play("postfix", pool(3, 1))
    trickle(there, n)
    assert abs(Counter(sequence(there))["a"] - 0.75 * n) <= 4 * (n * 0.75 * 0.25) ** 0.5


def test_harakas_dead_host_is_tried_after_ten_seconds() -> None:
    """Hosts take turns; one that fails is left out for 10 s at a time, whatever its mail."""
    there = play("haraka", pool(9, 1, 1), failing(UNREACHABLE, "b"))
    trickle(there, 60)
    assert set(suspensions(there)) == {("b", "", 10)}
    assert 4 <= len(suspensions(there)) <= 6
    assert there.totals["delivered"] == 60
    counts = Counter(sequence(there))
    assert abs(counts["a"] - counts["c"]) <= 6


# -- all


@pytest.mark.parametrize("name", policy_names())
@pytest.mark.parametrize("reply", [TURNED_AWAY, UNREACHABLE])
def test_nobody_knocks_without_a_pause(name: str, reply: Reply) -> None:
    """Where all connections fail, attempts of an hour are few, and no mail is lost by them."""
    there = play(name, pool(1, 1), failing(reply, "a", "b"))
    there.tell(Enqueued(0.0, Parcel(GMAIL, 0, 20, 0, 0.0)))
    there.run(3600.0)
    assert len(there.all(Send)) < 4000
    there.answer = failing(reply)
    there.run(2 * DAY)
    assert there.totals["delivered"] == 20


@pytest.mark.parametrize("name", policy_names())
def test_no_stream_goes_first(name: str) -> None:
    """A transactional message that comes last leaves last."""
    there = play(name, {"a": Server(connections=1)})
    for number, stream in enumerate(("marketing", "marketing", "transactional")):
        lot = Lot(number, "spring", stream, stream, "gmail", "active", 1e9)
        there.tell(Enqueued(0.0, Parcel(lot, 0, 1, 0, 0.0)))
    there.run(60.0)
    assert [send.parcel.lot.id for _, send in there.all(Send)] == [0, 1, 2]


@pytest.mark.parametrize("name", policy_names())
@pytest.mark.parametrize("batch", [1, 50])
def test_a_small_mailing_runs(name: str, batch: int) -> None:
    """In simulation, with an outage and a cold server, the books balance and most is delivered."""
    scenario = small_scenario(200)
    policies: dict[str, Policy] = {**scenario.strategies, name: load_policy(name)}
    run = simulate(scenario.model_copy(update={"strategies": policies}), name, seed=1, batch=batch)
    finished = ("delivered", "bounced", "expired", "suppressed", "withdrawn")
    assert sum(run.totals[each] for each in finished) == run.totals["enqueued"] == 200
    assert run.totals["delivered"] > 120
