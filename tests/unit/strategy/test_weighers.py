"""Weighers keep the laws and do what they say, and so does their product."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from zoneinfo import ZoneInfo

import pytest

from mstoolkit.config import ConfigError, Server
from mstoolkit.config.weighting import (
    OwnWeighing,
    QuotaLeftWeighing,
    ReputationWeighing,
    StaticWeighing,
    TableEntry,
    TableWeighing,
)
from mstoolkit.strategy.weighting import (
    Capacity,
    Cost,
    DeliveryRate,
    Entry,
    Latency,
    Outcome,
    OutcomeKind,
    QuotaLeft,
    Region,
    Reputation,
    SlowStart,
    Static,
    Table,
    Weighed,
    Weigher,
    register_weigher,
    registered_weighers,
    registry,
    weighers_of,
    weight,
)
from mstoolkit.testing import PlainPath, WeigherSuite

A, B, C = (PlainPath(number=k, index=k) for k in range(3))
HOUR = 3600.0


def outcome(kind: OutcomeKind, n: int = 1, at: float = 0.0, **more: object) -> Outcome:
    fields = {"blamed": False, "latency": 0.0, **more}
    return Outcome(n=n, kind=kind, decided_at=at, **fields)  # type: ignore[arg-type]


# -- the laws


class TestStatic(WeigherSuite):
    """It looks at the file."""

    def make(self) -> Weigher:
        return Static()


class TestCapacity(WeigherSuite):
    """It looks at the file."""

    def make(self) -> Weigher:
        return Capacity()


class TestCost(WeigherSuite):
    """It looks at the file."""

    def make(self) -> Weigher:
        return Cost()


class TestDeliveryRate(WeigherSuite):
    """Late news commute."""

    def make(self) -> Weigher:
        return DeliveryRate()


class TestReputation(WeigherSuite):
    """Late news commute."""

    def make(self) -> Weigher:
        return Reputation()


class TestLatency(WeigherSuite):
    """A peak-sensitive average depends on the order of values, by definition."""

    commutes = False

    def make(self) -> Weigher:
        return Latency()


class TestRegion(WeigherSuite):
    """It looks at the pool and a table."""

    def make(self) -> Weigher:
        return Region(latency={"eu": {"gmail": 0.01}})


class TestQuotaLeft(WeigherSuite):
    """It asks who counts quotas."""

    def make(self) -> Weigher:
        return QuotaLeft(lambda path, now: 2.0 - path.index - now / 86400.0)


class TestEnvoySlowStart(WeigherSuite):
    """It knows when each path began."""

    def make(self) -> Weigher:
        return SlowStart()


class TestHaproxySlowStart(WeigherSuite):
    """It knows when each path began."""

    def make(self) -> Weigher:
        return SlowStart(form="haproxy")


class TestTable(WeigherSuite):
    """It looks at the clock on the wall."""

    def make(self) -> Weigher:
        hours = (22 * HOUR, 6 * HOUR)
        return Table([Entry({0: 3.0, 1: 0.0}, hours=hours, zone=ZoneInfo("Europe/Berlin"))], 1.7e9)


# -- records


@pytest.mark.parametrize("weigher", [DeliveryRate(), Reputation()])
def test_what_the_list_is_to_blame_for_does_not_count(weigher: Weigher) -> None:
    """Unknown users and full mailboxes move nothing; neither do those who unsubscribe."""
    before = weigher.factor(A, 0.0)
    kinds: tuple[OutcomeKind, ...] = ("bounced", "deferred", "unsubscribed")
    for kind in kinds:
        weigher.observe(A, outcome(kind, 1000), 0.0)
    assert weigher.factor(A, 0.0) == before
    assert weigher.snapshot() == {"paths": []}


def test_the_delivery_rate_is_the_share_of_deliveries() -> None:
    """300 delivered and 100 blamed of 400: 3/4, with the expectation counting for 20."""
    weigher = DeliveryRate(prior=0.95, strength=20.0)
    weigher.observe(A, outcome("delivered", 300), 0.0)
    weigher.observe(A, outcome("deferred", 60, blamed=True), 0.0)
    weigher.observe(A, outcome("bounced", 40, blamed=True), 0.0)
    weigher.observe(A, outcome("complained", 50, blamed=True), 0.0)
    assert weigher.factor(A, 0.0) == pytest.approx((300 + 19) / 420)
    weigher.observe(A, outcome("deferred", 10**9, blamed=True), 0.0)
    assert weigher.factor(A, 0.0) > 0.0


def test_reputation_is_the_formula() -> None:
    """((p - floor) / (1 - floor))^alpha; a complaint counts for ten failures when it was sent."""
    weigher = Reputation(tau=HOUR, floor=0.5, alpha=2.0, prior=0.9, strength=10.0)
    weigher.observe(A, outcome("delivered", 90), 0.0)
    assert weigher.factor(A, 0.0) == pytest.approx(((99 / 100 - 0.5) / 0.5) ** 2)
    weigher.observe(A, outcome("complained", 1, at=0.0), 5 * HOUR)
    assert weigher.rate(A, 0.0) == pytest.approx(99 / 110)
    faded = 100 * 2.718281828459045**-5
    assert weigher.rate(A, 5 * HOUR) == pytest.approx((9 + 0.9 * faded) / (10 + faded))


def test_a_dsn_takes_a_delivery_back() -> None:
    """As if it had failed at once; if the list is to blame, as if it had never been sent."""
    late, prompt = Reputation(), Reputation()
    late.observe(A, outcome("delivered", 50, at=100.0), 100.0)
    late.observe(A, outcome("bounced", 20, at=100.0, blamed=True, reverses=True), 9 * HOUR)
    late.observe(A, outcome("bounced", 10, at=100.0, reverses=True), 9 * HOUR)
    prompt.observe(A, outcome("delivered", 20, at=100.0), 100.0)
    prompt.observe(A, outcome("bounced", 20, at=100.0, blamed=True), 100.0)
    assert late.factor(A, 10 * HOUR) == pytest.approx(prompt.factor(A, 10 * HOUR), rel=1e-9)


def test_the_worst_is_kept_warm_and_recovers() -> None:
    """Nothing but failures: 2 % of what a perfect record gets; in a month of rest it is back."""
    weigher = Reputation()
    first = weigher.factor(A, 0.0)
    weigher.observe(A, outcome("deferred", 10**6, blamed=True), 0.0)
    assert weigher.factor(A, 0.0) == 0.02
    assert weigher.factor(A, 40 * 86400.0) == pytest.approx(first, rel=0.01)


def test_the_unknown_are_expected_to_do_as_the_others() -> None:
    """Bad mail spoils two servers; the third, that has sent none, does not look better."""
    for weigher in (DeliveryRate(), Reputation(keep_warm=0.0)):
        for path in (A, B):
            weigher.observe(path, outcome("delivered", 8000), 0.0)
            weigher.observe(path, outcome("bounced", 2000, blamed=True), 0.0)
        factors = [weigher.factor(path, 0.0) for path in (A, B, C)]
        assert factors == pytest.approx([factors[0]] * 3, rel=1e-2)
        elsewhere = PlainPath(index=2, isp_name="yahoo")
        assert weigher.factor(elsewhere, 0.0) == type(weigher)().factor(elsewhere, 0.0)


def test_streams_have_records_of_their_own() -> None:
    """What marketing mail spoils is not held against transactional mail."""
    weigher = Reputation()
    marketing, receipts = PlainPath(stream="marketing"), PlainPath(stream="transactional")
    before = weigher.factor(receipts, 0.0)
    weigher.observe(marketing, outcome("bounced", 100, blamed=True), 0.0)
    assert weigher.factor(receipts, 0.0) == before
    assert weigher.factor(marketing, 0.0) < before


# -- latency


def report(weigher: Weigher, latencies: dict[int, float], now: float) -> None:
    for index, latency in latencies.items():
        path = PlainPath(number=index, index=index)
        weigher.observe(path, outcome("delivered", latency=latency, at=now), now)


def test_latency_is_the_median_over_the_own() -> None:
    """Twice as slow is half the weight; the bounds hold; one alone is neutral."""
    weigher = Latency()
    report(weigher, {0: 1.0}, 0.0)
    assert weigher.factor(A, 20.0) == 1.0
    report(weigher, {0: 1.0, 1: 2.0, 2: 4.0}, 20.0)
    assert [weigher.factor(path, 40.0) for path in (A, B, C)] == [2.0, 1.0, 0.5]
    report(weigher, {2: 1000.0}, 41.0)
    assert weigher.factor(C, 41.0) == 0.1
    assert Latency(highest=1.5).factor(A, 0.0) == 1.0


def test_the_unknown_are_neutral() -> None:
    """GRPC's triple: nothing counts within 10 s of the first report, nor 3 min after the last."""
    weigher = Latency()
    report(weigher, {0: 1.0, 1: 3.0}, 100.0)
    assert weigher.factor(B, 109.0) == 1.0
    assert weigher.factor(C, 110.0) == 1.0
    assert weigher.factor(B, 110.0) == pytest.approx(2.0 / 3.0)
    assert weigher.factor(B, 280.0) == pytest.approx(2.0 / 3.0)
    assert weigher.factor(B, 280.1) == 1.0
    report(weigher, {0: 1.0, 1: 1.0}, 300.0)
    assert weigher.factor(B, 305.0) == 1.0, "the blackout begins anew"
    assert weigher.factor(B, 310.0) == 1.0, "what was before is forgotten"


