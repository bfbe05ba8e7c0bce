"""Least loaded: the ready server with the fewest messages in flight for its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation


class LeastLoaded(Rotation):
    """Minimise (in flight + 1) / weight; on a tie the heavier, then the earlier server.

    What is in flight is what this rotation committed and was not yet told is settled.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    """

    scope: ClassVar[Literal["isp", "pool"]] = "pool"
    counts_load: ClassVar[bool] = True

    def __init__(self, servers: int) -> None:
        self._in_flight = [0] * servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        load = self._in_flight
        best = ready[0]
        least = (load[best.index] + 1) / best.weight
        for candidate in ready:
            loaded = (load[candidate.index] + 1) / candidate.weight
            if loaded < least or (loaded == least and candidate.weight > best.weight):
                best, least = candidate, loaded
        return best

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._in_flight[chosen.index] += n
        return False

    def settle(self, index: int, n: int) -> None:
        self._in_flight[index] -= n

    def snapshot(self) -> dict[str, Any]:
        return {"in_flight": list(self._in_flight)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._in_flight = [int(value) for value in state["in_flight"]]
