"""The six first rotations keep the laws and give the published sequences; files name them all."""

from __future__ import annotations

import pytest

from mstoolkit.config.rotation import (
    BatchSpec,
    DeficitSpec,
    EdfSpec,
    InterleavedSpec,
    IntervalSpec,
    LeastLoadedSpec,
    PowerOfTwoSpec,
    PrioritySpec,
    RandomSpec,
    RotationSpec,
    RoundRobinSpec,
    SmoothWeightedSpec,
    StickySpec,
    StrideSpec,
    ThompsonSpec,
)
from mstoolkit.strategy import rotation_of
from mstoolkit.strategy.rotation import (
    BatchRotation,
    BoundedSticky,
    DeficitRoundRobin,
    EarliestDeadline,
    Interleaved,
    IntervalRotation,
    LeastLoaded,
    PowerOfTwo,
    PriorityByHealth,
    PriorityFailover,
    Rotation,
    RoundRobin,
    SmoothWeighted,
    StaticStride,
    StickyHash,
    ThompsonSampling,
    WeightedRandom,
)
from mstoolkit.testing import Contender, RotationSuite, contenders, sequence


class TestRoundRobin(RotationSuite):
    """Equal shares, and nothing is owed to who was away."""

    burst = 0

    def make(self, servers: int) -> Rotation:
        return RoundRobin()


class TestBatch(RotationSuite):
    """It waits for its server; a returning one gets a full batch, as documented."""

    def make(self, servers: int) -> Rotation:
        return BatchRotation(7)


class TestInterval(RotationSuite):
    """The clock alone decides."""

    def make(self, servers: int) -> Rotation:
        return IntervalRotation(60.0, servers)


class TestSmoothWeighted(RotationSuite):
    """Exact shares; the credit of absent servers is frozen."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return SmoothWeighted(servers)


class TestLeastLoaded(RotationSuite):
    """Shares follow the weights; a returning server is idle and catches up, as documented."""

    weighted = True

    def make(self, servers: int) -> Rotation:
        return LeastLoaded(servers)


class TestPriority(RotationSuite):
    """In one tier it is smooth weighted."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return PriorityFailover(servers)


class TestPriorityInTiers(RotationSuite):
    """With tiers the same laws hold, but for shares."""

    def make(self, servers: int) -> Rotation:
        return PriorityFailover(servers)

    def candidates(self) -> list[Contender]:
        return [Contender(k, float(1 + k), tier=1 + k // 2) for k in range(self.servers)]


class TestSmoothWeightedWithFractions(RotationSuite):
    """Weights need not be whole numbers."""

    def make(self, servers: int) -> Rotation:
        return SmoothWeighted(servers)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


# -- known sequences


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((5, 1, 1), "aabacaa"),  # nginx, commit 52327e0627f4
        ((4, 2, 1), "abacaba"),
        ((5, 2, 3), "acbaacabca"),
        ((1, 1), "abab"),
        ((3,), "aaa"),
        ((1, 3), "babb"),
    ],
)
def test_smooth_weighted_gives_the_published_sequence(
    weights: tuple[int, ...], expected: str
) -> None:
    """One cycle is as published for nginx or derived by hand, and the next one is the same."""
    rotation = SmoothWeighted(len(weights))
    ready = contenders(*weights)
    assert sequence(rotation, ready, len(expected)) == expected
    assert sequence(rotation, ready, len(expected)) == expected


def test_smooth_weighted_over_a_million_is_exact() -> None:
    """Whole cycles are counted, not walked, and the shares are exact."""
    rotation = SmoothWeighted(3)
    assert rotation.split(contenders(5, 1, 1), 7_000_003, 0.0) == [5_000_002, 1_000_001, 1_000_000]


def test_smooth_weighted_charges_many_at_once() -> None:
    """A parcel of n is charged n: the others catch up until the shares hold again."""
    rotation = SmoothWeighted(2)
    ready = contenders(1, 1)
    rotation.commit(ready[0], 4, ready, 0.0)
    assert sequence(rotation, ready, 6) == "bbbbab"


