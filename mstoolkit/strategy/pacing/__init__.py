"""Pacing: how fast a path may send, and how rate and connections follow a provider's answers."""

from mstoolkit.strategy.pacing.adaptive import AdaptiveRate, Aimd, Cubic, adaptive_of
from mstoolkit.strategy.pacing.concurrency import ConcurrencyFeedback, feedback_of
from mstoolkit.strategy.pacing.gcra import Gcra
from mstoolkit.strategy.pacing.meter import Meter
from mstoolkit.strategy.pacing.metered import Metered
from mstoolkit.strategy.pacing.quota import CalendarQuota
from mstoolkit.strategy.pacing.registry import register_meter, registered_meters
from mstoolkit.strategy.pacing.sliding import SlidingWindow
from mstoolkit.strategy.pacing.together import Together, inherit, meter_of

__all__ = [
    "AdaptiveRate",
    "Aimd",
    "CalendarQuota",
    "ConcurrencyFeedback",
    "Cubic",
    "Gcra",
    "Meter",
    "Metered",
    "SlidingWindow",
    "Together",
    "adaptive_of",
    "feedback_of",
    "inherit",
    "meter_of",
    "register_meter",
    "registered_meters",
]
