"""Power of two choices: two servers are drawn, and the less loaded one is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.drawing import draw_by_weight


class PowerOfTwo(Rotation):
    """Of two distinct servers drawn by weight, the one with less in flight / weight; or the first.

    As both are drawn by weight, idle servers share the mail by weight too, and weights may be any
    numbers. What is in flight is what this rotation committed and was not yet told is settled. A
    server that was away comes back idle and is preferred wherever it is drawn.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    seed : int
        Where the draws begin, usually a `stream_key`.

    Notes
    -----
    Mitzenmacher, "The power of two choices in randomized load balancing" (IEEE TPDS 12, 2001); the
    draw by weight is that of nginx's ``random two least_conn``, the comparison with ties to the
    first drawn that of Finagle's ``WeightedP2CPick``.
    """

    scope: ClassVar[Literal["isp", "pool"]] = "pool"
    counts_load: ClassVar[bool] = True

    def __init__(self, servers: int, seed: int = 0) -> None:
        self._draws = SplitMix64(seed)
        self._in_flight = [0] * servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        draws = SplitMix64(self._draws.state)
        first = draw_by_weight(ready, draws)
        second = draw_by_weight([c for c in ready if c is not first], draws)
        if first is None or second is None:
            return first
        load = self._in_flight
        lighter = load[second.index] * first.weight < load[first.index] * second.weight
        return second if lighter else first

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._draws.next()
        self._draws.next()
        self._in_flight[chosen.index] += n
        return False

    def settle(self, index: int, n: int) -> None:
        self._in_flight[index] -= n

    def snapshot(self) -> dict[str, Any]:
        return {"draws": self._draws.state, "in_flight": list(self._in_flight)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._draws.state = int(state["draws"])
        self._in_flight = [int(value) for value in state["in_flight"]]
