"""Published warm-up schedules: the figures are those that are printed, and bad files are told."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from math import inf, isclose
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import ConfigError, data_text
from mstoolkit.config.isps import documentation, paths_of
from mstoolkit.config.warmup import Schedule, load_warmup, parse_warmup, volume, warmup_names
from mstoolkit.config.warmup_rules import Geometric, Growth, Stages

WANTED = {
    *("acelle", "acelle-per-isp", "amazon-ses", "halon-example", "ipost", "leanplum-aggressive"),
    *("braze-conservative", "braze-moderate", "braze-aggressive", "leanplum-slow", "mailrush"),
    *("misar", "momentum-per-isp", "orbit", "powermta-cold", "responsys", "salesforce"),
    *("sendgrid-automated", "sendgrid-manual", "sendgrid-marketing", "sitevibes"),
    *("sparkpost", "sparkpost-auto"),
}
HEAD = 'title = "T"\nsource = ["S: x"]\nverified = true\nper = "day"\nof = "ip"\n'
each_schedule = pytest.mark.parametrize("name", warmup_names())


def test_published_schedules_are_there() -> None:
    """All those that have a table or a rule."""
    assert set(warmup_names()) >= WANTED


@each_schedule
def test_schedule_is_documented(name: str) -> None:
    """Each names a source with its address, and assumes only what it has."""
    schedule, tree = load_warmup(name), tomllib.loads(data_text("warmup", name))
    assert all(": http" in each or ": github:" in each for each in schedule.source)
    said = list(paths_of(tree))
    assert [key for key in schedule.assumed if not any(documentation(p, [key]) for p in said)] == []


@each_schedule
def test_schedule_survives_a_dump(name: str) -> None:
    """What is read from its JSON is the same value."""
    schedule = load_warmup(name)
    assert Schedule.model_validate_json(schedule.model_dump_json()) == schedule


@each_schedule
@settings(max_examples=25)
@given(day=st.integers(0, 400))
def test_a_schedule_never_falls(name: str, day: int) -> None:
    """For each ISP a day has at least what the day before has, and something at all."""
    schedule = load_warmup(name)
    for isp in schedule.rules:
        before, after = (volume(schedule, each, isp, full=1000) for each in (day, day + 1))
        assert 0 < (inf if before is None else before) <= (inf if after is None else after)


def test_only_what_was_not_read_is_unverified() -> None:
    """The one table that was inferred from flattened text says so."""
    assert [name for name in warmup_names() if not load_warmup(name).verified] == ["leanplum-slow"]


@pytest.mark.parametrize(
    ("name", "day", "printed"),
    [
        ("sendgrid-automated", 0, 20 * 24),
        ("sendgrid-automated", 12, 1000 * 24),
        ("sendgrid-automated", 18, 8583 * 24),
        ("sendgrid-automated", 35, 2_603_222 * 24),
        ("sendgrid-automated", 41, 19_601_056 * 24),
        ("sendgrid-automated", 42, None),
        ("sendgrid-manual", 4, 5000),
        ("sendgrid-manual", 16, 4_000_000),
        ("sendgrid-manual", 17, 8_000_000),
        ("sendgrid-marketing", 4, 800),
        ("sendgrid-marketing", 6, 3200),
        ("sparkpost", 0, 200),
        ("sparkpost", 14, 325_000),
        ("sparkpost", 28, 10_000_000),
        ("sparkpost-auto", 27, 7_500_000),
        ("sparkpost-auto", 28, 10_000_000),
        ("sparkpost-auto", 29, None),
        ("amazon-ses", 44, 50_000),
        ("amazon-ses", 200, 50_000),
        ("braze-conservative", 6, 500),
        ("braze-conservative", 20, 8000),
        ("braze-conservative", 21, 16_000),
        ("braze-conservative", 24, 32_000),
        ("braze-moderate", 20, 1_000_000),
        ("braze-aggressive", 16, 4_000_000),
        ("braze-aggressive", 18, 16_000_000),
        ("salesforce", 6, 50_000),
        ("salesforce", 7, 100_000),
        ("salesforce", 41, 1_600_000),
        ("leanplum-aggressive", 7, 2_500_000),
        ("leanplum-aggressive", 8, 2_500_000),
        ("leanplum-aggressive", 9, 5_000_000),
        ("leanplum-aggressive", 24, 600_000_000),
        ("leanplum-slow", 24, 75_000_000),
        ("ipost", 2, 500),
        ("ipost", 3, 1000),
        ("sitevibes", 15, 100_000),
        ("acelle", 8, 15_000),
        ("acelle", 29, 250_000),
        ("misar", 4, 200),
        ("misar", 29, 10_000),
        ("misar", 30, None),
        ("mailrush", 89, 750),
        ("mailrush", 90, 1000),
        ("orbit", 1, 63),
        ("orbit-conservative", 10, 200),
        ("halon-example", 3, 40 * 24),
        ("powermta-cold", 2, 3),
    ],
)
def test_volumes_are_as_printed(name: str, day: int, printed: float | None) -> None:
    """Copied by hand from the sources; an hourly limit holds 24 times a day."""
    found = volume(load_warmup(name), day)
    assert found is printed if printed is None else isclose(found or 0, printed, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("name", "day", "isp", "printed"),
    [
        ("responsys", 0, "outlook", 7500),
        ("responsys", 3, "yahoo", 7500),
        ("responsys", 6, "gmail", 12_500),
        ("responsys", 6, "orange", 12_500),
        ("responsys", 0, "", 32_500),
        ("responsys", 6, "", 50_000),
        ("momentum-per-isp", 0, "yahoo", 50_000),
        ("momentum-per-isp", 1, "yahoo", 50_000),
        ("momentum-per-isp", 2, "yahoo", 100_000),
        ("momentum-per-isp", 27, "yahoo", 27 * 50_000),
        ("momentum-per-isp", 28, "yahoo", 100_000 * 24),
        ("momentum-per-isp", 3, "aol", 1000 * 24),
        ("momentum-per-isp", 4, "aol", 10_000 * 24),
        ("momentum-per-isp", 14, "gmail", 100_000 * 24),
        ("momentum-per-isp", 2, "sina", 36_000 * 24),
        ("momentum-per-isp", 2, "orange", None),
        ("acelle-per-isp", 0, "apple", 5),
        ("acelle-per-isp", 14, "outlook", 300),
        ("acelle-per-isp", 44, "yahoo", 1000),
        ("halon-example", 0, "gmail", 240),
    ],
)
def test_volumes_by_isp_are_as_printed(
    name: str, day: int, isp: str, printed: float | None
) -> None:
    """Each ISP has its own; without one named, all together; without a rule, no limit."""
    assert volume(load_warmup(name), day, isp, full=1000) == printed


def test_the_automated_table_is_a_formula_but_for_two_misprints() -> None:
    """20 x 1.4^day, rounded, is what SendGrid prints, except on days 12 and 18."""
    sendgrid = load_warmup("sendgrid-automated")
    hourly = [(volume(sendgrid, day) or 0) / 24 for day in range(42)]
    assert [day for day in range(42) if hourly[day] != round(20 * 1.4**day)] == [12, 18]


def test_iposts_growth_slows_as_it_rises() -> None:
    """Doubling below 50,000, then 1.5, 1.2 and 1.1 times, each level for three days."""
    ipost = load_warmup("ipost")
    levels = [volume(ipost, 3 * step) or 0 for step in range(15)]
    factors = [round(b / a, 6) for a, b in pairwise(levels)]
    assert levels[7] == 64_000
    assert factors == [2.0] * 7 + [1.5] * 2 + [1.2] * 4 + [1.1]
    assert isinstance(ipost.rule, Growth)


def test_sparkposts_gate() -> None:
    """A stage is passed at 90 % delivered, looked at daily; ten days without end it."""
    rule = load_warmup("sparkpost-auto").rule
    assert isinstance(rule, Stages)
    assert (rule.gate, rule.checked, rule.gives_up) == (0.9, 86_400.0, 864_000.0)
    assert len(rule.stages) == 29


def test_guards() -> None:
    """What Braze, SiteVibes and Acelle want watched."""
    assert load_warmup("braze-moderate").guards.complaints == 0.0008
    assert load_warmup("sitevibes").guards.bounces_stop == 0.03
    assert load_warmup("acelle").guards.complaints_hold == 0.0015


def test_addresses_for_a_target() -> None:
    """SendGrid's sheet says how many addresses to have."""
    addresses = load_warmup("sendgrid-manual").addresses
    assert (addresses[0], addresses[-1]) == ((25_000.0, 2), (80_000_000.0, 20))


