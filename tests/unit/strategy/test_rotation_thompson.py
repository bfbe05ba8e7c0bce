"""Thompson sampling: known draws, what is remembered, where mail goes, and the two bounds."""

from __future__ import annotations

from collections import Counter, deque
from math import log
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mstoolkit.config.rotation import ThompsonSpec
from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import Rotation, ThompsonSampling
from mstoolkit.strategy.rotation.beta import beta_draw
from mstoolkit.testing import Contender, RotationSuite, contenders

HOUR = 3600.0


class TestThompson(RotationSuite):
    """Shares follow what is learned, so that none is promised."""

    def make(self, servers: int) -> Rotation:
        return ThompsonSampling(servers, 11)


class TestThompsonWithTightBounds(RotationSuite):
    """Bounds that more servers than there is mail for would want keep the laws, too."""

    def make(self, servers: int) -> Rotation:
        return ThompsonSampling(servers, 12, tau=600.0, floor=0.3, ceiling=0.3)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


# -- draws


def test_beta_gives_the_draws_of_the_reference() -> None:
    """Seed 2024 gives the reference draws, and takes as many from the stream (beta-draws)."""
    draws = SplitMix64(2024)
    params = [(1, 1), (9, 1), (90, 10), (0.5, 0.5), (990, 10)]
    assert [beta_draw(a, b, draws) for a, b in params] == pytest.approx(
        [0.748307592649, 0.990536781804, 0.896193446228, 0.214046345442, 0.990575676398], abs=1e-9
    )
    assert draws.state == 11008053066886197686


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.5, 0.5), (0.1, 3), (8, 2), (200, 900)])
def test_beta_has_its_mean_and_variance(a: float, b: float) -> None:
    """Mean a / (a + b) within four standard errors, variance within a tenth."""
    draws, n = SplitMix64(5), 8_000
    sample = [beta_draw(a, b, draws) for _ in range(n)]
    mean, variance = a / (a + b), a * b / (a + b) ** 2 / (a + b + 1)
    assert fmean(sample) == pytest.approx(mean, abs=4 * (variance / n) ** 0.5)
    assert fmean([(x - mean) ** 2 for x in sample]) == pytest.approx(variance, rel=0.1)


@given(st.floats(1e-6, 1e9), st.floats(1e-6, 1e9), st.integers(0, 2**64 - 1))
def test_beta_stays_between_0_and_1(a: float, b: float, seed: int) -> None:
    """Whatever the parameters, there is a draw, and it is a rate."""
    assert 0.0 <= beta_draw(a, b, SplitMix64(seed)) <= 1.0


# -- memory


def remembered(rotation: ThompsonSampling, now: float) -> list[list[float]]:
    """Return delivered and refused messages of every server as they count at `now`."""
    return [
        [value * sums.left(now) for value in sums.values]
        for sums in (rotation._good, rotation._bad)
    ]


def test_discount_by_step_is_that_of_the_paper() -> None:
    """With one outcome a step and exp(-1 / tau) = 0.9 the sums are dts-per-step's."""
    rotation = ThompsonSampling(3, tau=-1 / log(0.9))
    history = [(0, 1), (1, 1), (0, 1), (1, 0), (0, 0), (2, 1), (0, 1), (1, 0), (0, 1), (2, 1)]
    expected = {
        1: [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        3: [[1.81, 0.9, 0.0], [0.0, 0.0, 0.0]],
        5: [[1.4661, 0.729, 0.0], [1.0, 0.9, 0.0]],
        8: [[1.9687869, 0.531441, 0.81], [0.729, 1.6561, 0.0]],
        10: [[2.494717389, 0.43046721, 1.6561], [0.59049, 1.341441, 0.0]],
    }
    for step, (index, reward) in enumerate(history, start=1):
        rotation.learn(index, reward, 1 - reward, float(step), float(step))
        if step in expected:
            for mine, theirs in zip(remembered(rotation, step), expected[step], strict=True):
                assert mine == pytest.approx(theirs, abs=1e-9)
    good, bad = remembered(rotation, 10.0)
    assert [(s + 1) / (s + f + 2) for s, f in zip(good, bad, strict=True)] == pytest.approx(
        [0.687232028444, 0.379242317246, 0.726484505347], abs=1e-9
    )


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 2, 1]])
def test_late_outcomes_weigh_by_when_they_were_decided(order: list[int]) -> None:
    """In any order of arrival the sums are the same (event-time-decay-commutes)."""
    rotation = ThompsonSampling(1, tau=21_600.0)
    events = [(0.0, 1), (600.0, 1), (1200.0, 1), (1800.0, 0)]
    for k, number in enumerate(order):
        decided, reward = events[number]
        rotation.learn(0, reward, 1 - reward, decided, 2000.0 + 500.0 * k)
    (good,), (bad,) = remembered(rotation, 10_000.0)
    assert good == pytest.approx(1.941933815289, abs=1e-9)
    assert bad == pytest.approx(0.684114738126, abs=1e-9)


