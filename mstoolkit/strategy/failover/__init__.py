"""Failover: what is left alone after failures, for how long, and how it comes back."""

from mstoolkit.strategy.failover.blame import ABOUT_RECIPIENT, blame
from mstoolkit.strategy.failover.breaker import Breaker

__all__ = ["ABOUT_RECIPIENT", "Breaker", "blame"]
