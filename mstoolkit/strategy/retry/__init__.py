"""Retry: when a deferred message goes again."""

from mstoolkit.strategy.retry.backoff import Backoff
from mstoolkit.strategy.retry.hint import hinted_delay

__all__ = ["Backoff", "hinted_delay"]
