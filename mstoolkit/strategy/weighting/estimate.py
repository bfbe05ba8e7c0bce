"""Estimates that age: a success rate in continuous time, and a latency that remembers peaks."""

from __future__ import annotations

from math import exp, floor
from typing import Any

_ERA = 32.0  # in units of tau: sums are kept relative to the start of the latest era; e^32 = 8e13
_PENALTY = float((1 << 47) - 1)  # Finagle's Long.MaxValue >> 16


class DecayedBeta:
    """A success rate whose evidence fades: an outcome weighs exp(-(now - decided_at) / tau).

    It does not matter in which order news arrive, only when their attempts were decided: sums are
    kept relative to a reference time that follows the latest decision in steps of 32 tau, so that
    neither late news nor months of mail spoil them. What is reversed before it was credited leaves
    a negative sum for a while; it reads as 0.

    The decayed sums are those of discounted Thompson sampling (Raj and Kalyani, arXiv 1707.09727)
    in continuous time.

    Parameters
    ----------
    tau : float
        Time (s) in which evidence fades to 1/e of its weight; its half-life is 0.69 tau.
    prior_good, prior_bad : float
        Successes and failures to begin with, which do not fade; one at least is above 0.

    Raises
    ------
    ValueError
        If tau is not above 0, or the prior is negative or empty.

    Examples
    --------
    >>> beta = DecayedBeta(3600.0, 9.0, 1.0)
    >>> beta.mean(0.0)
    0.9
    >>> beta.add(0.0, good=10.0)
    >>> beta.mean(0.0), round(beta.evidence(3600.0), 4)
    (0.95, 3.6788)
    """

    __slots__ = ("_bad", "_era", "_good", "_prior_bad", "_prior_good", "_tau")

    def __init__(self, tau: float, prior_good: float, prior_bad: float) -> None:
        if not (tau > 0 and min(prior_good, prior_bad) >= 0 and prior_good + prior_bad > 0):
            raise ValueError("tau and the prior's sum must be above 0, no part of it below")
        self._tau = tau
        self._prior_good, self._prior_bad = prior_good, prior_bad
        self._good = self._bad = 0.0
        self._era = 0

    def add(self, decided_at: float, *, good: float = 0.0, bad: float = 0.0) -> None:
        """Take note of outcomes; a reversal has negative successes.

        Parameters
        ----------
        decided_at : float
            Scenario time (s) of the attempt.
        good, bad : float
            Numbers of successes and failures.
        """
        era = floor(decided_at / (_ERA * self._tau))
        if era > self._era:
            fade = exp(-_ERA * (era - self._era))
            self._good *= fade
            self._bad *= fade
            self._era = era
        weight = exp((decided_at - self._reference) / self._tau)
        self._good += weight * good
        self._bad += weight * bad

    def counts(self, now: float) -> tuple[float, float]:
        """Return the decayed successes and failures, without the prior."""
        fade = exp(-max(0.0, now - self._reference) / self._tau)
        return max(0.0, self._good) * fade, max(0.0, self._bad) * fade

    def evidence(self, now: float) -> float:
        """Return the decayed number of outcomes."""
        good, bad = self.counts(now)
        return good + bad

    def mean(self, now: float, prior: float | None = None) -> float:
        """Return the estimated success rate.

        Parameters
        ----------
        now : float
            Scenario time, s.
        prior : float, optional
            Rate to expect before any evidence, instead of that of the prior; it counts for as many
            outcomes as the prior does.
        """
        good, bad = self.counts(now)
        strength = self._prior_good + self._prior_bad
        begun = self._prior_good if prior is None else prior * strength
        return (begun + good) / (strength + good + bad)

    @property
    def _reference(self) -> float:
        return _ERA * self._tau * self._era

    def snapshot(self) -> list[Any]:
        """Return the state as JSON-able values."""
        return [self._era, self._good, self._bad]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that `snapshot` returned."""
        self._era, self._good, self._bad = int(state[0]), float(state[1]), float(state[2])


class PeakEwma:
    """Finagle's peak-sensitive moving average: up at once, down with exp(-t / tau).

    A value above the average replaces it, a lower one draws it down by the time since the last one
    (``loadbalancer/PeakEwma.scala``). Finagle lets the average decay whenever it is read, too, so
    that reading changes later averages; here a look changes nothing.

    Parameters
    ----------
    tau : float
        Decay time, s; Finagle's default is 10.

    Attributes
    ----------
    cost : float
        The average as of the last value; 0 is unknown.
    stamp : float
        When (s) the last value was observed.

    Examples
    --------
    >>> average = PeakEwma(10.0)
    >>> average.observe(0.2, 1.0)
    >>> round(average.load(6.0), 4), round(average.load(6.0, pending=2), 4)
    (0.1213, 0.3639)
    """

    __slots__ = ("_tau", "cost", "stamp")

    def __init__(self, tau: float) -> None:
        self._tau = tau
        self.cost = 0.0
        self.stamp = 0.0

    def observe(self, value: float, now: float) -> None:
        """Take note of a value that was measured just now."""
        if value > self.cost:
            self.cost = value
        else:
            kept = exp(-max(0.0, now - self.stamp) / self._tau)
            self.cost = self.cost * kept + value * (1.0 - kept)
        self.stamp = now

    def load(self, now: float, pending: int = 0) -> float:
        """Return Finagle's load: the decayed average for each request in flight and the next one.

        Who is busy and was never measured gets a large penalty.
        """
        if self.cost == 0.0 and pending:
            return _PENALTY + pending
        return self.cost * exp(-max(0.0, now - self.stamp) / self._tau) * (pending + 1)

    def snapshot(self) -> list[float]:
        """Return the state as JSON-able values."""
        return [self.cost, self.stamp]

    def restore(self, state: list[float]) -> None:
        """Take over a state that `snapshot` returned."""
        self.cost, self.stamp = float(state[0]), float(state[1])
