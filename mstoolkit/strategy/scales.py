"""Weights that move: what was learned, slow starts, hours of the day and canaries.

Weights are weighed anew in steps of time, not with every reply, so that rotations keep their turns
in between. Those that move, or are no whole numbers, are rounded to small whole ones, which keeps
cycles short: see `weighting.rounded` for the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from mstoolkit.config import Policy, Server
from mstoolkit.strategy.failover import Canary, canary_weight
from mstoolkit.strategy.route import Choice
from mstoolkit.strategy.weighting import Outcome, rounded, weighers_of, weight
from mstoolkit.strategy.weighting.quota_left import Left

EVERY = 30.0  # s between two weighings
PARTS = 100  # in which weights are dealt out; a canary's first step may ask for more
MOST_PARTS = 10_000


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
        self._policy = policy
        self._offset = epoch % EVERY
        self._looked = 0.0  # when canaries were last reviewed, s
        self._weighers = weighers_of(policy.weighting, epoch, servers, left)
        self._learners = tuple(weigher for weigher in self._weighers if weigher.learns)
        self.canaries = {name: Canary(spec, 0.0) for name, spec in policy.canaries.items()}
        self.learns = bool(self._learners or self.canaries)
        timely = any(weigher.timely for weigher in self._weighers)
        self.moves = bool(self.learns or timely or policy.failover.slow_start)

    def weigh(self, choices: Sequence[Choice], now: float) -> bool:
        """Set the weights of a route's choices; return whether any of them became 0, or left it."""
        weights = [weight(self._weighers, c, now) * c.path.ramp for c in choices]
        parts = self._hold_canaries(choices, weights) if self.canaries else PARTS
        if any(choice.path.heir for choice in choices):
            _bequeath(choices, weights)
        if self.moves or any(w != int(w) for w in weights):
            weights = [float(whole) for whole in rounded(weights, parts)]
        crossed = any(bool(c.weight) != bool(w) for c, w in zip(choices, weights, strict=True))
        for choice, new in zip(choices, weights, strict=True):
            choice.weight = new
        return crossed

    def _hold_canaries(self, choices: Sequence[Choice], weights: list[float]) -> int:
        """Give canaries the share of their step; return in how many parts weights are dealt out.

        Where a route has no other server, a canary carries its mail unless it is out. Canaries
        that together ask for all mail are each held against the others alone.
        """
        known = [self.canaries.get(choice.path.server.name) for choice in choices]
        shares = {k: c.share for k, c in enumerate(known) if c and not c.is_over}
        asked = sum(share for k, share in shares.items() if weights[k])
        others = [(c.home, w) for k, (c, w) in enumerate(zip(choices, weights, strict=True))
                  if k not in shares]  # fmt: skip
        parts = PARTS
        for k, share in shares.items():
            beside = sum(w for home, w in others if home or not choices[k].home)
            if not share or not weights[k]:
                weights[k] = 0.0
            elif beside:
                rest = (1.0 - share) / (1.0 - asked) if asked < 1.0 else 1.0
                weights[k] = canary_weight(share, beside * rest) * choices[k].path.ramp
                parts = min(max(parts, ceil(1.0 / share)), MOST_PARTS)
        return parts

    def observe(self, choice: Choice, outcome: Outcome, now: float) -> None:
        """Learn from what became of messages."""
        for weigher in self._learners:
            weigher.observe(choice, outcome, now)
        if outcome.kind == "unsubscribed":
            return
        for name, canary in self.canaries.items():
            own = choice.path.server.name == name
            if outcome.reverses:
                canary.observe(own, "delivered", -outcome.n, outcome.decided_at, now)
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
            due = canary.next_review(self._looked)
            if due is not None and due <= now and canary.review(now) != "hold":
                moved.append(name)
        self._looked = now
        return moved

    def restart(self, server: str, now: float) -> Canary | None:
        """Try a server again that was rolled back; return its canary if there is one."""
        canary = self.canaries.get(server)
        if canary is None or not canary.is_out:
            return None
        canary.restart(now)
        return canary

    def next_weighing(self, now: float) -> float:
        """Return when (s) to weigh next: in step with the clock, as hours of the day are."""
        due = ((now + self._offset) // EVERY + 1.0) * EVERY - self._offset
        return due if due > now else due + EVERY

    def inherit(self, old: Scales, now: float) -> None:
        """Take over what was learned for those of another policy that it has unchanged."""
        was, policy = old._policy, self._policy
        for spec, weigher in zip(policy.weighting, self._weighers, strict=True):
            for known, other in zip(was.weighting, old._weighers, strict=True):
                if known == spec:
                    weigher.restore(other.snapshot())
        for name, canary in self.canaries.items():
            if was.canaries.get(name) == policy.canaries[name]:
                canary.restore(old.canaries[name].snapshot())
            else:
                canary.restart(now)
        self._looked = old._looked

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "weighers": [weigher.snapshot() for weigher in self._weighers],
            "canaries": {name: canary.snapshot() for name, canary in self.canaries.items()},
            "looked": self._looked,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        for weigher, row in zip(self._weighers, state["weighers"], strict=True):
            weigher.restore(row)
        for name, row in state["canaries"].items():
            self.canaries[name].restore(row)
        self._looked = state["looked"]


def _bequeath(choices: Sequence[Choice], weights: list[float]) -> None:
    """Give the weight of paths whose mail is moved to their heirs too, where there are any."""
    numbers = {choice.path.server.name: number for number, choice in enumerate(choices)}
    own = list(weights)
    for number, choice in enumerate(choices):
        heir = numbers.get(choice.path.heir)
        if heir is not None:
            weights[heir] += own[number]
