"""Drives a dispatcher from a recorded log: parity, what it had to choose from, asked shares."""

from mstoolkit.replay.explain import Explanation, Moment, explain
from mstoolkit.replay.parity import Replay, compare_log, replay
from mstoolkit.replay.rows import Difference
from mstoolkit.replay.shares import asked_shares

__all__ = [
    "Difference",
    "Explanation",
    "Moment",
    "Replay",
    "asked_shares",
    "compare_log",
    "explain",
    "replay",
]
