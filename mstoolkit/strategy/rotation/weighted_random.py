"""Weighted random: every message's server is drawn, with odds by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.drawing import draw_by_weight


class WeightedRandom(Rotation):
    """A uniform draw times the sum of the weights falls into one server's stretch of it.

    Shares follow the weights on average only: of n messages a server with share p gets n p, give
    or take sqrt(n p (1 - p)). Nothing is owed to who was away. Weights may be any numbers. A parcel
    counts as one choice, whatever its size.

    The draw is that of the present state, so that a look does not use it up; each commitment moves
    on by one. The state is one integer.

    Parameters
    ----------
    seed : int
        Where the draws begin, usually a `stream_key`.

    Notes
    -----
    The plain inversion of the cumulated weights (Devroye, *Non-Uniform Random Variate Generation*,
    1986, III.2); for a handful of servers an alias table would not pay.
    """

    def __init__(self, seed: int = 0) -> None:
        self._draws = SplitMix64(seed)

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        return draw_by_weight(ready, SplitMix64(self._draws.state))

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._draws.next()
        return False

    def snapshot(self) -> dict[str, Any]:
        return {"draws": self._draws.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._draws.state = int(state["draws"])
