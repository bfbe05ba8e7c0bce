"""Estimates that age: late news commute, months do no harm, and peaks are kept as in Finagle."""

from __future__ import annotations

import json
from math import exp, isclose, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.strategy.weighting import DecayedBeta, PeakEwma

TAU = 21600.0
MONTHS = 200 * 86400.0
NEWS = st.lists(
    st.tuples(st.floats(0.0, MONTHS), st.integers(0, 500), st.integers(0, 500)), max_size=25
)


def beta(tau: float = TAU) -> DecayedBeta:
    return DecayedBeta(tau, 1.0, 1.0)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 2, 1)])
def test_event_time_decay_commutes(order: tuple[int, ...]) -> None:
    """Vector `event-time-decay-commutes`: in order or late, the sums are the closed form."""
    news = [(0.0, True), (600.0, True), (1200.0, True), (1800.0, False)]
    estimate = beta()
    for k in order:
        decided_at, good = news[k]
        estimate.add(decided_at, good=float(good), bad=float(not good))
    assert estimate.counts(10000.0) == pytest.approx((1.941933815289, 0.684114738126), abs=1e-9)


def test_provisional_then_reversed() -> None:
    """Vector `provisional-then-reversed`: the credit is taken back exactly as it has faded."""
    estimate = beta()
    estimate.add(0.0, good=1.0)
    assert estimate.counts(7200.0) == pytest.approx((0.716531310574, 0.0), abs=1e-9)
    estimate.add(0.0, good=-1.0, bad=1.0)
    assert estimate.counts(7200.0) == pytest.approx((0.0, 0.716531310574), abs=1e-9)


@given(news=NEWS, data=st.data(), tau=st.sampled_from([1.0, 3600.0, 172800.0]))
def test_the_order_of_arrival_does_not_matter(
    news: list[tuple[float, int, int]], data: st.DataObject, tau: float
) -> None:
    """Any order gives the sums of the closed form within 1e-9, and so the same rate."""
    now = MONTHS + tau
    for order in (news, data.draw(st.permutations(news))):
        estimate = beta(tau)
        for decided_at, good, bad in order:
            estimate.add(decided_at, good=good, bad=bad)
        closed = [sum(row[which] * exp(-(now - row[0]) / tau) for row in news) for which in (1, 2)]
        assert estimate.counts(now) == pytest.approx(closed, rel=1e-9, abs=1e-9)
        assert estimate.mean(now) == pytest.approx(
            (1.0 + closed[0]) / (2.0 + sum(closed)), rel=1e-9
        )


@given(news=NEWS)
def test_a_reversal_may_come_before_its_delivery(news: list[tuple[float, int, int]]) -> None:
    """Taking back first and crediting later is the same; meanwhile no count is below 0."""
    now = MONTHS
    first, later, plain = beta(), beta(), beta()
    for decided_at, n, _ in news:
        first.add(decided_at, good=-n, bad=n)
        assert min(first.counts(now)) >= 0.0
        later.add(decided_at, good=n)
        plain.add(decided_at, bad=n)
    for decided_at, n, _ in news:
        first.add(decided_at, good=n)
        later.add(decided_at, good=-n, bad=n)
    for estimate in (first, later):
        assert estimate.counts(now) == pytest.approx(plain.counts(now), rel=1e-9, abs=1e-9)


def test_months_with_a_short_memory_do_not_overflow() -> None:
    """A second's memory over a year, 10^7 times as long: still exact, old news are nothing."""
    estimate, year = beta(1.0), 365 * 86400.0
    for day in range(365):
        estimate.add(day * 86400.0, good=1e6, bad=1.0)
    estimate.add(year, good=3.0)
    assert estimate.counts(year) == pytest.approx((3.0, 0.0))
    estimate.add(0.0, bad=1e9)
    assert estimate.counts(year) == pytest.approx((3.0, 0.0))
    assert estimate.mean(100 * year) == 0.5
    assert isfinite(estimate.mean(0.0))


def test_the_prior_stands_and_evidence_fades() -> None:
    """Without evidence the rate is the prior's or the one that is named; it returns to that."""
    estimate = DecayedBeta(100.0, 19.0, 1.0)
    assert estimate.mean(0.0) == 0.95
    assert estimate.mean(0.0, prior=0.4) == pytest.approx(0.4)
    estimate.add(0.0, bad=20.0)
    assert estimate.mean(0.0) == pytest.approx(19.0 / 40.0)
    assert estimate.evidence(100.0) == pytest.approx(20.0 * exp(-1.0))
    assert estimate.mean(1e5) == pytest.approx(0.95)


@given(news=NEWS)
def test_a_restored_estimate_goes_on_alike(news: list[tuple[float, int, int]]) -> None:
    """A snapshot survives JSON, and both come to the same sums to the last digit."""
    mine, other = beta(), beta()
    half = len(news) // 2
    for decided_at, good, bad in news[:half]:
        mine.add(decided_at, good=good, bad=bad)
    other.restore(json.loads(json.dumps(mine.snapshot())))
    for decided_at, good, bad in news[half:]:
        mine.add(decided_at, good=good, bad=bad)
        other.add(decided_at, good=good, bad=bad)
    assert mine.snapshot() == other.snapshot()
    assert mine.counts(MONTHS) == other.counts(MONTHS)


@pytest.mark.parametrize("wrong", [(0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (1.0, -1.0, 2.0)])
def test_what_is_no_estimate_is_refused(wrong: tuple[float, float, float]) -> None:
    """No time to fade in, or no prior to begin with."""
    with pytest.raises(ValueError, match="above 0"):
        DecayedBeta(*wrong)


def test_peak_ewma() -> None:
    """Vector `peak-ewma`: nothing known, a penalty for the busy, decay, a peak, a lower value."""
    average = PeakEwma(10.0)
    loads = [average.load(0.0), average.load(0.0, pending=1)]
    average.observe(0.2, 1.0)
    loads += [average.load(1.0), average.load(6.0)]
    average.observe(1.5, 6.0)
    loads += [average.load(6.0), average.load(6.0, pending=2)]
    average.observe(0.3, 8.0)
    loads.append(average.load(8.0, pending=1))
    expected = [0.0, 140737488355328.0, 0.2, 0.121306131943, 1.5, 4.5, 2.564953807387]
    assert loads == pytest.approx(expected, rel=1e-9)


@given(
    values=st.lists(
        st.tuples(st.floats(0.001, 100.0), st.floats(0.0, 1e6)), min_size=1, max_size=30
    )
)
def test_an_average_lies_within_what_was_seen(values: list[tuple[float, float]]) -> None:
    """A peak is taken at once, and otherwise the average moves towards the newest value."""
    average, now = PeakEwma(10.0), 0.0
    for value, wait in values:
        now += wait
        before = average.cost
        average.observe(value, now)
        assert average.cost == value if value > before else value <= average.cost * (1 + 1e-12)
        assert average.cost <= max(before, value) * (1 + 1e-12)
    other = PeakEwma(10.0)
    other.restore(json.loads(json.dumps(average.snapshot())))
    assert isclose(other.load(now + 5.0, 3), average.load(now + 5.0, 3), rel_tol=0.0)
