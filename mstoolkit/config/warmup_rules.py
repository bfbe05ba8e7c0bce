"""In which forms a warm-up schedule says how much may be sent on which day."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.units import WRITTEN, Count, Duration, Number, Share, parse_rate

DAY = 86_400.0  # seconds


def _volume(value: object, info: ValidationInfo) -> object:
    """Read ``"20/h"`` into messages a day; the rounding undoes what the way by seconds does."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and info.context is not WRITTEN:
        return value
    return round(parse_rate(value) * DAY, 6)


def _in_days(value: float) -> float:
    if value < DAY or value % DAY:
        raise ValueError('is no whole number of days; write it as "3d"')
    return value


Volume = Annotated[float, BeforeValidator(_volume), Field(gt=0)]
"""Messages a day; in a file with its unit, as ``"1000/day"`` or ``"20/h"``."""
Factor = Annotated[Number, Field(gt=1)]
Days = Annotated[Duration, AfterValidator(_in_days)]
Place = Annotated[Count, Field(ge=0)]


class Free(Frozen):
    """The address is warm: the schedule sets no limit any more."""

    kind: Literal["free"] = "free"


class Hold(Frozen):
    """The last volume stays."""

    kind: Literal["hold"] = "hold"


class Level(Frozen):
    """From then on ``volume`` messages a day."""

    kind: Literal["level"] = "level"
    volume: Volume


class Grow(Frozen):
    """The last volume times ``factor``, and again after each ``every``."""

    kind: Literal["grow"] = "grow"
    factor: Factor
    every: Days = DAY


def written_then(value: object) -> object:
    """Let a word stand for what needs no figure, as ``then = "hold"``."""
    return {"kind": value} if isinstance(value, str) else value


Then = Annotated[
    Annotated[Free | Hold | Level | Grow, Field(discriminator="kind")],
    BeforeValidator(written_then),
]


