"""Weight by what a server can work on."""

from __future__ import annotations

from mstoolkit.strategy.weighting.base import Weighed, Weigher


class Capacity(Weigher):
    """The messages a second that the server can work on."""

    def factor(self, path: Weighed, now: float) -> float:
        return path.spec.speed
