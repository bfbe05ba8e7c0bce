"""Weight by what is left of a path's quota, so that quotas run out together."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mstoolkit.strategy.weighting.base import Weighed, Weigher

Left = Callable[[Weighed, float], float]


class QuotaLeft(Weigher):
    """The share of its quota that a path has left; 1 where it has none to keep.

    Parameters
    ----------
    left : callable
        Called as ``left(path, now)``; returns the share, 0 to 1. Who counts quotas knows it.

    Examples
    --------
    >>> from mstoolkit.testing.weigher import PlainPath
    >>> QuotaLeft(lambda path, now: 0.25).factor(PlainPath(), 0.0)
    0.25
    """

    timely: ClassVar[bool] = True

    def __init__(self, left: Left) -> None:
        self._left = left

    def factor(self, path: Weighed, now: float) -> float:
        return min(max(self._left(path, now), 0.0), 1.0)
