"""Rotations as a file names them: which server carries the next messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Number


class RoundRobinSpec(Frozen):
    """Each server in turn."""

    kind: Literal["round-robin"]


class BatchSpec(Frozen):
    """Stay on a server for ``size`` messages, then take the next one."""

    kind: Literal["batch"]
    size: Count = Field(500, ge=1)


class IntervalSpec(Frozen):
    """Stay on a server for a time, then take the next one."""

    kind: Literal["interval"]
    every: Duration = Field(600.0, gt=0)


class SmoothWeightedSpec(Frozen):
    """nginx's smooth weighted round robin."""

    kind: Literal["smooth-weighted"]


class LeastLoadedSpec(Frozen):
    """The server with the fewest messages in flight for its weight."""

    kind: Literal["least-loaded"]


class PrioritySpec(Frozen):
    """The lowest tier that has an eligible server; smooth weighted inside the tier."""

    kind: Literal["priority"]


class InterleavedSpec(Frozen):
    """Interleaved weighted round robin as in Linux Virtual Server; ``start`` as there or KumoMTA's.

    KumoMTA gives one message to each server but the first before the first cycle begins.
    """

    kind: Literal["interleaved"]
    start: Literal["lvs", "kumomta"] = "lvs"


class StrideSpec(Frozen):
    """gRPC's static stride scheduler: weights kept with a single counter."""

    kind: Literal["stride"]


class RandomSpec(Frozen):
    """A server drawn by weight."""

    kind: Literal["random"]


class PowerOfTwoSpec(Frozen):
    """Of two servers drawn by weight the one with fewer messages in flight for its weight."""

    kind: Literal["power-of-two"]


class DeficitSpec(Frozen):
    """Deficit round robin: ``quantum`` x weight messages a turn, whatever the size of parcels."""

    kind: Literal["deficit"]
    quantum: Number = Field(1.0, gt=0)


class OwnSpec(Frozen):
    """A rotation of your own, registered in Python under ``name``; ``options`` are handed to it."""

    kind: Literal["own"]
    name: str = Field(min_length=1)
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)


RotationSpec = Annotated[
    RoundRobinSpec
    | BatchSpec
    | IntervalSpec
    | SmoothWeightedSpec
    | LeastLoadedSpec
    | PrioritySpec
    | InterleavedSpec
    | StrideSpec
    | RandomSpec
    | PowerOfTwoSpec
    | DeficitSpec
    | OwnSpec,
    Field(discriminator="kind"),
]
