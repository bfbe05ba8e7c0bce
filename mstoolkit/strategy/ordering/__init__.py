"""Ordering: which of the mail that waits for an ISP goes next."""

from mstoolkit.strategy.ordering.keyed import HomeQueue
from mstoolkit.strategy.ordering.ordered import OrderedQueue, queue_of

__all__ = ["HomeQueue", "OrderedQueue", "queue_of"]
