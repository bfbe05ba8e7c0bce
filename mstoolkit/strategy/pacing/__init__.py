"""Pacing: how fast a path may send, and how rate and connections follow a provider's answers."""

from mstoolkit.strategy.pacing.adaptive import AdaptiveRate, Aimd, Cubic, adaptive_of
from mstoolkit.strategy.pacing.concurrency import ConcurrencyFeedback, feedback_of
from mstoolkit.strategy.pacing.gcra import Gcra

__all__ = [
    "AdaptiveRate",
    "Aimd",
    "ConcurrencyFeedback",
    "Cubic",
    "Gcra",
    "adaptive_of",
    "feedback_of",
]
