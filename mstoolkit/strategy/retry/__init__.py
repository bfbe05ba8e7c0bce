"""Retry: when a deferred message goes again."""

from mstoolkit.strategy.retry.backoff import Backoff

__all__ = ["Backoff"]
