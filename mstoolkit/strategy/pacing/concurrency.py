"""Postfix's concurrency feedback: connections to a destination grow and shrink with its answers."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, Literal

from mstoolkit.config import FeedbackSpec

Feedback = Literal["fixed", "1/N", "1/sqrtN"]
_STATE = ("window", "success", "failure", "cohorts")


class ConcurrencyFeedback:
    """How many connections a path may use at once, as Postfix's queue manager decides it.

    Follows ``qmgr_queue.c`` of Postfix (the code, which drops two at the first failure where the
    pseudo-code of ``SCHEDULER_README`` drops one). A success adds to the positive score, a failure
    to connect takes from the negative one; a whole unit moves the window by one. Failures without a
    success between add up in pseudo-cohorts of 1 / window; `failed_cohorts` of them, and the
    destination counts as dead.

    Parameters
    ----------
    initial, limit : int
        Window at the start, and its largest.
    positive, negative : {"fixed", "1/N", "1/sqrtN"}
        Feedback of one success and one failure, N being the window.
    amount : float
        Numerator of the feedback; Postfix's default is 1.
    failed_cohorts : float
        How many failed pseudo-cohorts make a destination dead.

    Examples
    --------
    >>> feedback = ConcurrencyFeedback(initial=5, limit=20)
    >>> for _ in range(3):
    ...     feedback.succeeded(busy=5)
    >>> feedback.window
    8
    >>> feedback.failed()
    >>> feedback.window, feedback.dead
    (6, False)
    """

    __slots__ = (
        *_STATE,
        "_amount",
        "_failed_cohorts",
        "_initial",
        "_limit",
        "_negative",
        "_positive",
    )

    def __init__(
        self,
        initial: int = 5,
        limit: int = 20,
        positive: Feedback = "fixed",
        negative: Feedback = "fixed",
        amount: float = 1.0,
        failed_cohorts: float = 1.0,
    ) -> None:
        self._initial = initial
        self._limit = limit
        self._positive = positive
        self._negative = negative
        self._amount = amount
        self._failed_cohorts = failed_cohorts
        self.revive()

    @property
    def dead(self) -> bool:
        """Whether failures were so many that the destination is to be left alone."""
        return self.window == 0

    def revive(self, window: int | None = None) -> None:
        """Start over, as after a time in which the destination was left alone."""
        self.window = min(window or self._initial, self._limit)
        self.success = 0.0
        self.failure = 0.0
        self.cohorts = 0.0

    def succeeded(self, busy: int) -> None:
        """Take note of a delivery while `busy` connections were in use."""
        self.cohorts = 0.0
        if self.window == 0:
            self.revive(busy or self._initial)
            return
        if self.window >= self._limit or self.window >= busy + self._initial:
            return
        feedback = self._value(self._positive)
        self.success += feedback
        while self.success + feedback / 2.0 >= 1.0:
            self.window += 1
            self.success -= 1.0
            self.failure = 0.0
        self.window = min(self.window, self._limit)

    def failed(self) -> None:
        """Take note of a connection that could not be opened or was turned away."""
        if self.window == 0:
            return
        self.cohorts += 1.0 / self.window
        if self.cohorts >= self._failed_cohorts:
            self.window = 0
            return
        if self.window > 1:
            feedback = self._value(self._negative)
            self.failure -= feedback
            while self.failure - feedback / 2.0 < 0.0:
                self.window -= 1
                self.success = 0.0
                self.failure += 1.0
            self.window = max(self.window, 1)

    def _value(self, kind: Feedback) -> float:
        if kind == "fixed":
            return self._amount
        return self._amount / (self.window if kind == "1/N" else sqrt(self.window))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {name: getattr(self, name) for name in _STATE}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned; its limit may have been higher."""
        for name in _STATE:
            setattr(self, name, state[name])
        self.window = min(self.window, self._limit)


def feedback_of(spec: FeedbackSpec | None, connections: int) -> ConcurrencyFeedback | None:
    """Return how a path with so many connections adapts them, if it does."""
    if spec is None:
        return None
    return ConcurrencyFeedback(
        spec.initial, connections, spec.positive, spec.negative, spec.amount, spec.failed_cohorts
    )
