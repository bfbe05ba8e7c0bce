"""Highest draw: each server draws a number up to its weight, and the highest one wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation.base import C, Candidate
from mstoolkit.strategy.rotation.sticky import StickyHash

_STEP = 2.0**-53


class HighestDraw(StickyHash):
    """The server with the greatest u x weight carries the message, u drawn for each from (0, 1).

    Shares are not in proportion to the weights: of two servers the lighter one gets half of its
    weight's share of the other's, w / (2 W). With weights 1 and 100 that is 0.5 %, not 1 %; with 50
    and 100 it is 25 %, not a third. Among equal weights it is a fair lot.

    A known message draws from a hash of the server's name and its key, so that it keeps its server
    over its retries as long as that can be used; then the next highest draw has it. Counted
    messages, whose keys are not known, draw from the present state: a look does not use the draws
    up, and each commitment moves on. A parcel counts as one choice, whatever its size.

    Parameters
    ----------
    servers : sequence of str
        Names of the pool's servers, in its order.
    seed : int
        From 0 to 2^64 - 1; another one deals all keys anew.
    draws : int
        Where the draws of counted messages begin, usually a `stream_key`.
    weighted : bool
        Whether draws are multiplied by the weights; else all servers that have one are alike.

    Notes
    -----
    Postal chooses an address by ``ORDER BY RAND() * priority DESC`` as a message is queued, and
    the queue keeps it (postalserver/postal 8ef89606, ip_address.rb, queued_message.rb). For the
    share: P(u p > v P) = p / (2 P) where p <= P.

    Examples
    --------
    >>> from mstoolkit.testing import contenders
    >>> lot = HighestDraw(["low", "high"])
    >>> homes = [lot.home(f"message {k}", contenders(10, 100)).index for k in range(10_000)]
    >>> homes.count(0)  # about 5 %
    490
    """

    def __init__(
        self, servers: Sequence[str], seed: int = 0, draws: int = 0, *, weighted: bool = True
    ) -> None:
        super().__init__(servers, seed)
        self._weighted = weighted
        self._draws = SplitMix64(draws)

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        draws = SplitMix64(SplitMix64(self._draws.state).next())  # a stream of its own each time
        best, highest = None, 0.0
        for candidate in ready:
            if candidate.weight > 0:
                drawn = (draws.uniform() + _STEP / 2.0) * self._factor(candidate)
                if drawn > highest:
                    best, highest = candidate, drawn
        return best

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._draws.next()
        return False

    def _score(self, candidate: Candidate, key: bytes) -> float:
        return self._uniform(candidate, key) * self._factor(candidate)

    def _factor(self, candidate: Candidate) -> float:
        return candidate.weight if self._weighted else 1.0

    def snapshot(self) -> dict[str, Any]:
        return {"draws": self._draws.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._draws.state = int(state["draws"])
