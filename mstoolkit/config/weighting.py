"""Weighers as a file names them: what decides how much of the mail each server carries.

The name of a weigher stands for it with its defaults::

    weighting = ["static", { kind = "reputation", half_life = "48h" }]
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from math import log
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Duration, Number, Share

_HALF = log(2.0)  # half-life over the time in which a weight falls to 1/e
_HOURS = re.compile(r"(\d{1,2})(?::(\d\d))?\s*-\s*(\d{1,2})(?::(\d\d))?")
_HUGE = 1e6  # largest factor that a file may give

Factor = Annotated[Number, Field(ge=0, le=_HUGE)]


class StaticWeighing(Frozen):
    """The ``weight`` of each server."""

    kind: Literal["static"] = "static"


class CapacityWeighing(Frozen):
    """The ``speed`` of each server."""

    kind: Literal["capacity"] = "capacity"


class CostWeighing(Frozen):
    """The inverse of each server's ``cost_per_1000``."""

    kind: Literal["cost"] = "cost"


class DeliveryRateWeighing(Frozen):
    """The share of mail that gets through, of what did and what failed by the path's fault.

    Outcomes lose half their weight in ``half_life``. Where nothing is known, ``prior`` is expected;
    the expectation counts for ``strength`` messages.
    """

    kind: Literal["delivery-rate"] = "delivery-rate"
    half_life: Duration = Field(3600.0 * _HALF, gt=0)
    prior: Share = Field(0.95, gt=0)
    strength: Number = Field(20.0, gt=0)


class ReputationWeighing(Frozen):
    """A success rate with a long memory, in which a complaint counts as many failures.

    The factor of a rate p is ((p - floor) / (1 - floor))^alpha, and at least ``keep_warm``.
    """

    kind: Literal["reputation"] = "reputation"
    half_life: Duration = Field(48 * 3600.0 * _HALF, gt=0)
    floor: Share = Field(0.5, lt=1)
    alpha: Number = Field(2.0, gt=0, le=100)
    complaint_weight: Number = Field(10.0, ge=0, le=_HUGE)
    keep_warm: Share = 0.02
    prior: Share = Field(0.95, gt=0)
    strength: Number = Field(20.0, gt=0)


class LatencyWeighing(Frozen):
    """The ISP's median latency over the path's own, between ``lowest`` and ``highest``.

    The average of a path falls to 1/e within ``decay_time`` and rises at once. It counts from
    ``blackout`` after its first report until it has not reported for ``expiry``.
    """

    kind: Literal["latency"] = "latency"
    decay_time: Duration = Field(10.0, gt=0)
    lowest: Number = Field(0.1, gt=0, le=1)
    highest: Number = Field(10.0, ge=1, le=_HUGE)
    blackout: Duration = 10.0
    expiry: Duration = Field(180.0, gt=0)


class RegionWeighing(Frozen):
    """Preferences or round trips by region and ISP; ``"*"`` is any ISP that is not named.

    With neither, servers are weighed by the inverse of their own ``latency``.
    """

    kind: Literal["region"] = "region"
    prefer: dict[str, dict[str, Factor]] = {}
    latency: dict[str, dict[str, Annotated[Duration, Field(gt=0)]]] = {}

    @field_validator("latency")
    @classmethod
    def _one_form(
        cls, latency: dict[str, dict[str, float]], info: ValidationInfo
    ) -> dict[str, dict[str, float]]:
        if latency and info.data.get("prefer"):
            raise ValueError("cannot stand beside prefer; keep one of them")
        return latency


class QuotaLeftWeighing(Frozen):
    """The share that each path has left of its quota."""

    kind: Literal["quota-left"] = "quota-left"


class SlowStartWeighing(Frozen):
    """A share that grows within ``window`` after a suspension, in Envoy's form or HAProxy's."""

    kind: Literal["slow-start"] = "slow-start"
    window: Duration = Field(600.0, gt=0)
    form: Literal["envoy", "haproxy"] = "envoy"
    aggression: Number = Field(1.0, gt=0, le=100)
    min_weight: Share = Field(0.1, gt=0)


def parse_hours(text: str) -> tuple[float, float]:
    """Read hours of the day into seconds since midnight.

    Parameters
    ----------
    text : str
        As ``"8-18"``, ``"8:30-17"`` or, over midnight, ``"22-6"``.

    Raises
    ------
    ValueError
        If these are no hours, or the same twice.

    Examples
    --------
    >>> parse_hours("8:30-18")
    (30600.0, 64800.0)
    """
    found = _HOURS.fullmatch(text.strip())
    if found is not None:
        begin = int(found[1]) * 60 + int(found[2] or 0)
        end = int(found[3]) * 60 + int(found[4] or 0)
        minutes_fit = int(found[2] or 0) < 60 and int(found[4] or 0) < 60
        if minutes_fit and begin < 1440 and end <= 1440 and begin != end:
            return begin * 60.0, end * 60.0
    raise ValueError(f'are no hours of a day: {text!r}; write "8-18", "8:30-17" or "22-6"')


def _hours(text: str) -> str:
    parse_hours(text)
    return text


def zone_of(name: str) -> tzinfo:
    """Return the time zone of this name; UTC needs no database of zones.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(
            f'there is no time zone {name!r}; write "UTC" or as "Europe/Berlin"'
        ) from None


def _zone(name: str) -> str:
    zone_of(name)
    return name


class TableEntry(Frozen):
    """Factors of servers, for these ISPs, streams and hours only; what is left out is any.

    The server ``"*"`` stands for all that the entry does not name. Hours end before the last one,
    and are those of the clock on the wall in ``zone``.
    """

    servers: dict[str, Factor] = Field(min_length=1)
    isps: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    hours: Annotated[str, AfterValidator(_hours)] | None = None
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class TableWeighing(Frozen):
    """Factors that may differ by ISP, stream and hour: the first entry that names a server wins.

    A server that no entry names keeps its weight.
    """

    kind: Literal["table"] = "table"
    entries: tuple[TableEntry, ...] = Field(min_length=1)


class OwnWeighing(Frozen):
    """A weigher of your own, registered in Python under ``name``; ``options`` are handed to it."""

    kind: Literal["own"] = "own"
    name: str = Field(min_length=1)
    options: dict[str, bool | int | float | str] = {}


def _by_name(value: object) -> object:
    """Let the name of a weigher stand for it, as ``"static"``."""
    return {"kind": value} if isinstance(value, str) else value


def _several(value: object) -> object:
    """Let one weigher stand for a list of one."""
    return (value,) if isinstance(value, str | dict | Frozen) else value


WeigherSpec = Annotated[
    StaticWeighing
    | CapacityWeighing
    | CostWeighing
    | DeliveryRateWeighing
    | ReputationWeighing
    | LatencyWeighing
    | RegionWeighing
    | QuotaLeftWeighing
    | SlowStartWeighing
    | TableWeighing
    | OwnWeighing,
    Field(discriminator="kind"),
    BeforeValidator(_by_name),
]

Weighting = Annotated[tuple[WeigherSpec, ...], BeforeValidator(_several)]
