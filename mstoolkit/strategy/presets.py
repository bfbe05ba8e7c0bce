"""From a policy's rotation as a file names it to the rotation itself."""

from __future__ import annotations

from mstoolkit.config.policy import (
    BatchSpec,
    IntervalSpec,
    LeastLoadedSpec,
    PrioritySpec,
    RotationSpec,
    SmoothWeightedSpec,
)
from mstoolkit.strategy.rotation import (
    BatchRotation,
    IntervalRotation,
    LeastLoaded,
    PriorityFailover,
    Rotation,
    RoundRobin,
    SmoothWeighted,
)


def rotation_of(spec: RotationSpec, servers: int, number: int = 0) -> Rotation:
    """Return a new rotation.

    Parameters
    ----------
    spec : RotationSpec
        As a strategy in a scenario names it.
    servers : int
        Number of servers in the pool.
    number : int
        Number of the queue it is for, so that many queues do not all begin with the same server.
    """
    match spec:
        case BatchSpec():
            return BatchRotation(spec.size)
        case IntervalSpec():
            return IntervalRotation(spec.every, servers)
        case SmoothWeightedSpec():
            return SmoothWeighted(servers)
        case LeastLoadedSpec():
            return LeastLoaded(servers)
        case PrioritySpec():
            return PriorityFailover(servers)
        case _:
            return RoundRobin(number % servers)
