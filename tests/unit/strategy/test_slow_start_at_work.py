"""Slow start at work: rate, connections and share come back by steps after a suspension."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mstoolkit.config import Breaker, Failover, Pacing, Policy, Server
from mstoolkit.config.isolation import SlowStartSpec
from mstoolkit.config.rotation import RoundRobinSpec, SmoothWeightedSpec
from mstoolkit.config.rules import Match, Rule, SetRate, Trigger
from mstoolkit.model import Enqueued, Lot, Parcel, PolicyChanged, Replied, Reply, Resumed, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
THROTTLED = Reply(421, "4.7.0", "too many messages, slow down", "data")
ONCE = Breaker(failures=1, base=60.0, probe=1)
SLOW = SlowStartSpec(window=320.0, lowest=0.1)
TWO = {"a": Server(connections=100), "b": Server(connections=100)}


def policy(*, smooth: bool = False, slow: SlowStartSpec | None = SLOW, **more: object) -> Policy:
    limits = {"rate": 10.0, "burst": 1, "connections": 10, **more.pop("pacing", {})}  # type: ignore[dict-item]
    rotation = SmoothWeightedSpec(kind="smooth-weighted")
    return Policy(
        rotation=rotation if smooth else RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(**limits),
        failover=Failover(path=ONCE, slow_start=slow),
        **more,
    )


def rehearsal(
    chosen: Policy, *, batch: int = 1, latency: float = 0.1, n: int = 20_000
) -> Rehearsal:
    """Server a is throttled once, at its first message; all else is well."""
    first = [True]

    def answer(at: float, send: Send) -> Replied:
        n, bad = send.parcel.n, 0
        if first and send.server == "a":
            first.clear()
            bad = 1
        replies = ((THROTTLED, bad), (OK, n - bad))
        kept = tuple((reply, k) for reply, k in replies if k)
        return Replied(at + send.span + latency, send.token, kept, 0, latency)

    play = Rehearsal(TWO, chosen, answer, batch=batch)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, n)))
    return play


def sent(play: Rehearsal, server: str, begin: float, end: float) -> float:
    """Return the messages that a server sent within a time; parcels are spread over their span."""
    total = 0.0
    for at, send in play.all(Send):
        if send.server == server:
            n = send.parcel.n
            moments = (at + send.span * k / max(1, n - 1) for k in range(n))
            total += sum(begin <= moment < end for moment in moments)
    return total


@pytest.mark.parametrize("batch", [1, 50])
def test_the_rate_comes_back_by_steps(batch: int) -> None:
    """A tenth of ten a second at first, half at half time, the whole rate after the window."""
    play = rehearsal(policy(), batch=batch)
    play.run(600.0)
    ((back, _),) = play.all(Resumed)
    assert sent(play, "a", back, back + 20.0) == pytest.approx(20 * 10 * 0.1, abs=6)
    assert sent(play, "a", back + 160.0, back + 180.0) == pytest.approx(20 * 10 * 0.55, abs=12)
    assert sent(play, "a", back + 330.0, back + 360.0) == pytest.approx(300, abs=12)
    assert sent(play, "b", back, back + 20.0) == pytest.approx(200, abs=12)


def test_connections_come_back_by_steps() -> None:
    """One of ten, more with time, all after the window."""
    fast = {"rate": 1000.0, "burst": 1000}
    play = rehearsal(policy(pacing=fast), latency=2.0)
    busy: dict[int, int] = {}
    for second in (70, 240, 420):
        play.run(float(second))
        busy[second] = sum(send.slots for send in play.open.values() if send.server == "a")
    assert busy[70] == 1
    assert 4 <= busy[240] <= 7
    assert busy[420] == 10


def test_the_share_comes_back_by_steps() -> None:
    """By weight, though nothing holds it up; and whole weights at the end."""
    quick = {"rate": 1000.0, "burst": 1000, "connections": 50}
    play = rehearsal(policy(smooth=True, pacing=quick), n=2)
    shares = []
    for start in (70.0, 230.0, 400.0):
        play.run(start)
        seen = len(play.log)
        for k in range(50):
            at = start + k * 0.2
            play.run(at)
            play.tell(Enqueued(at, Parcel(GMAIL, 1000 + int(at * 10), 1)))
        play.run(start + 11.0)
        counts = Counter(
            send.server for _, out in play.log[seen:] for send in out if isinstance(send, Send)
        )
        shares.append(counts["a"] / counts.total())
    assert shares == pytest.approx([0.1, 0.35, 0.5], abs=0.04)
    assert play.dispatcher.snapshot()["pool"]["routes"][0]["weights"] == [1.0, 1.0]


def test_of_a_rules_cap_and_a_slow_start_the_lower_holds() -> None:
    """A cap of two a second: below it the slow start holds, above it the cap."""
    rule = Rule.model_validate(
        {
            "name": "cap",
            "match": Match(text="slow down"),
            "trigger": Trigger(count=1, window=3600.0),
            "action": SetRate(rate=2.0),
            "duration": 350.0,
            "scope": "path",
        }
    )
    play = rehearsal(policy(rules=(rule,)))
    play.run(600.0)
    ((back, _),) = play.all(Resumed)
    assert sent(play, "a", back, back + 15.0) == pytest.approx(15, abs=3)  # 1 a second
    assert sent(play, "a", back + 200.0, back + 240.0) == pytest.approx(80, abs=3)  # 2 a second
    assert sent(play, "a", 430.0, 450.0) == pytest.approx(200, abs=3)  # both are over


def test_a_path_that_is_throttled_again_has_one_row_of_timers() -> None:
    """Each return begins anew, and the steps of the one before are forgotten."""

    def answer(at: float, send: Send) -> Replied:
        bad = send.server == "a" and (at < 5.0 or 70.0 < at < 75.0)
        return Replied(at + 0.1, send.token, ((THROTTLED if bad else OK, 1),))

    play = Rehearsal(TWO, policy(), answer)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 20_000)))
    play.run(220.0)
    assert len(play.all(Resumed)) == 2
    play.run(260.0)
    kinds = [timer[2] for timer in play.dispatcher.timers.snapshot()]
    assert kinds.count("ease") == 1


def test_a_policy_without_it_ends_it() -> None:
    """The next step that was set gives all at once."""
    play = rehearsal(policy())
    play.run(80.0)
    play.tell(PolicyChanged(play.now, policy(slow=None).model_dump_json()))
    play.run(200.0)
    assert sent(play, "a", 120.0, 160.0) == pytest.approx(400, abs=10)


@pytest.mark.parametrize("batch", [1, 50])
@pytest.mark.parametrize("reserve", [0.0, 0.2])
def test_a_restored_dispatcher_eases_as_the_original(batch: int, reserve: float) -> None:
    """From JSON in the middle of a slow start, with and without a share for urgent mail."""
    chosen = policy(smooth=True, pacing={"reserve": reserve})
    play = rehearsal(chosen, batch=batch)
    play.run(150.0)
    twin = Dispatcher(TWO, chosen, batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    play.run(500.0)
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands
