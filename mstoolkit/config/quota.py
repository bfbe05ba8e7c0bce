"""Limits in messages: so many within a time that moves along, or by the calendar."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Duration

_COUNT = re.compile(r"\s*(\d+)(?:\.(\d{1,6}))?\s*([kM]?)\s*")
_ZEROS = {"": 0, "k": 3, "M": 6}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def parse_count(value: object) -> int:
    """Read a number of messages.

    Parameters
    ----------
    value : str or int
        A whole number, or text as ``"50k"`` or ``"1.5M"``.

    Raises
    ------
    ValueError
        If it is not written as a whole number of messages.

    Examples
    --------
    >>> parse_count("2.5k")
    2500
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := _COUNT.fullmatch(value)):
        fraction = (match[2] or "").rstrip("0")
        zeros = _ZEROS[match[3]] - len(fraction)
        if zeros >= 0:
            return int(match[1] + fraction + "0" * zeros)
    raise ValueError(
        f'is not a number of messages: {value!r}; write a whole number, as 50000 or "50k"'
    )


def _time(at: str) -> str:
    if _TIME.fullmatch(at) is None:
        raise ValueError(f'is not a time of day: {at!r}; write hours and minutes, as "06:30"')
    return at


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; {_instead_of(name)}") from None
    return name


def _instead_of(zone: str) -> str:
    known = sorted(available_timezones())
    if not known:
        return "no time zones are installed here, so install the package tzdata"
    near = get_close_matches(zone, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return 'give a name of the IANA data base, as "Europe/Berlin" or "UTC"'


Period = Literal["hour", "day", "week", "month"]
Messages = Annotated[int, BeforeValidator(parse_count), Field(ge=1, le=10**9)]
TimeOfDay = Annotated[str, AfterValidator(_time)]
Zone = Annotated[str, AfterValidator(_zone)]


class OwnMeterSpec(Frozen):
    """A limiter of your own, registered in Python under ``name``; ``options`` are handed to it."""

    name: str = Field(min_length=1)
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)


class WindowSpec(Frozen):
    """At most ``n`` messages in any time as long as ``within``, wherever it begins.

    Examples
    --------
    >>> WindowSpec(n="5k", within=600.0)
    WindowSpec(n=5000, within=600.0)
    """

    n: Messages
    within: Duration = Field(gt=0, le=366 * 86400.0)


class QuotaSpec(Frozen):
    """At most ``n`` messages in each hour, day, week (from Monday) or month of the calendar.

    Windows begin ``at`` a time of day in a time ``zone``; of an hour only the minutes are given, as
    ``"00:15"``. With ``spread`` the quota is spread evenly over its window. Days of 23 and 25 hours
    are days.

    Examples
    --------
    >>> QuotaSpec(n="50k", per="day", zone="Europe/Berlin").n
    50000
    """

    n: Messages
    per: Period
    at: TimeOfDay = "00:00"
    zone: Zone = "UTC"
    spread: bool = False

    @model_validator(mode="after")
    def _minutes_of_an_hour(self) -> QuotaSpec:
        if self.per == "hour" and not self.at.startswith("00:"):
            raise ValueError(
                f'at: has hours, which an hour has not: {self.at!r}; write "00:{self.at[3:]}"'
            )
        return self
