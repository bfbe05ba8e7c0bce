"""Limiters behind one protocol: each keeps its envelope, and all keep the laws."""

from __future__ import annotations

import json

import pytest

from mstoolkit.config.quota import QuotaSpec, WindowSpec
from mstoolkit.strategy.pacing import (
    CalendarQuota,
    Meter,
    Metered,
    SlidingWindow,
    Together,
    meter_of,
)
from mstoolkit.testing import MeterSuite


class TestMetered(MeterSuite):
    """A rate and a burst."""

    pause = 20.0
    parcel = 12

    def make(self) -> Meter:
        return Metered(0.4, 5)

    def most(self, start: float, end: float) -> float:
        return 5 + 0.4 * (end - start)


class TestMeteredOneByOne(MeterSuite):
    """A rate without a burst."""

    pause = 3.0

    def make(self) -> Meter:
        return Metered(2.0, 1)

    def most(self, start: float, end: float) -> float:
        return 1 + 2.0 * (end - start)


class TestSlidingWindow(MeterSuite):
    """A window that moves."""

    pause = 15.0

    def make(self) -> Meter:
        return SlidingWindow(20, 60.0)

    def most(self, start: float, end: float) -> float:
        return 20 if end - start <= 60.0 else 10**9


class TestWindowOfOne(MeterSuite):
    """One message a window."""

    pause = 5.0

    def make(self) -> Meter:
        return SlidingWindow(1, 10.0)

    def most(self, start: float, end: float) -> float:
        return 1 if end - start <= 10.0 else 10**9


class TestRateAndWindow(MeterSuite):
    """Both at once."""

    pause = 15.0
    additive = False  # a parcel is spread evenly; one by one, a burst would go ahead

    def make(self) -> Meter:
        return Together([Metered(0.5, 4), SlidingWindow(20, 60.0)])

    def most(self, start: float, end: float) -> float:
        window = 20 if end - start <= 60.0 else 10**9
        return min(window, 4 + 0.5 * (end - start))


class TestTwoRates(MeterSuite):
    """A fast short-term rate and a slow long-term one."""

    pause = 15.0
    parcel = 20
    additive = False

    def make(self) -> Meter:
        return Together([Metered(2.0, 3), Metered(0.25, 15)])

    def most(self, start: float, end: float) -> float:
        return min(3 + 2.0 * (end - start), 15 + 0.25 * (end - start))


class TestRateInQuota(MeterSuite):
    """A rate and an hourly quota: a parcel that reaches into the next hour is charged to both."""

    pause = 240.0
    parcel = 20
    additive = False

    def make(self) -> Meter:
        return Together([Metered(0.05, 10), CalendarQuota(40, "hour", "00:30", "UTC", 0.0)])

    def most(self, start: float, end: float) -> float:
        hours = (end + 1800.0) // 3600.0 - (start + 1800.0) // 3600.0 + 1
        return min(40 * hours, 10 + 0.05 * (end - start))


