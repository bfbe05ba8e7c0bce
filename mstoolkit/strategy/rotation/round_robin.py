"""Round robin: each ready server in turn, whatever its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation


class RoundRobin(Rotation):
    """The next ready server after the last one used; absent ones are skipped and owed nothing.

    Parameters
    ----------
    start : int
        Server to begin with, so that many queues do not begin with the same one.
    """

    def __init__(self, start: int = 0) -> None:
        self._last = start - 1

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        last = self._last
        for candidate in ready:
            if candidate.index > last:
                return candidate
        return ready[0]

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._last = chosen.index
        return False

    def snapshot(self) -> dict[str, Any]:
        return {"last": self._last}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._last = int(state["last"])
