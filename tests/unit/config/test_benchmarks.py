"""Published benchmarks: read from their file, each with a source and a say on how it is used."""

from __future__ import annotations

import pytest

from mstoolkit.config.benchmarks import Benchmark, load_benchmarks

FOUND = load_benchmarks()


@pytest.mark.parametrize("name", FOUND)
def test_a_benchmark_has_a_figure_and_a_source(name: str) -> None:
    """Either a figure or points, and an address, or the name of one that has it."""
    found = FOUND[name]
    assert (found.value is None) == bool(found.points)
    assert "http" in found.source or found.source.removeprefix("as ") in FOUND
    assert Benchmark.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inbox-global-2025", 0.872),
        ("hard-bounce-rate", 0.0040),
        ("soft-bounce-rate", 0.0061),
        ("complaints-limit", 0.003),
        ("yahoo-messages-a-connection", 20),
    ],
)
def test_figures_are_those_that_were_read(name: str, value: float) -> None:
    """Spot values, copied by hand from the sources."""
    assert FOUND[name].value == value


def test_points_are_those_that_were_read() -> None:
    """GetResponse 2020: 21.5 % of opens in the first hour, 50.6 % in six, 73 % in a day."""
    assert FOUND["time-to-open-2020"].points == {"1": 0.215, "6": 0.506, "24": 0.73}
    assert FOUND["sender-score"].points["85.5"] == 0.72
