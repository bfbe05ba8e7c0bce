"""Limits of servers, ISPs, streams and paths as a whole: each keeps its envelope, none starves."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest
from pydantic import ValidationError

from mstoolkit.config import Breaker, Failover, Limits, Pacing, Policy, Retry, Server
from mstoolkit.config.pacing import AimdSpec, Allowance, IspAllowance
from mstoolkit.config.quota import QuotaSpec, WindowSpec
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import Enqueued, Event, Lot, Parcel, Replied, Reply, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, accepting
from mstoolkit.testing.rehearsal import Answer

LOTS = {
    (isp, stream): Lot(k, f"list-{k}", "spring", stream, isp, "active", 1e7)
    for k, (isp, stream) in enumerate(
        (isp, stream) for isp in ("gmail", "yahoo") for stream in ("marketing", "transactional")
    )
}
MARKETING, CODES = LOTS["gmail", "marketing"], LOTS["gmail", "transactional"]
YAHOO = LOTS["yahoo", "marketing"]


def play(
    *,
    batch: int = 1,
    latency: float = 0.1,
    servers: dict[str, Server] | None = None,
    **pacing: object,
) -> Rehearsal:
    limits = {"rate": 1000.0, "burst": 1000, "connections": 100, **pacing}
    policy = Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(**limits),
        failover=Failover(path=Breaker(failures=1000)),
        retry=Retry(quantum=1.0),
    )
    pool = servers or {"a": Server(connections=500), "b": Server(connections=500)}
    return Rehearsal(pool, policy, accepting(latency), batch=batch)


def add(play: Rehearsal, n: int, lot: Lot = MARKETING, first: int = 0) -> None:
    play.tell(Enqueued(play.now, Parcel(lot, first, n, 0, play.now)))


def times(play: Rehearsal, **which: str) -> list[float]:
    """Return when each message left whose attempt has these attributes; parcels are spread."""
    out = []
    for at, send in play.all(Send):
        if all(getattr(send, name, getattr(send.parcel.lot, name, "")) == value
               for name, value in which.items()):  # fmt: skip
            n = send.parcel.n
            out += [at + send.span * k / max(1, n - 1) for k in range(n)]
    return sorted(out)


def most_within(moments: list[float], window: float) -> int:
    """Return the largest number of moments in any window."""
    return max(
        (sum(1 for other in moments if at <= other < at + window - 1e-6) for at in moments),
        default=0,
    )


@pytest.mark.parametrize("batch", [1, 50])
def test_a_server_as_a_whole_keeps_its_rate(batch: int) -> None:
    """Over all ISPs together: burst + rate x window, and all of it is used."""
    game = play(batch=batch, servers={"a": Server(total=Allowance(rate=2.0, burst=5))})
    add(game, 150)
    add(game, 150, YAHOO)
    game.run(120.0)
    moments = times(game, server="a")
    assert most_within(moments, 10.0) <= 5 + 2 * 10
    assert len([at for at in moments if at <= 100.0]) >= 190
    assert set(Counter(send.isp for _, send in game.all(Send))) == {"gmail", "yahoo"}


@pytest.mark.parametrize("batch", [1, 50])
def test_what_an_isp_allows_a_domain_is_shared_by_all_servers(batch: int) -> None:
    """Another server does not dodge it, and other ISPs do not feel it."""
    game = play(batch=batch, isps={"gmail": IspAllowance(rate=1.0, burst=3)})
    add(game, 200)
    add(game, 200, YAHOO)
    game.run(60.0)
    assert most_within(times(game, isp="gmail"), 10.0) <= 3 + 10
    assert len(times(game, isp="gmail")) >= 55
    assert len(times(game, isp="yahoo")) == 200
    assert {send.server for _, send in game.all(Send) if send.isp == "gmail"} == {"a", "b"}


def test_a_star_stands_for_each_isp_that_is_not_named() -> None:
    """Each for itself, not all together."""
    game = play(isps={"*": IspAllowance(rate=1.0), "yahoo": IspAllowance(rate=2.0)})
    add(game, 100)
    add(game, 100, YAHOO)
    game.run(20.0)
    assert len(times(game, isp="gmail")) == pytest.approx(20, abs=1)
    assert len(times(game, isp="yahoo")) == pytest.approx(40, abs=1)


@pytest.mark.parametrize("batch", [1, 50])
def test_connections_to_an_isp_are_counted_over_all_servers(batch: int) -> None:
    """Never more at once, and others take over as they come free."""
    game = play(batch=batch, latency=1.0, isps={"gmail": IspAllowance(connections=7)})
    add(game, 300)
    for second in range(30):
        game.run(float(second))
        assert sum(send.slots for send in game.open.values()) <= 7
    assert len(times(game)) >= 7 * 29


@pytest.mark.parametrize("batch", [1, 50])
def test_a_daily_quota_begins_anew_at_its_hour_in_its_zone(batch: int) -> None:
    """Fifty a day from 06:00 in Berlin (05:00 UTC in winter), whenever the run began."""
    quota = QuotaSpec(n=50, per="day", at="06:00", zone="Europe/Berlin")
    game = play(batch=batch, quota=(quota,), servers={"a": Server()})
    add(game, 120)
    game.run(3 * 86400.0)
    days = Counter((at - 5 * 3600.0) // 86400.0 for at in times(game))
    assert list(days.values()) == [50, 50, 20]
    assert min(at for at in times(game) if at > 0) == 5 * 3600.0


def test_the_calendar_starts_with_the_run() -> None:
    """With time zero at noon UTC the day is over after twelve hours."""
    quota = QuotaSpec(n=5, per="day")
    policy = Policy(rotation=RoundRobinSpec(kind="round-robin"), pacing=Pacing(quota=(quota,)))
    game = Rehearsal({"a": Server()}, policy, epoch=43_200.0)
    add(game, 10)
    game.run(86_000.0)
    assert sorted(Counter(times(game)).items()) == [(0.0, 5), (43_200.0, 5)]


@pytest.mark.parametrize("batch", [1, 50])
def test_a_sliding_window_holds_wherever_it_begins(batch: int) -> None:
    """At most ten in any minute, for each path by itself."""
    game = play(batch=batch, window=(WindowSpec(n=10, within=60.0),))
    add(game, 100)
    game.run(400.0)
    for server in "ab":
        assert most_within(times(game, server=server), 60.0) <= 10
    assert len(times(game)) == 100


def test_one_servers_own_limits_go_before_common_ones() -> None:
    """The narrowest place in the file decides, as for rates."""
    own = Server(limits=Limits(quota=(QuotaSpec(n=3, per="day"),)))
    game = play(servers={"a": own, "b": Server()}, quota=(QuotaSpec(n=9, per="day"),))
    add(game, 100)
    game.run(1000.0)
    assert Counter(send.server for _, send in game.all(Send)) == {"a": 3, "b": 9}


@pytest.mark.parametrize("batch", [1, 50])
def test_a_stream_has_a_limit_of_its_own(batch: int) -> None:
    """Marketing waits for it, transactional mail does not."""
    game = play(batch=batch, streams={"marketing": Allowance(rate=1.0)})
    add(game, 60)
    add(game, 60, CODES)
    game.run(30.0)
    assert len([at for at in times(game, stream="marketing") if at < 30.0]) <= 31
    assert len(times(game, stream="transactional")) == 60


def test_the_lowest_limit_wins_and_none_is_charged_alone() -> None:
    """A message that one limit holds back costs the others nothing."""
    game = play(
        servers={"a": Server(total=Allowance(rate=5.0, burst=5))},
        isps={"gmail": IspAllowance(rate=1.0)},
    )
    add(game, 50)
    game.run(10.0)
    add(game, 50, YAHOO)
    game.run(20.0)
    assert len(times(game, isp="gmail")) == pytest.approx(20, abs=1)
    assert len(times(game, isp="yahoo")) == pytest.approx(5 + 40, abs=2)


def test_a_share_of_connections_is_kept_for_transactional_mail() -> None:
    """Bulk leaves it free, so that a code never waits for a newsletter."""
    game = play(latency=1000.0, connections=10, reserve=0.2, servers={"a": Server()})
    add(game, 100)
    assert len(game.open) == 8
    add(game, 5, CODES)
    assert Counter(send.parcel.lot.stream for send in game.open.values()) == {
        "marketing": 8, "transactional": 2,
    }  # fmt: skip


def test_a_share_of_the_rate_is_kept_for_transactional_mail() -> None:
    """Bulk runs at the rest of the rate; codes that come in a rush go at once."""
    game = play(rate=10.0, burst=10, reserve=0.3, servers={"a": Server()})
    add(game, 1000)
    game.run(60.0)
    bulk = times(game)
    assert most_within(bulk, 10.0) <= 7 + 7 * 10
    assert len(bulk) >= 7 * 59
    add(game, 3, CODES)
    assert len(times(game, stream="transactional")) == 3


def test_a_share_of_what_an_isp_allows_is_kept_too() -> None:
    """Of limits over all servers as of each path's."""
    game = play(isps={"gmail": IspAllowance(rate=10.0, burst=10)}, reserve=0.5)
    add(game, 500)
    game.run(20.0)
    assert len(times(game)) == pytest.approx(5 + 5 * 20, abs=2)


