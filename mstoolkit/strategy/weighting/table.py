"""Weights from a table: they may differ by ISP, stream and hour of day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import ClassVar

from mstoolkit.strategy.weighting.base import Weighed, Weigher

ANY = "*"  # stands for all servers that an entry does not name
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table.

    Parameters
    ----------
    factors : mapping of int to float
        Factors by the number of the server.
    others : float or None, optional
        Factor of all other servers; without it the entry says nothing about them.
    isps, streams : sequence of str, optional
        Where it holds; empty is everywhere.
    hours : tuple of float, optional
        From when to when it holds, in s since midnight, the end left out; over midnight if it ends
        before it begins. Without it the whole day.
    zone : tzinfo, optional
        Whose midnight that is.
    """

    factors: Mapping[int, float]
    others: float | None = None
    isps: Sequence[str] = ()
    streams: Sequence[str] = ()
    hours: tuple[float, float] | None = None
    zone: tzinfo = field(default=UTC)

    def holds(self, path: Weighed, at: float) -> bool:
        """Return whether it holds for a path at a time (s since 1970)."""
        if self.isps and path.isp_name not in self.isps:
            return False
        if self.streams and path.stream not in self.streams:
            return False
        return self.hours is None or _within(self.hours, _clock(at, self.zone))


class Table(Weigher):
    """The factor of the first entry that holds and names the server; 1 if there is none.

    So a later, more general entry says what happens to servers that an earlier one left out, and a
    server that no entry names keeps its weight. An entry with streams holds only where streams are
    told apart. Hours are those of the clock on the wall: summer time moves them.

    Parameters
    ----------
    entries : sequence of Entry
        In order of precedence.
    epoch : float
        Unix time (s since 1970) of scenario time 0.

    Examples
    --------
    >>> from mstoolkit.testing.weigher import PlainPath
    >>> table = Table([Entry({0: 3.0}, hours=(8 * 3600.0, 18 * 3600.0))], epoch=0.0)
    >>> table.factor(PlainPath(), 9 * 3600.0), table.factor(PlainPath(), 20 * 3600.0)
    (3.0, 1.0)
    """

    timely: ClassVar[bool] = True

    def __init__(self, entries: Sequence[Entry], epoch: float) -> None:
        self._entries = tuple(entries)
        self._epoch = epoch

    def factor(self, path: Weighed, now: float) -> float:
        at = self._epoch + now
        for entry in self._entries:
            factor = entry.factors.get(path.index, entry.others)
            if factor is not None and entry.holds(path, at):
                return factor
        return 1.0


def _clock(at: float, zone: tzinfo) -> float:
    """Return the seconds since midnight that the clock on the wall shows."""
    if zone is UTC:
        return at % _DAY
    wall = datetime.fromtimestamp(at, zone)
    return wall.hour * 3600.0 + wall.minute * 60.0 + wall.second + wall.microsecond * 1e-6


def _within(hours: tuple[float, float], clock: float) -> bool:
    begin, end = hours
    return begin <= clock < end if begin < end else clock >= begin or clock < end
