"""Rotations: which server carries the next messages. One file an algorithm."""

from mstoolkit.strategy.rotation.base import Candidate, Rotation
from mstoolkit.strategy.rotation.batch import BatchRotation
from mstoolkit.strategy.rotation.crowd import MANY, Crowd
from mstoolkit.strategy.rotation.deficit import DeficitRoundRobin
from mstoolkit.strategy.rotation.earliest_deadline import EarliestDeadline
from mstoolkit.strategy.rotation.highest_draw import HighestDraw
from mstoolkit.strategy.rotation.interleaved import Interleaved
from mstoolkit.strategy.rotation.interval import IntervalRotation
from mstoolkit.strategy.rotation.least_loaded import LeastLoaded
from mstoolkit.strategy.rotation.power_of_two import PowerOfTwo
from mstoolkit.strategy.rotation.priority import PriorityByHealth, PriorityFailover
from mstoolkit.strategy.rotation.registry import own_rotation, register_rotation, registered
from mstoolkit.strategy.rotation.round_robin import RoundRobin
from mstoolkit.strategy.rotation.smooth_weighted import SmoothWeighted
from mstoolkit.strategy.rotation.sticky import BoundedSticky, StickyHash
from mstoolkit.strategy.rotation.stride import StaticStride
from mstoolkit.strategy.rotation.thompson import ThompsonSampling
from mstoolkit.strategy.rotation.weighted_random import WeightedRandom

__all__ = [
    "MANY",
    "BatchRotation",
    "BoundedSticky",
    "Candidate",
    "Crowd",
    "DeficitRoundRobin",
    "EarliestDeadline",
    "HighestDraw",
    "Interleaved",
    "IntervalRotation",
    "LeastLoaded",
    "PowerOfTwo",
    "PriorityByHealth",
    "PriorityFailover",
    "Rotation",
    "RoundRobin",
    "SmoothWeighted",
    "StaticStride",
    "StickyHash",
    "ThompsonSampling",
    "WeightedRandom",
    "own_rotation",
    "register_rotation",
    "registered",
]
