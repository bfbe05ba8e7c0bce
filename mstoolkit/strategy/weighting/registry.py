"""Weighers of your own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mstoolkit.config import ConfigError
from mstoolkit.strategy.weighting.base import Weigher

Maker = Callable[..., Weigher]
_known: dict[str, Maker] = {}


def register_weigher(name: str, maker: Maker) -> None:
    """Make a weigher of your own known, so that strategies can name it.

    A strategy then has ``weighting = [{ kind = "own", name = NAME, options = { ... } }]``.

    Parameters
    ----------
    name : str
        How strategies call it. A later one of the same name takes its place.
    maker : callable
        Called as ``maker(**options)`` for each new pool; returns a fresh `Weigher`. A subclass of
        `Weigher` will do.

    Raises
    ------
    TypeError
        If there is no name, or nothing that can be called.

    Examples
    --------
    >>> from mstoolkit.strategy.weighting import Weigher
    >>> class ByConnections(Weigher):
    ...     def factor(self, path, now):
    ...         return float(path.spec.connections)
    >>> register_weigher("by-connections", ByConnections)
    """
    if not name or not callable(maker):
        raise TypeError("register_weigher takes a name and what makes the weigher")
    _known[name] = maker


def registered_weighers() -> Mapping[str, Maker]:
    """Return what is registered, by name, to be registered in another process."""
    return dict(_known)


def own_weigher(name: str, options: Mapping[str, object]) -> Weigher:
    """Return a new weigher that was registered.

    Raises
    ------
    ConfigError
        If nothing of that name was, or it does not take these options.
    """
    maker = _known.get(name)
    if maker is None:
        known = f"known are {', '.join(sorted(_known))}" if _known else "none is registered"
        raise ConfigError(
            f"there is no weigher {name!r}; {known}",
            key="name",
            remedy="call mstoolkit.strategy.weighting.register_weigher(name, class) first, "
            "in this process",
        )
    try:
        return maker(**options)
    except TypeError as error:
        raise ConfigError(
            f"weigher {name!r} cannot be made: {error}",
            key="options",
            remedy="it is called with the options by name",
        ) from error
