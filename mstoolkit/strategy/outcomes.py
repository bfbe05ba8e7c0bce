"""What a reply means to the sender: done, again later, or refused; and whom it blames."""

from __future__ import annotations

from typing import Literal, NamedTuple

from mstoolkit.mail import classify
from mstoolkit.model import Reply
from mstoolkit.strategy.failover import blame


class Judgement(NamedTuple):
    """A reply's outcome, its category, and whether it blames the path."""

    outcome: Literal["delivered", "deferred", "bounced"]
    category: str
    blames_path: bool


class Judge:
    """Looks replies up; each is judged once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Reply, Judgement] = {}

    def __call__(self, reply: Reply) -> Judgement:
        known = self._known.get(reply)
        if known is None:
            category = classify(reply)
            outcome: Literal["delivered", "deferred", "bounced"]
            if reply.positive:
                outcome = "delivered"
            else:
                outcome = "deferred" if reply.temporary else "bounced"
            known = Judgement(outcome, category, blame(category) == "path")
            if len(self._known) >= 10_000:
                self._known.clear()
            self._known[reply] = known
        return known
