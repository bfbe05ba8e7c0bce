"""Canaries: a new server's share rises while it does no worse than the others."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.isolation import CanarySpec
from mstoolkit.strategy.failover import Canary, canary_weight
from mstoolkit.strategy.failover.canary import Result, surely_above, surely_lower, wilson

HOUR = 3600.0
SPEC = CanarySpec()
EVENTS = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["delivered", "deferred", "bounced", "complained"]),
        st.integers(1, 400),
        st.floats(0.0, 4 * HOUR),
        st.floats(0.0, 8 * HOUR),
    ),
    max_size=40,
)


def told(canary: Canary, own: tuple[int, ...], others: tuple[int, ...], at: float) -> None:
    """Tell it delivered, deferred, bounced, complained of both sides."""
    kinds: tuple[Result, ...] = ("delivered", "deferred", "bounced", "complained")
    for is_canary, side in ((True, own), (False, others)):
        for kind, n in zip(kinds, side, strict=False):
            canary.observe(is_canary, kind, n, decided_at=at, now=at)


def through(canary: Canary, random: Random, own: float, others: float, least: int = 500) -> str:
    """Send till it ends; results come in six parts a step, of which each has its review."""
    now = 0.0
    while True:
        for is_canary, share, n in ((True, own, least // 6 + 1), (False, others, 2000)):
            good = sum(random.random() < share for _ in range(n))
            canary.observe(is_canary, "delivered", good, decided_at=now, now=now)
            canary.observe(is_canary, "bounced", n - good, decided_at=now, now=now)
        due = canary.next_review(now)
        assert due is not None
        now = due
        verdict = canary.review(now)
        if verdict in ("done", "roll-back"):
            return verdict


def test_its_share_rises_step_by_step() -> None:
    """Each step lasts six hours and 500 results on both sides; the last one ends it."""
    canary, shares = Canary(SPEC, 0.0), []
    for step in range(4):
        began = step * 6 * HOUR
        shares.append(canary.share)
        told(canary, (480, 10, 10), (4800, 100, 100), began + HOUR)
        assert canary.review(began + 5 * HOUR) == "hold"
        assert canary.next_review(began + 5 * HOUR) == began + 6 * HOUR
        assert canary.review(began + 6 * HOUR) == ("done" if step == 3 else "advance")
        assert canary.reason == (
            "delivered 98.0% (others 98.0%), deferred 2.0% (others 2.0%), "
            f"0 complaints of {480 * (step + 1)}, 500 attempts (others 5000)"
        )
    assert shares == [0.01, 0.05, 0.25, 0.5]
    assert (canary.share, canary.is_over, canary.next_review(1e9)) == (1.0, True, None)
    assert canary.review(1e9) == "done"


def test_it_waits_for_results_of_both_sides() -> None:
    """A step that has lasted goes on until either side has had its 500."""
    canary = Canary(SPEC, 0.0)
    told(canary, (499,), (400,), HOUR)
    assert canary.review(7 * HOUR) == "hold"
    told(canary, (1,), (), 7 * HOUR)
    assert canary.review(8 * HOUR) == "hold"
    told(canary, (), (100,), 8 * HOUR)
    assert canary.next_review(8 * HOUR) == 9 * HOUR
    assert canary.review(9 * HOUR) == "advance"


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ((440, 0, 60), "delivers worse"),
        ((400, 90, 10), "is deferred more"),
        ((490, 0, 10, 3), "draws complaints"),
    ],
)
def test_worse_figures_take_it_out(own: tuple[int, ...], why: str) -> None:
    """It is out until an operator restarts it, and says with figures why."""
    canary = Canary(SPEC, 0.0)
    told(canary, own, (4900, 100, 100, 1), HOUR)
    assert canary.review(6 * HOUR) == "roll-back"
    assert canary.reason.startswith(f"{why}: delivered ")
    assert (canary.share, canary.is_out, canary.next_review(6 * HOUR)) == (0.0, True, None)
    told(canary, (1000,), (1000,), 7 * HOUR)
    assert canary.review(20 * HOUR) == "hold"
    assert canary.share == 0.0
    canary.restart(24 * HOUR)
    assert (canary.share, canary.next_review(24 * HOUR)) == (0.01, 25 * HOUR)


def test_mild_is_one_step_back() -> None:
    """From a later step back to the one before; from the first one out."""
    canary = Canary(CanarySpec(mild=True), 0.0)
    told(canary, (500,), (500,), HOUR)
    assert canary.review(6 * HOUR) == "advance"
    for share in (0.01, 0.0):
        told(canary, (400, 0, 100), (5000, 0, 0), 7 * HOUR)
        assert canary.review(8 * HOUR) == "roll-back"
        assert canary.share == share
        told(canary, (), (), 8 * HOUR)
        if share:
            told(canary, (400, 0, 100), (5000, 0, 0), 9 * HOUR)


def test_a_disaster_ends_a_step_early() -> None:
    """What is beyond doubt is not waited for; what may be chance is, and so are a few results."""
    for own, verdict in (((30, 0, 30), "roll-back"), ((53, 0, 7), "hold"), ((0, 0, 40), "hold")):
        canary = Canary(SPEC, 0.0)
        told(canary, own, (1000, 0, 30), 60.0)
        assert canary.review(HOUR) == verdict


def test_attempts_of_earlier_steps_do_not_judge_a_later_one() -> None:
    """Results count by when the attempt was decided on, whenever they come."""
    canary = Canary(SPEC, 0.0)
    told(canary, (500,), (5000,), HOUR)
    assert canary.review(6 * HOUR) == "advance"
    for now in (7 * HOUR, 8 * HOUR):
        canary.observe(True, "bounced", 400, decided_at=5 * HOUR, now=now)
    told(canary, (500,), (5000,), 9 * HOUR)
    assert canary.review(12 * HOUR) == "advance"


def test_complaints_come_late_and_still_count() -> None:
    """Complaints about mail of earlier steps are held against all that the canary delivered."""
    canary = Canary(SPEC, 0.0)
    told(canary, (500,), (5000,), HOUR)
    assert canary.review(6 * HOUR) == "advance"
    canary.observe(True, "complained", 6, decided_at=HOUR, now=8 * HOUR)
    assert canary.review(9 * HOUR) == "roll-back"
    assert "6 complaints of 500" in canary.reason


@pytest.mark.statistical
def test_an_equal_server_comes_through() -> None:
    """Of 200 canaries that are as good as the others none is turned back by chance."""
    random = Random(1)
    ends = [through(Canary(SPEC, 0.0), random, own=0.95, others=0.95) for _ in range(200)]
    assert ends == ["done"] * 200


@pytest.mark.statistical
def test_a_worse_server_is_turned_back() -> None:
    """Of 100 canaries that deliver 8 points less hardly one comes through."""
    random = Random(2)
    ends = [through(Canary(SPEC, 0.0), random, own=0.87, others=0.95) for _ in range(100)]
    assert ends.count("done") == 0


def test_weight_of_a_share() -> None:
    """With this weight it gets its share of the whole; a share of 1 has none."""
    for share in (0.0, 0.01, 0.5, 0.99):
        weight = canary_weight(share, 7.0)
        assert weight / (weight + 7.0) == pytest.approx(share)
    with pytest.raises(ValueError, match="below 1"):
        canary_weight(1.0, 7.0)


def test_bounds_are_those_of_their_sources() -> None:
    """Newcombe (1998), tables of both papers: 81 of 263; 56 of 70 against 48 of 80, method 10."""
    assert wilson(81, 263, 1.96) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert surely_lower(48, 80, 56, 70, by=0.0523, deviations=1.96)
    assert not surely_lower(48, 80, 56, 70, by=0.0525, deviations=1.96)


def test_rare_events_are_judged_exactly() -> None:
    """P(X >= 3) at a mean of 0.5 is 1.44 %: 1 - e^-0.5 (1 + 0.5 + 0.125)."""
    assert surely_above(3, 500, 0.001, 0.01439)
    assert not surely_above(3, 500, 0.001, 0.01438)
    assert not surely_above(1000, 1_000_000, 0.001, 0.05)
    assert surely_above(1100, 1_000_000, 0.001, 0.05)
    assert not surely_above(1, 0, 0.0, 0.05)


@given(EVENTS)
def test_a_snapshot_goes_on_alike(
    events: list[tuple[bool, Result, int, float, float]],
) -> None:
    """Restored at any time it decides the same; and its next review lies ahead."""
    canary, now = Canary(SPEC, 0.0), 0.0
    for is_canary, kind, n, wait, ago in events:
        now += wait
        again = Canary(SPEC, 0.0)
        again.restore(json.loads(json.dumps(canary.snapshot())))
        for each in (canary, again):
            each.observe(is_canary, kind, n, decided_at=max(0.0, now - ago), now=now)
        assert again.review(now) == canary.review(now)
        assert again.snapshot() == canary.snapshot()
        assert canary.share in (0.0, *SPEC.steps)
        due = canary.next_review(now)
        assert due is None or due > now