def test_a_path_that_refuses_at_once_does_not_look_fast() -> None:
    """Quick refusals are no reports; slow ones are."""
    weigher = Latency()
    quick = outcome("deferred", blamed=True, latency=0.001)
    weigher.observe(C, quick, 0.0)
    report(weigher, {0: 1.0, 1: 1.0}, 0.0)
    weigher.observe(B, quick, 1.0)
    assert [weigher.factor(path, 20.0) for path in (A, B, C)] == [1.0, 1.0, 1.0]
    weigher.observe(B, outcome("deferred", blamed=True, latency=9.0), 20.0)
    assert weigher.factor(B, 20.0) < 1.0


# -- region and quota


EU = Server(region="eu", latency=0.02)
US = Server(region="us", latency=0.1)


@pytest.mark.parametrize(
    ("weigher", "eu", "us"),
    [
        (Region(servers=(EU, US)), 1.0, 0.2),
        (Region(), 2.5, 0.5),
        (Region(latency={"us": {"gmail": 0.01}}, servers=(EU, US)), 0.5, 1.0),
        (Region(latency={"us": {"*": 0.04}}, servers=(EU, US)), 1.0, 0.5),
        (Region(prefer={"eu": {"gmail": 3.0}, "us": {"*": 0.5}}), 3.0, 0.5),
        (Region(prefer={"eu": {"yahoo": 3.0}}, servers=(EU, US)), 1.0, 1.0),
    ],
)
def test_region(weigher: Region, eu: float, us: float) -> None:
    """The inverse of the round trip beside the fastest, or what the table prefers."""
    factors = [
        weigher.factor(PlainPath(index=k, spec=spec), 0.0) for k, spec in enumerate((EU, US))
    ]
    assert factors == pytest.approx([eu, us])


