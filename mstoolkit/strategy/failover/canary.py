"""A canary: a new server or provider gets little mail first, and more as its figures hold."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, floor, lgamma, log, sqrt
from typing import Any, Literal, NamedTuple, get_args

from mstoolkit.config.isolation import CanarySpec

Result = Literal["delivered", "deferred", "bounced", "complained"]
Verdict = Literal["hold", "advance", "roll-back", "done"]


class Doubt(NamedTuple):
    """How sure a verdict must be: in standard errors, and as the probability of an accident."""

    deviations: float
    chance: float


CERTAIN = Doubt(1.645, 0.05)  # at the end of a step
EARLY = Doubt(3.29, 0.0005)  # before it (Haybittle, Peto), so that looking often condemns nobody
FEWEST = 50  # results of each side before the end of a step; of fewer the bounds promise too much
LOOKS = 6  # reviews in a step, the last at its end

_KINDS: tuple[Result, ...] = get_args(Result)


def canary_weight(share: float, others: float) -> float:
    """Return the weight at which a server carries a share of all mail.

    Parameters
    ----------
    share : float
        Share of all mail, 0 to below 1. At 1 the canary is over: the server's own weight holds.
    others : float
        Sum of the other servers' weights.

    Raises
    ------
    ValueError
        If the share is not from 0 to below 1.

    Examples
    --------
    >>> canary_weight(0.25, 3.0)
    1.0
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share must be from 0 to below 1, got {share:g}")
    return share / (1.0 - share) * others


