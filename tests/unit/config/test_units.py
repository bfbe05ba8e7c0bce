"""Durations and rates are read as people write them, and nothing else is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import parse_duration, parse_rate

SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0}
numbers = st.decimals(min_value=0, max_value=10**6, places=3).map(lambda value: f"{value:f}")
units = st.sampled_from(sorted(SECONDS))
spaces = st.sampled_from(["", " ", "  "])


@given(numbers, spaces, units)
def test_duration_is_number_times_unit(number: str, space: str, unit: str) -> None:
    """A number with a unit is that many seconds, with or without a space between."""
    assert math.isclose(parse_duration(f"{number}{space}{unit}"), float(number) * SECONDS[unit])


@given(st.lists(st.tuples(numbers, units), min_size=1, max_size=4), spaces)
def test_durations_in_a_row_add_up(parts: list[tuple[str, str]], space: str) -> None:
    """Several durations in a row are their sum, so that 1h 30min can be written."""
    text = space.join(number + unit for number, unit in parts)
    total = math.fsum(float(number) * SECONDS[unit] for number, unit in parts)
    assert math.isclose(parse_duration(text), total, abs_tol=1e-9)


@given(numbers, st.sampled_from(["", "k", "M"]), units)
def test_rate_is_number_per_unit(number: str, multiple: str, unit: str) -> None:
    """A rate is a number, perhaps in thousands or millions, divided by the unit of time."""
    value = float(number) * {"": 1.0, "k": 1e3, "M": 1e6}[multiple] / SECONDS[unit]
    assert math.isclose(parse_rate(f"{number}{multiple}/{unit}"), value)


BAD_DURATIONS = ["", " ", "10", "min", "10 parsec", "-1s", "1h,30min", "1e3s", "infs", "1/min"]


@pytest.mark.parametrize("value", [*BAD_DURATIONS, 10, 1.5, None, True])
def test_no_duration(value: object) -> None:
    """What has no unit or an unknown one is refused, and the error says what to write."""
    with pytest.raises(ValueError, match=r"is not a duration: .*; write a number with"):
        parse_duration(value)


@pytest.mark.parametrize("value", ["", "10", "10min", "/min", "10/", "10/week", "-1/s", 5, None])
def test_no_rate(value: object) -> None:
    """What is not a number per time is refused, and the error says what to write."""
    with pytest.raises(ValueError, match=r"is not a rate: .*; write a number per"):
        parse_rate(value)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the readers fail in another way, or read something that is not finite."""
    for read in (parse_duration, parse_rate):
        try:
            value = read(text)
        except ValueError:
            continue
        assert math.isfinite(value)
        assert value >= 0
