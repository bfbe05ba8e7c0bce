"""Pacing: how fast a path may send, and how that rate learns."""

from mstoolkit.strategy.pacing.adaptive import AdaptiveRate, Aimd, Cubic, adaptive_of
from mstoolkit.strategy.pacing.gcra import Gcra

__all__ = ["AdaptiveRate", "Aimd", "Cubic", "Gcra", "adaptive_of"]
