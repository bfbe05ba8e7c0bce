"""Adaptive rates: a burst of throttles cuts once, accepted mail lets them grow, within a range."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import Policy, Server
from mstoolkit.config.pacing import AdaptSpec, AimdSpec, CubicSpec, Pacing
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import Enqueued, Lot, Parcel, Replied, Reply, Send
from mstoolkit.sim import simulate
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.pacing import AdaptiveRate, Aimd, Cubic, Gcra, adaptive_of
from mstoolkit.testing import OK, Rehearsal, small_scenario

LOT = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
SLOW_DOWN = Reply(421, "4.7.28", "unusual rate of mail", "data")
KINDS = [AimdSpec(kind="aimd"), CubicSpec(kind="cubic", plateau=60.0)]
EVENTS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 200), st.floats(0.0, 100.0), st.floats(0.0, 50.0)),
    max_size=60,
)


def made(spec: AdaptSpec, rate: float = 10.0) -> AdaptiveRate:
    adaptive = adaptive_of(spec, rate)
    assert adaptive is not None
    return adaptive


@pytest.mark.parametrize("spec", KINDS)
@given(events=EVENTS)
def test_the_rate_stays_in_its_range(
    spec: AdaptSpec, events: list[tuple[bool, int, float, float]]
) -> None:
    """Whatever happens: lowest <= rate <= highest, throttles never raise, acceptance never cuts."""
    adaptive, now = made(spec), 0.0
    for throttled, n, wait, ago in events:
        now += wait
        before = adaptive.rate
        if throttled:
            changed = adaptive.throttled(now - ago, now)
            assert adaptive.rate <= before
        else:
            changed = adaptive.accepted(n, now)
            assert adaptive.rate >= before
            assert changed == (adaptive.rate > before)
        assert adaptive.lowest <= adaptive.rate <= adaptive.highest


@pytest.mark.parametrize("spec", KINDS)
def test_one_burst_of_throttles_cuts_once(spec: AdaptSpec) -> None:
    """What was sent before the cut tells nothing new, however late it is refused."""
    adaptive = made(spec)
    assert adaptive.throttled(sent_at=10.0, now=12.0)
    cut = adaptive.rate
    for late in (12.5, 20.0, 300.0):
        assert not adaptive.throttled(sent_at=11.9, now=late)
    assert adaptive.rate == cut
    assert adaptive.throttled(sent_at=12.0, now=301.0)
    assert adaptive.rate < cut


def test_aimd_grows_by_steps_of_accepted_mail() -> None:
    """A full minute at the rate earns one step, a little used path earns its part of it."""
    rate = Aimd(0.1, 10.0, decrease=0.5, increase=0.1, every=60.0)
    rate.throttled(0.0, 0.0)
    rate.accepted(300, 60.0)
    assert rate.rate == pytest.approx(6.0)
    rate.accepted(36, 120.0)
    assert rate.rate == pytest.approx(6.1)


def test_cubic_is_back_after_its_plateau_and_slow_around_it() -> None:
    """Concave up to the old rate, reached after `plateau` s, convex beyond; never past 10/s."""
    rate = Cubic(0.1, 10.0, decrease=0.7, plateau=600.0)
    rate.rate = 6.0
    rate.throttled(0.0, 0.0)
    assert rate.rate == pytest.approx(4.2)
    seen = []
    for minute in range(1, 31):
        rate.accepted(600, 60.0 * minute)
        seen.append(rate.rate)
    assert seen[9] == pytest.approx(6.0)
    steps = [b - a for a, b in pairwise(seen[1:10])]
    assert steps == sorted(steps, reverse=True)
    assert seen[-1] == 10.0


def test_cubic_does_not_outgrow_what_was_sent() -> None:
    """A path that carries one message a second stays at two a second, as botocore's bucket does."""
    rate = Cubic(0.1, 100.0, decrease=0.1, plateau=600.0)
    rate.throttled(0.0, 0.0)
    rate.rate = 1.0
    for second in range(1, 1200):
        rate.accepted(1, float(second))
    assert rate.rate == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("spec", KINDS)
def test_a_restored_rate_goes_on_alike(spec: AdaptSpec) -> None:
    """Through JSON and back, the same events lead to the same rate."""
    first, second = made(spec), made(spec)
    first.throttled(1.0, 2.0)
    first.accepted(50, 30.0)
    second.restore(json.loads(json.dumps(first.snapshot())))
    for rate in (first, second):
        rate.accepted(70, 45.0)
        rate.throttled(40.0, 50.0)
        rate.accepted(20, 60.0)
    assert first.rate == second.rate
    assert first.snapshot() == second.snapshot()