def _after(then: Free | Hold | Level | Grow, last: float, days: int) -> float | None:
    """Return the volume so many days after a schedule's last one."""
    match then:
        case Free():
            return None
        case Hold():
            return last
        case Level():
            return then.volume
        case Grow():
            return _grown(last, then.factor, 1 + days // _whole(then.every))


def _whole(duration: float) -> int:
    """Return a duration in days."""
    return round(duration / DAY)


def _grown(start: float, factor: float, times: float) -> float:
    try:
        return float(start * factor**times)
    except OverflowError:
        return inf


class _Numbered(Frozen):
    """Figures by the number of a day, as the source numbers them."""

    days: tuple[tuple[int, float], ...]
    step: Days = DAY
    ends: Count | None = None
    then: Then

    @field_validator("days")
    @classmethod
    def _in_order(cls, days: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
        if not days:
            raise ValueError("is empty; give at least one entry, as [[1, ...]]")
        for (before, _), (after, _) in pairwise(days):
            if after <= before:
                raise ValueError(f"{after} follows {before}; write each number once, in order")
        return days

    @field_validator("ends")
    @classmethod
    def _not_before(cls, ends: int | None, info: ValidationInfo) -> int | None:
        days = info.data.get("days")
        if ends is not None and days and ends < days[-1][0]:
            raise ValueError(f"{ends} is before the last entry, {days[-1][0]}; leave it out")
        return ends

    @property
    def length(self) -> int:
        """Days until ``then`` begins."""
        last = self.days[-1][0] if self.ends is None else self.ends
        return (last - self.days[0][0] + 1) * _whole(self.step)

    def _figure(self, day: int) -> float:
        number = self.days[0][0] + day // _whole(self.step)
        return next(figure for first, figure in reversed(self.days) if first <= number)


class Table(_Numbered):
    """Volumes by the number of the day, as printed: ``[[1, "50/day"], [3, "100/day"]]``.

    The first entry is for the first day, whichever number it has; a day without an entry has the
    volume of the one before. ``step`` is what an entry is for (``"7d"``: they are numbered by
    weeks). ``ends`` is the last number that the last entry is for, if that is printed.

    Examples
    --------
    >>> table = Table(days=((1, 50.0), (3, 100.0)), then={"kind": "grow", "factor": 2.0})
    >>> [table.at(day) for day in range(5)]
    [50.0, 50.0, 100.0, 200.0, 400.0]
    """

    kind: Literal["table"] = "table"
    days: tuple[tuple[Place, Volume], ...]

    def at(self, day: int, full: float | None = None) -> float | None:
        """Return the messages of a day, None for no limit."""
        over = day - self.length
        return self._figure(day) if over < 0 else _after(self.then, self.days[-1][1], over)


class Shares(_Numbered):
    """As a table, in shares of the full volume: what the address sends when it is warm."""

    kind: Literal["shares"] = "shares"
    days: tuple[tuple[Place, Share], ...]

    def at(self, day: int, full: float | None = None) -> float | None:
        """Return the messages of a day, None for no limit."""
        if full is None:
            raise ConfigError(
                "is in shares of the full volume, which is not given",
                key="full",
                remedy="give the messages a day that a warm address sends",
            )
        over = day - self.length
        if over < 0:
            return self._figure(day) * full
        return _after(self.then, self.days[-1][1] * full, over)


class Band(Frozen):
    """Volumes ``below`` that (all, if it is left out) may grow by ``factor``."""

    below: Volume | None = None
    factor: Factor


class Growth(Frozen):
    """From ``start`` on, after each ``every``, times the factor of the band that the volume is in.

    Bands are in rising order; the last has no upper end.

    Examples
    --------
    >>> bands = (Band(below=200.0, factor=2.0), Band(factor=1.5))
    >>> growth = Growth(start=100.0, every=3 * DAY, bands=bands)
    >>> [growth.at(day) for day in (0, 2, 3, 6)]
    [100.0, 100.0, 200.0, 300.0]
    """

    kind: Literal["growth"] = "growth"
    start: Volume
    every: Days = DAY
    bands: tuple[Band, ...] = Field(min_length=1)

    @field_validator("bands")
    @classmethod
    def _rising(cls, bands: tuple[Band, ...]) -> tuple[Band, ...]:
        limits = [inf if band.below is None else band.below for band in bands]
        if limits[-1] < inf:
            raise ValueError("the last one has an upper end; leave its below out")
        if any(after <= before for before, after in pairwise(limits)):
            raise ValueError("are not in rising order; sort them by below")
        return bands

    @property
    def length(self) -> None:
        """There is no end."""
        return None

    def at(self, day: int, full: float | None = None) -> float | None:
        """Return the messages of a day, None for no limit."""
        volume = self.start
        for _ in range(day // _whole(self.every)):
            volume *= next(b.factor for b in self.bands if b.below is None or volume < b.below)
        return volume


class Geometric(Frozen):
    """``start`` x ``factor``^(time / ``every``), without steps.

    Examples
    --------
    >>> Geometric(start=50.0, factor=2.0, every=5 * DAY).at(10)
    200.0
    """

    kind: Literal["geometric"] = "geometric"
    start: Volume
    factor: Factor
    every: Days = DAY

    @property
    def length(self) -> None:
        """There is no end."""
        return None

    def at(self, day: int, full: float | None = None) -> float | None:
        """Return the messages of a day, None for no limit."""
        return _grown(self.start, self.factor, day * DAY / self.every)


class Ramp(Frozen):
    """In equal steps to ``volume`` on day number ``lasts``: ``volume`` x number / ``lasts``.

    ``first`` is the number of the first day, 0 or 1. Day 0 has the volume of day 1.

    Examples
    --------
    >>> ramp = Ramp(volume=300.0, lasts=3 * DAY, then="free")
    >>> [ramp.at(day) for day in range(4)]
    [100.0, 200.0, 300.0, None]
    """

    kind: Literal["ramp"] = "ramp"
    volume: Volume
    lasts: Days
    first: Count = Field(1, ge=0, le=1)
    then: Then

    @property
    def length(self) -> int:
        """Days until ``then`` begins."""
        return _whole(self.lasts)

    def at(self, day: int, full: float | None = None) -> float | None:
        """Return the messages of a day, None for no limit."""
        over, number = day - _whole(self.lasts), max(1, day + self.first)
        if over >= 0:
            return _after(self.then, self.volume, over)
        return self.volume * number / _whole(self.lasts)


class Stages(Frozen):
    """Volumes of stages; the next follows when a ``gate`` share of the stage was delivered.

    That is looked at after each ``checked``; a stage that is not passed is held, and after
    ``gives_up`` without progress the schedule ends.

    Examples
    --------
    >>> Stages(stages=(200.0, 500.0), gate=0.9, then="free").at(1)
    500.0
    """

    kind: Literal["stages"] = "stages"
    stages: tuple[Volume, ...] = Field(min_length=1)
    gate: Share
    checked: Days = DAY
    gives_up: Days | None = None
    then: Then

    @property
    def length(self) -> int:
        """Days until ``then`` begins, at the soonest."""
        return len(self.stages) * _whole(self.checked)

    def at(self, day: int, full: float | None = None) -> float | None:
        """Return the messages of a day if each stage was passed at once, None for no limit."""
        stage, over = day // _whole(self.checked), day - self.length
        return self.stages[stage] if over < 0 else _after(self.then, self.stages[-1], over)


Rule = Annotated[Table | Shares | Growth | Geometric | Ramp | Stages, Field(discriminator="kind")]
