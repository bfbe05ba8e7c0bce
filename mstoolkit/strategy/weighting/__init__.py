"""Weighers: how much of the mail a server should carry to an ISP. One file a kind."""

from mstoolkit.strategy.weighting.base import Outcome, OutcomeKind, Weighed, Weigher
from mstoolkit.strategy.weighting.capacity import Capacity
from mstoolkit.strategy.weighting.cost import Cost
from mstoolkit.strategy.weighting.delivery_rate import DeliveryRate
from mstoolkit.strategy.weighting.estimate import DecayedBeta, PeakEwma
from mstoolkit.strategy.weighting.latency import Latency
from mstoolkit.strategy.weighting.presets import weighers_of, weight, weight_of
from mstoolkit.strategy.weighting.quota_left import QuotaLeft
from mstoolkit.strategy.weighting.region import Region
from mstoolkit.strategy.weighting.registry import (
    own_weigher,
    register_weigher,
    registered_weighers,
)
from mstoolkit.strategy.weighting.reputation import Reputation
from mstoolkit.strategy.weighting.rounding import rounded
from mstoolkit.strategy.weighting.slow_start import SlowStart
from mstoolkit.strategy.weighting.static import Static
from mstoolkit.strategy.weighting.table import Entry, Table

__all__ = [
    "Capacity",
    "Cost",
    "DecayedBeta",
    "DeliveryRate",
    "Entry",
    "Latency",
    "Outcome",
    "OutcomeKind",
    "PeakEwma",
    "QuotaLeft",
    "Region",
    "Reputation",
    "SlowStart",
    "Static",
    "Table",
    "Weighed",
    "Weigher",
    "own_weigher",
    "register_weigher",
    "registered_weighers",
    "rounded",
    "weighers_of",
    "weight",
    "weight_of",
]
