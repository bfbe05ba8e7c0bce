"""Static weights: what the file says."""

from __future__ import annotations

from mstoolkit.strategy.weighting.base import Weighed, Weigher


class Static(Weigher):
    """The weight that the file gives the server."""

    def factor(self, path: Weighed, now: float) -> float:
        return path.spec.weight
