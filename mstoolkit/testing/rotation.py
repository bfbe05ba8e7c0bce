"""The laws of a rotation, as tests to inherit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, fsum
from typing import ClassVar

from mstoolkit.model import SplitMix64, stream_key
from mstoolkit.strategy.rotation import Rotation

_WALKS = 25  # pasts that a rotation is taken through before a law is tried
_LAPS = 40


@dataclass(slots=True)
class Contender:
    """A candidate as a rotation sees it; immutable by contract.

    Parameters
    ----------
    index : int
        Number of the server in the pool.
    weight : float
        Its present weight, above 0.
    tier : int
        Its tier; lower goes first.
    """

    index: int
    weight: float = 1.0
    tier: int = 1


def contenders(*weights: float) -> list[Contender]:
    """Return candidates with these weights, numbered from 0."""
    return [Contender(k, weight) for k, weight in enumerate(weights)]


def sequence(rotation: Rotation, ready: Sequence[Contender], n: int, *, now: float = 0.0) -> str:
    """Return the next choices among ready candidates as letters; a dot is a wait.

    Parameters
    ----------
    rotation : Rotation
        Chooses, and is charged.
    ready : sequence of Contender
        Numbers 0 to 25.
    n : int
        How many choices.
    now : float
        Scenario time, s.

    Examples
    --------
    >>> from mstoolkit.strategy.rotation import SmoothWeighted
    >>> sequence(SmoothWeighted(3), contenders(5, 1, 1), 7)
    'aabacaa'
    """
    letters = ""
    for _ in range(n):
        chosen = rotation.choose(ready, ready, now)
        if chosen is not None:
            rotation.commit(chosen, 1, ready, now)
        letters += "." if chosen is None else "abcdefghijklmnopqrstuvwxyz"[chosen.index]
    return letters


class RotationSuite:
    """Laws that every rotation keeps; derive a class whose name begins with ``Test``.

    Each law is tried after many pasts: walks in which candidates come and go, messages are charged
    and time passes. They are drawn from a fixed stream, so that a failure comes again.

    Attributes
    ----------
    servers : int
        Size of the pool that the laws are tried on.
    weighted : bool
        Whether shares follow the weights; then they are checked.
    burst : int or None
        How many messages beyond its share a candidate that was away may get when it is back; None
        where the rotation documents something else (a whole batch, catching up with the load).

    Examples
    --------
    >>> from mstoolkit.strategy.rotation import RoundRobin
    >>> class TestMine(RotationSuite):
    ...     def make(self, servers):
    ...         return RoundRobin()
    >>> TestMine().test_choosing_changes_nothing()
    """

    servers: ClassVar[int] = 4
    weighted: ClassVar[bool] = False
    burst: ClassVar[int | None] = None

    def make(self, servers: int) -> Rotation:
        """Return a fresh rotation for a pool of `servers`; override this."""
        raise NotImplementedError

    def candidates(self) -> list[Contender]:
        """Return the pool: unequal whole weights, one tier; override it to try another one."""
        return [Contender(k, float(1 + (2 * k) % 5)) for k in range(self.servers)]

    # -- laws

    def test_split_of_many_is_many_choices(self) -> None:
        """While weights and candidates stand, split(n) equals n choices of one, state included."""
        for rng, rotation, now in self._pasts():
            ready = _some(self.candidates(), rng)
            n = 1 + rng.below(60)
            other = self._copy(rotation)
            whole = rotation.split(ready, n, now)
            single = [0] * len(ready)
            for _ in range(n):
                chosen = other.choose(ready, ready, now)
                if chosen is not None:
                    other.commit(chosen, 1, ready, now)
                    single[ready.index(chosen)] += 1
            assert whole == single, f"split({n}) over {ready}: {whole}, one by one {single}"
            assert rotation.snapshot() == other.snapshot(), "the states differ after the split"

    def test_counts_sum_to_n_unless_it_waits(self) -> None:
        """A split hands out every message, or stops where `choose` says wait."""
        for rng, rotation, now in self._pasts():
            ready = _some(self.candidates(), rng)
            n = rng.below(40)
            counts = rotation.split(ready, n, now)
            assert len(counts) == len(ready), f"{len(counts)} counts for {len(ready)} candidates"
            assert min(counts) >= 0, f"negative counts: {counts}"
            waits = rotation.choose(ready, ready, now) is None
            assert sum(counts) == n or (waits and sum(counts) < n), f"{sum(counts)} of {n} given"

    def test_only_ready_candidates_are_chosen(self) -> None:
        """What is chosen is one of the ready candidates, or nothing."""
        for rng, rotation, now in self._pasts():
            eligible = _some(self.candidates(), rng)
            ready = _some(eligible, rng)
            chosen = rotation.choose(eligible, ready, now)
            assert chosen is None or chosen in ready, f"{chosen} is not ready: {ready}"

    def test_the_last_candidate_is_chosen(self) -> None:
        """A candidate that alone is eligible, and ready, carries the mail: nothing to wait for."""
        for rng, rotation, now in self._pasts():
            pool = self.candidates()
            alone = [pool[rng.below(len(pool))]]
            chosen = rotation.choose(alone, alone, now)
            assert chosen is alone[0], f"{alone[0]} is alone, and {chosen} was chosen"

    def test_choosing_changes_nothing(self) -> None:
        """`choose` is a look: the state stands, and a second look says the same."""
        for rng, rotation, now in self._pasts():
            eligible = _some(self.candidates(), rng)
            ready = _some(eligible, rng)
            before = json.dumps(rotation.snapshot())
            first = rotation.choose(eligible, ready, now)
            assert rotation.choose(eligible, ready, now) is first, "a second look says otherwise"
            assert json.dumps(rotation.snapshot()) == before, "a look changed the state"

    def test_a_restored_rotation_goes_on_alike(self) -> None:
        """A snapshot survives JSON, and from there on both choose the same."""
        for rng, rotation, now in self._pasts():
            other = self._copy(rotation)
            assert other.snapshot() == rotation.snapshot(), "restored to another state"
            walks = SplitMix64(rng.next())
            twin = SplitMix64(walks.state)
            mine = list(self._walk(rotation, walks, now))
            assert list(self._walk(other, twin, now)) == mine, "the two part"

    def test_a_change_by_itself_lies_ahead(self) -> None:
        """`next_change` is None or later than now, so that a driver makes headway."""
        for _, rotation, now in self._pasts():
            change = rotation.next_change(now)
            assert change is None or change > now, f"at {now} a change is promised for {change}"

    def test_shares_follow_the_weights(self) -> None:
        """Where `weighted`: over whole cycles everyone's share is its weight's, to a message."""
        if not self.weighted:
            return
        pool = self.candidates()
        cycle = fsum(candidate.weight for candidate in pool)
        counts = self.make(self.servers).split(pool, int(cycle) * 20, 0.0)
        for candidate, count in zip(pool, counts, strict=True):
            due = 20 * candidate.weight
            assert abs(count - due) <= 1, f"{candidate} got {count} messages, its share is {due}"

    def test_nobody_catches_up_on_return(self) -> None:
        """Where `burst` is given: a candidate that was away gets its share and no more."""
        if self.burst is None:
            return
        pool = self.candidates()
        cycle = fsum(candidate.weight for candidate in pool)
        for away in pool:
            share = away.weight / cycle if self.weighted else 1 / len(pool)
            for before in range(int(cycle)):
                rotation = self.make(self.servers)
                rotation.split(pool, before, 0.0)
                rotation.split([c for c in pool if c is not away], 500, 0.0)
                for n in range(1, int(cycle) + 1):
                    got = self._copy(rotation).split(pool, n, 0.0)[pool.index(away)]
                    due = ceil(n * share) + self.burst
                    assert got <= due, f"{away} is back and got {got} of {n}, at most {due} are due"

    # -- pasts

    def _pasts(self) -> Iterator[tuple[SplitMix64, Rotation, float]]:
        for number in range(_WALKS):
            rng = SplitMix64(stream_key(number, type(self).__name__))
            rotation = self.make(self.servers)
            steps = list(self._walk(rotation, rng, 0.0))
            yield rng, rotation, steps[-1][1] if steps else 0.0

    def _walk(self, rotation: Rotation, rng: SplitMix64, now: float) -> Iterator[tuple[int, float]]:
        pool = self.candidates()
        for _ in range(rng.below(_LAPS)):
            now += 200.0 * rng.uniform()
            eligible = _some(pool, rng)
            ready = _some(eligible, rng)
            chosen = rotation.choose(eligible, ready, now)
            if chosen is not None:
                n = 1 + rng.below(9)
                rotation.commit(chosen, n, ready, now)
                if rotation.counts_load:
                    rotation.settle(chosen.index, rng.below(n + 1))
                if rotation.learns:
                    good = rng.below(n + 1)
                    rotation.learn(chosen.index, good, n - good, now * rng.uniform(), now)
            yield -1 if chosen is None else chosen.index, now

    def _copy(self, rotation: Rotation) -> Rotation:
        other = self.make(self.servers)
        other.restore(json.loads(json.dumps(rotation.snapshot())))
        return other


def _some(pool: Sequence[Contender], rng: SplitMix64) -> list[Contender]:
    """Return some of them, at least one, in their order."""
    while True:
        kept = [candidate for candidate in pool if rng.uniform() < 0.6]
        if kept:
            return kept
