"""Published figures: they are those that were read, with their sources."""

from __future__ import annotations

from math import log
from statistics import NormalDist

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.config.benchmarks import (
    Benchmark,
    load_benchmark,
    load_benchmarks,
    parse_benchmarks,
)

FOUND = load_benchmarks()
HOUR = 3600.0
each_benchmark = pytest.mark.parametrize("name", FOUND)


@each_benchmark
def test_benchmark_has_a_source(name: str) -> None:
    """With its address; shares are shares, and what was computed says how."""
    found = FOUND[name]
    assert found.source
    assert all(": http" in each or ": github:" in each for each in found.source)
    assert found.note or not found.computed
    if found.unit == "share":
        shares = [found.value, *(found.values or {}).values(), *(found.range or ())]
        shares += [share for *_, share in (found.bands or ())]
        assert all(0 <= share <= 1 for share in shares if share is not None)


@each_benchmark
def test_benchmark_survives_a_dump(name: str) -> None:
    """What is read from its JSON is the same value."""
    assert Benchmark.model_validate_json(FOUND[name].model_dump_json()) == FOUND[name]


@pytest.mark.parametrize(
    ("name", "year", "value"),
    [
        ("inbox-placement", 2025, 0.872),
        ("inbox-placement-2024", 2024, 0.835),
        ("inbox-placement-2019", 2019, 0.83),
        ("hard-bounce-rate", 2019, 0.004),
        ("soft-bounce-rate", 2019, 0.0061),
        ("open-rate", 2019, 0.2271),
        ("click-rate", 2019, 0.0291),
        ("unsubscribe-rate", 2019, 0.0025),
        ("complaint-rate", 2018, 0.00012),
        ("new-ip-volume-microsoft", 2016, 10_000),
    ],
)
def test_figures_are_as_published(name: str, year: int, value: float) -> None:
    """Copied by hand from the sources."""
    assert (FOUND[name].year, FOUND[name].value) == (year, value)


def test_figures_by_name_are_as_published() -> None:
    """By provider, by limit, by domain, by score, and ranges over industries."""
    by_provider = {"gmail": 0.898, "yahoo": 0.873, "outlook": 0.774, "apple": 0.82}
    assert FOUND["inbox-placement-by-provider"].values == by_provider
    assert FOUND["complaint-limit-gmail"].values == {"advised": 0.001, "limit": 0.003}
    assert FOUND["complaint-limit-yahoo"].values == {"limit": 0.003}
    assert (FOUND["provider-share-us"].values or {})["gmail.com"] == 0.73
    bands = ((91.0, 100.0, 0.92), (81.0, 90.0, 0.72), (71.0, 80.0, 0.45))
    assert FOUND["inbox-by-sender-score"].bands == bands
    assert FOUND["complaint-rate-by-industry"].range == (0.00005, 0.00018)
    points = ((HOUR, 0.215), (6 * HOUR, 0.506), (24 * HOUR, 0.73))
    assert FOUND["open-time-2020"].points == points


@pytest.mark.parametrize(
    ("fit", "points", "error"),
    [
        ("open-delay-2020", "open-time-2020", 0.005),
        ("open-delay-2022", "open-time-2022", 0.016),
        ("open-delay-2012", "open-time-2012", 0.055),
        ("open-delay-2006", "open-time-2006", 0.055),
        ("click-delay-2020", "click-time-2020", 0.005),
        ("click-delay-2022", "click-time-2022", 0.016),
    ],
)
def test_fits_fit(fit: str, points: str, error: float) -> None:
    """Each log-normal goes through the points that it was fitted to, as near as its note says."""
    shape, published = FOUND[fit].lognormal, FOUND[points].points
    assert shape is not None
    assert published
    normal = NormalDist(log(shape.median), shape.sigma)
    assert max(abs(normal.cdf(log(at)) - share) for at, share in published) < error


def test_an_unknown_name_offers_the_nearest() -> None:
    """As everywhere."""
    with pytest.raises(ConfigError, match="did you mean 'open-rate'"):
        load_benchmark("open-rat")


ABOUT = 'title = "T"\nunit = "share"\nsource = ["s"]\nverified = true\n'


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ("", "benchmarks.a", "says no figure; give one of value, values, range"),
        ("value = 0.1\nrange = [0.1, 0.2]", "benchmarks.a", "says value and range; give one"),
        ("range = [0.2, 0.1]", "benchmarks.a.range", "0.2 is above 0.1; write the lower one"),
        ("valu = 0.1", "benchmarks.a.valu", "did you mean 'value'?"),
        ("points = [[1, 0.5]]", "benchmarks.a.points.0.0", "is not a duration: 1"),
        ("value = 0.1\nyear = 19", "benchmarks.a.year", "must be at least 1990"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(keys: str, key: str, words: str) -> None:
    """File, key, problem and remedy."""
    text = f'[sources]\ns = "S: x"\n[benchmarks.a]\n{ABOUT}{keys}\n'
    with pytest.raises(ConfigError) as caught:
        parse_benchmarks(text, file="b.toml")
    assert (caught.value.file, caught.value.key) == ("b.toml", key)
    assert words in str(caught.value)


def test_a_source_must_be_there() -> None:
    """A benchmark cannot name a source that the file does not explain."""
    text = f'[sources]\nt = "T: x"\n[benchmarks.a]\n{ABOUT}value = 0.1\n'
    with pytest.raises(ConfigError, match=r"benchmarks\.a\.source: there is no source 's'"):
        parse_benchmarks(text)
