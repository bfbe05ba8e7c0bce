"""Pacing: no window ever sees more than the burst and its share of the rate."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.strategy.pacing import Gcra


def most_above_the_envelope(leaves: list[tuple[float, int, float]], rate: float) -> float:
    """Return the most messages in any window above its share of the rate; (at, n, end) each."""
    worst = 0.0
    for i, (start, _, _) in enumerate(leaves):
        total = 0
        for _, n, end in leaves[i:]:
            total += n
            worst = max(worst, total - rate * (end - start))
    return worst


@settings(max_examples=50)
@given(
    rate=st.floats(0.1, 100.0),
    burst=st.integers(1, 20),
    waits=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=40),
    sizes=st.lists(st.integers(1, 30), min_size=40, max_size=40),
)
def test_envelope(rate: float, burst: int, waits: list[float], sizes: list[int]) -> None:
    """Asked greedily at any times, with parcels of any size, it keeps burst + rate x window."""
    gcra, now = Gcra(rate, burst), 0.0
    leaves: list[tuple[float, int, float]] = []
    for wait, n in zip(waits, sizes, strict=False):
        now = max(gcra.ready_at(now), now + wait / rate)
        span = max(0.0, gcra.commit(n, now))
        leaves.append((now, n, now + span))
    assert most_above_the_envelope(leaves, rate) <= burst + 1e-6


def test_a_burst_and_then_the_rate() -> None:
    """At two a second and a burst of three: three at once, then one each half second."""
    gcra, now, leaves = Gcra(2.0, 3), 0.0, []
    for _ in range(6):
        now = gcra.ready_at(now)
        gcra.commit(1, now)
        leaves.append(now)
    assert leaves == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]


def test_rest_refills_the_burst_and_no_more() -> None:
    """After any rest the burst is full again, and not fuller."""
    gcra = Gcra(2.0, 3)
    gcra.commit(1, 0.0)
    for _ in range(3):
        assert gcra.ready_at(1000.0) == 1000.0
        gcra.commit(1, 1000.0)
    assert gcra.ready_at(1000.0) == 1000.5


def test_a_parcel_tells_its_span() -> None:
    """A parcel beyond the burst is spread until its last message may leave."""
    gcra = Gcra(2.0, 3)
    assert gcra.commit(3, 0.0) == pytest.approx(0.0)
    assert gcra.commit(10, 0.0) == pytest.approx(5.0)
    assert gcra.ready_at(0.0) == pytest.approx(5.5)
    assert Gcra(2.0, 3).commit(1, 0.0) < 0.0, "more could leave at once"


@settings(max_examples=50)
@given(
    rate=st.floats(0.1, 50.0),
    burst=st.integers(1, 10),
    n=st.integers(1, 50),
    back=st.integers(0, 50),
)
def test_a_refund_takes_the_charge_back(rate: float, burst: int, n: int, back: int) -> None:
    """Charging n and giving k back at once leaves what charging n - k would have left."""
    back = min(back, n)
    one, other = Gcra(rate, burst), Gcra(rate, burst)
    one.commit(n, 7.0)
    one.refund(back, 7.0)
    if n > back:
        other.commit(n - back, 7.0)
        assert one.tat == pytest.approx(other.tat)
    assert one.ready_at(7.0) == pytest.approx(other.ready_at(7.0))


def test_a_late_refund_keeps_the_envelope() -> None:
    """What was charged before a rest was made good by it: giving it back adds nothing."""
    gcra = Gcra(1.0, 1)
    gcra.commit(1, 0.0)  # never leaves: its connection fails after 100 s
    gcra.commit(1, 100.0)
    gcra.refund(1, 0.0)
    assert gcra.ready_at(100.0) == pytest.approx(101.0)
