"""Deficit round robin: turns measured in messages, so that parcels of any size keep to weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation


class DeficitRoundRobin(Rotation):
    """Each turn gives a server `quantum` x weight messages; what it sends beyond is owed.

    A server sends while its credit is above 0 and pays for every message, so that the last parcel
    of a turn may bring it below; then it is passed over until further turns have made up for that.
    The difference from the shares stays below the largest parcel and one turn, however parcels are
    cut. Weights may be any numbers: fractions of a message are carried over.

    A turn that is broken off, because its server is busy or out of use, is finished when the server
    is met again, instead of a new one: at most one turn is ever due. Who is away collects nothing.
    Where only one server is ready there is no choice, and nothing is charged.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    begin : int
        Server to begin with, so that many queues do not begin with the same one.
    quantum : float
        Messages a turn for a weight of 1. More of them keep to a server longer; fewer interleave.

    Notes
    -----
    Shreedhar and Varghese, "Efficient fair queuing using deficit round robin" (SIGCOMM 1995), in
    the form for striping over channels, surplus round robin, where the size need not be known
    beforehand: Adiseshu, Parulkar and Varghese, "A reliable and scalable striping protocol"
    (SIGCOMM 1996).
    """

    def __init__(self, servers: int, begin: int = 0, quantum: float = 1.0) -> None:
        self._quantum = quantum
        self._current = (begin - 1) % servers
        self._credit = [0.0] * servers

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        ring = self._ring(ready)
        if not ring:
            return None
        last = ring[-1]
        if last.index == self._current and self._credit[last.index] > 0:
            return last
        return min(ring, key=self._rounds)

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        ring = self._ring(ready)
        if len(ring) > 1:
            if chosen.index != self._current or self._credit[chosen.index] <= 0:
                self._turn_to(chosen, ring)
            self._credit[chosen.index] -= n
        return False

    def _ring(self, ready: Sequence[C]) -> list[C]:
        """Return those with a weight in the order of their turns; the present one comes last."""
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        k = len([candidate for candidate in weighted if candidate.index <= self._current])
        return weighted[k:] + weighted[:k]

    def _rounds(self, candidate: Candidate) -> int:
        """Return the round, from 1, in which its credit is above 0; rounds are not walked."""
        credit = self._credit[candidate.index]
        return 1 if credit > 0 else floor(-credit / (candidate.weight * self._quantum)) + 1

    def _turn_to(self, chosen: Candidate, ring: Sequence[Candidate]) -> None:
        """Give everyone the turns that pass until it is the chosen one's."""
        turns = self._rounds(chosen)
        for candidate in ring:
            if self._credit[candidate.index] <= 0:
                self._credit[candidate.index] += turns * candidate.weight * self._quantum
            if candidate is chosen:
                turns -= 1  # those behind it have not yet had the last one
        self._current = chosen.index

    def snapshot(self) -> dict[str, Any]:
        return {"current": self._current, "credit": list(self._credit)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._current = int(state["current"])
        self._credit = [float(value) for value in state["credit"]]
