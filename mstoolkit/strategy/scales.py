"""Weights that move: what was learned, slow starts, hours of the day and canaries.

Weights are weighed anew in steps of time, not with every reply, so that rotations keep their turns
in between. Those that move, or are no whole numbers, are rounded to small whole ones, which keeps
cycles short: see `weighting.rounded` for the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mstoolkit.config import Policy, Server
from mstoolkit.strategy.failover import Canary, canary_weight
from mstoolkit.strategy.route import Choice
from mstoolkit.strategy.weighting import Outcome, rounded, weighers_of, weight
from mstoolkit.strategy.weighting.quota_left import Left

EVERY = 30.0  # s between two weighings


class Scales:
    """Weighs the choices of routes.

    Parameters
    ----------
    policy : Policy
        Weighers, canaries and slow start.
    servers : mapping of str to Server
        The pool, in its order of declaration.
    epoch : float
        Unix time (s) of scenario time 0.
    left : callable
        Tells the share, 0 to 1, that a path has left of its quotas.

    Attributes
    ----------
    learns : bool
        Whether outcomes move weights.
    moves : bool
        Whether weights move at all, with outcomes or by themselves.
    canaries : dict of str to Canary
        By server.
    """

    def __init__(
        self, policy: Policy, servers: Mapping[str, Server], epoch: float, left: Left
    ) -> None:
        self._weighers = weighers_of(policy.weighting, epoch, servers, left)
        self._learners = tuple(weigher for weigher in self._weighers if weigher.learns)
        self.canaries = {name: Canary(spec, 0.0) for name, spec in policy.canaries.items()}
        self.learns = bool(self._learners or self.canaries)
        timely = any(weigher.timely for weigher in self._weighers)
        self.moves = bool(self.learns or timely or policy.failover.slow_start)

    def weigh(self, choices: Sequence[Choice], now: float) -> bool:
        """Set the weights of a route's choices; return whether any of them became 0, or left it."""
        weights = [weight(self._weighers, c, now) * c.path.ramp for c in choices]
        if self.canaries:
            self._hold_canaries(choices, weights)
        if any(choice.path.heir for choice in choices):
            _bequeath(choices, weights)
        if self.moves or any(w != int(w) for w in weights):
            weights = [float(whole) for whole in rounded(weights)]
        crossed = any(bool(c.weight) != bool(w) for c, w in zip(choices, weights, strict=True))
        for choice, new in zip(choices, weights, strict=True):
            choice.weight = new
        return crossed

    def _hold_canaries(self, choices: Sequence[Choice], weights: list[float]) -> None:
        """Give canaries the share of their step, beside the weights of the others."""
        known = [self.canaries.get(choice.path.server.name) for choice in choices]
        others = sum(w for w, canary in zip(weights, known, strict=True) if canary is None)
        for number, canary in enumerate(known):
            if canary is None or canary.is_over:
                continue
            weights[number] = canary_weight(canary.share, others) if weights[number] else 0.0

    def observe(self, choice: Choice, outcome: Outcome, now: float) -> None:
        """Learn from what became of messages."""
        for weigher in self._learners:
            weigher.observe(choice, outcome, now)
        if outcome.kind == "unsubscribed":
            return
        for name, canary in self.canaries.items():
            own = choice.path.server.name == name
            canary.observe(own, outcome.kind, outcome.n, outcome.decided_at, now)

    def began(self, choices: Iterable[Choice], now: float) -> None:
        """Take note that paths are in use again after they were suspended."""
        for choice in choices:
            for weigher in self._weighers:
                weigher.began(choice, now)

    def review(self, now: float) -> list[str]:
        """Look at the canaries whose time has come; return those whose share moved."""
        moved = []
        for name, canary in self.canaries.items():
            due = canary.next_review(now - EVERY)
            if due is not None and due <= now and canary.review(now) != "hold":
                moved.append(name)
        return moved

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "weighers": [weigher.snapshot() for weigher in self._weighers],
            "canaries": {name: canary.snapshot() for name, canary in self.canaries.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        for weigher, row in zip(self._weighers, state["weighers"], strict=True):
            weigher.restore(row)
        for name, row in state["canaries"].items():
            self.canaries[name].restore(row)


def _bequeath(choices: Sequence[Choice], weights: list[float]) -> None:
    """Give the weight of paths whose mail is moved to their heirs too, where there are any."""
    numbers = {choice.path.server.name: number for number, choice in enumerate(choices)}
    own = list(weights)
    for number, choice in enumerate(choices):
        heir = numbers.get(choice.path.heir)
        if heir is not None:
            weights[heir] += own[number]
