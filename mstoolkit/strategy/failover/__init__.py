"""Failover: what is left alone after failures, for how long, and how it comes back."""

from mstoolkit.strategy.failover.blame import blame
from mstoolkit.strategy.failover.breaker import Breaker

__all__ = ["Breaker", "blame"]
