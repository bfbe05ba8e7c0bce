"""Scenarios with one assumed figure made smaller or larger, everywhere where it is assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from mstoolkit.config import ConfigError, Scenario
from mstoolkit.config.explain import suggestion
from mstoolkit.config.figures import figures
from mstoolkit.config.profile import Profile
from mstoolkit.config.scenario import Audience, Segment

End = Literal["low", "high"]
Values = Mapping[str, float]  # by provider, or by segment

AUDIENCE = "audience."
_ORDERED = (("cautious", "ceiling"), ("worst", "best"))


class Parameter(NamedTuple):
    """An assumed figure: its key, its unit, and its value by provider (or by segment)."""

    key: str
    unit: str
    by_owner: Values


class Variation(NamedTuple):
    """One end of a parameter: the values that it takes there, and the scenario that has them."""

    by_owner: Values
    scenario: Scenario


class Refusal(NamedTuple):
    """What was not varied: the key, the end (``"both"`` where it is neither), and why."""

    parameter: str
    end: str
    reason: str


def assumed_parameters(
    scenario: Scenario, *, only: Sequence[str] = (), audience: bool = False
) -> tuple[list[Parameter], list[Refusal]]:
    """Return the assumed figures that are numbers, and those lists of numbers that are not varied.

    Parameters
    ----------
    scenario : Scenario
        The scenario with its profiles.
    only : sequence of str, optional
        Keys, or tables that hold them, as ``rate``; all by default.
    audience : bool, optional
        Whether figures of the audience's segments are among them, as ``audience.complaints``.

    Raises
    ------
    ConfigError
        If a name of `only` is no assumed figure.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> found, _ = assumed_parameters(load_scenario("quickstart"), only=["rate"])
    >>> [each.key for each in found]
    ['rate.cautious', 'rate.ceiling', 'rate.window', 'rate.warmup_volume']
    """
    grouped: dict[str, Parameter] = {}
    lists: dict[str, Refusal] = {}
    for key, unit, owner, value in _assumed(scenario, audience or _wants_audience(only)):
        if isinstance(value, list):
            lists[key] = Refusal(key, "both", "is a list; change it in a profile of your own")
        else:
            known = grouped.get(key, Parameter(key, unit, {}))
            grouped[key] = known._replace(by_owner={**known.by_owner, owner: value})
    _check_known(only, [*grouped, *lists])
    chosen = [each for each in grouped.values() if _wanted(each.key, only)]
    return chosen, [each for each in lists.values() if _wanted(each.parameter, only)]


def varied(scenario: Scenario, parameter: Parameter, factor: float) -> Variation:
    """Return the scenario with a parameter times a factor wherever it is assumed.

    Shares stay within 0 and 1, counts stay whole, and a lower limit does not pass its upper one.

    Parameters
    ----------
    scenario : Scenario
        The scenario as it is.
    parameter : Parameter
        One of its assumed figures.
    factor : float
        Above 0.

    Raises
    ------
    ValueError
        If the schema refuses a value, or no value changes; the text says why.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> scenario = load_scenario("quickstart")
    >>> found, _ = assumed_parameters(scenario, only=["placement.cold"])
    >>> varied(scenario, found[0], 2.0).scenario.isps["gmail"].placement.cold
    1.0
    """
    change = _in_audience if parameter.key.startswith(AUDIENCE) else _in_profiles
    try:
        changed = change(scenario, parameter, lambda value: _scaled(value, parameter.unit, factor))
    except ValidationError as error:
        raise ValueError(_reason(error)) from None
    if changed.by_owner == parameter.by_owner:
        raise ValueError("stays as it is: at 0, at a bound, or at the other limit of its range")
    return changed


def _assumed(scenario: Scenario, audience: bool) -> Iterator[tuple[str, str, str, Any]]:
    """Yield key, unit, owner and value of what is assumed and holds numbers."""
    for name, profile in scenario.isps.items():
        for figure in figures(profile):
            if figure.standing == "assumed" and _holds_numbers(figure.value):
                yield figure.key, figure.unit, name, figure.value
    if audience:
        for name, segment in scenario.audience.segments.items():
            for field in Segment.model_fields:
                yield f"{AUDIENCE}{field}", "share", name, getattr(segment, field)


def _holds_numbers(value: object) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, dict) or _is_number(each) for each in value)
    return _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wants_audience(only: Sequence[str]) -> bool:
    return any(name == "audience" or name.startswith(AUDIENCE) for name in only)


def _wanted(key: str, only: Sequence[str]) -> bool:
    return not only or any(key == name or key.startswith(f"{name}.") for name in only)


def _check_known(only: Sequence[str], known: Sequence[str]) -> None:
    for name in only:
        if not any(_wanted(key, [name]) for key in known):
            raise ConfigError(
                f"there is no assumed number {name!r} in this scenario",
                key="only",
                remedy=suggestion(name, known, "assumed are"),
            )


def _scaled(value: float, unit: str, factor: float) -> float:
    if isinstance(value, int):
        return round(value * factor)
    return min(1.0, value * factor) if unit == "share" else value * factor


def _in_profiles(
    scenario: Scenario, parameter: Parameter, scale: Callable[[float], float]
) -> Variation:
    isps, values = dict(scenario.isps), {}
    path = parameter.key.split(".")
    for name, value in parameter.by_owner.items():
        tree = isps[name].model_dump(exclude_unset=True)
        table = tree
        for part in path[:-1]:
            table = table[part]
        values[name] = table[path[-1]] = _in_order(table, path[-1], scale(value))
        isps[name] = Profile.model_validate(tree)
    return Variation(values, scenario.model_copy(update={"isps": isps}))


def _in_order(table: Mapping[str, float], name: str, value: float) -> float:
    """Return the value, kept at the other limit of its range where it would pass it."""
    for lower, upper in _ORDERED:
        if name == lower and upper in table:
            return min(value, table[upper])
        if name == upper and lower in table:
            return max(value, table[lower])
    return value


def _in_audience(
    scenario: Scenario, parameter: Parameter, scale: Callable[[float], float]
) -> Variation:
    field = parameter.key.removeprefix(AUDIENCE)
    tree = scenario.audience.model_dump()
    values = {name: scale(value) for name, value in parameter.by_owner.items()}
    for name, value in values.items():
        tree["segments"][name][field] = value
    audience = Audience.model_validate(tree)
    return Variation(values, scenario.model_copy(update={"audience": audience}))


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    text = first["msg"].removeprefix("Value error, ")
    return f"is refused: {where + ': ' if where else ''}{text}"
