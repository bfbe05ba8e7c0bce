"""Quotas by the calendar: so many in a day of the zone, be it 23, 24 or 25 hours long."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.quota import Period
from mstoolkit.strategy.pacing import CalendarQuota, Meter
from mstoolkit.testing import MeterSuite

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600.0, 86400.0


def unix(text: str, zone: str = "Europe/Berlin") -> float:
    """Return the Unix time of a wall clock's ``YYYY-MM-DD HH:MM``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


SPRING = unix("2026-03-28 12:00")  # the next day has 23 hours
AUTUMN = unix("2026-10-24 12:00")  # the next day has 25 hours


def berlin_days(start: float, end: float, epoch: float) -> int:
    """Return how many calendar days in Berlin a time touches."""
    first, last = (datetime.fromtimestamp(epoch + at, BERLIN).date() for at in (start, end))
    return (last - first).days + 1


class TestDaysAroundSpring(MeterSuite):
    """Ten a day in Berlin while clocks are put forward."""

    pause = 0.4 * DAY

    def make(self) -> Meter:
        return CalendarQuota(10, "day", "00:00", "Europe/Berlin", SPRING)

    def most(self, start: float, end: float) -> float:
        return 10 * berlin_days(start, end, SPRING)


class TestSpreadDaysAroundAutumn(MeterSuite):
    """Thirty a day in Berlin, spread, while clocks are put back."""

    pause = 0.2 * DAY

    def make(self) -> Meter:
        return CalendarQuota(30, "day", "00:00", "Europe/Berlin", AUTUMN, spread=True)

    def most(self, start: float, end: float) -> float:
        return 30 * berlin_days(start, end, AUTUMN)


