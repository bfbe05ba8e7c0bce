"""Weighers as files name them: short forms, defaults, and what is wrong in one sentence."""

from __future__ import annotations

import tomllib
from math import log
from typing import Any

import pytest
from pydantic import ValidationError

from mstoolkit.config import ConfigError
from mstoolkit.config.base import Frozen
from mstoolkit.config.explain import explained
from mstoolkit.config.units import WRITTEN
from mstoolkit.config.weighting import (
    CapacityWeighing,
    LatencyWeighing,
    OwnWeighing,
    RegionWeighing,
    ReputationWeighing,
    SlowStartWeighing,
    StaticWeighing,
    TableWeighing,
    WeigherSpec,
    Weighting,
    parse_hours,
)


class Part(Frozen):
    """What a policy holds."""

    weighting: Weighting = (StaticWeighing(),)


def read(text: str) -> tuple[WeigherSpec, ...]:
    """Read a weighting as it stands in a file."""
    tree: dict[str, Any] = tomllib.loads(text)
    try:
        return Part.model_validate(tree, context=WRITTEN).weighting
    except ValidationError as error:
        raise explained(Part, error, tree, file="a.toml") from None


def test_a_name_stands_for_a_weigher() -> None:
    """Names and tables may be mixed, and a single one needs no list."""
    text = 'weighting = ["static", "capacity", { kind = "reputation", half_life = "48h" }]'
    static, capacity, reputation = read(text)
    assert (static, capacity) == (StaticWeighing(), CapacityWeighing())
    assert reputation == ReputationWeighing(half_life=48 * 3600.0)
    assert read('weighting = "latency"') == (LatencyWeighing(),)
    assert read('weighting = { kind = "latency" }') == (LatencyWeighing(),)
    assert read("") == (StaticWeighing(),)
    assert Part.model_validate({"weighting": LatencyWeighing()}) == Part(
        weighting=(LatencyWeighing(),)
    )
    assert read("weighting = []") == ()


def test_defaults() -> None:
    """The memory of a reputation is 48 h as a time constant; latencies are Finagle's and gRPC's."""
    assert ReputationWeighing().half_life / log(2) == pytest.approx(48 * 3600.0)
    assert (LatencyWeighing().decay_time, LatencyWeighing().expiry) == (10.0, 180.0)
    assert SlowStartWeighing().form == "envoy"


def test_tables_are_read() -> None:
    """Every kind with its keys; a dump reads back as itself."""
    text = """
    [[weighting]]
    kind = "table"
    entries = [
      { servers = { a = 3, b = 1 }, isps = ["gmail"], streams = ["transactional"], hours = "8-18" },
      { servers = { "*" = 0.5 }, hours = "22:30-6", zone = "Europe/Berlin" },
    ]
    [[weighting]]
    kind = "region"
    latency = { eu = { gmail = "20ms", "*" = "90ms" } }
    [[weighting]]
    kind = "slow-start"
    form = "haproxy"
    window = "5min"
    [[weighting]]
    kind = "own"
    name = "mine"
    options = { most = 3, fast = true }
    """
    specs = read(text)
    table, region, slow, own = specs
    assert isinstance(table, TableWeighing)
    assert (table.entries[0].servers, table.entries[0].zone) == ({"a": 3.0, "b": 1.0}, "UTC")
    assert region == RegionWeighing(latency={"eu": {"gmail": 0.02, "*": 0.09}})
    assert slow == SlowStartWeighing(form="haproxy", window=300.0)
    assert own == OwnWeighing(name="mine", options={"most": 3, "fast": True})
    dump = Part(weighting=specs).model_dump_json()
    assert Part.model_validate_json(dump).weighting == specs


@pytest.mark.parametrize(
    ("written", "key", "says"),
    [
        ('["statc"]', "weighting.0.kind", "did you mean 'static'?"),
        ('["static", { kind = "reputatoin" }]', "weighting.1.kind", "did you mean 'reputation'?"),
        ("[{ half_life = '1h' }]", "weighting.0.kind", 'is missing; add it, as kind = "static"'),
        (
            '[{ kind = "reputation", half_lif = "48h" }]',
            "weighting.0.half_lif",
            "did you mean 'half_life'?",
        ),
        ("3", "weighting", "must be a list"),
        ("[3]", "weighting.0", "must be a table"),
        ('[{ kind = "static", weight = 3 }]', "weighting.0.weight", "unknown key 'weight'"),
        ('[{ kind = "reputation", half_life = 48 }]', "weighting.0.half_life", "not a duration"),
        ('[{ kind = "reputation", floor = 1 }]', "weighting.0.floor", "give less than 1"),
        ('[{ kind = "reputation", alpha = 0 }]', "weighting.0.alpha", "give more than 0"),
        ('[{ kind = "latency", lowest = 2 }]', "weighting.0.lowest", "give 1 or less"),
        ('[{ kind = "slow-start", form = "nginx" }]', "weighting.0.form", "known are envoy"),
        ('[{ kind = "own" }]', "weighting.0.name", "is missing"),
        ('["own"]', "weighting.0.name", "is missing"),
        ('["table"]', "weighting.0.entries", "is missing"),
        (
            '[{ kind = "region", prefer = {a = {b = 1}}, latency = {a = {b = "1s"}} }]',
            "weighting.0.latency",
            "keep one of them",
        ),
        (
            '[{ kind = "table", entries = [{ servers = { a = -1 } }] }]',
            "weighting.0.entries.0.servers.a",
            "must not be negative",
        ),
        (
            '[{ kind = "table", entries = [{ servers = { a = 1 }, hours = "8-25" }] }]',
            "weighting.0.entries.0.hours",
            'write "8-18"',
        ),
        (
            '[{ kind = "table", entries = [{ servers = { a = 1 }, zone = "Mars/Base" }] }]',
            "weighting.0.entries.0.zone",
            'write "UTC" or as "Europe/Berlin"',
        ),
    ],
)
def test_what_is_wrong_is_told(written: str, key: str, says: str) -> None:
    """One line with the key as it stands in the file, what is wrong and what to do."""
    with pytest.raises(ConfigError) as caught:
        read(f"weighting = {written}")
    assert caught.value.key == key
    assert says in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("8-18", (8, 18)), ("0-24", (0, 24)), ("22 - 6", (22, 6)), ("8:30-17:15", (8.5, 17.25))],
)
def test_hours_are_read(text: str, hours: tuple[float, float]) -> None:
    """Whole hours or minutes, over midnight if the end comes first."""
    assert parse_hours(text) == (hours[0] * 3600.0, hours[1] * 3600.0)


@pytest.mark.parametrize("text", ["", "8", "8-8", "24-8", "8:60-9", "8-24:01", "eight-ten", "-1-5"])
def test_what_is_no_hours_is_refused(text: str) -> None:
    """A whole day is no hours at all, and a day has 24 of them."""
    with pytest.raises(ValueError, match="no hours of a day"):
        parse_hours(text)
