"""Ready candidates of a large pool: a list as any other, with their weights as an array beside it.

A rotation that looks at every candidate takes time in proportion to their number. Over an array
that is a tenth of a nanosecond each instead of fifty, so that a pool of a thousand servers costs
little more than one of ten.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from operator import attrgetter
from typing import Generic

import numpy as np
import numpy.typing as npt

from mstoolkit.strategy.rotation.base import C

MANY = 48  # servers from which on arrays are faster than loops
_by_index = attrgetter("index")


class Crowd(list[C], Generic[C]):
    """Ready candidates, sorted by index.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.

    Attributes
    ----------
    weights : array of float, shape (servers,)
        Weight by index; 0 for those that are not ready.
    """

    def __init__(self, servers: int) -> None:
        super().__init__()
        self.weights: npt.NDArray[np.float64] = np.zeros(servers)
        self._pull: npt.NDArray[np.float64] = np.full(servers, -np.inf)
        self._total: float | None = 0.0  # of the weights; None where it is to be found anew
        self._at: list[C | None] = [None] * servers

    def enter(self, candidate: C) -> None:
        """Take a candidate in."""
        insort(self, candidate, key=_by_index)
        index = candidate.index
        self.weights[index] = self._pull[index] = candidate.weight
        self._at[index], self._total = candidate, None

    def leave(self, candidate: C) -> None:
        """Let a candidate go."""
        index = candidate.index
        del self[bisect_left(self, index, key=_by_index)]
        self.weights[index], self._pull[index] = 0.0, -np.inf
        self._at[index], self._total = None, None

    def weigh(self) -> None:
        """Take note of weights that have changed."""
        for candidate in self:
            self.weights[candidate.index] = self._pull[candidate.index] = candidate.weight
        self._total = None

    @property
    def total(self) -> float:
        """The sum of the weights."""
        if self._total is None:
            self._total = float(self.weights.sum())
        return self._total

    def heaviest(self, scores: npt.NDArray[np.float64]) -> C:
        """Return the candidate with the highest sum of score and weight; on a tie the earliest."""
        found = self._at[int((scores + self._pull).argmax())]
        assert found is not None  # of those that are not ready every value is lower
        return found
