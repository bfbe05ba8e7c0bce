"""Sticky: a key (a recipient, a domain) keeps its server, and no table of keys is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import ceil, log
from typing import Any, ClassVar, Literal

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.smooth_weighted import SmoothWeighted

_ROUND = 2.0**40  # scores are compared in these parts, as the last bits of log differ by platform
_STEP = 2.0**-53
_MOST = 1.0 - _STEP  # u must stay below 1


class StickyHash(Rotation):
    """Weighted rendezvous hashing: a key's home is the server with the best score for that key.

    A server's score is -w / ln(u) with u in (0, 1) from a hash of its name and the key. Homes are
    shared out by weight; without a server only its own keys move, and to the others by weight; a
    raised weight moves keys to that server only. Names are hashed, so that the order of declaration
    does not matter, and two pools share homes if they share names and seed.

    `home` and `order` keep no score. `choose` is for counted messages, whose keys are not known: it
    shares them by weight, as `SmoothWeighted` does. How many go by each server is then what keys
    would give on average; which ones is not known. Messages that are committed to their homes
    count in it.

    Domains make bad keys for shares: a few of them are most of the mail. Use `BoundedSticky`.

    Parameters
    ----------
    servers : sequence of str
        Names of the pool's servers, in its order.
    seed : int
        From 0 to 2^64 - 1; another one deals all keys anew.

    Notes
    -----
    Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (IEEE/ACM ToN 6,
    1998); with weights: Schindelhauer and Schomaker, "Weighted distributed hash tables" (SPAA
    2005). h is BLAKE2b with a digest of 8 bytes, read big-endian, keyed with the seed (8 bytes,
    big-endian), over name, zero byte, key; u = ((h >> 11) + 1/2) / 2^53. FNV-1a, which others use,
    mixes too little: it can give all keys to one of three servers (Traefik, fd5a576d).

    Examples
    --------
    >>> from mstoolkit.testing import contenders
    >>> sticky = StickyHash(["mta-1", "mta-2", "mta-3"])
    >>> [server.index for server in sticky.order("ann@example.com", contenders(1, 1, 1))]
    [2, 0, 1]
    >>> sticky.home("ann@example.com", contenders(1, 1, 0)).index
    0
    """

    keyed: ClassVar[bool] = True

    def __init__(self, servers: Sequence[str], seed: int = 0) -> None:
        key = seed.to_bytes(8, "big")
        self._hashes = [blake2b(name.encode() + b"\0", digest_size=8, key=key) for name in servers]
        self._counted = SmoothWeighted(len(servers))

    def home(self, key: str, eligible: Sequence[C]) -> C | None:
        """Return the server that a key belongs to among these, or None if none has a weight.

        Parameters
        ----------
        key : str
            Whatever is to keep its server; case counts.
        eligible : sequence of Candidate
            All that may be used, busy or not, sorted by index.
        """
        data, best, highest = key.encode(), None, -1.0
        for candidate in eligible:
            if candidate.weight > 0:
                score = self._score(candidate, data)
                if score > highest:
                    best, highest = candidate, score
        return best

    def order(self, key: str, candidates: Sequence[C]) -> list[C]:
        """Return the servers in a key's order of preference; the first one is its home.

        Parameters
        ----------
        key : str
            Whatever is to keep its server; case counts.
        candidates : sequence of Candidate
            Sorted by index; those of weight 0 are left out.
        """
        data = key.encode()
        scored = [(-self._score(each, data), each) for each in candidates if each.weight > 0]
        return [each for _, each in sorted(scored, key=_first)]

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        return self._counted.choose(eligible, ready, now)

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        return self._counted.commit(chosen, n, ready, until)

    def rescale(self, factor: float) -> None:
        self._counted.rescale(factor)

    def _score(self, candidate: Candidate, key: bytes) -> float:
        u = min(self._uniform(candidate, key), _MOST)
        return round(-candidate.weight / log(u) * _ROUND)

    def _uniform(self, candidate: Candidate, key: bytes) -> float:
        """Return a number between 0 and 1 that belongs to a server and a key."""
        digest = self._hashes[candidate.index].copy()
        digest.update(key)
        return ((int.from_bytes(digest.digest(), "big") >> 11) + 0.5) * _STEP

    def snapshot(self) -> dict[str, Any]:
        return self._counted.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._counted.restore(state)


class BoundedSticky(StickyHash):
    """Sticky, but no server has more in flight than `bound` times its share: the next one takes it.

    A key goes to the first server in its order of preference that has fewer messages in flight than
    bound (m + 1) w / W, rounded up; m are in flight on all that are eligible, and w / W is the
    server's share of their weights. Some server always has. What is in flight is what this rotation
    committed and was not yet told is settled.

    Parameters
    ----------
    servers : sequence of str
        Names of the pool's servers, in its order.
    seed : int
        From 0 to 2^64 - 1; another one deals all keys anew.
    bound : float
        Above 1. Near 1 loads are level and keys move often.

    Notes
    -----
    Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (SODA 2018), there
    on a ring and without weights. HAProxy calls 1.25 to 2 reasonable (``hash-balance-factor``).
    """

    scope: ClassVar[Literal["isp", "pool"]] = "pool"
    counts_load: ClassVar[bool] = True

    def __init__(self, servers: Sequence[str], seed: int = 0, bound: float = 1.25) -> None:
        super().__init__(servers, seed)
        self._bound = bound
        self._in_flight = [0] * len(servers)

    def home(self, key: str, eligible: Sequence[C]) -> C | None:
        """Return the first server in a key's order that has room, or None if none has a weight.

        Parameters
        ----------
        key : str
            Whatever is to keep its server; case counts.
        eligible : sequence of Candidate
            All that may be used, busy or not, sorted by index.
        """
        weighted = [candidate for candidate in eligible if candidate.weight > 0]
        load = self._in_flight
        heaviness = sum([candidate.weight for candidate in weighted])
        messages = self._bound * (sum([load[each.index] for each in weighted]) + 1)
        roomy = [
            each for each in weighted if load[each.index] < ceil(messages * each.weight / heaviness)
        ]
        return super().home(key, roomy)

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._in_flight[chosen.index] += n
        return super().commit(chosen, n, ready, until)

    def settle(self, index: int, n: int) -> None:
        self._in_flight[index] -= n

    def snapshot(self) -> dict[str, Any]:
        return {**super().snapshot(), "in_flight": list(self._in_flight)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._in_flight = [int(value) for value in state["in_flight"]]


def _first(scored: tuple[float, Candidate]) -> float:
    return scored[0]
