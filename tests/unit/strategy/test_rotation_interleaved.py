"""Interleaved weighted round robin: known sequences, shares, a ready list that changes."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import pytest

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import Interleaved, Rotation
from mstoolkit.strategy.rotation.interleaved import whole_weights
from mstoolkit.testing import Contender, RotationSuite, contenders, sequence


class TestInterleaved(RotationSuite):
    """Exact shares in every cycle; a return may meet the head of one, where the heavy stand."""

    weighted = True
    burst = 2

    def make(self, servers: int) -> Rotation:
        return Interleaved(servers)


class TestInterleavedAsKumoMta(RotationSuite):
    """The same laws from KumoMTA's start, but for its extra messages before the first cycle."""

    def make(self, servers: int) -> Rotation:
        return Interleaved(servers, start="kumomta")


class TestInterleavedWithFractions(RotationSuite):
    """Weights need not be whole numbers."""

    def make(self, servers: int) -> Rotation:
        return Interleaved(servers, 2)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


@pytest.mark.parametrize(
    ("start", "weights", "expected"),
    [
        ("lvs", (4, 3, 2), "aababcabc"),  # kb.linuxvirtualserver.org: lvs-4-3-2
        ("kumomta", (5, 2, 3), "bcaaacabcabcaa"),  # egress_source.rs: kumomta-5-2-3-seq
        ("lvs", (4, 2), "aabaab"),  # the level sinks by 2
        ("lvs", (2, 0, 1), "aacaac"),
    ],
)
def test_published_sequences(
    start: Literal["lvs", "kumomta"], weights: tuple[int, ...], expected: str
) -> None:
    """The sequences are those of LVS's page and of KumoMTA's source, start included."""
    rotation = Interleaved(len(weights), start=start)
    assert sequence(rotation, contenders(*weights), len(expected)) == expected


def test_shares_of_kumomta() -> None:
    """100 picks by 5:2:3 are 50, 20 and 30, as KumoMTA's own test has it (round_robin)."""
    assert Interleaved(3, start="kumomta").split(contenders(5, 2, 3), 100, 0.0) == [50, 20, 30]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((0.5, 0.3, 0.2), [500, 300, 200]),
        ((1 / 3, 2 / 3), [333, 667]),
        ((2.5, 1, 0), [714, 286, 0]),
    ],
)
def test_fractions_are_kept_to(weights: tuple[float, ...], expected: list[int]) -> None:
    """Weights that are no whole numbers give their shares, to a message of an unfinished cycle."""
    counts = Interleaved(len(weights)).split(contenders(*weights), 1000, 0.0)
    assert counts == pytest.approx(expected, abs=2)


def test_the_lightest_is_not_starved() -> None:
    """Weights far apart, and not commensurable, still let the lightest in once a cycle."""
    counts = Interleaved(3).split(contenders(1e6 + 0.5, 0.001, 3.14159), 1003, 0.0)
    assert counts[1:] == [1, 1]


def test_changed_weights_hold_from_the_next_cycle_on() -> None:
    """From the next cycle on the shares are those of the new weights."""
    rotation = Interleaved(2)
    rotation.split(contenders(3, 1), 2, 0.0)
    rotation.split(contenders(1, 5), 6, 0.0)
    assert rotation.split(contenders(1, 5), 60, 0.0) == [10, 50]


def test_an_absent_server_shifts_nobody() -> None:
    """Who is away misses its turns; the others' come as if it had been there."""
    everyone = contenders(4, 3, 2)
    rotation = Interleaved(3)
    assert sequence(rotation, everyone, 3) == "aab"
    assert sequence(rotation, [everyone[0], everyone[2]], 3) == "aca"
    assert sequence(rotation, everyone, 5) == "bcaab"
    assert sequence(rotation, [everyone[1], everyone[2]], 6) == "bcbcbb"


def test_coming_and_going_leaves_proportions_alone() -> None:
    """With servers away at random, by the turn, each gets its weight's share of what is left."""
    rng = SplitMix64(7)
    everyone = contenders(5, 2, 3)
    rotation = Interleaved(3)
    counts: Counter[int] = Counter()
    for _ in range(30_000):
        ready = [candidate for candidate in everyone if rng.uniform() < 0.9] or everyone
        chosen = rotation.choose(everyone, ready, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, ready, 0.0)
        counts[chosen.index] += 1
    assert counts[1] / counts[2] == pytest.approx(2 / 3, rel=0.1)
    assert counts[0] / counts[2] == pytest.approx(5 / 3, rel=0.1)


def test_queues_begin_with_different_servers() -> None:
    """Another beginning gives one message to each from there on, then the cycle."""
    assert sequence(Interleaved(3, 2), contenders(2, 1, 1), 5) == "caabc"
    assert [sequence(Interleaved(3, k), contenders(2, 1, 1), 1) for k in range(3)] == [
        "a",
        "b",
        "c",
    ]


def test_whole_weights_keep_the_proportions() -> None:
    """Whole numbers stand, fractions are scaled exactly where 1000 parts suffice, 0 stays 0."""
    assert whole_weights((6.0, 4.0, 0.0)) == ((6, 4, 0), 2)
    assert whole_weights((0.1, 0.3, 0.0)) == ((1, 3, 0), 1)
    assert whole_weights((3.14, 1.0)) == ((157, 50), 1)
    assert whole_weights((2**0.5, 1e-9)) == ((1000, 1), 1)
