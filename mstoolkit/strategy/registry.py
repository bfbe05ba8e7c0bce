"""Parts of your own, by name: rotations, weighers and limiters that strategies can then use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from mstoolkit.config import ConfigError

P = TypeVar("P")


class Registry(Generic[P]):
    """What was registered of one kind.

    Parameters
    ----------
    kind : str
        What it is, as ``"rotation"``.
    register : str
        What is called to register one, for error messages.
    given : str
        What it is called with, for error messages.
    """

    def __init__(self, kind: str, register: str, given: str) -> None:
        self._kind = kind
        self._register = register
        self._given = given
        self._makers: dict[str, Callable[..., P]] = {}

    def register(self, name: str, maker: Callable[..., P]) -> None:
        """Make a part known; a later one of the same name takes its place.

        Raises
        ------
        TypeError
            If there is no name, or nothing that can be called.
        """
        if not name or not callable(maker):
            raise TypeError(f"{self._register} takes a name and what makes the {self._kind}")
        self._makers[name] = maker

    def known(self) -> dict[str, Callable[..., P]]:
        """Return what is registered, by name, to be registered in another process."""
        return dict(self._makers)

    def make(self, name: str, options: Mapping[str, object], *given: object, key: str = "") -> P:
        """Return a new part that was registered.

        Raises
        ------
        ConfigError
            If nothing of that name was, or it does not take these options.
        """
        maker, makers = self._makers.get(name), self._makers
        if maker is None:
            known = f"known are {', '.join(sorted(makers))}" if makers else "none is registered"
            raise ConfigError(
                f"there is no {self._kind} {name!r}; {known}",
                key=f"{key}name",
                remedy=f"call mstoolkit.{self._register}(name, class) first, in this process",
            )
        try:
            return maker(*given, **options)
        except TypeError as error:
            raise ConfigError(
                f"{self._kind} {name!r} cannot be made: {error}",
                key=f"{key}options",
                remedy=f"it is called with {self._given}",
            ) from error
