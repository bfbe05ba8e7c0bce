"""All parts of your own together, to be handed to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mstoolkit.strategy.pacing import Meter, register_meter, registered_meters
from mstoolkit.strategy.rotation import Rotation, register_rotation, registered
from mstoolkit.strategy.weighting import Weigher, register_weigher, registered_weighers


@dataclass(frozen=True)
class OwnParts:
    """What makes each part, by name.

    Examples
    --------
    >>> own_parts().register()
    """

    rotations: Mapping[str, Callable[..., Rotation]] = field(default_factory=dict)
    weighers: Mapping[str, Callable[..., Weigher]] = field(default_factory=dict)
    meters: Mapping[str, Callable[..., Meter]] = field(default_factory=dict)

    def register(self) -> None:
        """Register all of them in this process."""
        for name, rotation in self.rotations.items():
            register_rotation(name, rotation)
        for name, weigher in self.weighers.items():
            register_weigher(name, weigher)
        for name, meter in self.meters.items():
            register_meter(name, meter)


def own_parts() -> OwnParts:
    """Return all that is registered in this process."""
    return OwnParts(registered(), registered_weighers(), registered_meters())