@given(
    rate=st.floats(0.1, 50.0),
    other=st.floats(0.1, 50.0),
    burst=st.integers(1, 20),
    n=st.integers(0, 40),
)
def test_retuning_keeps_what_is_owed(rate: float, other: float, burst: int, n: int) -> None:
    """Messages that may leave at once, or must be waited for, stay as many at another rate."""
    gcra = Gcra(rate, burst)
    gcra.commit(n, 100.0)
    before = (gcra.ready_at(100.0) - 100.0) * rate
    gcra.retune(other, 100.0)
    assert (gcra.ready_at(100.0) - 100.0) * other == pytest.approx(before, abs=1e-6)


def policy(spec: AdaptSpec | None) -> Policy:
    return Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(rate=2.0, burst=1, connections=20, adapt=spec),
    )


def test_a_throttled_path_is_sent_to_more_slowly() -> None:
    """Against a limit of half a message a second, four times slower than asked, few are refused."""
    admitted: list[float] = []
    refused: list[float] = []

    def answer(at: float, send: Send) -> Replied:
        full = sum(1 for time in admitted if time > at - 10.0) >= 5
        (refused if full else admitted).append(at)
        return Replied(at + 0.1, send.token, ((SLOW_DOWN if full else OK, 1),))

    play = Rehearsal({"a": Server()}, policy(AimdSpec(kind="aimd")), answer)
    play.tell(Enqueued(0.0, Parcel(LOT, 0, 300)))
    play.run(7200.0)
    assert play.totals["delivered"] == 300
    assert len(refused) < 60


def test_a_cut_holds_back_what_was_waiting_for_its_time() -> None:
    """The wake-up that was set at the old rate is set anew at the new one: no message is early."""
    play = Rehearsal({"a": Server()}, policy(AimdSpec(kind="aimd")), lambda at, send: None)
    play.tell(Enqueued(0.0, Parcel(LOT, 0, 10)))
    play.run(0.4)
    ((_, first),) = play.all(Send)
    play.tell(Replied(0.45, first.token, ((SLOW_DOWN, 1),)))
    play.run(3.0)
    times = [at for at, _ in play.all(Send)]
    assert times[1] - times[0] > 0.5
    assert min(b - a for a, b in pairwise(times[1:])) >= 1.0 - 1e-6


def test_a_dispatcher_restored_in_mid_cut_goes_on_alike() -> None:
    """Snapshot after a cut, restore, and the next commands are the same."""
    servers, chosen = {"a": Server()}, policy(CubicSpec(kind="cubic"))
    first = Dispatcher(servers, chosen)
    commands = first.handle(Enqueued(0.0, Parcel(LOT, 0, 10)))
    assert isinstance(commands[0], Send)
    first.handle(Replied(0.2, commands[0].token, ((SLOW_DOWN, 1),)))
    second = Dispatcher(servers, chosen)
    second.restore(json.loads(json.dumps(first.snapshot())))
    for dispatcher in (first, second):
        assert dispatcher.next_wakeup() == first.next_wakeup()
    assert second.snapshot() == first.snapshot()


def test_adapting_avoids_most_throttles_in_simulation() -> None:
    """On the small scenario, with a cold server, most throttles are never met."""
    scenario = small_scenario(3000)
    plain = next(iter(scenario.strategies.values()))
    adapting = plain.model_copy(
        update={"pacing": plain.pacing.model_copy(update={"adapt": AimdSpec(kind="aimd")})}
    )
    counts = []
    for chosen in (plain, adapting):
        events = simulate(scenario, chosen, seed=3, batch=1).events
        throttled = events[(events["event"] == "deferred") & (events["category"] == "throttle")]
        counts.append(int(throttled["n"].sum()))
    assert counts[1] < counts[0] / 2


def test_a_rate_holds_for_a_while_after_a_cut() -> None:
    """Hysteresis: accepted mail raises it only when the time is over, and then from where it is."""
    rate = Aimd(0.1, 10.0, decrease=0.5, increase=0.05, every=60.0, hold=100.0)
    rate.throttled(sent_at=0.0, now=0.0)
    assert not rate.accepted(600, 99.0)
    assert rate.rate == 5.0
    assert rate.accepted(300, 100.0)
    assert rate.rate == 5.5