def test_no_round_trip_at_all_is_a_short_one() -> None:
    """A latency of 0 counts as a millisecond."""
    here = Server(latency=0.0)
    assert Region(servers=(here, EU)).factor(PlainPath(spec=EU), 0.0) == pytest.approx(0.05)


def test_what_is_left_of_a_quota_is_a_share() -> None:
    """More than the whole is the whole, less than nothing is nothing."""
    weigher = QuotaLeft(lambda path, now: 1.5 - now)
    assert [weigher.factor(A, now) for now in (0.0, 1.0, 2.0)] == [1.0, 0.5, 0.0]


# -- slow start

ENVOY = {  # vector envoy-slow-start-table: window 60 s, min_weight 0.1; by aggression, t and factor
    0.5: [(0, 0.1), (1, 0.1), (5, 0.1), (6, 0.1), (12, 0.1), (20, 0.1111111111), (26, 0.1877777778),
          (30, 0.25), (45, 0.5625), (59, 0.9669444444), (60, 1.0)],
    1.0: [(0, 0.1), (1, 0.1), (5, 0.1), (6, 0.1), (12, 0.2), (20, 0.3333333333), (26, 0.4333333333),
          (30, 0.5), (45, 0.75), (59, 0.9833333333), (60, 1.0)],
    1.5: [(0, 0.1), (1, 0.1), (5, 0.1907857071), (6, 0.215443469), (12, 0.3419951893),
          (20, 0.4807498568), (26, 0.5726396273), (30, 0.6299605249), (45, 0.8254818122),
          (59, 0.9888577938), (60, 1.0)],
    2.0: [(0, 0.1), (1, 0.1290994449), (5, 0.2886751346), (6, 0.316227766), (12, 0.4472135955),
          (20, 0.5773502692), (26, 0.6582805886), (30, 0.7071067812), (45, 0.8660254038),
          (59, 0.991631652), (60, 1.0)],
}  # fmt: skip


