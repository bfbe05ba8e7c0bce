"""Smooth weighted round robin, as nginx does it (commit 52327e0627f4), without failure coupling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.crowd import MANY, Crowd

LONGEST = 2000  # picks of a cycle that is kept, so that many messages are split at once


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
        self._score: list[float] | npt.NDArray[np.float64] = [0.0] * servers
        if servers > MANY:
            self._score = np.zeros(servers)

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        best = ready[0]
        if len(ready) == 1:
            return best
        score = self._score
        if len(ready) > MANY and isinstance(ready, Crowd):
            crowd: Crowd[C] = ready
            return crowd.heaviest(np.asarray(score))
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
        if len(ready) > MANY and isinstance(ready, Crowd):
            score += ready.weights if n == 1 else ready.weights * n
            score[chosen.index] -= ready.total * n
            return False
        total = 0.0
        if n == 1:
            for candidate in ready:
                weight = candidate.weight
                score[candidate.index] += weight
                total += weight
        else:
            for candidate in ready:
                weight = candidate.weight * n
                score[candidate.index] += weight
                total += weight
        score[chosen.index] -= total
        return False

    def split(self, candidates: Sequence[Candidate], n: int, now: float) -> list[int]:
        weights = tuple(candidate.weight for candidate in candidates)
        short = n > 3 and 1 < len(weights) <= MANY and sum(weights) <= LONGEST
        if not short or any(weight != int(weight) for weight in weights):
            return super().split(candidates, n, now)
        orbit = _orbit(weights)
        start = orbit.places.get(tuple(self._score[each.index] for each in candidates))
        if start is None:  # a past with others absent is still being evened out
            return super().split(candidates, n, now)
        end = start + n
        for candidate, score in zip(candidates, orbit.states[end % orbit.length], strict=True):
            self._score[candidate.index] = score
        return [many - few for many, few in zip(orbit.given(end), orbit.given(start), strict=True)]

    def rescale(self, factor: float) -> None:
        scores = [float(round(value * factor)) for value in self._score]
        scores[scores.index(max(scores))] -= sum(scores)  # which is 0 but for rounding
        self._score[:] = scores

    def snapshot(self) -> dict[str, Any]:
        return {"score": [float(value) for value in self._score]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._score[:] = [float(value) for value in state["score"]]


class _Orbit:
    """The cycle of scores that equal beginnings run through, and how much each has got by then."""

    def __init__(self, weights: tuple[float, ...]) -> None:
        total, scores = sum(weights), [0.0] * len(weights)
        counts = [0] * len(weights)
        self.states = [tuple(scores)]
        self._counts = [tuple(counts)]
        while True:
            scores = [score + weight for score, weight in zip(scores, weights, strict=True)]
            best = scores.index(max(scores))
            scores[best] -= total
            counts[best] += 1
            self._counts.append(tuple(counts))
            if tuple(scores) == self.states[0]:
                break
            self.states.append(tuple(scores))
        self.length = len(self.states)
        self.places = {state: place for place, state in enumerate(self.states)}

    def given(self, picks: int) -> list[int]:
        """Return how many of so many picks from the beginning each has got."""
        laps, rest = divmod(picks, self.length)
        whole, part = self._counts[self.length], self._counts[rest]
        return [laps * each + more for each, more in zip(whole, part, strict=True)]


@lru_cache(maxsize=64)
def _orbit(weights: tuple[float, ...]) -> _Orbit:
    return _Orbit(weights)
