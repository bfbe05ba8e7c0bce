"""Limits in messages as files write them: windows and quotas, their bounds and their errors."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mstoolkit.config import ConfigError
from mstoolkit.config import quota as module
from mstoolkit.config.explain import explained
from mstoolkit.config.quota import QuotaSpec, WindowSpec, parse_count
from mstoolkit.config.units import WRITTEN


def written(model: type[BaseModel], text: str) -> Any:
    """Return what a file says, or raise the error that its author would see."""
    tree = tomllib.loads(f"limit = {text}")["limit"]
    try:
        return model.model_validate(tree, context=WRITTEN)
    except ValidationError as error:
        raise explained(model, error, tree, file="a.toml") from None


def test_window_as_written() -> None:
    """A window has a number of messages and a time with its unit."""
    assert written(WindowSpec, '{ n = "5k", within = "10min" }') == WindowSpec(n=5000, within=600.0)


def test_quota_as_written() -> None:
    """A quota has a period, and a time and a zone in which it begins; the rest has defaults."""
    text = '{ n = "50k", per = "day", at = "06:30", zone = "Europe/Berlin", spread = true }'
    full = QuotaSpec(n=50_000, per="day", at="06:30", zone="Europe/Berlin", spread=True)
    assert written(QuotaSpec, text) == full
    plain = written(QuotaSpec, '{ n = 300, per = "month" }')
    assert (plain.at, plain.zone, plain.spread) == ("00:00", "UTC", False)


@pytest.mark.parametrize(
    ("text", "n"),
    [("50k", 50_000), ("1.5M", 1_500_000), ("0.25k", 250), ("7", 7), (" 2 k ", 2000), (9, 9)],
)
def test_counts(text: object, n: int) -> None:
    """Thousands and millions have their letters; plain numbers stay what they are."""
    assert parse_count(text) == n


@pytest.mark.parametrize("text", ["1.2345k", "1.5", "k", "", "-5", "50 k/day", "5K", True, 5.0])
def test_what_is_no_count(text: object) -> None:
    """Fractions of messages, rates and other letters are refused, with the way to write it."""
    with pytest.raises(ValueError, match=r'is not a number of messages: .*; write .*"50k"'):
        parse_count(text)


@pytest.mark.parametrize(
    ("model", "text", "said"),
    [
        (WindowSpec, '{ n = 0, within = "1min" }', "n: must be at least 1, got 0; give 1 or more"),
        (WindowSpec, '{ n = "2000M", within = "1min" }', "n: must be at most 1e+09"),
        (WindowSpec, '{ n = 5, within = "0s" }', "within: must be above 0"),
        (WindowSpec, '{ n = 5, within = "400d" }', "within: must be at most 3.16224e+07"),
        (WindowSpec, "{ n = 5, within = 60 }", "within: is not a duration: 60; write a number"),
        (WindowSpec, '{ n = "5/min", within = "1h" }', "n: is not a number of messages: '5/min'"),
        (WindowSpec, '{ n = 5, witin = "1h" }', "unknown key 'witin'; did you mean 'within'?"),
        (QuotaSpec, '{ n = 5, per = "dy" }', "per: there is no 'dy'; did you mean 'day'?"),
        (
            QuotaSpec,
            '{ n = 5, per = "day", at = "24:00" }',
            "at: is not a time of day: '24:00'; write hours and minutes, as \"06:30\"",
        ),
        (
            QuotaSpec,
            '{ n = 5, per = "hour", at = "06:15" }',
            "at: has hours, which an hour has not: '06:15'; write \"00:15\"",
        ),
        (
            QuotaSpec,
            '{ n = 5, per = "day", zone = "Europe/Berln" }',
            "zone: there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?",
        ),
        (
            QuotaSpec,
            '{ n = 5, per = "day", zone = "!" }',
            "zone: there is no time zone '!'; give a name of the IANA data base",
        ),
        (QuotaSpec, '{ n = 5, per = "day", zone = "Europe" }', "there is no time zone 'Europe'"),
        (QuotaSpec, '{ n = 5, per = "day", zone = "../UTC" }', "there is no time zone '../UTC'"),
        (QuotaSpec, '{ n = 5, per = "day", zone = "" }', "there is no time zone ''"),
    ],
)
def test_errors_name_key_and_remedy(model: type[BaseModel], text: str, said: str) -> None:
    """Whatever cannot be used is refused in one sentence that says what to do."""
    with pytest.raises(ConfigError) as refused:
        written(model, text)
    assert said in str(refused.value)


def test_without_time_zones_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without any time zones the remedy is not another name."""
    monkeypatch.setattr(module, "available_timezones", set)
    with pytest.raises(ConfigError, match="install the package tzdata"):
        written(QuotaSpec, '{ n = 5, per = "day", zone = "Europe/Nowhere" }')


@pytest.mark.parametrize(
    "spec", [WindowSpec(n=5000, within=600.0), QuotaSpec(n=5, per="week", zone="Asia/Tokyo")]
)
def test_a_dump_reads_back(spec: BaseModel) -> None:
    """What a log keeps of a limit is that limit again."""
    assert type(spec).model_validate(spec.model_dump(mode="json")) == spec
