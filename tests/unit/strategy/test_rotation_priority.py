"""Priority with spill: waiting, going on when busy, and sharing by health as Envoy does."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.rotation import PrioritySpec
from mstoolkit.strategy import rotation_of
from mstoolkit.strategy.rotation import PriorityByHealth, PriorityFailover, Rotation
from mstoolkit.strategy.rotation.priority import tier_loads
from mstoolkit.testing import Contender, RotationSuite, sequence


def tiered(*tiers: int, weight: float = 1.0) -> list[Contender]:
    """Return candidates in these tiers."""
    return [Contender(index, weight, tier) for index, tier in enumerate(tiers)]


class TestSpillWhenBusy(RotationSuite):
    """The laws hold where mail goes on to the next tier."""

    def make(self, servers: int) -> Rotation:
        return PriorityFailover(servers, "busy")

    def candidates(self) -> list[Contender]:
        return [Contender(k, float(1 + k), tier=1 + k // 2) for k in range(self.servers)]


class TestSpillByHealth(RotationSuite):
    """The laws hold where tiers share."""

    servers = 5

    def make(self, servers: int) -> Rotation:
        return PriorityByHealth([candidate.tier for candidate in self.candidates()])

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.5 + k, tier=(1, 1, 3, 3, 7)[k]) for k in range(self.servers)]


class TestSpillByHealthInOneTier(RotationSuite):
    """In one tier it is smooth weighted."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return PriorityByHealth([1] * servers)


@pytest.mark.parametrize(
    ("healthy", "loads"),
    [
        # priority-load-doc: Envoy's table
        ([100, 100], [100, 0]),
        ([72, 72], [100, 0]),
        ([71, 71], [99, 1]),
        ([50, 50], [70, 30]),
        ([25, 100], [35, 65]),
        ([25, 25], [50, 50]),
        ([25, 25, 100], [35, 35, 30]),
        ([25, 25, 20], [36, 36, 28]),
        # priority-load: by the same formula
        ([50, 60], [70, 30]),
        ([5, 65], [7, 93]),
        ([0, 100], [0, 100]),
        ([0, 0], [100, 0]),
        ([100 / 7, 150 / 7], [40, 60]),
    ],
)
def test_loads_are_those_of_envoy(healthy: list[float], loads: list[int]) -> None:
    """With the factor 1.4 each tier's load is the reference's."""
    assert tier_loads(healthy) == loads


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(0.1, 5))
def test_loads_sum_to_a_hundred(healthy: list[float], factor: float) -> None:
    """Nothing is lost by rounding, and no tier has less than nothing."""
    loads = tier_loads(healthy, factor)
    assert sum(loads) == 100
    assert min(loads) >= 0


def test_busy_goes_on_to_the_next_tier() -> None:
    """A tier of which nobody is ready is passed over at once, and taken again when it is ready."""
    a, b, c, d = everyone = tiered(1, 1, 2, 3)
    rotation = PriorityFailover(4, "busy")
    assert sequence(rotation, everyone, 4) == "abab"
    assert rotation.choose(everyone, [c, d], 0.0) is c
    assert rotation.choose(everyone, [d], 0.0) is d
    assert rotation.choose(everyone, [b, d], 0.0) is b
    assert rotation.choose([c, d], [c, d], 0.0) is c
    assert PriorityFailover(4).choose(everyone, [c, d], 0.0) is None, "never spills"
    assert rotation.choose(everyone, [a], 0.0) is a


def shares(rotation: Rotation, eligible: list[Contender], n: int = 100) -> list[int]:
    """Return how many of `n` messages go by each tier while all that are eligible are ready."""
    counts: Counter[int] = Counter()
    for each, count in zip(eligible, rotation.split(eligible, n, 0.0), strict=True):
        counts[each.tier] += count
    return [counts[tier] for tier in sorted({each.tier for each in eligible})]


def test_health_spills_as_far_as_it_falls_short() -> None:
    """Of 4 servers in tier 1, 3 are enough for all mail, 2 keep 70 % of it, and 1 keeps 35 %."""
    everyone = tiered(1, 1, 1, 1, 2, 2)
    for away, expected in [(0, [100, 0]), (1, [100, 0]), (2, [70, 30]), (3, [35, 65])]:
        rotation = PriorityByHealth([each.tier for each in everyone])
        assert shares(rotation, everyone[away:]) == expected
    assert shares(PriorityByHealth([1, 1, 1, 1, 2, 2]), everyone[4:]) == [100]


