"""Rotations of your own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mstoolkit.strategy.registry import Registry
from mstoolkit.strategy.rotation.base import Rotation

Maker = Callable[..., Rotation]
_ROTATIONS: Registry[Rotation] = Registry(
    "rotation", "register_rotation", "the number of servers and the options by name"
)


def register_rotation(name: str, maker: Maker) -> None:
    """Make a rotation of your own known, so that strategies can name it.

    A strategy then has ``rotation = { kind = "own", name = NAME, options = { ... } }``.

    Parameters
    ----------
    name : str
        How strategies call it. A later one of the same name takes its place.
    maker : callable
        Called as ``maker(servers, **options)`` for each new queue, with the number of servers in
        the pool; returns a fresh `Rotation`. A subclass of `Rotation` will do.

    Examples
    --------
    >>> from mstoolkit.strategy.rotation import Rotation
    >>> class Last(Rotation):
    ...     def __init__(self, servers): ...
    ...     def choose(self, eligible, ready, now):
    ...         return ready[-1]
    >>> register_rotation("last", Last)
    """
    _ROTATIONS.register(name, maker)


def registered() -> Mapping[str, Maker]:
    """Return what is registered, by name, to be registered in another process."""
    return _ROTATIONS.known()


def own_rotation(name: str, servers: int, options: Mapping[str, object]) -> Rotation:
    """Return a new rotation that was registered.

    Raises
    ------
    ConfigError
        If nothing of that name was, or it does not take these options.
    """
    return _ROTATIONS.make(name, options, servers, key="rotation.")
