"""What every detector of outliers is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outlier:
    """A server that should be isolated now.

    Parameters
    ----------
    index : int
        Its number in the pool.
    rate : float
        Its success share, 0 to 1, of the outcomes that were looked at.
    threshold : float
        The share below which (Envoy's failure percentage: at which) it is isolated.
    reason : str
        The figures in words, for notices and logs.
    """

    index: int
    rate: float
    threshold: float
    reason: str


class OutlierDetector(ABC):
    """Tells which servers of a pool do so badly at one ISP that they should be isolated."""

    @abstractmethod
    def observe(self, index: int, good: int, bad: int, now: float) -> None:
        """Take note of outcomes of one server; the good ones count as the earlier ones.

        Parameters
        ----------
        index : int
            The server's number in the pool.
        good, bad : int
            How many outcomes speak for it and against it. What blames nobody is not told.
        now : float
            Scenario time, s.
        """

    def outliers(
        self, eligible: Sequence[int], isolated: Sequence[int], pool: int, now: float
    ) -> list[Outlier]:
        """Return who should be isolated now, worst first.

        The list is cut so that, with those who are isolated already, it is at most half of the pool
        (one of two or three), unless the detector has a limit of its own, and never the last
        eligible one. To ask after bad outcomes is enough, and when `next_check` says.

        Parameters
        ----------
        eligible : sequence of int
            Servers that may be used now; only they are judged and compared.
        isolated : sequence of int
            Servers that are isolated at this ISP now.
        pool : int
            Number of all servers.
        now : float
            Scenario time, s.
        """
        found = sorted(self._suspects(eligible, now), key=lambda each: (each.rate, each.index))
        room = min(self._room(len(isolated), pool), len(eligible) - 1)
        return found[: max(0, room)]

    @abstractmethod
    def _suspects(self, eligible: Sequence[int], now: float) -> list[Outlier]:
        """Return all outliers, in any order and number."""

    def _room(self, isolated: int, pool: int) -> int:
        """Return how many more may be isolated."""
        return max(1, pool // 2) - isolated

    @abstractmethod
    def readmitted(self, index: int) -> None:
        """Judge a server anew: it is back from isolation, or has been edited or replaced."""

    def next_check(self, now: float) -> float | None:
        """Return when (s) to ask for outliers without an outcome; None if outcomes are enough."""
        return None

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
