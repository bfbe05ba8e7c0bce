"""Rotations: which server carries the next messages. One file an algorithm."""

from mstoolkit.strategy.rotation.base import Candidate, Rotation
from mstoolkit.strategy.rotation.batch import BatchRotation
from mstoolkit.strategy.rotation.deficit import DeficitRoundRobin
from mstoolkit.strategy.rotation.interleaved import Interleaved
from mstoolkit.strategy.rotation.interval import IntervalRotation
from mstoolkit.strategy.rotation.least_loaded import LeastLoaded
from mstoolkit.strategy.rotation.power_of_two import PowerOfTwo
from mstoolkit.strategy.rotation.priority import PriorityFailover
from mstoolkit.strategy.rotation.registry import own_rotation, register_rotation, registered
from mstoolkit.strategy.rotation.round_robin import RoundRobin
from mstoolkit.strategy.rotation.smooth_weighted import SmoothWeighted
from mstoolkit.strategy.rotation.stride import StaticStride
from mstoolkit.strategy.rotation.weighted_random import WeightedRandom

__all__ = [
    "BatchRotation",
    "Candidate",
    "DeficitRoundRobin",
    "Interleaved",
    "IntervalRotation",
    "LeastLoaded",
    "PowerOfTwo",
    "PriorityFailover",
    "Rotation",
    "RoundRobin",
    "SmoothWeighted",
    "StaticStride",
    "WeightedRandom",
    "own_rotation",
    "register_rotation",
    "registered",
]