def test_connections_are_opened_at_their_rate_and_used_meanwhile() -> None:
    """One in ten seconds; what is open carries on."""
    game = play(connection_rate=0.1, connections=4, messages_per_connection=20,
                servers={"a": Server()}, latency=1.0)  # fmt: skip
    add(game, 300)
    game.run(100.0)
    opened = [at for at, send in game.all(Send) if send.fresh]
    assert all(b - a >= 10.0 - 1e-6 for a, b in pairwise(opened))
    assert len(opened) >= 10
    assert len(times(game)) > 150


def test_mail_that_was_not_sent_is_given_back_to_every_limit() -> None:
    """A connection that closes early costs no quota."""

    def closing(now: float, send: Send) -> Event:
        first = len(answered) < 3
        answered.append(send)
        done = 1 if first else send.parcel.n
        return Replied(now + 0.1, send.token, ((OK, done),), send.parcel.n - done, 0.1, closed=True)

    answered: list[Send] = []
    game = play(batch=50, quota=(QuotaSpec(n=60, per="day"),), servers={"a": Server()})
    game.answer = closing
    add(game, 100)
    game.run(80_000.0)
    assert game.totals["delivered"] == 60


@pytest.mark.parametrize("batch", [1, 20])
def test_a_restored_sender_keeps_to_the_same_limits(batch: int) -> None:
    """From JSON, in the middle of gates that are shut, it goes on alike."""
    game = play(
        batch=batch,
        isps={"gmail": IspAllowance(rate=1.0, connections=5)},
        servers={"a": Server(total=Allowance(quota=(QuotaSpec(n=30, per="day"),))), "b": Server()},
        streams={"marketing": Allowance(window=(WindowSpec(n=8, within=20.0),))},
        reserve=0.2,
        connection_rate=0.5,
    )
    add(game, 60)
    add(game, 10, CODES)
    add(game, 60, YAHOO)
    game.run(15.0)
    original = game.dispatcher
    twin = Dispatcher(game._promises._servers, game._promises._policy, batch=batch)
    text = json.dumps(original.snapshot())
    twin.restore(json.loads(text))
    assert json.dumps(twin.snapshot()) == text
    before = len(game.log)
    game.run(200.0)
    for event, commands in game.log[before:]:
        assert twin.handle(event) == commands
    assert len(game.log) > before + 20