def test_a_delivery_can_be_taken_back() -> None:
    """A DSN after 2 h turns a delivery into a refusal (provisional-then-reversed)."""
    rotation = ThompsonSampling(1, tau=21_600.0)
    rotation.learn(0, 1, 0, 0.0, 0.0)
    assert remembered(rotation, 7200.0)[0] == pytest.approx([0.716531310574], abs=1e-9)
    rotation.learn(0, -1, 1, 0.0, 7200.0)
    (good,), (bad,) = remembered(rotation, 7200.0)
    assert (good, bad) == pytest.approx((0.0, 0.716531310574), abs=1e-9)


# -- where mail goes


@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 3, 2), (0.7, 0.2, 0.1), (3, 0, 1)])
def test_while_nothing_is_known_shares_follow_the_weights(weights: tuple[float, ...]) -> None:
    """Of 5,000 messages everyone gets its weight's share within four standard deviations."""
    n = 5_000
    rotation = ThompsonSampling(len(weights), 3, floor=0.0, ceiling=1.0)
    counts = rotation.split(contenders(*weights), n, 0.0)
    for weight, count in zip(weights, counts, strict=True):
        p = weight / sum(weights)
        assert abs(count - n * p) <= 4 * (n * p * (1 - p)) ** 0.5


class World:
    """Sends a message every 10 s, and hears of it an hour later."""

    def __init__(self, rotation: ThompsonSampling, servers: int, seed: int) -> None:
        self.rotation, self.ready = rotation, contenders(*[1] * servers)
        self.luck = SplitMix64(seed)
        self.now = 0.0
        self.open: deque[tuple[float, int, bool]] = deque()

    def shares(self, rates: list[float], messages: int) -> list[float]:
        counts: Counter[int] = Counter()
        for _ in range(messages):
            self.now += 10.0
            while self.open and self.open[0][0] <= self.now - HOUR:
                sent_at, index, good = self.open.popleft()
                self.rotation.learn(index, int(good), int(not good), sent_at, self.now)
            chosen = self.rotation.choose(self.ready, self.ready, self.now)
            assert chosen is not None
            self.rotation.commit(chosen, 1, self.ready, self.now)
            good = self.luck.uniform() < rates[chosen.index]
            self.open.append((self.now, chosen.index, good))
            counts[chosen.index] += 1
        return [counts[k] / messages for k in range(len(rates))]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_best_gets_most_and_another_takes_its_place(seed: int) -> None:
    """It settles at the ceiling with the best of 0.95/0.80/0.80, and moves when that changes.

    Everybody keeps the floor all along. The memory is 6 h, so that two days are long.
    """
    world = World(ThompsonSampling(3, seed, tau=6 * HOUR), 3, seed + 100)
    world.shares([0.95, 0.80, 0.80], 8_640)
    before = world.shares([0.95, 0.80, 0.80], 8_640)
    assert before[0] == pytest.approx(0.6, abs=0.03)
    assert min(before) >= 0.019
    world.shares([0.80, 0.80, 0.95], 8_640)
    after = world.shares([0.80, 0.80, 0.95], 8_640)
    assert after[2] == pytest.approx(0.6, abs=0.03)
    assert min(after) >= 0.019


def test_without_bounds_the_best_gets_nearly_all() -> None:
    """The bounds are what keeps the others in use."""
    world = World(ThompsonSampling(3, 1, floor=0.0, ceiling=1.0), 3, 5)
    world.shares([0.95, 0.60, 0.60], 4_000)
    assert world.shares([0.95, 0.60, 0.60], 4_000)[0] > 0.98


# -- bounds


