"""Rotations as a file names them: which server carries the next messages."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Number, Share


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
    """The lowest tier that has an eligible server; smooth weighted inside the tier.

    Mail spills to the next tier ``"never"`` otherwise, or when every server of the lower one is
    ``"busy"``, or as far as its ``"health"`` falls short: Envoy's rule with its factor
    ``overprovisioning``.
    """

    kind: Literal["priority"]
    spill: Literal["never", "busy", "health"] = "never"
    overprovisioning: Number = Field(1.4, gt=0)


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


class HighestDrawSpec(Frozen):
    """Each server draws up to its weight and the highest draw wins, as Postal's priorities do.

    Shares are not in proportion: weights 1 and 100 give 0.5 %. Each ``key`` keeps its server. With
    ``weighted = false`` all servers that have a weight are alike. Another ``seed`` deals all keys
    anew.
    """

    kind: Literal["highest-draw"]
    key: Literal["recipient", "message", "domain", "sender"] = "message"
    weighted: bool = True
    seed: Count = Field(0, ge=0, lt=2**64)


class PowerOfTwoSpec(Frozen):
    """Of two servers drawn by weight the one with fewer messages in flight for its weight."""

    kind: Literal["power-of-two"]


class DeficitSpec(Frozen):
    """Deficit round robin: ``quantum`` x weight messages a turn, whatever the size of parcels."""

    kind: Literal["deficit"]
    quantum: Number = Field(1.0, gt=0)


class EdfSpec(Frozen):
    """Earliest deadline first, as in Envoy and Traefik."""

    kind: Literal["edf"]


class ThompsonSpec(Frozen):
    """Where mail is likeliest to be delivered, by what was learned in about ``tau``.

    Every server keeps at least ``floor`` of the mail, and none gets more than ``ceiling``.
    """

    kind: Literal["thompson"]
    tau: Duration = Field(172_800.0, gt=0)
    floor: Share = 0.02
    ceiling: Share = Field(0.6, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.floor > self.ceiling:
            raise ValueError(f"floor {self.floor:g} is above ceiling {self.ceiling:g}; lower floor")
        return self


class StickySpec(Frozen):
    """Each ``key`` keeps its server: weighted rendezvous hashing.

    With ``bound`` no server has more in flight than that many times its share, and the next one in
    the key's order takes what is more. Another ``seed`` deals all keys anew.
    """

    kind: Literal["sticky"]
    key: Literal["recipient", "message", "domain", "sender"] = "recipient"
    seed: Count = Field(0, ge=0, lt=2**64)
    bound: Number | None = Field(None, gt=1)


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
    | HighestDrawSpec
    | PowerOfTwoSpec
    | DeficitSpec
    | EdfSpec
    | ThompsonSpec
    | StickySpec
    | OwnSpec,
    Field(discriminator="kind"),
]
