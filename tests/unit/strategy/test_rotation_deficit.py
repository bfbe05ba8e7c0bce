"""Deficit round robin: turns in messages, shares that survive parcels of any size."""

from __future__ import annotations

import pytest

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import DeficitRoundRobin, Rotation
from mstoolkit.testing import Contender, RotationSuite, contenders, sequence


class TestDeficit(RotationSuite):
    """Exact shares in every cycle; a return may meet the rest of a turn, and one's own."""

    weighted = True
    burst = 4

    def make(self, servers: int) -> Rotation:
        return DeficitRoundRobin(servers)


class TestDeficitWithFractions(RotationSuite):
    """Neither weights nor quantum need be whole numbers."""

    def make(self, servers: int) -> Rotation:
        return DeficitRoundRobin(servers, 2, 0.4)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


def test_a_turn_is_quantum_times_weight() -> None:
    """Turns last for weight x quantum messages; fractions are carried over to the next one."""
    assert sequence(DeficitRoundRobin(3), contenders(3, 1, 2), 12) == "aaabccaaabcc"
    assert sequence(DeficitRoundRobin(2, 0, 2.0), contenders(2, 1), 9) == "aaaabbaaa"
    assert sequence(DeficitRoundRobin(2), contenders(1.5, 1), 10) == "aababaabab"


def test_a_parcel_is_paid_for_in_messages() -> None:
    """Who sent 4 at one go on a turn of 1 is passed over until three more turns have gone by."""
    rotation = DeficitRoundRobin(2)
    ready = contenders(1, 1)
    rotation.commit(ready[0], 4, ready, 0.0)
    assert sequence(rotation, ready, 7) == "bbbbaba"


@pytest.mark.parametrize("weights", [(5, 1, 1), (0.7, 0.2, 0.1), (3, 0, 2), (1e-3, 1, 1)])
@pytest.mark.parametrize("quantum", [0.5, 1.0, 20.0])
def test_shares_survive_parcels_of_any_size(weights: tuple[float, ...], quantum: float) -> None:
    """With parcels of 1 to 100 messages the shares are off by no more than a parcel and a turn."""
    rng, counts, ready = SplitMix64(17), [0] * len(weights), contenders(*weights)
    rotation = DeficitRoundRobin(len(weights), 0, quantum)
    for _ in range(3_000):
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        size = 1 + rng.below(100)
        rotation.commit(chosen, size, ready, 0.0)
        counts[chosen.index] += size
    n = sum(counts)
    for weight, count in zip(weights, counts, strict=True):
        slack = 100 + quantum * max(weights)
        assert abs(count - n * weight / sum(weights)) <= slack if weight else count == 0


def test_unlike_parcels_by_server_do_not_matter() -> None:
    """A server that always gets parcels of 50 and one that gets single messages stay level."""
    counts, ready = [0, 0], contenders(1, 1)
    rotation = DeficitRoundRobin(2)
    for _ in range(5_100):
        chosen = rotation.choose(ready, ready, 0.0)
        assert chosen is not None
        size = 50 if chosen.index == 0 else 1
        rotation.commit(chosen, size, ready, 0.0)
        counts[chosen.index] += size
    assert counts == [5_000, 5_000]


def test_a_turn_that_is_broken_off_is_finished_later() -> None:
    """A busy server has the rest of its turn when it is met again, and no more than that."""
    rotation = DeficitRoundRobin(3)
    a, b, c = everyone = contenders(4, 1, 1)
    assert sequence(rotation, everyone, 2) == "aa"
    assert sequence(rotation, [b, c], 4) == "bcbc"
    assert sequence(rotation, everyone, 8) == "aabcaaaa"
    assert sequence(rotation, [a], 3) == "aaa"
    assert sequence(rotation, everyone, 3) == "bca"


def test_queues_begin_with_different_servers() -> None:
    """The first turn is that of the server that the queue begins with."""
    assert [sequence(DeficitRoundRobin(3, k), contenders(1, 1, 1), 4) for k in range(3)] == [
        "abca",
        "bcab",
        "cabc",
    ]


def test_the_lightest_is_not_starved() -> None:
    """A weight of a millionth of the other's is due a message a million, not none and not two."""
    rotation = DeficitRoundRobin(2)
    ready = contenders(1.0, 1e-6)
    assert sequence(rotation, ready, 4) == "abaa"
    rotation.commit(ready[0], 999_997, ready, 0.0)
    assert "b" in sequence(rotation, ready, 4)
