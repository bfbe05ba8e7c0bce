"""Pacing: how fast a path may send."""

from mstoolkit.strategy.pacing.gcra import Gcra

__all__ = ["Gcra"]
