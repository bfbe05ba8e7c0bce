"""Interleaved weighted round robin, as Linux Virtual Server and KumoMTA do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import gcd
from typing import Any, Literal

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation

_FINEST = 1000  # parts of the heaviest weight that others are rounded to, if they must be
_EXACT = 1e-9  # relative: rounding of the division, no more


class Interleaved(Rotation):
    """Rounds at a sinking level: each takes the servers whose weight reaches it, in their order.

    The level begins at the greatest weight and sinks by the greatest common divisor of all weights;
    below it the next cycle begins. Shares are exact in every cycle, but the heaviest servers stand
    alone at its head, so that mail comes in bursts where weights are very unequal.

    Published forms walk the list of those that are available and lose their place when it
    changes. Here the place is a server's number, and level and divisor belong to the weights of all
    servers that were ever ready: who is away misses its turns, is owed nothing, and shifts nobody
    else's. Where only one server is ready there is no choice, and nothing moves.

    Whole weights are taken as they are. Others are scaled to the smallest whole numbers in the same
    proportions, or, if the heaviest one's would exceed 1000, rounded to thousandths of it (at least
    one). A changed weight counts from the next choice on; the cycle that it meets is a mixture. A
    parcel counts as one choice, whatever its size.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    begin : int
        Server to begin with, so that many queues do not begin with the same one. From a later one
        than the first, one message goes to each of the rest before the first cycle.
    start : {"lvs", "kumomta"}
        ``"kumomta"`` begins as KumoMTA does, always with the second server.

    Notes
    -----
    LVS: kb.linuxvirtualserver.org, "Weighted Round-Robin Scheduling"; KumoMTA:
    crates/kumod/src/egress_source.rs (commit 3ebc1e85).
    """

    def __init__(
        self, servers: int, begin: int = 0, start: Literal["lvs", "kumomta"] = "lvs"
    ) -> None:
        first = 1 if start == "kumomta" else begin
        self._last = (first - 1) % servers
        self._level = 0
        self._weights = [0.0] * servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) < 2:
            return weighted[0] if weighted else None
        return self._next(weighted, self._seen(weighted))[0]

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) > 1:
            self._weights = self._seen(weighted)
            _, self._level = self._next(weighted, self._weights)
            self._last = chosen.index
        return False

    def _seen(self, candidates: Sequence[Candidate]) -> list[float]:
        """Return the weights of all servers as they were last seen."""
        weights = list(self._weights)
        for candidate in candidates:
            weights[candidate.index] = candidate.weight
        return weights

    def _next(self, candidates: Sequence[C], weights: list[float]) -> tuple[C, int]:
        """Return the next candidate and the level that it is taken at."""
        whole, step = whole_weights(tuple(weights))
        for candidate in candidates:
            if candidate.index > self._last and whole[candidate.index] >= self._level:
                return candidate, self._level
        highest = max([whole[candidate.index] for candidate in candidates])
        level = self._level - step
        if not 0 < level < highest:
            level = highest  # a new cycle, or rounds that nobody here takes part in
        return next(c for c in candidates if whole[c.index] >= level), level

    def snapshot(self) -> dict[str, Any]:
        return {"last": self._last, "level": self._level, "weights": list(self._weights)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._last, self._level = int(state["last"]), int(state["level"])
        self._weights = [float(weight) for weight in state["weights"]]


@lru_cache(maxsize=256)
def whole_weights(weights: tuple[float, ...]) -> tuple[tuple[int, ...], int]:
    """Return whole numbers in the weights' proportions, and their greatest common divisor.

    Parameters
    ----------
    weights : tuple of float
        At least one above 0; a weight of 0 stays 0.

    Examples
    --------
    >>> whole_weights((4, 2, 0))
    ((4, 2, 0), 2)
    >>> whole_weights((0.1, 0.25))
    ((2, 5), 1)
    """
    if all(weight == int(weight) for weight in weights):
        whole = tuple(int(weight) for weight in weights)
    else:
        shares = [weight / max(weights) for weight in weights]
        parts = next((n for n in range(1, _FINEST) if _divides(shares, n)), _FINEST)
        whole = tuple(max(round(share * parts), 1) if share else 0 for share in shares)
    return whole, gcd(*whole)


def _divides(shares: Sequence[float], parts: int) -> bool:
    return all(
        abs(share * parts - round(share * parts)) <= _EXACT * share * parts for share in shares
    )
