"""Names of other mail servers on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.config.peers import System


def known_system(name: str, key: str) -> System:
    """Return the name if there is such a system; `key` is the option that gave it.

    Raises
    ------
    ConfigError
        If there is none; the error lists those there are.
    """
    from mstoolkit.config.explain import suggestion
    from mstoolkit.config.peers import SYSTEMS

    system = next((each for each in SYSTEMS if each == name), None)
    if system is None:
        refuse(f"there is no system {name!r}", key=key, remedy=suggestion(name, list(SYSTEMS)))
    return system
