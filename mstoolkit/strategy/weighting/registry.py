"""Weighers of your own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mstoolkit.strategy.registry import Registry
from mstoolkit.strategy.weighting.base import Weigher

Maker = Callable[..., Weigher]
_WEIGHERS: Registry[Weigher] = Registry(
    "weigher", "strategy.register_weigher", "the options by name"
)


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
    _WEIGHERS.register(name, maker)


def registered_weighers() -> Mapping[str, Maker]:
    """Return what is registered, by name, to be registered in another process."""
    return _WEIGHERS.known()


def own_weigher(name: str, options: Mapping[str, object]) -> Weigher:
    """Return a new weigher that was registered.

    Raises
    ------
    ConfigError
        If nothing of that name was, or it does not take these options.
    """
    return _WEIGHERS.make(name, options)