def wilson(hits: int, n: int, deviations: float) -> tuple[float, float]:
    """Return the bounds of a share of `n` (Wilson, 1927); 0 and 1 if there is nothing to go by.

    Parameters
    ----------
    hits, n : int
        How many of how many.
    deviations : float
        Standard errors on either side.

    Examples
    --------
    >>> low, high = wilson(81, 263, 1.96)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if not n:
        return 0.0, 1.0
    share, square = hits / n, deviations**2
    centre = (share + square / (2 * n)) / (1.0 + square / n)
    reach = deviations / (1.0 + square / n) * sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def surely_lower(
    hits: int, n: int, other_hits: int, other_n: int, by: float, deviations: float
) -> bool:
    """Return whether a share is shown to be lower than another by more than a margin.

    The lower bound of the difference is that of Newcombe's hybrid of two Wilson intervals (1998,
    method 10), which holds for few results, and for none of them good or bad, too.

    Parameters
    ----------
    hits, n, other_hits, other_n : int
        The share, and the other one.
    by : float
        Margin, as a difference of shares.
    deviations : float
        Standard errors that it must be certain by.

    Examples
    --------
    >>> surely_lower(470, 500, 9500, 10_000, by=0.02, deviations=1.645)
    False
    >>> surely_lower(420, 500, 9500, 10_000, by=0.02, deviations=1.645)
    True
    """
    if not n or not other_n:
        return False
    share, other = hits / n, other_hits / other_n
    _, highest = wilson(hits, n, deviations)
    least, _ = wilson(other_hits, other_n, deviations)
    return other - share - sqrt((highest - share) ** 2 + (other - least) ** 2) > by


def surely_above(hits: int, n: int, share: float, chance: float) -> bool:
    """Return whether so many rare events are more than an accident at a share (Poisson).

    Parameters
    ----------
    hits, n : int
        How many of how many.
    share : float
        What they are held against.
    chance : float
        How probable an accident may be.

    Examples
    --------
    >>> surely_above(1, 500, share=0.001, chance=0.05), surely_above(3, 500, 0.001, 0.05)
    (False, True)
    """
    expected = n * share
    if hits <= expected or not expected:
        return hits > expected and n > 0
    term = exp(hits * log(expected) - expected - lgamma(hits + 1))
    tail, k = 0.0, hits
    while term > tail * 1e-12:
        tail += term
        k += 1
        term *= expected / k
    return tail < chance


class Counts(NamedTuple):
    """Results of one side."""

    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def ended(self) -> int:
        """Messages that came to an end."""
        return self.delivered + self.bounced

    @property
    def attempts(self) -> int:
        """Results of attempts."""
        return self.delivered + self.deferred + self.bounced


class Canary:
    """Raises a new server's share of all mail by steps, as long as it does no worse than others.

    Compared are, with the others' over the same time, the delivered share of what ended (delivered
    or bounced) and the deferred share of attempts; complaints are held against a share that is
    absolute. A result counts by when its attempt was decided on: those of earlier steps do not
    judge a later one. Complaints come days later, so those about the canary, and what it has
    delivered, are counted over all steps since it was started or set back.

    A step that is not over yet is ended only by what is beyond reasonable doubt (`EARLY`); once it
    has lasted and both sides have results enough, a probability of 95 % that the canary is worse
    by more than the tolerance sets it back, and else it goes on.

    Parameters
    ----------
    spec : CanarySpec
        Steps and tolerances.
    now : float
        When it starts, s.

    Attributes
    ----------
    share : float
        Its share of all mail now.
    reason : str
        What the last review went by, in figures.

    Examples
    --------
    >>> canary = Canary(CanarySpec(steps=(0.1, 1.0), every=60.0, least=100), now=0.0)
    >>> canary.observe(True, "delivered", 100, decided_at=10.0, now=12.0)
    >>> canary.observe(False, "delivered", 900, decided_at=10.0, now=12.0)
    >>> canary.review(now=60.0), canary.share
    ('done', 1.0)
    """

    def __init__(self, spec: CanarySpec, now: float) -> None:
        self._spec = spec
        self.restart(now)

    def restart(self, now: float) -> None:
        """Begin with the first step; an operator's word after a roll-back."""
        self.reason = ""
        self._enter(0, now)
        self._forget_complaints(now)

    def _enter(self, step: int | None, now: float) -> None:
        """Begin a step; None is out."""
        self._step = step
        self._begun = now
        self._own, self._others = Counts(), Counts()

    def _forget_complaints(self, now: float) -> None:
        self._known_from = now
        self._sent, self._complained = 0, 0

    @property
    def share(self) -> float:
        """The canary's share of all mail now: 0 if it is out, 1 if it is over."""
        return 0.0 if self._step is None else self._spec.steps[self._step]

    @property
    def is_over(self) -> bool:
        """Whether the last step is reached: the server is one of the pool, by its own weight."""
        return self._step == len(self._spec.steps) - 1

    @property
    def is_out(self) -> bool:
        """Whether it was rolled back, and waits for an operator."""
        return self._step is None

    def observe(self, is_canary: bool, kind: Result, n: int, decided_at: float, now: float) -> None:
        """Take note of `n` results of attempts that were decided on at a time (s).

        Parameters
        ----------
        is_canary : bool
            Whether they are the canary's, or one of the others'.
        kind : {"delivered", "deferred", "bounced", "complained"}
            What became of the messages.
        n : int
            How many.
        decided_at : float
            When the attempt was sent, s.
        now : float
            Scenario time, s.
        """
        if self.is_out or self.is_over:
            return
        if is_canary and decided_at >= self._known_from:
            self._sent += n if kind == "delivered" else 0
            self._complained += n if kind == "complained" else 0
        if decided_at < self._begun:
            return
        side = self._own if is_canary else self._others
        grown = Counts(*(n * (kind == each) + old for each, old in zip(_KINDS, side, strict=True)))
        if is_canary:
            self._own = grown
        else:
            self._others = grown

    def review(self, now: float) -> Verdict:
        """Look at the figures, move to another step if they say so, and tell which way.

        Returns
        -------
        {"hold", "advance", "roll-back", "done"}
            "hold" also while it is out; "done" once its share is 1. `reason` says why.
        """
        if self.is_over:
            return "done"
        if self._step is None:
            return "hold"
        spec = self._spec
        lasted = now >= self._begun + spec.every
        complete = lasted and min(self._own.attempts, self._others.attempts) >= spec.least
        worse = self._worse(CERTAIN if complete else EARLY)
        if worse:
            self.reason = worse
            return self._set_back(now)
        self.reason = self._figures()
        if not complete:
            return "hold"
        self._enter(self._step + 1, now)
        return "done" if self.share == 1.0 else "advance"

    def _set_back(self, now: float) -> Verdict:
        step = self._step
        self._enter(step - 1 if self._spec.mild and step else None, now)
        self._forget_complaints(now)
        return "roll-back"

    def _worse(self, doubt: Doubt) -> str:
        """Return in what the canary is shown to be worse, if it is."""
        spec, own, others = self._spec, self._own, self._others
        sure = doubt.deviations
        if min(own.ended, others.ended) >= FEWEST and surely_lower(
            own.delivered, own.ended, others.delivered, others.ended, spec.tolerance, sure
        ):
            return f"delivers worse: {self._figures()}"
        if min(own.attempts, others.attempts) >= FEWEST and surely_lower(
            others.deferred, others.attempts, own.deferred, own.attempts, spec.deferrals, sure
        ):
            return f"is deferred more: {self._figures()}"
        if surely_above(self._complained, self._sent, spec.complaints, doubt.chance):
            return f"draws complaints: {self._figures()}"
        return ""

    def _figures(self) -> str:
        own, others = self._own, self._others
        return (
            f"delivered {_percent(own.delivered, own.ended)} "
            f"(others {_percent(others.delivered, others.ended)}), "
            f"deferred {_percent(own.deferred, own.attempts)} "
            f"(others {_percent(others.deferred, others.attempts)}), "
            f"{self._complained} complaints of {self._sent}, "
            f"{own.attempts} attempts (others {others.attempts})"
        )

    def next_review(self, now: float) -> float | None:
        """Return when (s) to review next; None if it is over or out."""
        if self.is_over or self.is_out:
            return None
        pause = self._spec.every / LOOKS
        looks = floor((now - self._begun) / pause) + 1
        due = self._begun + looks * pause
        return due if due > now else due + pause

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "step": self._step,
            "begun": self._begun,
            "own": list(self._own),
            "others": list(self._others),
            "known_from": self._known_from,
            "sent": self._sent,
            "complained": self._complained,
            "reason": self.reason,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        self._step = state["step"]
        self._begun = state["begun"]
        self._own, self._others = Counts(*state["own"]), Counts(*state["others"])
        self._known_from = state["known_from"]
        self._sent, self._complained = state["sent"], state["complained"]
        self.reason = state["reason"]


def _percent(hits: int, n: int) -> str:
    return f"{hits / n:.1%}" if n else "nothing"