class TestSpreadWithinRate(MeterSuite):
    """A quota that is spread, under a rate that allows bursts."""

    pause = 400.0
    additive = False

    def make(self) -> Meter:
        spread = CalendarQuota(30, "hour", "00:00", "UTC", 0.0, spread=True)
        return Together([Metered(1.0, 10), spread])

    def most(self, start: float, end: float) -> float:
        return 30 * (end // 3600.0 - start // 3600.0 + 1)


def test_a_hundred_an_hour_after_a_burst_of_ten() -> None:
    """Vector gcra-100ph-burst10: ten at once, then one each 36 s."""
    meter, allowed = Metered(100 / 3600, 10), []
    for at in [0.0] * 11 + [35.999, 36.0, 72.0, 72.0]:
        wait = meter.ready_at(at) - at
        allowed.append(wait == 0.0)
        if wait:
            assert wait == pytest.approx({0.0: 36.0, 35.999: 0.001, 72.0: 36.0}[at])
        else:
            meter.commit(1, at)
    assert allowed == [True] * 10 + [False, False, True, True, False]


def test_a_backward_clock_waits() -> None:
    """Vector gcra-clock-backwards: ten seconds earlier the wait is ten seconds longer."""
    meter = Metered(0.1, 2)
    meter.commit(1, 100.0)
    meter.commit(1, 100.0)
    assert meter.ready_at(90.0) - 90.0 == pytest.approx(20.0)
    assert meter.ready_at(109.9) - 109.9 == pytest.approx(0.1)
    assert meter.ready_at(110.0) == 110.0


def test_a_parcel_is_a_minute_of_the_rate_or_the_burst() -> None:
    """Metered mail goes in parcels of a minute, of a burst where that is more, of one at least."""
    assert Metered(2.0, 10).room(0.0, 10**6) == 120
    assert Metered(0.1, 10).room(0.0, 10**6) == 10
    assert Metered(0.001, 1).room(0.0, 10**6) == 1


def test_another_rate_keeps_what_is_owed() -> None:
    """After a cut the next message waits at the new rate, and a snapshot knows that rate."""
    meter = Metered(1.0, 1)
    meter.commit(1, 0.0)
    meter.retune(0.5, 0.0)
    assert meter.ready_at(0.0) == pytest.approx(2.0)
    other = Metered(1.0, 1)
    other.restore(json.loads(json.dumps(meter.snapshot())))
    assert other.ready_at(0.0) == pytest.approx(2.0)
    assert other.commit(31, 2.0) == pytest.approx(60.0)


def test_a_slowly_spread_parcel_leaves_no_second_burst() -> None:
    """What another limit spread over a minute counts at its end, not as if long gone."""
    meter = Metered(1.0, 5)
    assert meter.commit(10, 0.0, span=60.0) == 60.0
    assert meter.room(60.0, 500) == 60
    assert meter.commit(5, 60.0) == pytest.approx(1.0), "five, the last of the ten being one"


def test_window_is_exact_at_its_edge() -> None:
    """A message leaves the window exactly when the window's length has passed, not before."""
    window = SlidingWindow(2, 0.3)
    window.commit(1, 0.1)
    window.commit(1, 0.2)
    ready = window.ready_at(0.2)
    assert ready == 0.1 + 0.3
    assert window.room(ready, 5) == 1
    assert window.room(0.39999, 5) == 0


def test_window_sees_no_double_at_an_edge() -> None:
    """Unlike a fixed window it lets no two quotas through around a boundary."""
    window, sent = SlidingWindow(10, 60.0), []
    for at in range(0, 300, 7):
        n = window.room(float(at), 10**6)
        if n:
            window.commit(n, float(at))
            sent += [at] * n
    assert all(sum(start <= at < start + 60 for at in sent) <= 10 for start in range(300))


def test_window_remembers_a_bounded_number_of_charges() -> None:
    """Ten thousand charges are joined to a thousand, and the limit is kept, a little strictly."""
    window = SlidingWindow(10_000, 1000.0)
    for k in range(10_000):
        window.commit(1, k * 0.09)
    assert len(window.snapshot()["entries"]) <= 1001
    assert window.room(900.0, 1) == 0
    assert 1000.0 <= window.ready_at(900.0) <= 1000.0 + 2.0 + 0.09


def test_window_gives_back_what_it_has_joined() -> None:
    """A charge that is remembered together with others can be given back, until it has lapsed."""
    window = SlidingWindow(10_000, 1000.0)
    for k in range(10_000):
        window.commit(1, k * 0.09)
    window.refund(1, 100 * 0.09)
    assert window.room(900.0, 10) == 1
    window.commit(1, 1100.0)
    room = window.room(1100.0, 10_000)
    window.refund(1, 200 * 0.09)
    assert window.room(1100.0, 10_000) == room


def test_window_gives_back_to_the_right_charge() -> None:
    """A refund takes from the charge that was made then, and not from one that lasts longer."""
    window = SlidingWindow(4, 60.0)
    window.commit(2, 0.0, span=10.0)
    window.commit(2, 5.0)
    window.refund(1, 5.0)
    assert window.room(5.0, 9) == 1
    assert window.room(65.0, 9) == 2, "the parcel of two counts until 70 s"


def test_window_gives_nothing_back_that_has_lapsed() -> None:
    """A charge that the window has left behind is worth nothing any more."""
    window = SlidingWindow(1, 60.0)
    window.commit(1, 0.0)
    window.commit(1, 60.0)
    window.refund(1, 0.0)
    assert window.ready_at(60.0) == 120.0


def test_together_charges_all_or_none() -> None:
    """Where one has no room nobody is charged."""
    rate, window = Metered(10.0, 10), SlidingWindow(5, 60.0)
    both = Together([rate, window])
    before = json.dumps(both.snapshot())
    with pytest.raises(ValueError, match="no room for 6 messages"):
        both.commit(6, 0.0)
    assert json.dumps(both.snapshot()) == before


def test_together_asks_the_smallest_budget_first() -> None:
    """The one that is exhausted first answers, and the others are not asked."""
    asked = []

    class Witness(SlidingWindow):
        def room(self, now: float, most: int) -> int:
            asked.append(self)
            return super().room(now, most)

    large, small = Witness(100, 60.0), Witness(1, 60.0)
    both = Together([large, small])
    both.commit(1, 0.0)
    asked.clear()
    assert both.room(0.0, 5) == 0
    assert asked == [small]


def test_together_waits_for_the_last() -> None:
    """The time that is named suits all of them."""
    both = Together([SlidingWindow(1, 60.0), SlidingWindow(5, 3600.0), Metered(1.0, 1)])
    for _ in range(5):
        both.commit(1, both.ready_at(0.0))
    assert both.ready_at(0.0) == 3600.0


def test_limits_make_a_meter() -> None:
    """No limit makes none, one makes it, several make one of all."""
    window, quota = WindowSpec(n=5, within=60.0), QuotaSpec(n=7, per="day")
    assert meter_of(None, 1, [], [], 0.0) is None
    assert isinstance(meter_of(1.0, 1, [], [], 0.0), Metered)
    assert isinstance(meter_of(None, 1, [], [quota], 0.0), CalendarQuota)
    both = meter_of(None, 1, [window], [quota], 0.0)
    assert both is not None
    both.commit(5, 0.0)
    both.commit(2, 60.0)
    assert both.ready_at(120.0) == 86400.0