@pytest.mark.parametrize("aggression", ENVOY)
def test_envoy_slow_start_table(aggression: float) -> None:
    """Vector `envoy-slow-start-table`: the factor at each second after re-entry."""
    weigher = SlowStart(60.0, "envoy", aggression, 0.1)
    weigher.began(A, 1000.0)
    factors = [weigher.factor(A, 1000.0 + t) for t, _ in ENVOY[aggression]]
    assert factors == pytest.approx([factor for _, factor in ENVOY[aggression]], abs=1e-9)


def test_haproxy_slowstart() -> None:
    """Vector `haproxy-slowstart`: a weight of 100 in units, rounded up, within 60 s."""
    weigher = SlowStart(60.0, "haproxy")
    weigher.began(A, 0.0)
    units = [ceil(100 * weigher.factor(A, float(t))) for t in (0, 5, 15, 30, 45, 59, 60)]
    assert units == [7, 13, 32, 57, 82, 100, 100]


def test_slow_start_is_for_who_comes_back() -> None:
    """Others are not slowed, and a second suspension begins anew."""
    weigher = SlowStart(60.0)
    assert weigher.factor(B, 0.0) == 1.0
    weigher.began(A, 0.0)
    assert (weigher.factor(A, 30.0), weigher.factor(B, 30.0)) == (0.5, 1.0)
    weigher.began(A, 30.0)
    assert weigher.factor(A, 30.0) == 0.1


# -- the table

ROWS = TableWeighing(
    entries=(
        TableEntry(servers={"a": 3, "b": 1}, isps=("gmail",), hours="8-18"),
        TableEntry(servers={"b": 0}, streams=("transactional",)),
        TableEntry(servers={"c": 5, "a": 2}, isps=("gmail", "yahoo")),
    )
)
POOL = {name: Server() for name in "abc"}


@pytest.mark.parametrize(
    ("isp", "stream", "clock", "factors"),
    [
        ("gmail", "", 7.99, [2, 1, 5]),
        ("gmail", "", 8.0, [3, 1, 5]),
        ("gmail", "transactional", 17.99, [3, 1, 5]),
        ("gmail", "transactional", 18.0, [2, 0, 5]),
        ("gmail", "marketing", 18.0, [2, 1, 5]),
        ("yahoo", "", 12.0, [2, 1, 5]),
        ("gmx", "transactional", 12.0, [1, 0, 1]),
        ("gmx", "", 12.0, [1, 1, 1]),
    ],
)
def test_the_first_entry_that_names_a_server_wins(
    isp: str, stream: str, clock: float, factors: list[float]
) -> None:
    """By ISP, stream and hour; a server that no entry names keeps 1, and days repeat."""
    (table,) = weighers_of((ROWS,), 86400.0 * 365, POOL)
    for day in (0, 200):
        now = clock * HOUR + day * 86400.0
        paths = [PlainPath(index=k, isp_name=isp, stream=stream) for k in range(3)]
        assert [table.factor(path, now) for path in paths] == factors


def test_a_star_names_all_others() -> None:
    """``{ a = 1, "*" = 0 }`` leaves `a` alone at that ISP."""
    spec = TableWeighing(entries=(TableEntry(servers={"a": 1, "*": 0}, isps=("gmail",)),))
    (table,) = weighers_of((spec,), 0.0, POOL)
    assert [table.factor(path, 0.0) for path in (A, B, C)] == [1.0, 0.0, 0.0]
    assert table.factor(PlainPath(index=1, isp_name="yahoo"), 0.0) == 1.0


