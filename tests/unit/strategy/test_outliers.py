"""Outliers: who is told apart from peers or from its own past, who is not, and for how long."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.isolation import ConsecutiveSpec, EnvoySpec, OutlierSpec, RobustSpec
from mstoolkit.strategy.failover.outliers import (
    ConsecutiveFailures,
    EnvoyOutliers,
    IsolationTimes,
    Outlier,
    OutlierDetector,
    RobustOutliers,
    isolation_times_of,
    outliers_of,
)
from mstoolkit.strategy.failover.outliers.envoy import may_eject, success_rate_threshold
from mstoolkit.strategy.failover.outliers.robust import robust_threshold

ENVOY = EnvoySpec(kind="envoy", most=1.0)
SPECS: list[OutlierSpec] = [
    RobustSpec(),
    EnvoySpec(kind="envoy", most=0.5, failing=0.85),
    ConsecutiveSpec(kind="consecutive", failures=3, required=0.8),
]
OUTCOMES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 60), st.floats(0.0, 20.0)),
    max_size=60,
)


class Bench:
    """Servers with these success shares take turns at one ISP."""

    def __init__(self, detector: OutlierDetector, seed: int, pool: int) -> None:
        self.detector = detector
        self.pool = pool
        self.random = Random(seed)
        self.isolated: list[int] = []
        self.at: list[int] = []  # outcomes of a server when it was isolated
        self.seen = [0] * pool

    def run(self, shares: Sequence[float], outcomes: int, start: float = 0.0) -> None:
        """Let the servers that are not isolated have so many outcomes together."""
        eligible = [index for index in range(self.pool) if index not in self.isolated]
        self.seen = [0] * self.pool
        for k in range(outcomes):
            index = eligible[k % len(eligible)]
            good = self.random.random() < shares[index]
            self.detector.observe(index, int(good), int(not good), start + k)
            self.seen[index] += 1
            if good:
                continue
            for told in self.detector.outliers(eligible, self.isolated, self.pool, start + k):
                self.isolated.append(told.index)
                self.at.append(self.seen[told.index])
                eligible.remove(told.index)


def indices(found: Sequence[Outlier]) -> list[int]:
    return [each.index for each in found]


# -- robust


@pytest.mark.parametrize(
    ("rates", "median", "threshold", "ejected"),
    [
        ([0, 70, 100, 100, 100], 100.0, 99.0, [0, 1]),
        ([60, 60, 99, 99, 99, 99], 99.0, 98.0, [0, 1]),
    ],
)
def test_median_and_mad_are_not_masked(
    rates: list[float], median: float, threshold: float, ejected: list[int]
) -> None:
    """Two bad ones do not hide each other (robust-mad-masking-of-5, robust-mad-two-bad-of-6)."""
    assert robust_threshold(rates, 1.9, 1.0) == threshold == median - 1.0
    assert [index for index, rate in enumerate(rates) if rate < threshold] == ejected


def test_the_spread_of_the_pool_widens_the_threshold() -> None:
    """Where servers differ anyway the threshold is 1.9 robust deviations below the median."""
    assert robust_threshold([80, 85, 90, 95, 100], 1.9, 1.0) == pytest.approx(90 - 1.9 * 7.413)


@pytest.mark.statistical
@pytest.mark.parametrize(("pool", "share"), [(2, 0.9), (3, 0.9), (5, 0.9), (5, 0.99)])
def test_equal_servers_are_never_isolated(pool: int, share: float) -> None:
    """Chance makes no outlier of one of several equal servers within 100 000 outcomes."""
    bench = Bench(RobustOutliers(RobustSpec()), seed=pool, pool=pool)
    bench.run([share] * pool, 100_000)
    assert bench.isolated == []


@pytest.mark.statistical
@pytest.mark.parametrize("seed", range(20))
def test_one_bad_server_is_found_within_a_hundred_of_its_outcomes(seed: int) -> None:
    """60 % among 95 %: found from the start, and when it falls after long good time."""
    bench = Bench(RobustOutliers(RobustSpec()), seed, pool=5)
    bench.run([0.95, 0.95, 0.6, 0.95, 0.95], 500)
    assert bench.isolated == [2]
    bench = Bench(RobustOutliers(RobustSpec()), seed, pool=5)
    bench.run([0.95] * 5, 5000)
    bench.run([0.95, 0.95, 0.6, 0.95, 0.95], 500, start=5000.0)
    assert bench.isolated == [2]
    assert bench.at[0] <= 100


@pytest.mark.statistical
@pytest.mark.parametrize("seed", range(10))
def test_two_bad_of_six_are_both_found(seed: int) -> None:
    """They mask each other from mean and deviation, not from the median."""
    bench = Bench(RobustOutliers(RobustSpec()), seed, pool=6)
    bench.run([0.6, 0.6, 0.99, 0.99, 0.99, 0.99], 900)
    assert sorted(bench.isolated) == [0, 1]
    assert max(bench.at) <= 100


@pytest.mark.statistical
@pytest.mark.parametrize("seed", range(5))
def test_one_of_two_that_falls_below_its_own_past_is_found(seed: int) -> None:
    """Of two servers there is no median, but each has a past."""
    bench = Bench(RobustOutliers(RobustSpec()), seed, pool=2)
    bench.run([0.95, 0.95], 3000)
    bench.run([0.6, 0.95], 600, start=3000.0)
    assert bench.isolated == [0]
    assert bench.at[0] <= 250


def test_two_of_two_bad_ones_leave_one() -> None:
    """Both below what is acceptable: the worse is isolated, the last one never."""
    detector = RobustOutliers(RobustSpec())
    detector.observe(0, 20, 80, 1.0)
    detector.observe(1, 10, 90, 1.0)
    (found,) = detector.outliers([0, 1], [], 2, 1.0)
    assert (found.index, "least acceptable 50.0%" in found.reason) == (1, True)
    assert detector.outliers([0], [1], 2, 2.0) == []


def test_what_all_of_three_suffer_isolates_nobody() -> None:
    """If all fall together the provider or the mail is to blame; if two of three do, they are."""
    for bad, expected in (([0, 1, 2], []), ([0, 1], [1])):
        detector = RobustOutliers(RobustSpec())
        for index in range(3):
            detector.observe(index, 950, 50, 1.0)
        for index in bad:
            detector.observe(index, 300 - 100 * index, 300 + 100 * index, 2.0)
        assert indices(detector.outliers(range(3), [], 3, 3.0)) == expected


def test_it_waits_for_the_least_number_of_outcomes() -> None:
    """Twenty-nine bad results say nothing, the thirtieth does."""
    detector = RobustOutliers(RobustSpec())
    for index in range(3):
        detector.observe(index, 100, 0, 0.0)
    detector.observe(3, 0, 29, 1.0)
    assert detector.outliers(range(4), [], 4, 1.0) == []
    detector.observe(3, 0, 1, 2.0)
    (found,) = detector.outliers(range(4), [], 4, 2.0)
    assert (found.index, found.rate) == (3, 0.0)
    assert found.rate < found.threshold < 0.99


def test_a_server_that_is_back_is_judged_anew() -> None:
    """What it did before its isolation does not isolate it again, but its past stays known."""
    detector = RobustOutliers(RobustSpec())
    detector.observe(0, 2000, 0, 0.0)
    detector.observe(1, 2000, 0, 0.0)
    detector.observe(1, 0, 200, 1.0)
    assert indices(detector.outliers([0, 1], [], 2, 1.0)) == [1]
    detector.readmitted(1)
    assert detector.outliers([0, 1], [], 2, 2.0) == []
    detector.observe(1, 20, 20, 3.0)
    (found,) = detector.outliers([0, 1], [], 2, 3.0)
    assert "its past" in found.reason


def test_many_outcomes_at_once_weigh_as_one_after_another() -> None:
    """A parcel of good and one of bad results count as the same results one by one."""
    whole, singly = RobustOutliers(RobustSpec()), RobustOutliers(RobustSpec())
    whole.observe(0, 70, 0, 1.0)
    whole.observe(0, 0, 30, 2.0)
    for k in range(100):
        singly.observe(0, int(k < 70), int(k >= 70), 1.0)
    ((_, seen, recent, lived, past),) = whole.snapshot()["records"]
    ((_, seen_too, recent_too, lived_too, past_too),) = singly.snapshot()["records"]
    assert (seen, lived) == (seen_too, lived_too) == (100, 100)
    assert recent == pytest.approx(recent_too)
    assert past == pytest.approx(past_too)


# -- Envoy


@pytest.mark.parametrize(
    ("rates", "factor", "threshold", "ejected"),
    [
        ([97, 97, 97, 97, 97, 97], 1.9, 97.0, []),
        ([60, 60, 99, 99, 99, 99], 1.9, 51.068925009, []),
        ([60, 60, 99, 99, 99, 99], 1.0, 67.615223689, [0, 1]),
    ],
)
def test_envoy_success_rate(
    rates: list[int], factor: float, threshold: float, ejected: list[int]
) -> None:
    """Envoy-sr-all-equal, envoy-sr-two-bad-of-6, envoy-sr-two-bad-of-6-f1000."""
    assert success_rate_threshold(rates, factor) == pytest.approx(threshold, abs=1e-9)
    detector = EnvoyOutliers(ENVOY.model_copy(update={"deviations": factor, "failures": 1000}))
    for index, rate in enumerate(rates):
        detector.observe(index, rate, 100 - rate, 5.0)
    assert indices(detector.outliers(range(6), [], 6, 10.0)) == ejected


@pytest.mark.parametrize(
    ("servers", "bad", "told"),
    [(4, 1, False), (5, 1, True), (5, 2, False), (9, 2, False), (10, 2, True), (12, 3, False)],
)
def test_envoy_cannot_tell_many_bad_ones_of_few(servers: int, bad: int, told: bool) -> None:
    """However bad they are (envoy-sr-z-limit): the reason why it is not the default."""
    rates = [0.0] * bad + [100.0] * (servers - bad)
    assert (success_rate_threshold(rates, 1.9) > 0.0) == told


def test_envoy_max_ejection_percent() -> None:
    """Envoy-max-ejection-percent: the default ejects nobody in a pool of nine."""
    cases = [
        (5, 0, 0.10, False), (5, 0, 0.10, True), (5, 0, 0.20, False), (5, 1, 0.20, False),
        (10, 0, 0.10, False), (3, 0, 0.50, False), (3, 1, 0.50, False), (3, 1, 0.67, False),
        (3, 2, 0.67, False), (9, 0, 0.10, False),
    ]  # fmt: skip
    expected = [False, True, True, False, True, True, False, True, False, False]
    assert [may_eject(*case) for case in cases] == expected


def test_envoy_failure_percentage() -> None:
    """Envoy-failure-percentage: 85 % of failures is enough, 84.9 % is not."""
    detector = EnvoyOutliers(
        ENVOY.model_copy(update={"failing": 0.85, "deviations": 9.0, "failures": 10_000})
    )
    for index, good in enumerate((149, 150, 151, 990, 990)):
        detector.observe(index, good, 1000 - good, 5.0)
    assert indices(detector.outliers(range(5), [], 5, 10.0)) == [0, 1]


def test_envoy_judges_each_interval_once_and_only_when_it_is_over() -> None:
    """Figures of an interval count at its end, and not again; older ones do not count at all."""
    detector = EnvoyOutliers(ENVOY.model_copy(update={"failures": 1000}))

    def results(now: float) -> None:
        for index, good in enumerate((60, 99, 99, 99, 99)):
            detector.observe(index, good, 100 - good, now)

    assert detector.next_check(0.0) is None
    results(3.0)
    assert detector.next_check(3.0) == 10.0
    assert detector.outliers(range(5), [], 5, 9.0) == []
    assert indices(detector.outliers(range(5), [], 5, 10.0)) == [0]
    assert detector.outliers(range(5), [], 5, 11.0) == []
    assert detector.next_check(11.0) is None
    results(12.0)
    assert detector.outliers(range(5), [], 5, 31.0) == []


def test_envoy_failures_in_a_row_tell_at_once() -> None:
    """Five in a row, with no success between, isolate without waiting for the interval."""
    detector = EnvoyOutliers(ENVOY)
    detector.observe(0, 0, 4, 1.0)
    detector.observe(0, 1, 4, 2.0)
    assert detector.outliers([0, 1], [], 2, 2.0) == []
    detector.observe(0, 0, 1, 3.0)
    (found,) = detector.outliers([0, 1], [], 2, 3.0)
    assert found.reason == "5 failures in a row"
    detector.readmitted(0)
    assert detector.outliers([0, 1], [], 2, 4.0) == []


def test_envoy_ejection_timeline() -> None:
    """Envoy-ejection-timeline: until a tick, longer each time, forgiven tick by tick."""
    times = isolation_times_of(EnvoySpec(kind="envoy"))
    log: list[tuple[float, int]] = []
    for at in (5.0, 41.0, 111.0):
        until = times.isolate(at)
        log += [(at, times.multiplier(at)), (until, times.multiplier(until))]
    assert log == [(5, 1), (40, 1), (41, 2), (110, 2), (111, 3), (210, 3)]
    assert [times.multiplier(at) for at in (219.0, 220.0, 230.0, 240.0, 250.0)] == [3, 2, 1, 0, 0]


def test_isolation_grows_to_the_longest() -> None:
    """The multiplier stops at (longest + base) / base, and the time at the longest."""
    times, now, lengths = IsolationTimes(30.0, 300.0, interval=1e9), 0.0, []
    for _ in range(13):
        until = times.isolate(now)
        lengths.append(until - now)
        now = until
    assert lengths == [*(30.0 * m for m in range(1, 11)), 300.0, 300.0, 300.0]
    assert times.multiplier(now) == 11


# -- Finagle


@pytest.mark.parametrize(
    ("events", "dead"),
    [("FFF", [None, None, 5.0]), ("FSFFF", [None, None, None, None, 5.0])],
)
def test_finagle_consecutive_failures(events: str, dead: list[float | None]) -> None:
    """Finagle-consecutive-3, finagle-consecutive-3-reset: dead for 5 s at the third in a row."""
    spec = ConsecutiveSpec(kind="consecutive", failures=3)
    detector, told = outliers_of(spec), []
    for event in events:
        detector.observe(0, int(event == "S"), int(event == "F"), 0.0)
        found = detector.outliers([0, 1], [], 2, 0.0)
        told.append(isolation_times_of(spec).isolate(0.0) if found else None)
    assert told == dead


def test_finagle_success_rate() -> None:
    """Finagle-success-rate-w100-r0.8: after 100 successes the 23rd failure is too many."""
    detector = ConsecutiveFailures(1000, required=0.8, window=100)
    detector.observe(0, 100, 0, 0.0)
    number, found = 0, list[Outlier]()
    while not found:
        detector.observe(0, 0, 1, 0.0)
        number += 1
        found = detector.outliers([0, 1], [], 2, 0.0)
    assert number == 23
    assert found[0].rate == pytest.approx(0.794533602503, abs=1e-12)


# -- all of them


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
@given(outcomes=OUTCOMES, gone=st.sets(st.integers(0, 5)))
def test_limits_hold_and_a_snapshot_goes_on_alike(
    spec: OutlierSpec, outcomes: list[tuple[int, int, int, float]], gone: set[int]
) -> None:
    """Whatever happens: worst first, eligible ones only, at most half, never the last one."""
    detector, now = outliers_of(spec), 0.0
    isolated, eligible = sorted(gone), [index for index in range(6) if index not in gone]
    for index, good, bad, wait in outcomes:
        now += wait
        again = outliers_of(spec)
        again.restore(json.loads(json.dumps(detector.snapshot())))
        for each in (detector, again):
            each.observe(index, good, bad, now)
        found = detector.outliers(eligible, isolated, 6, now)
        assert again.outliers(eligible, isolated, 6, now) == found
        assert again.snapshot() == detector.snapshot()
        assert {each.index for each in found} <= set(eligible)
        assert [each.rate for each in found] == sorted(each.rate for each in found)
        assert not found or len(found) <= min(3 - len(isolated), len(eligible) - 1)
