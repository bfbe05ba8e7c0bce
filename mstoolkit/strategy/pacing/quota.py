"""A quota that begins anew with the clock: so many messages an hour, a day, a week or a month."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mstoolkit.config.quota import Period
from mstoolkit.strategy.pacing.meter import MINUTE, Reversible

Window = tuple[float, float]
_HOUR = 3600.0
_DAY = timedelta(days=1)
_FIRST: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}


class CalendarQuota(Reversible):
    """At most `n` messages in each window of the calendar in a time zone.

    Days last 23 to 25 hours where clocks are put forward or back; a window that would begin at a
    time of day which is left out begins as much later, and at one that comes twice, with the first.
    Weeks begin on Monday, months on the first. Hours are always 3600 s, counted from the zone's
    clock at the epoch.

    With `spread` what is left is spread evenly over the rest of the window: the next message goes
    one share of the remaining time after the last one (deficit pacing). So a quota never goes at
    midnight, and time that was not used raises the rate of the rest instead of coming in a burst.

    Parameters
    ----------
    n : int
        Messages, at least 1.
    per : {"hour", "day", "week", "month"}
        The window.
    at : str
        Time of day, ``"HH:MM"``, when a window begins; of an hour only the minutes count.
    zone : str
        Name of the time zone in the IANA data base, as ``"Europe/Berlin"``.
    epoch : float
        Unix time (s) of scenario time 0.
    spread : bool
        Whether the quota is spread over the window.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        If there is no such zone.

    Examples
    --------
    >>> quota = CalendarQuota(1000, "day", "00:00", "Europe/Berlin", epoch=1_767_222_000.0)
    >>> quota.commit(1000, 3600.0), quota.ready_at(3600.0)
    (0.0, 86400.0)
    >>> even = CalendarQuota(24, "day", "00:00", "UTC", epoch=0.0, spread=True)
    >>> even.commit(1, 0.0), even.ready_at(0.0)
    (0.0, 3600.0)
    """

    def __init__(
        self, n: int, per: Period, at: str, zone: str, epoch: float, spread: bool = False
    ) -> None:
        super().__init__()
        self._n = n
        self._spread = spread
        self._calendar = _Calendar(per, at, zone, epoch)
        self._period = (per, at, zone)
        self._since = float("-inf")  # begin of the latest window that was charged
        self._used: dict[float, int] = {}  # messages by begin of their window, from `_since` on
        self._sent_at = float("-inf")  # when the last message that was charged leaves

    @property
    def period(self) -> tuple[str, str, str]:
        return self._period

    def ready_at(self, now: float) -> float:
        at = max(now, self._since)
        while True:
            start, end = self._calendar.window(at)
            left = self._left(start)
            if left and not (self._spread and self._sent_at >= end):
                return max(at, self._due(start, end, left))
            at = end

    def room(self, now: float, most: int) -> int:
        if self.ready_at(now) > now:
            return 0
        start, end = self._calendar.window(now)
        left = self._left(start)
        if not self._spread:
            return min(most, left)
        return min(most, left, max(1, int(MINUTE * left / (end - now))))

    def share_left(self, now: float) -> float:
        """Return the share, 0 to 1, that is left of the quota of the present window."""
        return self._left(self._calendar.window(now)[0]) / self._n

    def leaves(self, n: int, now: float) -> float:
        if not self._spread or n == 1:
            return now
        start, end = self._calendar.window(now)
        return now + (n - 1) * (end - now) / self._left(start)

    def _due(self, start: float, end: float, left: int) -> float:
        """Return when pacing lets the next message go; the last one is counted as not yet sent."""
        if not self._spread or self._sent_at < start:
            return start
        return self._sent_at + (end - self._sent_at) / (left + 1)

    def _left(self, start: float) -> int:
        return max(0, self._n - self._used.get(start, 0))

    def _charge(self, n: int, now: float, span: float) -> None:
        start, end = self._calendar.window(now)
        self._since = start
        self._sent_at = max(self._sent_at, now + span)
        self._used = {begin: used for begin, used in self._used.items() if begin >= start}
        apart = span / (n - 1) if n > 1 else span
        sent = 0
        while now + span >= end and sent < n:
            until = _before(end - now, apart, n)
            self._book(start, until - sent)
            sent = until
            start, end = self._calendar.window(end)
        self._book(start, n - sent)

    def _book(self, start: float, n: int) -> None:
        if n:
            self._used[start] = self._used.get(start, 0) + n

    def _give_back(self, n: int, charged_at: float) -> None:
        """Give back to the window of the charge; nothing if another window shares in charges.

        It is not known then to which of the two the messages belonged.
        """
        if list(self._used) == [self._since] and charged_at >= self._since:
            self._used[self._since] = max(0, self._used[self._since] - n)

    def _state(self) -> list[Any]:
        never = float("-inf")
        return [
            None if self._since == never else self._since,
            None if self._sent_at == never else self._sent_at,
            [[start, used] for start, used in self._used.items()],
        ]

    def _resume(self, state: list[Any]) -> None:
        since, sent_at, used = state
        self._since = float("-inf") if since is None else since
        self._sent_at = float("-inf") if sent_at is None else sent_at
        self._used = dict(used)


def _before(end: float, apart: float, n: int) -> int:
    """Return how many of `n` messages leave before `end`, the first at 0 and so far apart."""
    count = min(n, max(1, int(end / apart)))
    while count < n and count * apart < end:
        count += 1
    return count


class _Calendar:
    """The windows of a time zone's calendar in scenario time.

    The last window asked for is kept at hand, since most questions are about the same one.
    """

    def __init__(self, per: Period, at: str, zone: str, epoch: float) -> None:
        self._per = per
        self._hour, self._minute = (int(part) for part in at.split(":"))
        self._zone = ZoneInfo(zone)
        self._epoch = epoch
        self._recent: Window = (0.0, 0.0)

    def window(self, now: float) -> Window:
        """Return begin and end (s) of the window in which `now` lies."""
        start, end = self._recent
        if not start <= now < end:
            self._recent = start, end = self._hourly(now) if self._per == "hour" else self._of(now)
        return start, end

    def _hourly(self, now: float) -> Window:
        here = datetime.fromtimestamp(self._epoch, self._zone)
        first = (self._minute - here.minute) * 60.0 - here.second - here.microsecond * 1e-6
        passed = (now - first) // _HOUR
        if first + (passed + 1) * _HOUR <= now:  # rounded down
            passed += 1
        return first + passed * _HOUR, first + (passed + 1) * _HOUR

    def _of(self, now: float) -> Window:
        first = _FIRST[self._per]
        day = first(datetime.fromtimestamp(self._epoch + now, self._zone).date())
        while self._begin(day) > now:
            day = first(day - _DAY)
        following = self._next(day)
        while self._begin(following) <= now:
            day, following = following, self._next(following)
        return self._begin(day), self._begin(following)

    def _next(self, day: date) -> date:
        if self._per == "month":
            return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return day + (_DAY if self._per == "day" else 7 * _DAY)

    def _begin(self, day: date) -> float:
        begin = datetime(day.year, day.month, day.day, self._hour, self._minute, tzinfo=self._zone)
        return begin.timestamp() - self._epoch