def test_split_is_exact_from_an_uneven_past() -> None:
    """After a time with one server away the scores are uneven, and split still is n times one."""
    rotation, other = SmoothWeighted(3), SmoothWeighted(3)
    ready = contenders(1, 1, 1)
    for each in (rotation, other):
        each.commit(ready[0], 10, ready, 0.0)
    counts = [0, 0, 0]
    for _ in range(12):
        for k, n in enumerate(other.split(ready, 1, 0.0)):
            counts[k] += n
    assert rotation.split(ready, 12, 0.0) == counts


def test_round_robin_goes_round() -> None:
    """Weights do not matter; who is absent is skipped, and the turn goes on behind it."""
    rotation = RoundRobin()
    ready = contenders(9, 1, 1, 1)
    assert sequence(rotation, ready, 6) == "abcdab"
    assert sequence(rotation, [ready[0], ready[1], ready[3]], 4) == "dabd"
    assert sequence(rotation, ready, 3) == "abc"


def test_round_robin_may_start_elsewhere() -> None:
    """Many queues do not all begin with the same server."""
    assert sequence(RoundRobin(2), contenders(1, 1, 1), 4) == "cabc"


def test_batch_of_three() -> None:
    """Three messages from each server in turn, round and round."""
    assert sequence(BatchRotation(3), contenders(1, 1, 1), 12) == "aaabbbcccaaa"


def test_batch_waits_for_a_busy_server_and_leaves_a_lost_one() -> None:
    """While its server is merely busy it waits; when that is out, the next gets a full batch."""
    rotation = BatchRotation(3)
    ready = contenders(1, 1, 1)
    assert sequence(rotation, ready, 4) == "aaab"
    assert rotation.choose(ready, [ready[0], ready[2]], 0.0) is None
    assert sequence(rotation, [ready[0], ready[2]], 4) == "ccca"
    assert sequence(rotation, ready, 3) == "aab"


def test_batch_tells_when_others_may_be_heard_again() -> None:
    """Charging the last message of a batch says that waiting queues may be told otherwise."""
    rotation = BatchRotation(2)
    ready = contenders(1, 1)
    assert not rotation.commit(ready[0], 1, ready, 0.0)
    assert rotation.commit(ready[0], 1, ready, 0.0)


def test_the_next_batch_begins_when_the_last_one_is_out() -> None:
    """A batch that is still leaving is waited for, unless its server is lost; then at once."""
    rotation = BatchRotation(3)
    a, b = ready = contenders(1, 1)
    rotation.commit(a, 3, ready, 10.0)
    assert rotation.choose(ready, ready, 5.0) is None
    assert rotation.next_change(5.0) == 10.0
    assert rotation.choose([b], [b], 5.0) is b
    assert rotation.choose(ready, ready, 10.0) is b
    assert rotation.next_change(10.0) is None


def test_interval_follows_the_clock() -> None:
    """Server floor(now / every) mod servers, whatever was sent; the change is on the grid."""
    rotation = IntervalRotation(600.0, 3)
    ready = contenders(1, 1, 1)
    times = (0.0, 599.9, 600.0, 1200.0, 1799.0, 1800.0, 7 * 600.0)
    assert "".join(sequence(rotation, ready, 1, now=now) for now in times) == "aabccab"
    assert rotation.next_change(0.0) == 600.0
    assert rotation.next_change(600.0) == 1200.0
    assert rotation.next_change(1799.0) == 1800.0


def test_interval_walks_on_past_who_is_out() -> None:
    """The turn of a server that is out is the next one's, round the end; a busy one is awaited."""
    rotation = IntervalRotation(600.0, 3)
    a, b, c = contenders(1, 1, 1)
    assert rotation.choose([a, c], [a, c], 600.0) is c
    assert rotation.choose([a, b], [a, b], 1200.0) is a
    assert rotation.choose([a, b, c], [a, c], 600.0) is None


