"""Small parts of the sender: retry, weighting, timers and what a reply means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import Retry, Server
from mstoolkit.model import Reply, SplitMix64
from mstoolkit.strategy.outcomes import judge
from mstoolkit.strategy.retry import Backoff
from mstoolkit.strategy.timers import Timers
from mstoolkit.strategy.weighting import weight_of

SPEC = Retry(base=300.0, factor=2.0, longest=3600.0, jitter=0.5, quantum=30.0)


@settings(max_examples=50)
@given(attempt=st.integers(0, 12), now=st.floats(0.0, 1e6), seed=st.integers(0, 2**64 - 1))
def test_backoff_keeps_its_bounds(attempt: int, now: float, seed: int) -> None:
    """Between 75 % and 125 % of the capped delay, rounded up to the grid."""
    due = Backoff(SPEC, SplitMix64(seed)).due(attempt, now)
    delay = min(300.0 * 2.0**attempt, 3600.0)
    assert now + 0.75 * delay - 1e-6 <= due <= now + 1.25 * delay + 30.0 + 1e-6
    assert due == pytest.approx(round(due / 30.0) * 30.0)


@settings(max_examples=50)
@given(attempt=st.integers(0, 12), now=st.floats(0.0, 1e6))
def test_counted_messages_share_a_grid(attempt: int, now: float) -> None:
    """Counted mail draws nothing: due later, near its delay, on a grid as wide as the jitter."""
    draws = SplitMix64(1)
    due = Backoff(SPEC, draws).due(attempt, now, counted=True)
    delay = min(300.0 * 2.0**attempt, 3600.0)
    grid = max(30.0, 0.5 * delay)
    assert now < due
    assert abs(due - now - delay) <= grid
    assert due == pytest.approx(round(due / grid) * grid)
    assert draws.state == SplitMix64(1).state


def test_jitter_spreads_evenly() -> None:
    """Drawn delays fill the whole band, around the delay itself."""
    fine = Retry(base=300.0, jitter=0.5, quantum=0.001)
    backoff = Backoff(fine, SplitMix64(3))
    delays = [backoff.due(0, 0.0) for _ in range(2000)]
    assert min(delays) < 230.0
    assert max(delays) > 370.0
    assert sum(delays) / len(delays) == pytest.approx(300.0, abs=5.0)


def test_no_jitter_is_exact() -> None:
    """Without jitter the schedule is base x factor^attempt, capped."""
    plain = Retry(base=60.0, factor=3.0, longest=1000.0, jitter=0.0, quantum=1.0)
    backoff = Backoff(plain, SplitMix64(0))
    assert [backoff.due(k, 0.0) for k in range(5)] == [60.0, 180.0, 540.0, 1000.0, 1000.0]


@pytest.mark.parametrize(
    ("server", "weighers", "weight"),
    [
        (Server(weight=3), ["static"], 3.0),
        (Server(weight=3, speed=20), ["static", "capacity"], 60.0),
        (Server(weight=3, speed=20), ["capacity"], 20.0),
        (Server(weight=1, cost_per_1000=0.5), ["cost"], 2.0),
        (Server(weight=1, cost_per_1000=0.0), ["cost"], 100.0),
        (Server(weight=0, speed=20), ["capacity"], 0.0),
        (Server(weight=2), [], 1.0),
    ],
)
def test_weights_multiply(server: Server, weighers: list[str], weight: float) -> None:
    """A policy's weight is the product of its weighers; a server of weight 0 stays out."""
    assert weight_of(server, weighers) == pytest.approx(weight)


def test_timers_come_in_order() -> None:
    """Earliest first; what is due at once comes in the order in which it was set."""
    timers = Timers()
    for due, kind in ((5.0, "a"), (3.0, "b"), (5.0, "c"), (3.0, "d")):
        timers.set(due, kind)
    again = Timers()
    again.restore(timers.snapshot(), timers.last)
    for each in (timers, again):
        assert each.due == 3.0
        assert [each.pop()[2] for _ in range(4)] == ["b", "d", "a", "c"]
        assert each.due == float("inf")


@pytest.mark.parametrize(
    ("reply", "outcome", "category", "blames"),
    [
        (Reply(250, "2.0.0", "OK"), "delivered", "", "nobody"),
        (Reply(421, "4.7.28", "unusual rate of mail"), "deferred", "throttle", "path"),
        (Reply(450, "4.2.0", "greylisted"), "deferred", "greylist", "nobody"),
        (Reply(550, "5.1.1", "no such user"), "bounced", "invalid_recipient", "nobody"),
        (Reply(550, "5.7.1", "on our block list"), "bounced", "block_ip", "path"),
        (
            Reply(421, "4.7.28", "unusual rate from your DKIM domain"),
            "deferred",
            "throttle",
            "domain",
        ),
        (
            Reply(550, "5.7.1", "reputation of the sending domain"),
            "bounced",
            "block_domain",
            "domain",
        ),
        (Reply(0, "", "connection refused", "connect"), "deferred", "network", "nobody"),
    ],
)
def test_replies_are_judged(reply: Reply, outcome: str, category: str, blames: str) -> None:
    """2xx is done, 4xx and silence go again, 5xx is final; throttles and blocks blame the path."""
    assert tuple(judge(reply)) == (outcome, category, blames, 0.0)


def test_a_cancelled_timer_wakes_nobody() -> None:
    """Wherever it lies in the heap; what is due then is the next one that stands."""
    timers = Timers()
    numbers = [timers.set(float(due), "pace", due) for due in (3, 1, 2, 5, 4)]
    timers.cancel(numbers[1])
    assert timers.due == 2.0
    timers.cancel(numbers[3])
    timers.cancel(numbers[0])
    assert [timer[0] for timer in timers.snapshot()] == [2.0, 4.0]
    assert (timers.pop()[0], timers.due) == (2.0, 4.0)
    assert (timers.pop()[0], timers.due) == (4.0, float("inf"))
