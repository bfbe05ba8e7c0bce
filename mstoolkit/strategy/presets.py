"""From a policy's rotation as a file names it to the rotation itself."""

from __future__ import annotations

from mstoolkit.config.rotation import (
    BatchSpec,
    DeficitSpec,
    InterleavedSpec,
    IntervalSpec,
    LeastLoadedSpec,
    OwnSpec,
    PowerOfTwoSpec,
    PrioritySpec,
    RandomSpec,
    RotationSpec,
    RoundRobinSpec,
    SmoothWeightedSpec,
    StrideSpec,
)
from mstoolkit.model import stream_key
from mstoolkit.strategy.rotation import (
    BatchRotation,
    DeficitRoundRobin,
    Interleaved,
    IntervalRotation,
    LeastLoaded,
    PowerOfTwo,
    PriorityFailover,
    Rotation,
    RoundRobin,
    SmoothWeighted,
    StaticStride,
    WeightedRandom,
    own_rotation,
)

_Phased = RoundRobinSpec | InterleavedSpec | DeficitSpec | StrideSpec | RandomSpec | PowerOfTwoSpec


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
        case OwnSpec():
            return own_rotation(spec.name, servers, spec.options)
        case _:
            return _phased(spec, servers, number)


def _phased(spec: _Phased, servers: int, number: int) -> Rotation:
    """Return a rotation that begins at a point of its own for each queue."""
    first = number % servers
    seed = stream_key("rotation", spec.kind, number)
    match spec:
        case RoundRobinSpec():
            return RoundRobin(first)
        case InterleavedSpec():
            return Interleaved(servers, first, spec.start)
        case DeficitSpec():
            return DeficitRoundRobin(servers, first, spec.quantum)
        case StrideSpec():
            return StaticStride(servers, seed & 0xFFFFFFFF)  # 32 bits, as in gRPC
        case RandomSpec():
            return WeightedRandom(seed)
        case PowerOfTwoSpec():
            return PowerOfTwo(servers, seed)
