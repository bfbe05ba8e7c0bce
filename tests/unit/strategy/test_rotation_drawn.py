"""Rotations that draw: a look uses no draw up, shares follow the weights, load is heeded."""

from __future__ import annotations

import pytest

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import PowerOfTwo, Rotation, WeightedRandom
from mstoolkit.testing import Contender, RotationSuite, contenders


class TestWeightedRandom(RotationSuite):
    """Shares hold on average only, so that none is promised to a message."""

    def make(self, servers: int) -> Rotation:
        return WeightedRandom(11)


class TestPowerOfTwo(RotationSuite):
    """A returning server is idle and preferred, as documented."""

    def make(self, servers: int) -> Rotation:
        return PowerOfTwo(servers, 11)


class TestPowerOfTwoWithFractions(RotationSuite):
    """Weights need not be whole numbers."""

    def make(self, servers: int) -> Rotation:
        return PowerOfTwo(servers, 12)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


def test_random_gives_the_sequence_of_its_stream() -> None:
    """Seed 99 over 5:3:2 gives the reference sequence (weighted-random-seed99)."""
    rotation, ready, letters = WeightedRandom(99), contenders(5, 3, 2), ""
    for _ in range(20):
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        letters += "abc"[chosen.index]
    assert letters == "aacaaabbbbbbaaabaaaa"


@pytest.mark.parametrize("weights", [(5, 3, 2), (0.7, 0.2, 0.1), (1, 0, 1), (0, 1e-3, 1e3)])
def test_random_shares_follow_the_weights(weights: tuple[float, ...]) -> None:
    """Of 20,000 messages everyone gets its share within four standard deviations; 0 gets none."""
    n = 20_000
    counts = WeightedRandom(5).split(contenders(*weights), n, 0.0)
    for weight, count in zip(weights, counts, strict=True):
        p = weight / sum(weights)
        assert abs(count - n * p) <= 4 * (n * p * (1 - p)) ** 0.5


def test_state_is_one_draw_a_message() -> None:
    """The state after n messages is that of the stream after n draws, whatever was looked at."""
    rotation, draws = WeightedRandom(3), SplitMix64(3)
    rotation.split(contenders(1, 2), 5, 0.0)
    for _ in range(5):
        draws.next()
    assert rotation.snapshot() == {"draws": draws.state}


@pytest.mark.parametrize(
    ("load", "weights", "expected"),
    [
        ((2, 3), (1, 1), {0}),
        ((3, 3), (1, 1), {0, 1}),  # the first drawn, whichever it is
        ((4, 3), (2, 1), {0}),
        ((4, 1), (2, 1), {1}),
    ],
)
def test_the_less_loaded_of_two_is_taken(
    load: tuple[int, int], weights: tuple[int, int], expected: set[int]
) -> None:
    """Load / weight decides, ties go to the first drawn: Finagle's cases (p2c-compare)."""
    taken = set()
    for seed in range(40):
        rotation = PowerOfTwo(2, seed)
        rotation.restore({**rotation.snapshot(), "in_flight": load})
        chosen = rotation.choose(contenders(*weights), contenders(*weights), 0.0)
        assert chosen is not None
        taken.add(chosen.index)
    assert taken == expected


def test_the_most_loaded_of_all_is_never_taken() -> None:
    """As the two are distinct, the worst of them all always has a better one beside it."""
    for seed in range(200):
        rotation = PowerOfTwo(3, seed)
        rotation.restore({**rotation.snapshot(), "in_flight": [9, 1, 2]})
        chosen = rotation.choose(contenders(1, 1, 1), contenders(1, 1, 1), 0.0)
        assert chosen is not None
        assert chosen.index != 0


@pytest.mark.parametrize("weights", [(5, 1, 1), (0.7, 0.2, 0.1), (3, 0, 2)])
def test_shares_follow_the_weights_when_idle(weights: tuple[float, ...]) -> None:
    """Where every message is out before the next one, servers are drawn by weight."""
    n, counts, ready = 5_000, [0] * len(weights), contenders(*weights)
    rotation = PowerOfTwo(len(weights), 1)
    for _ in range(n):
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        rotation.settle(chosen.index, 1)
        counts[chosen.index] += 1
    for weight, count in zip(weights, counts, strict=True):
        p = weight / sum(weights)
        assert abs(count - n * p) <= 4 * (n * p * (1 - p)) ** 0.5
    assert rotation.snapshot()["in_flight"] == [0] * len(weights)


@pytest.mark.parametrize("weights", [(5, 1, 1), (0.7, 0.2, 0.1), (3, 0, 2), (1, 1, 1, 1)])
def test_loads_are_kept_level(weights: tuple[float, ...]) -> None:
    """While nothing settles, loads stay within a few messages of the weights: no random walk."""
    n = 20_000
    counts = PowerOfTwo(len(weights), 2).split(contenders(*weights), n, 0.0)
    due = [n * weight / sum(weights) for weight in weights]
    assert counts == pytest.approx(due, abs=20)


def test_nobody_without_weight_is_chosen() -> None:
    """Where no ready server has a weight, none is chosen."""
    ready = contenders(0, 0)
    assert WeightedRandom(1).choose(ready, ready, 0.0) is None
    assert PowerOfTwo(2, 1).choose(ready, ready, 0.0) is None