def throttling(blamed: str) -> Answer:
    """Return an answer that throttles what is sent at first, blaming somebody."""
    reply = Reply(421, "4.7.28", f"an unusual rate of mail originating from your {blamed}")

    def answer(now: float, send: Send) -> Event:
        return Replied(now + 0.1, send.token, ((reply if now < 0.05 else OK, send.parcel.n),))

    return answer


@pytest.mark.parametrize(("blamed", "most"), [("DKIM domain", 5 * 60), ("IP address", 10 * 60)])
def test_what_an_isp_allows_follows_replies_that_blame_the_domain(blamed: str, most: int) -> None:
    """Then the rate over all servers is cut, and another server does not dodge it."""
    adapt = AimdSpec(kind="aimd", increase=0.0001)
    game = play(isps={"gmail": IspAllowance(rate=10.0, burst=1, adapt=adapt)})
    game.answer = throttling(blamed)
    add(game, 2000)
    game.run(61.0)
    assert len([at for at in times(game) if at >= 1.0]) == pytest.approx(most, rel=0.05)


def test_an_allowance_without_a_rate_cannot_adapt() -> None:
    """The error says which key is missing."""
    with pytest.raises(ValidationError, match="there is no rate to adapt"):
        IspAllowance(connections=5, adapt=AimdSpec(kind="aimd"))
