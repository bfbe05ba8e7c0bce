"""Static stride: gRPC's sequences with a single counter, shares, a ready list that changes."""

from __future__ import annotations

from collections import Counter

import pytest

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import Rotation, StaticStride
from mstoolkit.testing import Contender, RotationSuite, contenders, sequence


class TestStaticStride(RotationSuite):
    """The counter goes round; absent servers are owed nothing."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return StaticStride(servers)


class TestStaticStrideFromElsewhere(RotationSuite):
    """From a counter somewhere and with weights that are no whole numbers the laws hold too."""

    def make(self, servers: int) -> Rotation:
        return StaticStride(servers, 4_000_000_007)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


@pytest.mark.parametrize(
    ("weights", "expected", "counter"),
    [
        ((5, 1, 1), "acaabaaacaabaaacaabaa", 43),  # stride-5-1-1
        ((10, 1), "aaaaabaaaaaaaaaabaaaaa", 39),  # stride-10-1
        # stride-0.0-1.0-3.0, where a weight of 0 stands for the mean of 1 and 3
        ((2.0, 1.0, 3.0), "cabcaccabcaccabc", 24),
    ],
)
def test_published_sequences(weights: tuple[float, ...], expected: str, counter: int) -> None:
    """Picks and counter are those of grpc-go's scheduler (commit 4793ad04), from counter 0."""
    rotation = StaticStride(len(weights))
    assert sequence(rotation, contenders(*weights), len(expected)) == expected
    assert rotation.snapshot() == {"counter": counter}


@pytest.mark.parametrize("weights", [(5, 1, 1), (0.7, 0.2, 0.1), (3, 2, 0, 1.5), (1, 1, 1, 1)])
def test_shares_follow_the_weights(weights: tuple[float, ...]) -> None:
    """From any counter everyone's share of 5,000 messages is its weight's, to a few messages."""
    rng = SplitMix64(3)
    for _ in range(5):
        counts = StaticStride(len(weights), rng.below(2**32)).split(
            contenders(*weights), 5_000, 0.0
        )
        due = [5_000 * weight / sum(weights) for weight in weights]
        assert counts == pytest.approx(due, abs=3)
        assert all(count == 0 for count, weight in zip(counts, weights, strict=True) if not weight)


def test_the_lightest_is_not_starved() -> None:
    """A server far below 1 / 65535 of the heaviest one's weight is taken once in 65,535 rounds."""
    assert StaticStride(2).split(contenders(1.0, 1e-9), 65_536, 0.0) == [65_535, 1]


def test_coming_and_going_leaves_proportions_alone() -> None:
    """With servers away at random, by the turn, each gets its weight's share of what is left."""
    rng = SplitMix64(7)
    everyone = contenders(5, 2, 3)
    rotation = StaticStride(3)
    counts: Counter[int] = Counter()
    for _ in range(30_000):
        ready = [candidate for candidate in everyone if rng.uniform() < 0.9] or everyone
        chosen = rotation.choose(everyone, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        counts[chosen.index] += 1
    assert counts[1] / counts[2] == pytest.approx(2 / 3, rel=0.1)
    assert counts[0] / counts[2] == pytest.approx(5 / 3, rel=0.1)


def test_no_turn_is_spent_where_there_is_no_choice() -> None:
    """One ready server is taken, and the counter stands."""
    rotation = StaticStride(3)
    ready = contenders(0, 3, 0)
    assert sequence(rotation, ready, 4) == "bbbb"
    assert rotation.snapshot() == {"counter": 0}
