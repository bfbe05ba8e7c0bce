"""What a provider thought of its source IPs at each review: kept in full while it is small.

A provider keeps at most so many reviews of all its source IPs together. Beyond that the older ones
are thinned to a spacing that doubles each time, the same for all, so that months fit into memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT = 200_000  # reviews of a provider, 48 bytes each; an engineering choice
_FIRST_SPACING = 120.0  # s, twice the time between two reviews
_WIDTH = 6
Review = tuple[float, float, float, float, float, bool]


class Archive:
    """The reviews of all source IPs of a provider.

    Parameters
    ----------
    kept : int
        How many at most, if there are not as many source IPs.

    Attributes
    ----------
    spacing : float
        Time (s) between two reviews that are kept; 0 while all are.
    rows : int
        How many there are.

    Examples
    --------
    >>> archive = Archive(kept=4)
    >>> history = archive.open()
    >>> for minute in range(6):
    ...     history.append((60.0 * minute, 1.0, 1.0, 2.0, 0.9, False))
    >>> [row[0] for row in history]
    [0.0, 120.0, 240.0]
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.spacing = 0.0
        self.kept = kept
        self.rows = 0
        self._histories: list[History] = []

    def open(self) -> History:
        """Return the empty history of one more source IP."""
        history = History(self)
        self._histories.append(history)
        return history

    def make_room(self) -> None:
        """Thin what is kept; there are too many."""
        self.spacing = max(_FIRST_SPACING, 2.0 * self.spacing)
        self.rows = sum(history.thin(self.spacing) for history in self._histories)

    def restored(self, spacing: float) -> None:
        """Go on after all histories were restored."""
        self.spacing = spacing
        self.rows = sum(len(history) for history in self._histories)


class History:
    """The reviews of one source IP: time (s), reputation, warmth, rate, inbox share, listed."""

    __slots__ = ("_archive", "_rows")

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._rows = array("d")

    def __len__(self) -> int:
        return len(self._rows) // _WIDTH

    def __iter__(self) -> Iterator[Review]:
        rows = self._rows
        for k in range(0, len(rows), _WIDTH):
            at, reputation, warmth, rate, inbox, listed = rows[k : k + _WIDTH]
            yield at, reputation, warmth, rate, inbox, bool(listed)

    def append(self, review: Review) -> None:
        """Keep a review, unless it comes too soon after the last that was kept."""
        rows, archive = self._rows, self._archive
        if archive.spacing and rows and review[0] - rows[-_WIDTH] < archive.spacing:
            return
        rows.extend(review)
        archive.rows += 1
        if archive.rows > archive.kept:
            archive.make_room()

    def thin(self, spacing: float) -> int:
        """Keep reviews that are so far apart (s), the first among them; return how many."""
        kept, last = array("d"), -1e18
        for k in range(0, len(self._rows), _WIDTH):
            if self._rows[k] - last >= spacing:
                last = self._rows[k]
                kept.extend(self._rows[k : k + _WIDTH])
        self._rows = kept
        return len(self)

    def placement(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the times (s) of the reviews and the inbox share from then on."""
        rows = np.array(self._rows).reshape(-1, _WIDTH)
        return rows[:, 0].copy(), rows[:, 4].copy()

    def snapshot(self) -> list[float]:
        """Return all rows, one after the other."""
        return self._rows.tolist()

    def restore(self, state: Any) -> None:
        """Take the rows of a snapshot."""
        self._rows = array("d", state)
