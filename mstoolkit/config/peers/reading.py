"""What readers of other servers' rules share: what comes back, and their ways to write units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from mstoolkit.config.explain import explained
from mstoolkit.config.rules import Rule

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0}
_SECONDS |= {"h": 3600.0, "hr": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}
_SECONDS |= {"w": 604800.0, "week": 604800.0}
_PART = re.compile(r"\s*(\d{1,9})\s*([a-z]+)\s*")
LONGEST = 200  # characters of a time or a rate
_TAG = re.compile(r"[\w-]+")
_RATE = re.compile(r"\s*([\d,_]{1,15})\s*(?:/|per)\s*(\d{0,9})\s*([a-z]+)\s*")


class NotUnderstood(NamedTuple):
    """A line that became no rule, or not the whole of it, and why."""

    line: int
    reason: str


class Imported(NamedTuple):
    """The rules that were read, and what was not understood, in the order of the lines."""

    rules: tuple[Rule, ...]
    not_understood: tuple[NotUnderstood, ...]


class ForeignError(ValueError):
    """Something that has no meaning here; the reason is the message."""


def foreign_duration(value: object) -> float:
    """Read a time as ``"2 hours"``, ``"1h 30m"`` or ``"90m"`` into seconds.

    Raises
    ------
    ForeignError
        If it is no time, or none at all.
    """
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST:
        position, total = 0, 0.0
        while (part := _PART.match(value, position)) and (unit := _unit(part[2])):
            total += int(part[1]) * unit
            position = part.end()
        if position == len(value) and total > 0:
            return total
    raise ForeignError(f"is not a duration: {_short(value)}")


def foreign_count(value: object) -> tuple[int, float]:
    """Read a rate as ``"10/hr"`` or ``"10,000 per hour"`` into a count and its seconds.

    Raises
    ------
    ForeignError
        If it is no rate, or one of zero.
    """
    written = isinstance(value, str) and len(value) <= LONGEST
    found = _RATE.fullmatch(str(value)) if written else None
    unit = _unit(found[3]) if found else 0.0
    digits = re.sub(r"[,_]", "", found[1]) if found else ""
    seconds = unit * int(found[2] or 1) if found else 0.0
    if not digits or not int(digits) or not seconds:
        raise ForeignError(f"is not a rate: {_short(value)}")
    return int(digits), seconds


def foreign_rule(values: Mapping[str, Any]) -> Rule:
    """Return a rule of values in our units.

    Raises
    ------
    ForeignError
        If they make no rule, as with a pattern that may take forever.
    """
    try:
        return Rule.model_validate(values)
    except ValidationError as error:
        raise ForeignError(str(explained(Rule, error, values, file=""))) from None


def tag(line: str) -> tuple[str, str, bool] | None:
    """Read ``<name rest>`` or ``</name>``: the name in small letters, the rest, whether it closes.

    Examples
    --------
    >>> tag("<domain  gmail.com >"), tag("</domain>"), tag("max-smtp-out 2")
    (('domain', 'gmail.com', False), ('domain', '', True), None)
    """
    if not (line.startswith("<") and line.endswith(">")) or ">" in line[:-1]:
        return None
    inside = line[1:-1].strip()
    closes = inside.startswith("/")
    name, *rest = inside.removeprefix("/").split(None, 1) or [""]
    if not _TAG.fullmatch(name) or (closes and rest):
        return None
    return name.lower(), rest[0] if rest else "", closes


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, dict | list) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _unit(name: str) -> float:
    """Return the seconds of a unit, 0 if there is none such."""
    return _SECONDS.get(name) or _SECONDS.get(name.removesuffix("s"), 0.0)
