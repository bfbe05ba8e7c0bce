"""Drives a dispatcher from a recorded log: the same inputs must give the same commands."""

from mstoolkit.replay.parity import Replay, compare_log, replay
from mstoolkit.replay.rows import Difference

__all__ = ["Difference", "Replay", "compare_log", "replay"]
