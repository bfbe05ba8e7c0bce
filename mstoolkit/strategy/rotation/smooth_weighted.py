"""Smooth weighted round robin, as nginx does it (commit 52327e0627f4), without failure coupling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation


class SmoothWeighted(Rotation):
    """Exact shares in every cycle, interleaved as evenly as can be.

    Each pick adds every ready server's weight to its score; the highest score is taken (the
    earliest on a tie) and pays the sum of the weights. The score of an absent server is frozen.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    """

    def __init__(self, servers: int) -> None:
        self._score = [0.0] * servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        best = ready[0]
        if len(ready) == 1:
            return best
        score = self._score
        highest = score[best.index] + best.weight
        for candidate in ready:
            reached = score[candidate.index] + candidate.weight
            if reached > highest:
                best, highest = candidate, reached
        return best

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        if len(ready) == 1:
            return False
        score = self._score
        total = 0.0
        for candidate in ready:
            charge = candidate.weight * n
            score[candidate.index] += charge
            total += charge
        score[chosen.index] -= total
        return False

    def split(self, candidates: Sequence[Candidate], n: int, now: float) -> list[int]:
        weights = [candidate.weight for candidate in candidates]
        cycle = int(sum(weights))
        if n <= 2 * cycle or any(weight != int(weight) for weight in weights):
            return super().split(candidates, n, now)
        before = list(self._score)
        counts = super().split(candidates, cycle, now)
        n -= cycle
        if self._score == before:  # else a past with others absent is still being evened out
            whole, n = divmod(n, cycle)
            counts = [count * (whole + 1) for count in counts]
        rest = super().split(candidates, n, now)
        return [count + more for count, more in zip(counts, rest, strict=True)]

    def snapshot(self) -> dict[str, Any]:
        return {"score": list(self._score)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._score = [float(value) for value in state["score"]]
