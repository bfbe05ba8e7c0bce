"""From a policy's rotation as a file names it to the rotation itself."""

from __future__ import annotations

from collections.abc import Sequence

from mstoolkit.config.rotation import (
    BatchSpec,
    DeficitSpec,
    EdfSpec,
    HighestDrawSpec,
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
    StickySpec,
    StrideSpec,
    ThompsonSpec,
)
from mstoolkit.model import stream_key
from mstoolkit.strategy.rotation import (
    BatchRotation,
    BoundedSticky,
    DeficitRoundRobin,
    EarliestDeadline,
    HighestDraw,
    Interleaved,
    IntervalRotation,
    LeastLoaded,
    PowerOfTwo,
    PriorityByHealth,
    PriorityFailover,
    Rotation,
    RoundRobin,
    SmoothWeighted,
    StaticStride,
    StickyHash,
    ThompsonSampling,
    WeightedRandom,
    own_rotation,
)

_Phased = (
    RoundRobinSpec
    | InterleavedSpec
    | DeficitSpec
    | StrideSpec
    | RandomSpec
    | PowerOfTwoSpec
    | ThompsonSpec
)


def rotation_of(
    spec: RotationSpec, servers: Sequence[str], number: int = 0, tiers: Sequence[int] = ()
) -> Rotation:
    """Return a new rotation.

    Parameters
    ----------
    spec : RotationSpec
        As a strategy in a scenario names it.
    servers : sequence of str
        Names of the servers in the pool, in its order.
    number : int
        Number of the queue it is for, so that many queues do not all begin with the same server.
    tiers : sequence of int
        Tier of each server, 0 where it takes no part; if there are none, all are in the first.
    """
    count = len(servers)
    match spec:
        case BatchSpec():
            return BatchRotation(spec.size)
        case IntervalSpec():
            return IntervalRotation(spec.every, count)
        case SmoothWeightedSpec():
            return SmoothWeighted(count)
        case LeastLoadedSpec():
            return LeastLoaded(count)
        case PrioritySpec():
            return _priority(spec, tiers or [1] * count)
        case EdfSpec():
            return EarliestDeadline(count)
        case StickySpec():
            return _sticky(spec, servers)
        case HighestDrawSpec():
            draws = stream_key("rotation", spec.kind, number)
            return HighestDraw(servers, spec.seed, draws, weighted=spec.weighted)
        case OwnSpec():
            return own_rotation(spec.name, count, spec.options)
        case _:
            return _phased(spec, count, number)


def _priority(spec: PrioritySpec, tiers: Sequence[int]) -> Rotation:
    if spec.spill == "health":
        return PriorityByHealth(tiers, spec.overprovisioning)
    return PriorityFailover(len(tiers), spec.spill)


def _sticky(spec: StickySpec, servers: Sequence[str]) -> Rotation:
    if spec.bound is None:
        return StickyHash(servers, spec.seed)
    return BoundedSticky(servers, spec.seed, spec.bound)


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
        case ThompsonSpec():
            return ThompsonSampling(servers, seed, spec.tau, spec.floor, spec.ceiling)