def test_priority_fails_over_by_tiers() -> None:
    """The lowest tier carries all; a higher one only when every server of the lower is out."""
    rotation = PriorityFailover(4)
    a, b = Contender(0, 2.0, 1), Contender(1, 1.0, 1)
    c, d = Contender(2, 1.0, 2), Contender(3, 1.0, 3)
    everyone = [a, b, c, d]
    assert sequence(rotation, everyone, 6) == "abaaba"
    assert rotation.choose(everyone, [c, d], 0.0) is None, "tier 1 is busy, so it waits"
    assert sequence(rotation, [b, c, d], 3) == "bbb"
    assert sequence(rotation, [c, d], 3) == "ccc"
    assert sequence(rotation, [d], 2) == "dd"
    assert sequence(rotation, everyone, 3) == "aba"


def test_least_loaded_fills_by_weight() -> None:
    """(in flight + 1) / weight is least; ties go to the heavier, then the earlier server."""
    rotation = LeastLoaded(3)
    ready = contenders(1, 2, 1)
    assert sequence(rotation, ready, 4) == "bbac"
    rotation.settle(2, 1)
    assert sequence(rotation, ready, 2) == "cb"
    assert rotation.snapshot() == {"in_flight": [1, 3, 1]}


def test_least_loaded_ties() -> None:
    """Among equals the earlier server is taken."""
    assert sequence(LeastLoaded(3), contenders(1, 1, 1), 4) == "abca"


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (RoundRobinSpec(kind="round-robin"), RoundRobin),
        (BatchSpec(kind="batch", size=9), BatchRotation),
        (IntervalSpec(kind="interval", every=60.0), IntervalRotation),
        (SmoothWeightedSpec(kind="smooth-weighted"), SmoothWeighted),
        (LeastLoadedSpec(kind="least-loaded"), LeastLoaded),
        (PrioritySpec(kind="priority"), PriorityFailover),
        (InterleavedSpec(kind="interleaved"), Interleaved),
        (StrideSpec(kind="stride"), StaticStride),
        (RandomSpec(kind="random"), WeightedRandom),
        (PowerOfTwoSpec(kind="power-of-two"), PowerOfTwo),
        (DeficitSpec(kind="deficit"), DeficitRoundRobin),
        (PrioritySpec(kind="priority", spill="health"), PriorityByHealth),
        (EdfSpec(kind="edf"), EarliestDeadline),
        (ThompsonSpec(kind="thompson"), ThompsonSampling),
        (StickySpec(kind="sticky"), StickyHash),
        (StickySpec(kind="sticky", bound=1.25), BoundedSticky),
    ],
)
def test_files_name_the_rotations(spec: RotationSpec, kind: type[Rotation]) -> None:
    """Every rotation that a file can name is the one that is made."""
    assert type(rotation_of(spec, "abc")) is kind


@pytest.mark.parametrize(
    "spec",
    [
        RoundRobinSpec(kind="round-robin"),
        InterleavedSpec(kind="interleaved"),
        StrideSpec(kind="stride"),
        RandomSpec(kind="random"),
        DeficitSpec(kind="deficit"),
        ThompsonSpec(kind="thompson"),
    ],
)
def test_queues_do_not_all_begin_alike(spec: RotationSpec) -> None:
    """The first messages of many queues go to all servers, and a queue's number is all it takes."""
    firsts = [
        sequence(rotation_of(spec, "abc", number), contenders(2, 1, 1), 1) for number in range(30)
    ]
    assert set(firsts) == set("abc")
    again = [
        sequence(rotation_of(spec, "abc", number), contenders(2, 1, 1), 1) for number in range(30)
    ]
    assert again == firsts


def test_files_set_the_options() -> None:
    """KumoMTA's start and the quantum of a file are those of the rotation."""
    kumomta = rotation_of(InterleavedSpec(kind="interleaved", start="kumomta"), "abc", 2)
    assert sequence(kumomta, contenders(5, 2, 3), 5) == "bcaaa"
    assert (
        sequence(rotation_of(DeficitSpec(kind="deficit", quantum=3), "ab"), contenders(1, 1), 4)
        == "aaab"
    )
