"""What fails is left alone for a growing time and comes back by a probe; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mstoolkit.config import Breaker, ConfigError, Failover, Policy, Retry, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import (
    BatchSpec,
    DeficitSpec,
    InterleavedSpec,
    IntervalSpec,
    LeastLoadedSpec,
    PowerOfTwoSpec,
    PrioritySpec,
    RandomSpec,
    RotationSpec,
    RoundRobinSpec,
    SmoothWeightedSpec,
    StrideSpec,
)
from mstoolkit.model import (
    Close,
    ConnectionFailed,
    Enqueued,
    Event,
    Lost,
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
from mstoolkit.testing import OK, Rehearsal
from mstoolkit.testing.rehearsal import Answer

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
MORE = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
REFUSED = Reply(0, "", "connection refused", "connect")
SLOWER = Reply(421, "4.7.28", "an unusual rate of mail", "data")
CROWDED = Reply(421, "4.7.0", "too many connections from your IP address", "connect")
ROTATIONS: list[RotationSpec] = [
    RoundRobinSpec(kind="round-robin"),
    BatchSpec(kind="batch", size=20),
    IntervalSpec(kind="interval", every=60.0),
    SmoothWeightedSpec(kind="smooth-weighted"),
    LeastLoadedSpec(kind="least-loaded"),
    PrioritySpec(kind="priority"),
    InterleavedSpec(kind="interleaved"),
    StrideSpec(kind="stride"),
    RandomSpec(kind="random"),
    PowerOfTwoSpec(kind="power-of-two"),
    DeficitSpec(kind="deficit"),
]
each_rotation = pytest.mark.parametrize("rotation", ROTATIONS, ids=lambda spec: spec.kind)
FAILOVER = Failover(
    server=Breaker(failures=3, base=60.0, longest=240.0, probe=3),
    path=Breaker(failures=5, window=60.0, base=60.0, longest=240.0, probe=3),
)
PACING = Pacing(rate=5.0, burst=5, connections=3, messages_per_connection=50)


def policy(rotation: RotationSpec = ROTATIONS[0], failover: Failover = FAILOVER) -> Policy:
    retry = Retry(base=60.0, longest=300.0, quantum=5.0, attempts=50)
    return Policy(rotation=rotation, pacing=PACING, failover=failover, retry=retry)


def mail(n: int, lot: Lot = NEWS, first: int = 0, at: float = 0.0) -> Enqueued:
    return Enqueued(at, Parcel(lot, first, n, 0, at))


def refusing(down: Callable[[str, float], bool]) -> Answer:
    """Refuse connections of servers while they are down; accept everything else."""

    def answer(now: float, send: Send) -> Event:
        if down(send.server, now):
            return ConnectionFailed(now + 0.1, send.token, REFUSED)
        return Replied(now + 0.5, send.token, ((OK, send.parcel.n),))

    return answer


@pytest.mark.parametrize("batch", [1, 7])
@each_rotation
def test_a_refusing_server_is_suspended_and_the_others_deliver(
    rotation: RotationSpec, batch: int
) -> None:
    """A server that is down for good costs probes only: all mail goes out by the others."""
    servers = {"a": Server(), "b": Server(), "c": Server(priority=2)}
    play = Rehearsal(servers, policy(rotation), refusing(lambda name, _: name == "a"), batch=batch)
    play.tell(mail(2000))
    play.run(3000.0)
    assert play.totals["delivered"] == 2000
    assert {notice.server for _, notice in play.all(Suspended)} == {"a"}
    tried = sum(1 for _, send in play.all(Send) if send.server == "a")
    assert tried <= 3 + 3 * len(play.all(Probed)) + PACING.connections


def test_suspensions_grow_and_end_with_a_probe() -> None:
    """Down for ten minutes: 60, 120, 240, 240 s; each ends in a probe of three; then full use."""
    servers = {"a": Server(), "b": Server()}
    play = Rehearsal(servers, policy(), refusing(lambda name, now: name == "a" and now < 600.0))
    play.tell(mail(20_000))
    play.run(1500.0)
    suspended = [(at, notice) for at, notice in play.all(Suspended) if notice.server == "a"]
    lengths = [notice.until - at for at, notice in suspended]
    assert lengths == pytest.approx([60.0, 120.0, 240.0, 240.0])
    assert {notice.reason for _, notice in suspended} == {"network"}
    probes = [at for at, notice in play.all(Probed) if notice.server == "a"]
    assert probes == pytest.approx([notice.until for _, notice in suspended])
    (resumed,) = [at for at, notice in play.all(Resumed) if notice.server == "a"]
    assert probes[-1] < resumed < probes[-1] + 5.0
    for probe, end in zip(probes, [*(at for at, _ in suspended[1:]), resumed], strict=True):
        used = [send for at, send in play.all(Send) if send.server == "a" and probe <= at < end]
        assert 1 <= len(used) <= 3
    after = [at for at, send in play.all(Send) if send.server == "a" and at > resumed]
    assert len(after) > 500


@pytest.mark.parametrize("batch", [1, 7, 100])
@each_rotation
def test_nothing_is_lost_when_every_server_is_down(rotation: RotationSpec, batch: int) -> None:
    """All are down, mail waits without costing attempts, and all of it goes out afterwards."""
    servers = {"a": Server(weight=3), "b": Server(), "c": Server(priority=2)}
    play = Rehearsal(
        servers, policy(rotation), refusing(lambda _, now: 20.0 < now < 1000.0), batch=batch
    )
    play.tell(mail(1500))
    play.tell(mail(500, MORE, first=1500))
    play.run(999.0)
    assert play.totals["queued"] + play.totals["in_flight"] > 0
    assert play.totals["delivered"] + play.totals["queued"] + play.totals["in_flight"] == 2000
    play.run(5000.0)
    assert play.totals["delivered"] == 2000
    assert all(send.parcel.attempt == 0 for _, send in play.all(Send))


def test_a_throttled_path_is_suspended_and_other_paths_go_on() -> None:
    """Throttles of one ISP at one server stop that path alone."""

    def answer(now: float, send: Send) -> Event:
        slow = (send.server, send.isp) == ("a", "gmail") and now < 300.0
        reply = SLOWER if slow else OK
        return Replied(now + 0.5, send.token, ((reply, 1),))

    play = Rehearsal({"a": Server(), "b": Server()}, policy(), answer)
    play.tell(mail(3000))
    play.tell(mail(3000, MORE, first=3000))
    play.run(2000.0)
    notices = play.all(Suspended)
    assert {(notice.server, notice.isp) for _, notice in notices} == {("a", "gmail")}
    assert {notice.reason for _, notice in notices} == {"throttle"}
    first, until = notices[0][0], notices[0][1].until
    meanwhile = {(s.server, s.isp) for at, s in play.all(Send) if first < at < until}
    assert meanwhile == {("a", "yahoo"), ("b", "gmail"), ("b", "yahoo")}
    assert ("a", "gmail") in {(n.server, n.isp) for _, n in play.all(Resumed)}
    assert play.totals["delivered"] == 6000


def test_a_refusal_with_a_reply_blames_the_path() -> None:
    """An ISP that admits no more connections says nothing about our server: the path is left."""

    def answer(now: float, send: Send) -> Event:
        if send.isp == "gmail" and send.server == "a":
            return ConnectionFailed(now + 0.1, send.token, CROWDED)
        return Replied(now + 0.5, send.token, ((OK, 1),))

    play = Rehearsal({"a": Server(), "b": Server()}, policy(), answer)
    play.tell(mail(200))
    play.tell(mail(200, MORE, first=200))
    play.run(500.0)
    assert {(n.server, n.isp) for _, n in play.all(Suspended)} == {("a", "gmail")}
    assert play.totals["delivered"] == 400


def test_a_bad_address_blames_nobody() -> None:
    """Any number of unknown users suspends nothing."""
    unknown = Reply(550, "5.1.1", "no such user", "rcpt")
    play = Rehearsal(
        {"a": Server()},
        policy(),
        lambda now, send: Replied(now + 0.5, send.token, ((unknown, 1),)),
    )
    play.tell(mail(100))
    play.run(100.0)
    assert play.totals["bounced"] == 100
    assert not play.all(Suspended)


def test_what_is_lost_is_tried_again_and_blames_the_server() -> None:
    """Unknown after the final dot: an attempt is used, the mail goes again, the server is left."""

    def answer(now: float, send: Send) -> Event:
        if send.server == "a" and now < 10.0:
            return Lost(now + 1.0, send.token)
        return Replied(now + 0.5, send.token, ((OK, 1),))

    play = Rehearsal({"a": Server(), "b": Server()}, policy(), answer)
    play.tell(mail(100))
    play.run(1000.0)
    assert play.totals["delivered"] == 100
    assert ("a", "") in {(n.server, n.isp) for _, n in play.all(Suspended)}
    assert {send.parcel.attempt for _, send in play.all(Send)} == {0, 1}


def test_a_drained_server_is_left_and_taken_up_again() -> None:
    """Drained: nothing more is sent and connections end; restored: it carries its share again."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy())
    play.tell(mail(2000))
    play.run(10.0)
    used = {send.connection for _, send in play.all(Send) if send.server == "a"}
    play.tell(PoolChanged(10.0, "a", "drained"))
    play.run(100.0)
    assert not [1 for at, send in play.all(Send) if send.server == "a" and at > 10.0]
    assert {close.connection for _, close in play.all(Close)} == used
    play.tell(PoolChanged(100.0, "a", "restored"))
    play.run(110.0)
    servers = [send.server for at, send in play.all(Send) if at >= 100.0]
    assert servers.count("a") == pytest.approx(servers.count("b"), abs=6)
    with pytest.raises(ConfigError, match="nobody"):
        play.tell(PoolChanged(111.0, "nobody", "drained"))


def test_idle_connections_of_a_drained_server_end_at_once() -> None:
    """What carries nothing is hung up with the drain."""
    play = Rehearsal({"a": Server()}, policy())
    play.tell(mail(3))
    play.run(10.0)
    assert len(play.all(Close)) == 0
    play.tell(PoolChanged(10.0, "a", "drained"))
    assert [at for at, _ in play.all(Close)] == [10.0, 10.0, 10.0]


@each_rotation
def test_a_suspended_server_may_be_drained_meanwhile(rotation: RotationSpec) -> None:
    """Draining outlasts the end of a suspension, restoring does not cut one short."""
    play = Rehearsal(
        {"a": Server(), "b": Server()},
        policy(rotation),
        refusing(lambda name, now: name == "a" and now < 30.0),
    )
    play.tell(mail(3000))
    play.run(40.0)
    play.tell(PoolChanged(40.0, "a", "drained"))
    play.run(200.0)
    assert not [1 for at, send in play.all(Send) if send.server == "a" and at >= 40.0]
    play.tell(PoolChanged(200.0, "a", "restored"))
    play.run(5000.0)
    assert play.totals["delivered"] == 3000
