"""Units as people write them: ``"10min"``, ``"600/min"``, ``"50k/day"``; seconds and 1/s inside."""

from __future__ import annotations

import re
from typing import Annotated, TypeGuard

from pydantic import BeforeValidator, Field, ValidationInfo

_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
_MULTIPLES = {"": 1.0, "k": 1e3, "M": 1e6}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kM]?)\s*/\s*([a-z]+)\s*")


def parse_duration(value: object) -> float:
    """Read a duration into seconds.

    Parameters
    ----------
    value : str
        A number with a unit (``ms s min h d``) or several in a row, as ``"1h 30min"``.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If there is no unit, or an unknown one.

    Examples
    --------
    >>> parse_duration("1h 30min")
    5400.0
    """
    if isinstance(value, str) and value.strip():
        position, total = 0, 0.0
        while position < len(value):
            match = _DURATION.match(value, position)
            if match is None or match[2] not in _SECONDS:
                break
            total += float(match[1]) * _SECONDS[match[2]]
            position = match.end()
        else:
            return total
    raise ValueError(
        f'is not a duration: {value!r}; write a number with ms, s, min, h or d, as "10min"'
    )


def parse_rate(value: object) -> float:
    """Read a rate into events per second.

    Parameters
    ----------
    value : str
        As ``"10/min"``, ``"50k/day"``, ``"2.5/s"``.

    Returns
    -------
    float
        Events per second.

    Raises
    ------
    ValueError
        If it is not written as a rate.

    Examples
    --------
    >>> parse_rate("600/min")
    10.0
    """
    if isinstance(value, str):
        match = _RATE.fullmatch(value)
        if match and match[3] in _SECONDS:
            return float(match[1]) * _MULTIPLES[match[2]] / _SECONDS[match[3]]
    raise ValueError(
        f'is not a rate: {value!r}; write a number per s, min, h or day, as "600/min" or "50k/day"'
    )


WRITTEN = {"written": True}
"""Validation context of what people wrote: there a number without a unit is refused."""


def _duration(value: object, info: ValidationInfo) -> float:
    return value if _is_inside(value, info) else parse_duration(value)


def _rate(value: object, info: ValidationInfo) -> float:
    return value if _is_inside(value, info) else parse_rate(value)


def _is_inside(value: object, info: ValidationInfo) -> TypeGuard[float]:
    """Return whether a value comes from Python or from a dump, in seconds or 1/s already."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and info.context is not WRITTEN


def _figure(value: object) -> object:
    """Refuse true and false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got {str(value).lower()}; write it in figures")
    return value


Duration = Annotated[float, BeforeValidator(_duration), Field(ge=0)]
Rate = Annotated[float, BeforeValidator(_rate), Field(gt=0)]
Number = Annotated[float, BeforeValidator(_figure)]
Count = Annotated[int, BeforeValidator(_figure)]
Share = Annotated[Number, Field(ge=0, le=1)]