def taught(servers: int, floor: float, ceiling: float) -> ThompsonSampling:
    """Return a rotation that is sure that server 0 is best, and 1 better than the rest."""
    rotation = ThompsonSampling(servers, 1, 1e9, floor, ceiling)
    for index in range(servers):
        good = 9_900 if index == 0 else 9_000 if index == 1 else 5_000
        rotation.learn(index, good, 10_000 - good, 0.0, 0.0)
    return rotation


def test_floor_and_ceiling_are_exact_where_there_is_no_doubt() -> None:
    """60 % by the best, 2 % by each of the worst, and the rest by the second."""
    counts = taught(5, 0.02, 0.6).split(contenders(1, 1, 1, 1, 1), 10_000, 0.0)
    assert counts == pytest.approx([6_000, 3_400, 200, 200, 200], abs=10)


def test_the_floor_holds_in_any_stretch_of_mail() -> None:
    """No 60 messages in a row leave a ready server out, once 50 have gone by."""
    rotation, ready = taught(4, 0.02, 1.0), contenders(1, 1, 1, 1)
    last = [0] * 4
    for k in range(2_000):
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        last[chosen.index] = k
        assert k - min(last) <= 60


@settings(max_examples=30)
@given(st.lists(st.integers(1, 200), min_size=20, max_size=60), st.integers(2, 5))
def test_the_floor_is_not_overdone_by_large_parcels(sizes: list[int], servers: int) -> None:
    """What the worst gets is its floor, give or take the largest parcels."""
    rotation, ready = taught(servers, 0.05, 1.0), contenders(*[1] * servers)
    counts = [0] * servers
    for n in sizes * 5:
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, n, ready, 0.0)
        counts[chosen.index] += n
    for count in counts[1:]:
        assert abs(count - 0.05 * sum(counts)) <= (servers + 1) * max(sizes)


def test_who_was_away_is_not_flooded() -> None:
    """After 5,000 messages without it, a server gets its floor and no more."""
    rotation, ready = taught(3, 0.02, 1.0), contenders(1, 1, 1)
    rotation.split(ready[:2], 5_000, 0.0)
    assert rotation.split(ready, 500, 0.0)[2] == pytest.approx(10, abs=1)


@pytest.mark.parametrize(("servers", "ceiling"), [(2, 0.3), (3, 0.1), (4, 0.25)])
def test_a_ceiling_that_none_could_keep_shares_evenly(servers: int, ceiling: float) -> None:
    """Where n x ceiling is no more than 1, all get the same, whatever is known."""
    counts = taught(servers, 0.0, ceiling).split(contenders(*[1] * servers), 1_200, 0.0)
    assert counts == pytest.approx([1_200 / servers] * servers, abs=2)


def test_a_floor_that_is_too_much_for_all_shares_evenly() -> None:
    """Where n x floor is more than 1, all get the same, whatever is known."""
    counts = taught(4, 0.5, 1.0).split(contenders(1, 1, 1, 1), 1_200, 0.0)
    assert counts == pytest.approx([300] * 4, abs=4)


def test_one_ready_server_takes_it_whatever_the_ceiling() -> None:
    """Where there is no choice none is made, and no draw is used."""
    rotation = taught(3, 0.02, 0.1)
    before = rotation.snapshot()["draws"]
    assert rotation.split(contenders(1, 0, 0), 50, 0.0) == [50, 0, 0]
    assert rotation.snapshot()["draws"] == before


def test_the_ceiling_forgets() -> None:
    """What a server carried long ago does not keep it out."""
    rotation, ready = ThompsonSampling(2, 1, tau=HOUR, floor=0.0, ceiling=0.6), contenders(1, 1)
    rotation.commit(ready[0], 1_000, ready[:1], 0.0)
    rotation.learn(0, 10_000, 0, 10 * HOUR, 10 * HOUR)
    rotation.learn(1, 0, 10_000, 10 * HOUR, 10 * HOUR)
    assert rotation.split(ready, 10, 10 * HOUR)[0] >= 5


def test_floor_above_ceiling_is_refused() -> None:
    """A file that asks for both is told which to change."""
    with pytest.raises(ValidationError, match=r"floor 0.5 is above ceiling 0.4; lower floor"):
        ThompsonSpec(kind="thompson", floor=0.5, ceiling=0.4)
