"""What a reply means to the sender: done, again later, or refused; and whom it blames."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from mstoolkit.mail import classify
from mstoolkit.model import Reply
from mstoolkit.strategy.failover import Blame, blame
from mstoolkit.strategy.retry import hinted_delay


class Judgement(NamedTuple):
    """A reply's outcome and category, whom it blames, and the wait it asks for (s)."""

    outcome: Literal["delivered", "deferred", "bounced"]
    category: str
    blames: Blame
    wait: float = 0.0


@lru_cache(maxsize=10_000)
def judge(reply: Reply) -> Judgement:
    """Return what a reply means; each is judged once."""
    if reply.positive:
        return Judgement("delivered", "", "nobody")
    category = classify(reply)
    outcome: Literal["deferred", "bounced"] = "deferred" if reply.temporary else "bounced"
    wait = hinted_delay(reply.text) if reply.temporary else None
    return Judgement(outcome, category, blame(category, reply.text), wait or 0.0)
