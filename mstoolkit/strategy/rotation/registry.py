"""Rotations of your own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mstoolkit.config import ConfigError
from mstoolkit.strategy.rotation.base import Rotation

Maker = Callable[..., Rotation]
_known: dict[str, Maker] = {}


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
    if not name or not callable(maker):
        raise TypeError("register_rotation takes a name and what makes the rotation")
    _known[name] = maker


def registered() -> Mapping[str, Maker]:
    """Return what is registered, by name, to be registered in another process."""
    return dict(_known)


def own_rotation(name: str, servers: int, options: Mapping[str, object]) -> Rotation:
    """Return a new rotation that was registered.

    Raises
    ------
    ConfigError
        If nothing of that name was, or it does not take these options.
    """
    maker = _known.get(name)
    if maker is None:
        known = f"known are {', '.join(sorted(_known))}" if _known else "none is registered"
        raise ConfigError(
            f"there is no rotation {name!r}; {known}",
            key="rotation.name",
            remedy="call mstoolkit.register_rotation(name, class) first, in this process",
        )
    try:
        return maker(servers, **options)
    except TypeError as error:
        raise ConfigError(
            f"rotation {name!r} cannot be made: {error}",
            key="rotation.options",
            remedy="it is called with the number of servers and the options by name",
        ) from error