def test_health_is_measured_by_weight() -> None:
    """Without the server that has 3/4 of its tier's weight, the tier keeps 35 %."""
    heavy, light, spare = Contender(0, 3.0, 1), Contender(1, 1.0, 1), Contender(2, 1.0, 2)
    rotation = PriorityByHealth([1, 1, 2])
    rotation.split([heavy, light, spare], 4, 0.0)
    assert shares(rotation, [light, spare]) == [35, 65]
    assert shares(rotation, [heavy, spare]) == [100, 0]


def test_turns_are_well_mixed() -> None:
    """At 70:30 no tier has more than three turns more or less than due at any moment."""
    everyone = tiered(1, 1, 2, 2)
    eligible = everyone[1:]
    rotation, first = PriorityByHealth([1, 1, 2, 2]), 0
    for k, letter in enumerate(sequence(rotation, eligible, 300), start=1):
        first += letter == "b"
        assert abs(first - 0.7 * k) <= 3


def test_parcels_take_as_many_turns_as_messages() -> None:
    """Parcels of unlike sizes leave the tiers' shares as they are."""
    everyone = tiered(1, 1, 2, 2)
    eligible, counts = everyone[1:], Counter[int]()
    rotation = PriorityByHealth([1, 1, 2, 2])
    for k in range(2_000):
        chosen = rotation.choose(eligible, eligible, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1 + k * 7 % 13, eligible, 0.0)
        counts[chosen.tier] += 1 + k * 7 % 13
    assert counts[1] / counts.total() == pytest.approx(0.7, abs=0.03)


def test_being_busy_does_not_spill_by_health() -> None:
    """A lower tier takes a higher one's turn, but not the other way round: then it waits."""
    everyone = tiered(1, 1, 2)
    eligible = everyone[1:]
    rotation = PriorityByHealth([1, 1, 2])
    low, high = [everyone[1]], [everyone[2]]
    waits = 0
    for _ in range(100):
        assert rotation.choose(eligible, low, 0.0) is low[0]
        spilled = rotation.choose(eligible, high, 0.0)
        waits += spilled is None
        rotation.commit(low[0], 1, low, 0.0)
    assert waits == 70


def test_the_little_that_is_left_of_a_tier_is_used() -> None:
    """One server of 200 is no whole per cent of health, and carries the mail if it is alone.

    Two of them in two tiers are no health either; then the lower one carries all.
    """
    everyone = tiered(*[1] * 200, *[2] * 200)
    rotation = PriorityByHealth([1] * 200 + [2] * 200)
    for index in (7, 207):
        assert rotation.choose(everyone[index : index + 1], everyone[index : index + 1], 0.0)
    assert shares(rotation, [everyone[7], everyone[207]]) == [100, 0]


def test_who_takes_no_part_is_not_missed() -> None:
    """Servers of tier 0 do not count as away; if they carry mail all the same, it is by tier."""
    everyone = tiered(1, 1, 1, 1, 2, 5)
    rotation = PriorityByHealth([1, 1, 0, 0, 2, 0])
    assert shares(rotation, [everyone[0], everyone[1], everyone[4]]) == [100, 0]
    assert shares(rotation, [everyone[1], everyone[4]]) == [70, 30]
    assert shares(rotation, [everyone[5]]) == [100]
    assert shares(PriorityByHealth([0] * 6), [everyone[3], everyone[5]]) == [100, 0]


def test_files_set_how_it_spills() -> None:
    """The three ways and the factor of a file are those of the rotation."""
    everyone = tiered(1, 1, 2)
    rest, high = everyone[1:], everyone[2:]
    tiers = [1, 1, 2]
    never = rotation_of(PrioritySpec(kind="priority"), "abc", 0, tiers)
    busy = rotation_of(PrioritySpec(kind="priority", spill="busy"), "abc", 0, tiers)
    assert never.choose(everyone, high, 0.0) is None
    assert busy.choose(everyone, high, 0.0) is high[0]
    for factor, expected in [(1.0, [50, 50]), (1.4, [70, 30]), (2.0, [100, 0])]:
        spec = PrioritySpec(kind="priority", spill="health", overprovisioning=factor)
        assert shares(rotation_of(spec, "abc", 0, tiers), rest) == expected
