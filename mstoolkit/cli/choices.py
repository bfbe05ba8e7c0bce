"""Names on the command line that stand for something in a scenario, or for a preset beside it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.config import Policy, Scenario

PRESET = "preset:"


def with_strategy(scenario: Scenario, name: str) -> Scenario:
    """Return the scenario if it has such a strategy, or with the preset that the name stands for.

    ``"preset:postfix"`` is the shipped policy ``postfix``, unless a strategy is called so.

    Raises
    ------
    ConfigError
        If there is neither; the error lists what there is.
    """
    if name in scenario.strategies:
        return scenario
    if not name.startswith(PRESET):
        _refuse_strategy(scenario, name)
    policy = _preset(name.removeprefix(PRESET), "--strategy")
    return scenario.model_copy(update={"strategies": {**scenario.strategies, name: policy}})


def with_strategies(
    scenario: Scenario, names: Sequence[str] | None, presets: Sequence[str] | None = None
) -> tuple[Scenario, list[str]]:
    """Return the scenario, with the presets that are wanted, and the names to compare.

    Parameters
    ----------
    scenario : Scenario
        What was read.
    names : sequence of str or None
        Strategies in their order, as `with_strategy` takes them; all of the scenario's if none.
    presets : sequence of str or None
        Names of presets to add, several in one with commas.

    Raises
    ------
    ConfigError
        If one is unknown.
    """
    chosen = list(names or scenario.strategies)
    for name in [part.strip() for each in presets or () for part in each.split(",")]:
        _preset(name, "--with")
        chosen.append(f"{PRESET}{name}")
    for name in chosen:
        scenario = with_strategy(scenario, name)
    return scenario, list(dict.fromkeys(chosen))


def known_preset(name: str, key: str) -> str:
    """Return the name if there is such a preset; `key` is what gave it.

    Raises
    ------
    ConfigError
        If there is none; the error lists those there are.
    """
    from mstoolkit.config import policy_names

    names = policy_names()
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        refuse(
            f"there is no preset {name!r}", key=key, remedy=f"{hint}known are {', '.join(names)}"
        )
    return name


def _preset(name: str, key: str) -> Policy:
    from mstoolkit.config import load_policy

    return load_policy(known_preset(name, key))


def _refuse_strategy(scenario: Scenario, name: str) -> NoReturn:
    from mstoolkit.config import policy_names

    names = list(scenario.strategies)
    presets = [f"{PRESET}{name}"] if name in policy_names() else []
    near = presets or get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    refuse(
        f"there is no strategy {name!r} in scenario {scenario.name!r}",
        key="--strategy",
        remedy=f"{hint}known are {', '.join(names)}",
    )
