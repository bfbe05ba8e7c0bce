"""Rotations: which server carries the next messages. One file an algorithm."""

from mstoolkit.strategy.rotation.base import Candidate, Rotation
from mstoolkit.strategy.rotation.batch import BatchRotation
from mstoolkit.strategy.rotation.interval import IntervalRotation
from mstoolkit.strategy.rotation.least_loaded import LeastLoaded
from mstoolkit.strategy.rotation.priority import PriorityFailover
from mstoolkit.strategy.rotation.round_robin import RoundRobin
from mstoolkit.strategy.rotation.smooth_weighted import SmoothWeighted

__all__ = [
    "BatchRotation",
    "Candidate",
    "IntervalRotation",
    "LeastLoaded",
    "PriorityFailover",
    "Rotation",
    "RoundRobin",
    "SmoothWeighted",
]
