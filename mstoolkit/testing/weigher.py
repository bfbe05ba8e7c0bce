"""The laws of a weigher, as tests to inherit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isclose, isfinite
from typing import ClassVar

from mstoolkit.config import Server
from mstoolkit.model import SplitMix64, stream_key
from mstoolkit.strategy.weighting import Outcome, OutcomeKind, Weigher

_PASTS = 25  # pasts that a weigher is taken through before a law is tried
_STEPS = 40
_NEAR = 1e-9
_KINDS: Sequence[OutcomeKind] = ("delivered", "deferred", "bounced", "complained", "unsubscribed")


@dataclass(slots=True)
class PlainPath:
    """A path as a weigher sees it.

    Parameters
    ----------
    number : int
        Of the path.
    index : int
        Of its server in the pool.
    isp_name : str
        Its ISP.
    stream : str
        Its stream; empty where streams are not told apart.
    spec : Server
        Its server.
    """

    number: int = 0
    index: int = 0
    isp_name: str = "gmail"
    stream: str = ""
    spec: Server = field(default_factory=Server)


class WeigherSuite:
    """Laws that every weigher keeps; derive a class whose name begins with ``Test``.

    Each law is tried after many pasts: walks in which outcomes come in, suspensions end and time
    passes, from seconds to months. They are drawn from a fixed stream, so that a failure comes
    again.

    Attributes
    ----------
    commutes : bool
        Whether a learner comes to the same state in whichever order late news arrive. Leave it out
        only where that is impossible, as with averages over the latest values.

    Examples
    --------
    >>> from mstoolkit.strategy.weighting import Reputation
    >>> class TestMine(WeigherSuite):
    ...     def make(self):
    ...         return Reputation()
    >>> TestMine().test_looking_changes_nothing()
    """

    commutes: ClassVar[bool] = True

    def make(self) -> Weigher:
        """Return a fresh weigher; override this."""
        raise NotImplementedError

    def paths(self) -> list[PlainPath]:
        """Return the paths of three unequal servers to two ISPs; override it to try others."""
        specs = [
            Server(weight=1.0, speed=10.0, latency=0.02, region="eu"),
            Server(weight=2.0, speed=20.0, latency=0.05, region="us", cost_per_1000=0.1),
            Server(weight=3.0, speed=40.0, latency=0.09, cost_per_1000=0.5),
        ]
        return [
            PlainPath(len(specs) * row + index, index, isp, "", spec)
            for row, isp in enumerate(("gmail", "yahoo"))
            for index, spec in enumerate(specs)
        ]

    # -- laws

    def test_factors_are_finite_and_not_negative(self) -> None:
        """Whatever has happened, a factor is a number of 0 or more."""
        for _, weigher, now in self._pasts():
            for path, factor in zip(self.paths(), self._factors(weigher, now), strict=True):
                assert isfinite(factor), f"{path} has the factor {factor}"
                assert factor >= 0, f"{path} has the factor {factor}"

    def test_looking_changes_nothing(self) -> None:
        """`factor` is a look: the state stands, and a second look says the same."""
        for _, weigher, now in self._pasts():
            before = json.dumps(weigher.snapshot())
            first = self._factors(weigher, now)
            self._factors(weigher, now + 1e4)
            assert self._factors(weigher, now) == first, "a second look says otherwise"
            assert json.dumps(weigher.snapshot()) == before, "a look changed the state"

    def test_a_restored_weigher_goes_on_alike(self) -> None:
        """A snapshot survives JSON, and from there on both say the same, to the last digit."""
        for rng, weigher, now in self._pasts():
            other = self.make()
            other.restore(json.loads(json.dumps(weigher.snapshot(), allow_nan=False)))
            assert other.snapshot() == weigher.snapshot(), "restored to another state"
            draws = SplitMix64(rng.next())
            twin = SplitMix64(draws.state)
            then = self._walk(weigher, draws, now)
            self._walk(other, twin, now)
            mine, theirs = self._factors(weigher, then), self._factors(other, then)
            assert mine == theirs, f"the two part: {mine} and {theirs}"
            assert other.snapshot() == weigher.snapshot(), "the two part in what they keep"

    def test_late_news_may_come_in_any_order(self) -> None:
        """Where it `commutes`: when attempts were decided counts, not when news of them came."""
        if not self.commutes or not self.make().learns:
            return
        for rng, weigher, now in self._pasts():
            other = self.make()
            other.restore(json.loads(json.dumps(weigher.snapshot())))
            news = [self._news(rng, now + 1e5 * rng.uniform()) for _ in range(12)]
            at = now + 2e5
            for path, outcome in news:
                weigher.observe(path, outcome, at)
            for path, outcome in _shuffled(news, rng):
                other.observe(path, outcome, at)
            mine, theirs = self._factors(weigher, at), self._factors(other, at)
            for one, two in zip(mine, theirs, strict=True):
                assert isclose(one, two, rel_tol=_NEAR, abs_tol=_NEAR), (
                    f"in another order {mine} become {theirs}"
                )

    def test_news_of_others_moves_nothing(self) -> None:
        """Unless it `compares`: a path's factor depends on the path's own news."""
        if self.make().compares:
            return
        for rng, weigher, now in self._pasts():
            paths = self.paths()
            chosen = paths[rng.below(len(paths))]
            before = weigher.factor(chosen, now)
            for _ in range(12):
                path, outcome = self._news(rng, now)
                if path != chosen:
                    weigher.observe(path, outcome, now)
                    weigher.began(path, now)
            after = weigher.factor(chosen, now)
            assert after == before, f"news of others moved {chosen} from {before} to {after}"

    def test_other_isps_move_nothing(self) -> None:
        """Comparing or not: what happens at one ISP says nothing about another."""
        for rng, weigher, now in self._pasts():
            paths = self.paths()
            chosen = paths[rng.below(len(paths))]
            before = weigher.factor(chosen, now)
            for _ in range(12):
                path, outcome = self._news(rng, now)
                if path.isp_name != chosen.isp_name:
                    weigher.observe(path, outcome, now)
            after = weigher.factor(chosen, now)
            assert after == before, f"another ISP moved {chosen} from {before} to {after}"

    def test_time_moves_nothing_unless_it_is_timely(self) -> None:
        """What is not `timely` says the same a second or a month later."""
        if self.make().timely:
            return
        for _, weigher, now in self._pasts():
            before = self._factors(weigher, now)
            for wait in (1.0, 3600.0, 30 * 86400.0):
                assert self._factors(weigher, now + wait) == before, f"it moved within {wait} s"

    def test_who_does_not_learn_is_not_moved_by_news(self) -> None:
        """Without `learns` nobody tells it of outcomes, so nothing may depend on them."""
        if self.make().learns:
            return
        for rng, weigher, now in self._pasts():
            before = self._factors(weigher, now)
            for _ in range(12):
                weigher.observe(*self._news(rng, now), now)
            assert self._factors(weigher, now) == before, "it learned, though it says it does not"

    # -- pasts

    def _factors(self, weigher: Weigher, now: float) -> list[float]:
        return [weigher.factor(path, now) for path in self.paths()]

    def _pasts(self) -> Iterator[tuple[SplitMix64, Weigher, float]]:
        for number in range(_PASTS):
            rng = SplitMix64(stream_key(number, type(self).__name__))
            weigher = self.make()
            now = self._walk(weigher, rng, 0.0)
            yield rng, weigher, now

    def _walk(self, weigher: Weigher, rng: SplitMix64, now: float) -> float:
        """Let a weigher live for a while; return the time at its end."""
        pace = 10.0 ** rng.below(6)
        for _ in range(rng.below(_STEPS)):
            now += pace * rng.uniform()
            path, outcome = self._news(rng, now)
            if rng.below(8):
                weigher.observe(path, outcome, now)
            else:
                weigher.began(path, now)
        return now

    def _news(self, rng: SplitMix64, now: float) -> tuple[PlainPath, Outcome]:
        paths = self.paths()
        kind = _KINDS[rng.below(len(_KINDS))]
        fast = kind not in ("complained", "unsubscribed")
        outcome = Outcome(
            n=1 + rng.below(50),
            kind=kind,
            blamed=rng.below(2) == 0,
            latency=5.0 * rng.uniform() ** 3 if fast and rng.below(4) else 0.0,
            decided_at=max(0.0, now - 1e5 * rng.uniform() ** 4),
            reverses=kind == "bounced" and rng.below(3) == 0,
        )
        return paths[rng.below(len(paths))], outcome


def _shuffled(
    news: Sequence[tuple[PlainPath, Outcome]], rng: SplitMix64
) -> list[tuple[PlainPath, Outcome]]:
    left, out = list(news), []
    while left:
        out.append(left.pop(rng.below(len(left))))
    return out
