"""Names on the command line that stand for something in a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.config import Scenario


def known_strategy(scenario: Scenario, name: str) -> str:
    """Return the name if the scenario has such a strategy.

    Raises
    ------
    ConfigError
        If it has none; the error lists those it has.
    """
    if name not in scenario.strategies:
        _refuse_strategy(scenario, name)
    return name


def _refuse_strategy(scenario: Scenario, name: str) -> NoReturn:
    names = list(scenario.strategies)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    refuse(
        f"there is no strategy {name!r} in scenario {scenario.name!r}",
        key="--strategy",
        remedy=f"{hint}known are {', '.join(names)}",
    )


def known_strategies(scenario: Scenario, names: Sequence[str] | None) -> list[str]:
    """Return the chosen strategies in their order, or all of the scenario's.

    Raises
    ------
    ConfigError
        If one is unknown.
    """
    chosen = [known_strategy(scenario, name) for name in names or ()]
    return list(dict.fromkeys(chosen)) or list(scenario.strategies)
