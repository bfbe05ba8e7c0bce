"""Batch rotation: N messages from a server, then the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation


class BatchRotation(Rotation):
    """Stay on a server until `size` messages were sent from it, or it may no longer be used.

    It waits for its server while that one is merely busy, and for the batch to be out before the
    next one begins. A server that becomes ineligible forfeits the rest of its batch, and the next
    one gets a full batch.

    Parameters
    ----------
    size : int
        Messages in a row.
    """

    scope: ClassVar[Literal["isp", "pool"]] = "pool"
    waits: ClassVar[bool] = True

    def __init__(self, size: int) -> None:
        self._size = size
        self._index = 0
        self._left = size
        self._until = 0.0

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        index = self._index
        if self._left <= 0:
            if now < self._until and any(c.index == index for c in eligible):
                return None
            index += 1
        current = next((c for c in eligible if c.index >= index), eligible[0])
        for candidate in ready:
            if candidate.index == current.index:
                return candidate
        return None

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        if chosen.index != self._index or self._left <= 0:
            self._index = chosen.index
            self._left = self._size
        self._left -= n
        self._until = max(self._until, until)
        return self._left <= 0

    def snapshot(self) -> dict[str, Any]:
        return {"index": self._index, "left": self._left, "until": self._until}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._index, self._left = int(state["index"]), int(state["left"])
        self._until = float(state["until"])

    def next_change(self, now: float) -> float | None:
        return self._until if self._left <= 0 and self._until > now else None
