"""When deferred mail goes again: exponential back-off, a list of delays, or a known MTA's."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path, data_text
from mstoolkit.config.explain import suggestion
from mstoolkit.config.units import WRITTEN, Count, Duration, Number, Share

_EXPONENTIAL = ("base", "factor", "longest")
_SHIPPED = ("schedule", "jitter", "quantum", "attempts")


class Retry(Frozen):
    """Delays of deferred messages, jittered, in one of three forms.

    Exponential: ``base`` x ``factor``^attempt, at most ``longest``. Or ``schedule``: the delay
    after each failed attempt, of which the last repeats. Or ``preset``: the schedule of a known
    MTA, with its ``jitter``, ``quantum`` and ``attempts`` where they are not given. A preset is
    replaced by its figures when it is read, so that a log keeps what was done even if the shipped
    figures change; the name stays beside them.

    ``jitter`` is the share of the delay that is drawn (0.5: between 75 % and 125 % of it).
    ``quantum`` is the grid to which due times are rounded up, so that remainders can be joined.
    ``attempts`` counts the first attempt too. With ``hints`` a provider that names a time to wait
    ("try again in 5 minutes") is not asked sooner.

    Examples
    --------
    >>> list(Retry(schedule=(300.0, 600.0), attempts=4).delays())
    [300.0, 600.0, 600.0, 600.0]
    """

    schedule: tuple[Duration, ...] | None = None
    preset: str | None = None
    base: Duration = Field(300.0, gt=0)
    factor: Number = Field(2.0, ge=1)
    longest: Duration = Field(3600.0, gt=0)
    jitter: Share = 0.5
    quantum: Duration = Field(30.0, gt=0)
    attempts: Count = Field(20, ge=1)
    hints: bool = True

    def delays(self) -> Iterator[float]:
        """Yield the delay after each attempt, before jitter, in seconds."""
        if self.schedule:
            last = len(self.schedule) - 1
            return (self.schedule[min(k, last)] for k in range(self.attempts))
        return self._exponential()

    def _exponential(self) -> Iterator[float]:
        delay = 0.0
        for attempt in range(self.attempts):
            if delay < self.longest:  # beyond it the power would overflow some day
                delay = min(self.base * self.factor**attempt, self.longest)
            yield delay

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping):
            return given
        stated = {key: value for key, value in given.items() if value is not None}
        preset = stated.get("preset")
        # A dump names the preset and states its figures; then these are the ones that count.
        recorded = info.context is not WRITTEN and "schedule" in stated
        forms = [key for key in ("preset", "schedule", *_EXPONENTIAL) if key in stated]
        if recorded and preset is not None:
            forms.remove("preset")
        if len(forms) > 1 and forms[0] not in _EXPONENTIAL:
            raise ValueError(
                f"{forms[1]}: cannot stand beside {forms[0]}; "
                "keep one of preset, schedule, or base with factor and longest"
            )
        if isinstance(preset, str) and not recorded:
            return {**_figures(preset), **stated}
        return stated

    @field_validator("schedule")
    @classmethod
    def _some_delays(cls, schedule: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if schedule is not None and not (schedule and min(schedule) > 0):
            problem = "has a delay of 0" if schedule else "is empty"
            raise ValueError(f'{problem}; give delays above 0, as ["5min", "10min", "1h"]')
        return schedule

    @model_serializer(mode="wrap")
    def _only_its_form(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what does not apply, so that a dump can be read again."""
        unused = set(_EXPONENTIAL if self.schedule else ("schedule",))
        if self.preset is None:
            unused.add("preset")
        tree: dict[str, Any] = dump(self)
        return {key: value for key, value in tree.items() if key not in unused}


def retry_names() -> list[str]:
    """Return the names of the shipped retry schedules."""
    return sorted(path.stem for path in (data_path() / "retry").glob("*.toml"))


@lru_cache
def _figures(preset: str) -> Mapping[str, Any]:
    """Return the keys of a shipped schedule, in units as a user writes them."""
    if preset not in retry_names():
        raise ValueError(
            f"preset: there is no {preset!r}; {suggestion(preset, retry_names(), 'shipped are')}"
        )
    tree = tomllib.loads(data_text("retry", preset))
    return {key: tree[key] for key in _SHIPPED if key in tree}