class TestSpreadHours(MeterSuite):
    """So many an hour that parcels are spread over a minute."""

    pause = 600.0
    parcel = 40

    def make(self) -> Meter:
        return CalendarQuota(1200, "hour", "00:15", "UTC", 0.0, spread=True)

    def most(self, start: float, end: float) -> float:
        return 1200 * ((end - 900.0) // HOUR - (start - 900.0) // HOUR + 1)


class TestHours(MeterSuite):
    """A few an hour, all at once."""

    pause = 600.0

    def make(self) -> Meter:
        return CalendarQuota(25, "hour", "00:00", "UTC", 0.0)

    def most(self, start: float, end: float) -> float:
        return 25 * (end // HOUR - start // HOUR + 1)


def windows(quota: CalendarQuota, count: int) -> list[float]:
    """Exhaust window after window; return when each new one begins."""
    now, begins = 0.0, []
    for _ in range(count):
        quota.commit(quota.room(now, 10**6), now)
        now = quota.ready_at(now)
        begins.append(now)
    return begins


@pytest.mark.parametrize(
    ("epoch", "hours"), [(SPRING, [12, 35, 59]), (AUTUMN, [12, 37, 61])], ids=["23 h", "25 h"]
)
def test_days_are_as_long_as_clocks_make_them(epoch: float, hours: list[int]) -> None:
    """The quota begins anew at midnight of the zone, on days of 23 and 25 hours, too."""
    quota = CalendarQuota(3, "day", "00:00", "Europe/Berlin", epoch)
    assert windows(quota, 3) == [HOUR * each for each in hours]


def test_a_time_that_is_left_out_comes_as_much_later() -> None:
    """On the day without 02:30 the window begins at 03:30; the day after, at 02:30 again."""
    quota = CalendarQuota(3, "day", "02:30", "Europe/Berlin", unix("2026-03-28 02:30"))
    assert windows(quota, 3) == [
        unix(at) - unix("2026-03-28 02:30")
        for at in ("2026-03-29 03:30", "2026-03-30 02:30", "2026-03-31 02:30")
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    """On the day with 02:30 twice the window begins at the first, and once only."""
    epoch = unix("2026-10-24 02:30")
    quota = CalendarQuota(3, "day", "02:30", "Europe/Berlin", epoch)
    assert windows(quota, 3) == [24 * HOUR, 49 * HOUR, 73 * HOUR]


@pytest.mark.parametrize(
    ("per", "epoch", "begins"),
    [
        ("hour", "2026-01-31 10:20", ["2026-01-31 11:00", "2026-01-31 12:00"]),
        ("week", "2026-01-28 10:20", ["2026-02-02 06:00", "2026-02-09 06:00"]),
        ("month", "2026-01-31 10:20", ["2026-02-01 06:00", "2026-03-01 06:00"]),
        ("month", "2027-12-01 05:59", ["2027-12-01 06:00", "2028-01-01 06:00"]),
    ],
)
def test_hours_weeks_and_months(per: Period, epoch: str, begins: list[str]) -> None:
    """Weeks begin on Monday and months on the first, at their time of day; hours with theirs."""
    at = "00:00" if per == "hour" else "06:00"
    quota = CalendarQuota(2, per, at, "Asia/Kolkata", unix(epoch, "Asia/Kolkata"))
    since = unix(epoch, "Asia/Kolkata")
    assert windows(quota, 2) == [unix(each, "Asia/Kolkata") - since for each in begins]


def test_all_of_a_day_may_leave_at_once_unless_spread() -> None:
    """Without spread the quota is a stock that goes as fast as other limits let it."""
    quota = CalendarQuota(1000, "day", "00:00", "UTC", 0.0)
    assert quota.room(0.0, 10**6) == 1000
    assert quota.commit(1000, 0.0) == 0.0
    assert quota.ready_at(0.0) == DAY


def test_spread_is_even() -> None:
    """Twenty-four a day go at each full hour, and the next day begins with the next one."""
    quota, now, sent = CalendarQuota(24, "day", "00:00", "UTC", 0.0, spread=True), 0.0, []
    for _ in range(26):
        now = quota.ready_at(now)
        quota.commit(1, now)
        sent.append(now / HOUR)
    assert sent == pytest.approx(list(range(26)))


def test_spread_catches_up_without_a_burst() -> None:
    """After half a day of silence the whole quota goes at twice the pace, one by one."""
    quota, now, sent = CalendarQuota(24, "day", "00:00", "UTC", 0.0, spread=True), 12 * HOUR, []
    while now < DAY:
        quota.commit(1, now)
        sent.append(now / HOUR)
        now = quota.ready_at(now)
    assert sent == pytest.approx([12 + 0.5 * k for k in range(24)])


def test_spread_never_gives_the_quota_at_midnight() -> None:
    """A parcel is a minute of the present pace: of 14 400 a day ten, of few a day one."""
    assert CalendarQuota(14_400, "day", "00:00", "UTC", 0.0, True).room(0.0, 10**6) == 10
    assert CalendarQuota(14, "day", "00:00", "UTC", 0.0, True).room(0.0, 10**6) == 1


@given(waits=st.lists(st.floats(0.0, 30_000.0), min_size=1, max_size=30))
def test_spread_keeps_the_pace_of_what_is_left(waits: list[float]) -> None:
    """However long one waits, two messages of a day lie as far apart as the rest of it allows."""
    quota, now, left = CalendarQuota(20, "day", "00:00", "UTC", 0.0, spread=True), 0.0, 20
    for wait in waits:
        now = quota.ready_at(now) + wait
        if quota.ready_at(now) > now or now >= DAY:
            break
        quota.commit(1, now)
        assert quota.ready_at(now) >= now + (DAY - now) / left - 1e-6
        left -= 1


def test_a_parcel_that_reaches_into_the_next_window_is_charged_to_both() -> None:
    """Of eight messages from 90 s before midnight on, 30 s apart, five belong to the next day."""
    quota = CalendarQuota(8, "day", "00:00", "UTC", 0.0)
    quota.commit(8, DAY - 90.0, span=210.0)  # the fourth leaves at midnight
    assert quota.room(DAY - 90.0, 99) == 5
    assert quota.room(DAY, 99) == 3
    quota.refund(5, DAY - 90.0)
    assert (quota.room(DAY - 90.0, 99), quota.room(DAY, 99)) == (5, 8)


def test_an_old_refund_counts_in_its_window_only() -> None:
    """What was not sent may be sent the same day, and is worth nothing the day after."""
    quota = CalendarQuota(5, "day", "00:00", "UTC", 0.0)
    quota.commit(3, 100.0)
    quota.commit(2, 200.0)
    quota.refund(2, 100.0)
    assert quota.room(300.0, 99) == 2
    quota.commit(5, DAY)
    quota.refund(1, 100.0)
    assert quota.room(DAY, 99) == 0


def test_an_old_refund_quickens_the_rest() -> None:
    """With spread, what comes back late is spread over what is left of the window."""
    quota = CalendarQuota(4, "day", "00:00", "UTC", 0.0, spread=True)
    quota.commit(1, 0.0)
    quota.commit(1, 6 * HOUR)
    assert quota.ready_at(6 * HOUR) == 12 * HOUR
    quota.refund(1, 0.0)
    assert quota.ready_at(6 * HOUR) == 6 * HOUR + 18 * HOUR / 4


def test_yesterday_is_over_even_if_the_clock_goes_back() -> None:
    """Once a day is charged an earlier time waits for it, so that nothing counts twice."""
    quota = CalendarQuota(5, "day", "00:00", "UTC", 0.0)
    quota.commit(5, DAY - 10.0)
    quota.commit(1, DAY + 10.0)
    assert quota.ready_at(DAY - 5.0) == DAY
    assert quota.room(DAY - 5.0, 99) == 0


def test_a_fresh_quota_has_no_past() -> None:
    """The snapshot of a quota that was never charged is plain JSON."""
    quota = CalendarQuota(5, "day", "00:00", "UTC", 0.0)
    state = json.loads(json.dumps(quota.snapshot(), allow_nan=False))
    other = CalendarQuota(5, "day", "00:00", "UTC", 0.0)
    other.restore(state)
    assert other.room(0.0, 99) == 5


@given(epoch=st.floats(0.0, 2e9), per=st.sampled_from(["hour", "day"]))
def test_windows_follow_one_another_whatever_the_epoch(epoch: float, per: Period) -> None:
    """The end of a window is the begin of the next one, at fractions of a second, too."""
    quota = CalendarQuota(1, per, "00:00", "UTC", epoch)
    begins = windows(quota, 50)
    length = HOUR if per == "hour" else DAY
    assert 0.0 < begins[0] <= length + 1e-6
    steps = [later - begin for begin, later in pairwise(begins)]
    assert steps == pytest.approx([length] * 49, abs=1e-5)


def test_an_unknown_zone_is_refused() -> None:
    """There is no quota in a zone that nobody knows."""
    with pytest.raises(ZoneInfoNotFoundError):
        CalendarQuota(5, "day", "00:00", "Europe/Nowhere", 0.0)
