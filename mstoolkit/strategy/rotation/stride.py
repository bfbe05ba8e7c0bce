"""Static stride: weighted round robin whose whole state is one counter, as gRPC has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation

_FULL = 65535  # the heaviest server's weight: it is taken in every round
_OFFSET = _FULL // 2  # sets neighbours of equal weight apart


class StaticStride(Rotation):
    """The counter goes round the pool, and a server of weight w is taken in w / 65535 of rounds.

    Weights are scaled so that the heaviest ready server has 65535. With counter k, server
    i = k mod servers is passed over in round g = k div servers where
    (w g + i 32767) mod 65535 < 65535 - w. The counter goes round the pool and not round the ready
    ones, so that servers that come and go do not shift the others' turns; an absent one misses its
    turns and is owed nothing. Where only one server is ready there is no choice, and nothing moves.

    Weights may be any numbers; a server with less than 1 / 65535 of the heaviest one's is counted
    as having that much. A parcel counts as one choice, whatever its size.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    counter : int
        Where to begin.

    Notes
    -----
    grpc-go, balancer/weightedroundrobin/scheduler.go (commit 4793ad04). There a weight of 0 means
    that nothing is known and stands for the mean of the others; here it is never chosen.
    """

    def __init__(self, servers: int, counter: int = 0) -> None:
        self._servers = servers
        self._counter = counter

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) < 2:
            return weighted[0] if weighted else None
        index = self._next(weighted) % self._servers
        return next(candidate for candidate in weighted if candidate.index == index)

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) > 1:
            self._counter = self._next(weighted) + 1
        return False

    def _next(self, candidates: Sequence[Candidate]) -> int:
        """Return the first counter at which one of the candidates is taken."""
        heaviest = max([candidate.weight for candidate in candidates])
        scaled = {c.index: max(1, int(c.weight * _FULL / heaviest + 0.5)) for c in candidates}
        counter = self._counter
        while not self._takes(counter, scaled):
            counter += 1
        return counter

    def _takes(self, counter: int, scaled: Mapping[int, int]) -> bool:
        turn, index = divmod(counter, self._servers)
        weight = scaled.get(index, 0)
        return weight > 0 and (weight * turn + index * _OFFSET) % _FULL >= _FULL - weight

    def snapshot(self) -> dict[str, Any]:
        return {"counter": self._counter}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._counter = int(state["counter"])
