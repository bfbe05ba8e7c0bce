"""From a policy's rotation as a file names it to the rotation itself."""

from __future__ import annotations

from mstoolkit.config.policy import (
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
        case InterleavedSpec():
            return Interleaved(servers, number % servers, spec.start)
        case DeficitSpec():
            return DeficitRoundRobin(servers, number % servers, spec.quantum)
        case StrideSpec() | RandomSpec() | PowerOfTwoSpec():
            return _seeded(spec, servers, number)
        case OwnSpec():
            return own_rotation(spec.name, servers, spec.options)
        case _:
            return RoundRobin(number % servers)


def _seeded(spec: StrideSpec | RandomSpec | PowerOfTwoSpec, servers: int, number: int) -> Rotation:
    """Return a rotation that begins at a point of its own for each queue."""
    seed = stream_key("rotation", spec.kind, number)
    match spec:
        case StrideSpec():
            return StaticStride(servers, seed & 0xFFFFFFFF)  # 32 bits, as in gRPC
        case RandomSpec():
            return WeightedRandom(seed)
        case _:
            return PowerOfTwo(servers, seed)