def test_hours_follow_epoch_zone_and_summer_time() -> None:
    """22-6 in Berlin holds over midnight, and begins an hour earlier by UTC in summer."""
    spec = TableWeighing(
        entries=(TableEntry(servers={"a": 2}, hours="22-6", zone="Europe/Berlin"),)
    )
    berlin = ZoneInfo("Europe/Berlin")
    for month in (1, 7):
        epoch = datetime(2026, month, 10, tzinfo=berlin).timestamp()
        (table,) = weighers_of((spec,), epoch, POOL)
        factors = [table.factor(A, hour * HOUR) for hour in (0.0, 5.99, 6.0, 21.99, 22.0, 24.0)]
        assert factors == [2, 2, 1, 1, 2, 2]


# -- from specs to a product


def test_weights_multiply_and_zero_stays_out() -> None:
    """The product of all factors; 0 where the file says so, whichever weighers there are."""
    weighers = (Static(), Capacity(), Cost())
    spec = Server(weight=3, speed=20, cost_per_1000=0.5)
    assert weight(weighers, PlainPath(spec=spec), 0.0) == pytest.approx(120.0)
    assert weight((), PlainPath(spec=spec), 0.0) == 1.0
    assert weight((Capacity(),), PlainPath(spec=Server(weight=0)), 0.0) == 0.0


def test_a_half_life_halves() -> None:
    """What was learned weighs half as much after the half-life that a file gives."""
    (weigher,) = weighers_of((ReputationWeighing(half_life=48 * HOUR),), 0.0, POOL)
    assert isinstance(weigher, Reputation)
    weigher.observe(A, outcome("delivered", 40), 0.0)
    assert weigher.rate(A, 0.0) == pytest.approx((19 + 40) / 60)
    assert weigher.rate(A, 48 * HOUR) == pytest.approx((19 + 20) / 40)


class Odd(Weigher):
    """Servers with an odd number carry more."""

    def __init__(self, more: float = 2.0) -> None:
        self._more = more

    def factor(self, path: Weighed, now: float) -> float:
        return self._more if path.index % 2 else 1.0


def test_a_weigher_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made by its name with its options, and what cannot be made is told."""
    monkeypatch.setattr(registry._WEIGHERS, "_makers", {})
    with pytest.raises(ConfigError, match="none is registered"):
        weighers_of((OwnWeighing(name="odd"),), 0.0, POOL)
    register_weigher("odd", Odd)
    assert registered_weighers() == {"odd": Odd}
    (weigher,) = weighers_of((OwnWeighing(name="odd", options={"more": 3.0}),), 0.0, POOL)
    assert [weigher.factor(path, 0.0) for path in (A, B)] == [1.0, 3.0]
    with pytest.raises(ConfigError, match=r"no weigher 'even'; known are odd") as caught:
        weighers_of((StaticWeighing(), OwnWeighing(name="even")), 0.0, POOL)
    assert caught.value.key == "weighting.1.name"
    with pytest.raises(ConfigError, match="cannot be made") as caught:
        weighers_of((OwnWeighing(name="odd", options={"most": 3.0}),), 0.0, POOL)
    assert caught.value.key == "weighting.0.options"
    with pytest.raises(TypeError):
        register_weigher("", Odd)


def test_servers_and_quotas_that_are_not_there_are_told() -> None:
    """A misspelt server names its key and the nearest one; quotas need somebody who counts."""
    spec = TableWeighing(entries=(TableEntry(servers={"mta-l": 3}),))
    with pytest.raises(ConfigError, match="did you mean 'mta-1'") as caught:
        weighers_of((spec,), 0.0, {"mta-1": Server()})
    assert caught.value.key == "weighting.0.entries.0.servers.mta-l"
    with pytest.raises(ConfigError, match="quotas"):
        weighers_of((QuotaLeftWeighing(),), 0.0, POOL)
    (weigher,) = weighers_of((QuotaLeftWeighing(),), 0.0, POOL, left=lambda path, now: 0.5)
    assert weigher.factor(A, 0.0) == 0.5
