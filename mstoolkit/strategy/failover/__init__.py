"""Failover: what is left alone after failures, for how long, and how it comes back."""

from mstoolkit.strategy.failover.blame import ABOUT_RECIPIENT, blame
from mstoolkit.strategy.failover.breaker import Breaker
from mstoolkit.strategy.failover.canary import Canary, canary_weight
from mstoolkit.strategy.failover.outliers import (
    IsolationTimes,
    Outlier,
    OutlierDetector,
    isolation_times_of,
    outliers_of,
)
from mstoolkit.strategy.failover.slow_start import next_step, ramp, ramp_connections

__all__ = [
    "ABOUT_RECIPIENT",
    "Breaker",
    "Canary",
    "IsolationTimes",
    "Outlier",
    "OutlierDetector",
    "blame",
    "canary_weight",
    "isolation_times_of",
    "next_step",
    "outliers_of",
    "ramp",
    "ramp_connections",
]
