"""Judges: what is made of good and bad messages over time, one class for each kind of memory.

A judge learns how many good and bad messages came since it was last told, and has an opinion
between 0 (bad) and 1 (good). What it learns at once counts as if it had come evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, lgamma, log, tanh
from typing import Any, Protocol

from mstoolkit.config.reputation import (
    AnyJudge,
    ExponentialSpec,
    Reputation,
    RspamdSpec,
    TxRepSpec,
)
from mstoolkit.isp.network import network_of

_LN_2 = log(2.0)
_STEEP, _SHIFT = 1.83178, 0.5493  # of Rspamd's tanh
_BEST, _WORST = tanh(-_SHIFT), tanh(_STEEP - _SHIFT)


class Judge(Protocol):
    """One memory of one sender."""

    def learn(self, now: float, good: float, bad: float) -> None:
        """Take note of messages since the last time."""

    def opinion(self, now: float) -> float:
        """Return the reputation, 0..1."""

    def snapshot(self) -> list[float]:
        """Return the state."""

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""


class Exponential:
    """Good and bad decay with a half-life: reputation = (prior + good) / (prior + good + bad).

    Examples
    --------
    >>> judge = Exponential(ExponentialSpec(kind="exponential", half_life=3600.0, prior=100))
    >>> judge.learn(0.0, 100, 50)
    >>> judge.opinion(0.0)
    0.8
    >>> round(judge.opinion(3600.0), 3)  # 150 of 175: the bad is half forgotten
    0.857
    """

    __slots__ = ("_at", "_bad", "_good", "_rate", "_spec")

    def __init__(self, spec: ExponentialSpec) -> None:
        self._spec = spec
        self._rate = _LN_2 / spec.half_life
        self._at = self._good = self._bad = 0.0

    def learn(self, now: float, good: float, bad: float) -> None:
        """Take note of messages since the last time."""
        self._fade(now)
        self._good += good
        self._bad += bad

    def opinion(self, now: float) -> float:
        """Return the reputation, 0..1."""
        self._fade(now)
        known = self._spec.prior + self._good
        return known / (known + self._bad)

    def snapshot(self) -> list[float]:
        """Return the state."""
        return [self._at, self._good, self._bad]

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._at, self._good, self._bad = state

    def _fade(self, now: float) -> None:
        if now > self._at:
            decay = exp((self._at - now) * self._rate)
            self._good *= decay
            self._bad *= decay
            self._at = now


class _Mean:
    """A mean of spam scores, which begins anew after a time without mail."""

    __slots__ = ("_at", "_n", "mean")

    def __init__(self) -> None:
        self._at = self._n = 0.0
        self.mean = 0.0

    def snapshot(self) -> list[float]:
        """Return the state."""
        return [self._at, self._n, self.mean]

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._at, self._n, self.mean = state

    def _take(self, now: float, n: float, score: float, expiry: float) -> None:
        """Let `n` messages of a score count."""
        if now - self._at > expiry:
            self._n = 0.0
        left = self._left(now, n) if self._n else 0.0
        self.mean = score + (self.mean - score) * left
        self._n += n
        self._at = now

    def _left(self, now: float, n: float) -> float:
        """Return the share of the difference from the mean that `n` messages leave."""
        raise NotImplementedError


class Rspamd(_Mean):
    """Rspamd's reputation plug-in (``reputation.lua``): v <- a s + (1 - a) v, a = 1 - exp(-dt/W).

    Good messages have a spam score of 0 and bad ones of ``reject``. Its contribution to a score,
    tanh(1.83178 v / reject - 0.5493), is -0.5 for a spotless sender and 0.857 for one of whom all
    was bad; the opinion is 1 for the first, 0 for the second, linear between (an assumption).

    Examples
    --------
    >>> judge = Rspamd(RspamdSpec(kind="rspamd"))
    >>> judge.learn(0.0, 50, 50)
    >>> round(judge.mean, 4), round(judge.opinion(0.0), 4)
    (7.5, 0.3729)
    """

    __slots__ = ("_spec",)

    def __init__(self, spec: RspamdSpec) -> None:
        super().__init__()
        self._spec = spec

    def learn(self, now: float, good: float, bad: float) -> None:
        """Take note of messages since the last time."""
        if good + bad > 0.0:
            score = self._spec.reject * bad / (good + bad)
            self._take(now, good + bad, score, self._spec.expiry)

    def opinion(self, now: float) -> float:
        """Return the reputation, 0..1."""
        spec = self._spec
        if self._n < spec.minimum or now - self._at > spec.expiry:
            return 1.0
        told = tanh(_STEEP * self.mean / spec.reject - _SHIFT)
        return min(1.0, max(0.0, (_WORST - told) / (_WORST - _BEST)))

    def _left(self, now: float, n: float) -> float:
        return exp((self._at - now) / self._spec.window)


class TxRep(_Mean):
    """SpamAssassin's TxRep: the mean score m of a sender moves the score of what comes next.

    With dilution d a message of score s moves the mean of c messages to (s + d c m) / (d c + 1), so
    c messages and n more of mean score s leave (m - s) G(c+n) G(c+1/d) / (G(c) G(c+n+1/d)) of the
    difference (G: gamma function). The opinion is how far the correction that a spotless message
    would get, factor x m, is from making it spam (an assumption).

    Examples
    --------
    >>> judge = TxRep(TxRepSpec(kind="txrep"))
    >>> judge.learn(0.0, 90, 10)
    >>> judge.mean, judge.opinion(0.0)
    (2.0, 0.8)
    """

    __slots__ = ("_spec",)

    def __init__(self, spec: TxRepSpec) -> None:
        super().__init__()
        self._spec = spec

    def learn(self, now: float, good: float, bad: float) -> None:
        """Take note of messages since the last time."""
        if good + bad > 0.0:
            score = self._spec.penalty * bad / (good + bad)
            self._take(now, good + bad, score, self._spec.expiry)

    def opinion(self, now: float) -> float:
        """Return the reputation, 0..1."""
        spec = self._spec
        if now - self._at > spec.expiry:
            return 1.0
        return min(1.0, max(0.0, 1.0 - spec.factor * self.mean / spec.spam))

    def _left(self, now: float, n: float) -> float:
        c, more = self._n, 1.0 / self._spec.dilution
        return exp(lgamma(c + n) - lgamma(c) + lgamma(c + more) - lgamma(c + n + more))


def judge_of(spec: AnyJudge) -> Judge:
    """Return a judge who knows nothing yet."""
    if isinstance(spec, ExponentialSpec):
        return Exponential(spec)
    return Rspamd(spec) if isinstance(spec, RspamdSpec) else TxRep(spec)


class Bench:
    """The judges of one provider: for each source IP those who judge it, some with others.

    Parameters
    ----------
    reputation : Reputation
        Which judges, and how their opinions are combined.
    """

    def __init__(self, reputation: Reputation) -> None:
        self._specs = reputation.judges
        self._combine = _COMBINED[reputation.combine]
        self._weights = [spec.weight for spec in self._specs]
        self._judges: dict[tuple[int, str], Judge] = {}

    def of(self, source_ip: str) -> list[Judge]:
        """Return those who judge a source IP, in the order of the profile."""
        return [self._judge(k, self._named(spec, source_ip)) for k, spec in enumerate(self._specs)]

    def reputation(self, judges: Sequence[Judge], now: float) -> float:
        """Return what they make of it together."""
        return self._combine([judge.opinion(now) for judge in judges], self._weights)

    def snapshot(self) -> list[Any]:
        """Return the state of all of them."""
        return [[*key, judge.snapshot()] for key, judge in sorted(self._judges.items())]

    def restore(self, state: Any) -> None:
        """Continue as those that the state was taken of."""
        for judge in self._judges.values():
            judge.restore([0.0, 0.0, 0.0])
        for number, name, row in state:
            self._judge(number, name).restore(row)

    @staticmethod
    def _named(spec: AnyJudge, source_ip: str) -> str:
        if spec.of == "domain":
            return ""
        network = network_of(source_ip, spec.prefix) if spec.of == "network" else ""
        return network or source_ip

    def _judge(self, number: int, name: str) -> Judge:
        judge = self._judges.get((number, name))
        if judge is None:
            judge = self._judges[number, name] = judge_of(self._specs[number])
        return judge


def _lowest(opinions: list[float], weights: list[float]) -> float:
    return min(opinions)


def _product(opinions: list[float], weights: list[float]) -> float:
    if min(opinions) <= 0.0:
        return 0.0
    logs = sum(weight * log(one) for one, weight in zip(opinions, weights, strict=True))
    return exp(logs / sum(weights))


def _mean(opinions: list[float], weights: list[float]) -> float:
    total = sum(one * weight for one, weight in zip(opinions, weights, strict=True))
    return total / sum(weights)


_COMBINED: dict[str, Callable[[list[float], list[float]], float]] = {
    "lowest": _lowest,
    "product": _product,
    "mean": _mean,
}
