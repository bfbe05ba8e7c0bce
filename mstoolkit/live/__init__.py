"""The live driver: the same dispatcher as in simulation, over real SMTP connections."""

from mstoolkit.live.feedback import FeedbackListener, Receivers
from mstoolkit.live.lateness import Lateness
from mstoolkit.live.run import LiveRun, run_send, send
from mstoolkit.live.signals import stop_on_signals

__all__ = [
    "FeedbackListener",
    "Lateness",
    "LiveRun",
    "Receivers",
    "run_send",
    "send",
    "stop_on_signals",
]
