"""Earliest deadline first: published sequences, shares, parcels, a ready list that changes."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import EarliestDeadline, Rotation
from mstoolkit.testing import Contender, RotationSuite, contenders, sequence


class TestEarliestDeadline(RotationSuite):
    """Exact shares; who is away finds its deadline as it left it."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return EarliestDeadline(servers)


class TestEarliestDeadlineWithFractions(RotationSuite):
    """Weights need not be whole numbers."""

    def make(self, servers: int) -> Rotation:
        return EarliestDeadline(servers)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((11, 3), "aaabaaaabaaaba"),  # traefik#6205: edf-11-3
        ((1.0, 0.2), "aaaab"),  # Envoy's tests of slow start: edf-slowstart-1-0.2
        ((1.0, 0.35), "aabaaab"),  # edf-slowstart-1-0.35
        ((5, 1, 1), "aaaabcaaaaabca"),  # edf-5-1-1
        ((4, 3, 2), "abcabacbaabcabacba"),  # edf-4-3-2
        ((1, 1, 1), "abcabc"),  # edf-1-1-1
        ((3, 1), "aabaaaba"),  # edf-3-1
        ((2, 0, 1), "acaaca"),
    ],
)
def test_published_sequences(weights: tuple[float, ...], expected: str) -> None:
    """The sequences are those of Traefik and Envoy, ties first in, first out."""
    rotation = EarliestDeadline(len(weights))
    assert sequence(rotation, contenders(*weights), len(expected)) == expected


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([0.1, 0.35, 1, 2, 3.3, 7]), min_size=2, max_size=5),
    st.lists(st.integers(1, 100), min_size=50, max_size=100),
)
def test_shares_survive_parcels_of_any_size(weights: list[float], sizes: list[int]) -> None:
    """Shares are off by no more than the largest parcel for each server."""
    rotation, ready, counts = EarliestDeadline(len(weights)), contenders(*weights), Counter[int]()
    for n in sizes * 3:
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, n, ready, 0.0)
        counts[chosen.index] += n
    for index, weight in enumerate(weights):
        due = counts.total() * weight / sum(weights)
        assert abs(counts[index] - due) <= max(sizes) * len(weights)


def test_coming_and_going_leaves_proportions_alone() -> None:
    """With servers away at random, by the turn, each gets its weight's share of what is left."""
    rng, counts, everyone = SplitMix64(7), Counter[int](), contenders(5, 2, 3)
    rotation = EarliestDeadline(3)
    for _ in range(10_000):
        ready = [candidate for candidate in everyone if rng.uniform() < 0.9] or everyone
        chosen = rotation.choose(everyone, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        counts[chosen.index] += 1
    assert counts[1] / counts[2] == pytest.approx(2 / 3, rel=0.1)
    assert counts[0] / counts[2] == pytest.approx(5 / 3, rel=0.1)


def test_weights_that_change_all_the_time_leave_the_state_small() -> None:
    """Denominators do not grow, and shares follow the mean of the weights."""
    rng, counts, rotation = SplitMix64(3), Counter[int](), EarliestDeadline(3)
    for _ in range(3_000):
        ready = contenders(rng.uniform() + 1.0, rng.uniform() + 2.0, rng.uniform() + 0.01)
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        counts[chosen.index] += 1
    assert len(json.dumps(rotation.snapshot())) < 200
    assert counts[1] / counts[0] == pytest.approx(2.5 / 1.5, rel=0.1)


def test_the_lightest_is_not_starved() -> None:
    """A weight of a millionth of the other's is due one message in a million."""
    rotation, ready = EarliestDeadline(2), contenders(1.0, 1e-6)
    assert sequence(rotation, ready, 3) == "aaa"
    rotation.commit(ready[0], 999_997, ready, 0.0)
    assert sequence(rotation, ready, 2) == "ba"


def test_a_weight_below_a_millionth_is_a_weight() -> None:
    """It is taken as it is, and the other one goes on."""
    assert sequence(EarliestDeadline(2), contenders(1e-9, 1.0), 5) == "bbbbb"