def test_growth_without_end_does_not_overflow() -> None:
    """In a hundred years it is infinite, not an error."""
    rule = Geometric(start=50.0, factor=2.0)
    assert rule.at(40_000) == inf


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """A path is read as a shipped name is."""
    path = tmp_path / "mine.toml"
    path.write_text(
        HEAD + '[rule]\nkind = "table"\ndays = [[1, "1k/day"]]\nthen = "hold"\n', encoding="utf-8"
    )
    assert volume(load_warmup(path), 5) == 1000.0


RULE = '[rule]\nkind = "table"\ndays = [[1, "5/day"]]\nthen = "hold"\n'


def _ruled(**changes: str) -> str:
    keys = {"kind": '"table"', "days": '[[1, "5/day"]]', "then": '"hold"', **changes}
    return HEAD + "[rule]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (HEAD + "tilte = 1\n" + RULE, "tilte", "unknown key 'tilte'; did you mean 'title'?"),
        (_ruled(dyas="[]"), "rule.dyas", "unknown key 'dyas'; did you mean 'days'?"),
        (_ruled(kind='"tabel"'), "rule.kind", "there is no 'tabel'; did you mean 'table'?"),
        (_ruled(days="[]"), "rule.days", "is empty; give at least one"),
        (
            _ruled(days='[[2, "5/day"], [1, "6/day"]]'),
            "rule.days",
            "1 follows 2; write each",
        ),
        (
            _ruled(days='[[1, "5/day"], [1, "6/day"]]'),
            "rule.days",
            "1 follows 1; write each",
        ),
        (_ruled(days='[[1, "-5/day"]]'), "rule.days.0.1", "is not a rate: '-5/day'"),
        (_ruled(days='[[1, "0/day"]]'), "rule.days.0.1", "must be above 0"),
        (_ruled(days="[[1, 5]]"), "rule.days.0.1", "is not a rate: 5; write a number per"),
        (_ruled(days='[[-1, "5/day"]]'), "rule.days.0.0", "must not be negative"),
        (_ruled(then='"holt"'), "rule.then.kind", "there is no 'holt'; did you mean 'hold'?"),
        (_ruled(then='{ kind = "grow" }'), "rule.then.factor", "is missing; add it"),
        (_ruled(then='{ kind = "grow", factor = 0.5 }'), "rule.then.factor", "must be above 1"),
        (_ruled(step='"36h"'), "rule.step", "is no whole number of days"),
        (_ruled(ends="0"), "rule.ends", "is before the last entry, 1; leave it out"),
        (HEAD, "rule", "is missing; give either one rule or some by ISP"),
        (HEAD + RULE + RULE.replace("rule", "isps.a"), "rule", "stands beside isps"),
        (HEAD + RULE.replace("rule", "isps.a"), "of", "'ip' has no rules by ISP; write of = 'ip-"),
        (HEAD.replace('["S: x"]', "[]") + RULE, "source", "is empty; tell where"),
        (
            HEAD
            + '[rule]\nkind = "growth"\nstart = "5/day"\nbands = [{ below = "9/day", factor = 2 }]',
            "rule.bands",
            "the last one has an upper end",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(text: str, key: str, words: str) -> None:
    """File, key, problem and remedy."""
    with pytest.raises(ConfigError) as caught:
        parse_warmup(text, file="mine.toml")
    assert (caught.value.file, caught.value.key) == ("mine.toml", key)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_warmup("sparkpots"), "did you mean 'sparkpost'? known are acelle,"),
        (lambda: load_warmup("nowhere.toml"), "nowhere.toml: cannot be read"),
        (lambda: volume(load_warmup("sparkpost"), -1), "day: must not be negative, got -1"),
        (lambda: volume(load_warmup("acelle-per-isp"), 0, "gmail"), "full: is in shares of the"),
    ],
)
def test_what_cannot_be_answered_is_refused(call: Any, words: str) -> None:
    """An unknown name offers the nearest; a share of nothing is no volume."""
    with pytest.raises(ConfigError) as caught:
        call()
    assert words in str(caught.value)
