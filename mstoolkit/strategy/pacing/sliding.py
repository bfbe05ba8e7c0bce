"""A window that moves with time: at most so many messages within its length, wherever it lies."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from mstoolkit.strategy.pacing.meter import SAME, Meter

_ENTRIES = 1000  # beyond these, charges that lie close together are remembered as one
_GRAINS = 500  # how many parts of the window then are told apart


class _Entry(NamedTuple):
    until: float  # when the last of them leaves
    since: float  # when they were taken; of joined ones, when the first parcel has left
    joined: bool
    n: int

    def holds(self, charged_at: float, span: float | None) -> bool:
        """Whether a parcel is among these messages."""
        if self.joined:
            return self.since <= charged_at + (span or 0.0) <= self.until
        same_span = span is None or abs(charged_at + span - self.until) <= SAME
        return self.since == charged_at and same_span


class SlidingWindow(Meter):
    """At most `n` messages in any half-open interval of `window` s.

    It keeps a log of what left when, which is exact up to a thousand charges within a window. If
    there are more, those within a 500th of the window are joined and expire with the latest of
    them, which is stricter. Messages of a spread parcel count as leaving with its last.

    Parameters
    ----------
    n : int
        Messages, at least 1.
    window : float
        Length of the interval, s.

    Examples
    --------
    >>> meter = SlidingWindow(3, 60.0)
    >>> meter.commit(2, 0.0), meter.commit(1, 10.0)
    (0.0, 0.0)
    >>> meter.ready_at(10.0), meter.room(60.0, most=500)
    (60.0, 2)
    """

    def __init__(self, n: int, window: float) -> None:
        self._n = n
        self._window = window
        self._entries: list[_Entry] = []
        self._held = 0

    def ready_at(self, now: float) -> float:
        gone, expired = self._expired(now)
        spent = self._held - expired
        ready = now
        for until, _, _, n in islice(self._entries, gone, None):
            if spent < self._n:
                break
            ready = until + self._window
            spent -= n
        return ready

    def room(self, now: float, most: int) -> int:
        return max(0, min(most, self._n - self._held + self._expired(now)[1]))

    def leaves(self, n: int, now: float) -> float:
        return now

    def commit(self, n: int, now: float, span: float = 0.0) -> float:
        # What has expired is dropped for good: a clock that goes back finds it no more, and still
        # not more room than there was.
        entries = self._entries
        gone, expired = self._expired(now)
        del entries[:gone]
        entry = _Entry(now + span, now, False, n)
        if entries and entries[-1][:3] == entry[:3]:
            entries[-1] = entry._replace(n=entries[-1].n + n)
        else:
            insort(entries, entry)
        self._held += n - expired
        if len(entries) > _ENTRIES:
            self._entries = _joined(entries, self._window / _GRAINS)
        return span

    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        charged = [k for k, entry in enumerate(self._entries) if entry.holds(charged_at, span)]
        for k in charged:
            entry = self._entries[k]
            back = min(n, entry.n)
            n -= back
            self._held -= back
            self._entries[k] = entry._replace(n=entry.n - back)
        self._entries = [entry for entry in self._entries if entry.n]

    @property
    def period(self) -> float:
        return self._window

    def snapshot(self) -> dict[str, Any]:
        return {"entries": [list(entry) for entry in self._entries]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._entries = [_Entry(*entry) for entry in state["entries"]]
        self._held = sum(entry.n for entry in self._entries)

    def _expired(self, now: float) -> tuple[int, int]:
        """Return how many entries, and how many messages, no longer count."""
        gone = expired = 0
        for until, _, _, n in self._entries:
            if until + self._window > now:
                break
            gone += 1
            expired += n
        return gone, expired


def _joined(entries: list[_Entry], within: float) -> list[_Entry]:
    """Return the entries, those joined that lie within so many seconds."""
    out: list[_Entry] = []
    first = float("-inf")
    for entry in entries:
        if entry.until - first <= within:
            out[-1] = _Entry(entry.until, first, True, out[-1].n + entry.n)
        else:
            out.append(entry)
            first = entry.since if entry.joined else entry.until
    return out
