"""Earliest deadline first, as Envoy and Traefik share requests out by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Any

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation

_FINEST = 10**6  # largest denominator of a weight
_PARTS = 720_720 * 10**6  # most parts of a unit of time: a multiple of 1 to 16, and of millionths


class EarliestDeadline(Rotation):
    """A message from a server of weight w puts its next deadline off by 1 / w; the earliest goes.

    On a tie it is the one that has had its deadline for longest. A parcel of n messages puts the
    deadline off by n / w, so that shares hold however parcels are cut. A raised weight counts from
    the next deadline on.

    What is kept is the time left until each deadline. It passes for those that are ready: who is
    away finds its deadline as it left it, and is owed nothing. Where only one server is ready there
    is no choice, and nothing moves.

    Times are exact fractions, since ties decide the sequence: 5 x 1/5 must be 1. They are kept as
    whole numbers of a common part. A weight is taken to the nearest fraction with a denominator up
    to a million. Where weights change so much that the part would fall below 10^-12, times are
    rounded.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.

    Notes
    -----
    Envoy, source/common/upstream/edf_scheduler.h; Traefik, pkg/server/service/loadbalancer/wrr.
    There a clock runs on to the deadline that is taken, and deadlines are floats.

    Examples
    --------
    >>> from mstoolkit.testing import contenders, sequence
    >>> sequence(EarliestDeadline(2), contenders(3, 1), 8)
    'aabaaaba'
    """

    def __init__(self, servers: int) -> None:
        self._left: list[int | None] = [None] * servers
        self._parts = 1
        self._order = list(range(servers))

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) < 2:
            return weighted[0] if weighted else None
        left, _ = self._seen(weighted)
        by_index = {candidate.index: candidate for candidate in weighted}
        least = min([left[index] or 0 for index in by_index])
        first = next(k for k in self._order if k in by_index and left[k] == least)
        return by_index[first]

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        weighted = [candidate for candidate in ready if candidate.weight > 0]
        if len(weighted) > 1:
            left, parts = self._seen(weighted)
            passed = left[chosen.index] or 0
            for candidate in weighted:
                left[candidate.index] = (left[candidate.index] or 0) - passed
            self._left, self._parts = _due(left, parts, chosen, n)
            self._order.remove(chosen.index)
            self._order.append(chosen.index)
        return False

    def _seen(self, candidates: Sequence[Candidate]) -> tuple[list[int | None], int]:
        """Return what is left and its parts, with a first deadline for those who are new.

        None of these has None then; `or 0` says so to the type checker.
        """
        left, parts = list(self._left), self._parts
        for candidate in candidates:
            if left[candidate.index] is None:
                left, parts = _due(left, parts, candidate, 1)
        return left, parts

    def rescale(self, factor: float) -> None:
        self._left = [None if each is None else round(each / factor) for each in self._left]

    def snapshot(self) -> dict[str, Any]:
        return {"left": list(self._left), "parts": self._parts, "order": list(self._order)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._left = [None if each is None else int(each) for each in state["left"]]
        self._parts = int(state["parts"])
        self._order = [int(index) for index in state["order"]]


def _due(
    left: list[int | None], parts: int, candidate: Candidate, n: int
) -> tuple[list[int | None], int]:
    """Return what is left, and in which parts, with a candidate's deadline in n / weight."""
    weight = _exact(candidate.weight)
    finer = min(lcm(parts, weight.numerator), _PARTS)
    if finer != parts:
        left = [None if each is None else round(Fraction(each * finer, parts)) for each in left]
    left[candidate.index] = max(round(n * finer / weight), 1)
    return left, finer


@lru_cache(maxsize=1024)
def _exact(weight: float) -> Fraction:
    """Return the weight as people meant it: 0.2 is 1/5."""
    return Fraction(weight).limit_denominator(_FINEST) or Fraction(weight)
