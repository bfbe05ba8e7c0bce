"""Limiters of your own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mstoolkit.strategy.pacing.meter import Meter
from mstoolkit.strategy.registry import Registry

Maker = Callable[..., Meter]
_METERS: Registry[Meter] = Registry("limiter", "strategy.register_meter", "the options by name")


def register_meter(name: str, maker: Maker) -> None:
    """Make a limiter of your own known, so that limits can name it.

    Limits of a path, a server, an ISP or a stream then have ``own = { name = NAME, options = {} }``
    besides what else limits them.

    Parameters
    ----------
    name : str
        How limits call it. A later one of the same name takes its place.
    maker : callable
        Called as ``maker(**options)`` for each thing that is limited; returns a fresh `Meter`. A
        subclass of `Meter` will do.

    Raises
    ------
    TypeError
        If there is no name, or nothing that can be called.

    Examples
    --------
    >>> from mstoolkit.strategy.pacing import SlidingWindow
    >>> register_meter("a-hundred", lambda: SlidingWindow(100, 3600.0))
    """
    _METERS.register(name, maker)


def registered_meters() -> Mapping[str, Maker]:
    """Return what is registered, by name, to be registered in another process."""
    return _METERS.known()


def own_meter(name: str, options: Mapping[str, object]) -> Meter:
    """Return a new limiter that was registered.

    Raises
    ------
    ConfigError
        If nothing of that name was, or it does not take these options.
    """
    return _METERS.make(name, options)
