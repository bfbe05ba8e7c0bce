"""Weight by price: cheap servers carry more."""

from __future__ import annotations

from mstoolkit.strategy.weighting.base import Weighed, Weigher

_FREE = 0.01  # price of 1,000 messages at which a free server counts; an assumption


class Cost(Weigher):
    """The inverse of the price of 1,000 messages; a free server counts as 0.01."""

    def factor(self, path: Weighed, now: float) -> float:
        return 1.0 / max(path.spec.cost_per_1000, _FREE)
