"""Speed, as ratios within one run: medians of interleaved pairs, in CPU time of this process.

Floors are what the project promises; what was measured is printed (``make bench`` shows it).
"""

from __future__ import annotations

import gc
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import Scenario, load_scenario
from mstoolkit.sim import Run, simulate

STRATEGY = "smooth-weighted"
PAIRS = 9


def plain_model() -> Any:
    """Return the module of the plain model, which lies beside this file."""
    spec = importlib.util.spec_from_file_location(
        "plain_model", Path(__file__).with_name("plain_model.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario("quickstart")


def cpu(work: Callable[[int], object], seed: int) -> float:
    """Return the CPU seconds of this process that some work takes, whatever was run before it."""
    gc.collect()
    start = time.process_time()
    work(seed)
    return time.process_time() - start


def interleaved(
    slow: Callable[[int], object], fast: Callable[[int], object], pairs: int = PAIRS
) -> float:
    """Return the median of slow / fast over pairs that were run in turn, after a warm-up."""
    slow(0), fast(0)
    ratios = [cpu(slow, seed) / cpu(fast, seed) for seed in range(1, pairs + 1)]
    print("pairs:", ", ".join(f"{ratio:.2f}" for ratio in ratios))
    return statistics.median(ratios)


def test_exact_simulation_against_a_plain_model(scenario: Scenario) -> None:
    """Exact mode, with its full log as a frame, is at least 3 times as fast as a plain model."""
    model = plain_model()
    ratio = interleaved(
        lambda seed: model.PlainModel(scenario, seed).run(),
        lambda seed: simulate(scenario, STRATEGY, seed=seed, batch=1).events,
    )
    print(f"exact mode: {ratio:.2f} times the plain model (floor 3)")
    assert ratio >= 3.0


def test_parcels_against_exact_simulation(scenario: Scenario) -> None:
    """Parcels of 100 are at least 10 times as fast as exact mode."""
    ratio = interleaved(
        lambda seed: simulate(scenario, STRATEGY, seed=seed, batch=1).events,
        lambda seed: simulate(scenario, STRATEGY, seed=seed, batch=100).events,
    )
    print(f"parcels of 100: {ratio:.1f} times exact mode (floor 10)")
    assert ratio >= 10.0


def test_parcels_agree_with_exact_simulation(scenario: Scenario) -> None:
    """Delivered, bounced and opened of parcels of 100 lie within 0.1 points of exact mode."""
    gaps: dict[str, list[float]] = {"delivered": [], "bounced": [], "opened": []}
    for seed in range(PAIRS):
        exact, parcels = (
            shares(simulate(scenario, STRATEGY, seed=seed, batch=batch)) for batch in (1, 100)
        )
        for name, values in gaps.items():
            values.append(100 * (parcels[name] - exact[name]))
    for name, values in gaps.items():
        print(f"{name}: {statistics.mean(values):+.3f} points ({PAIRS} seeds)")
        assert abs(statistics.mean(values)) <= 0.1


def test_compare_of_six_strategies(tmp_path: Path) -> None:
    """Six strategies x 20 replications x 50,000 messages in parcels within 60 s on two cores."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "mstoolkit", "compare", "quickstart", "--replications", "20",
         "--jobs", "2", "--out", str(tmp_path / "out")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    took = time.perf_counter() - start
    print(f"compare: {took:.1f} s (floor 60 s), with logs, plots and report")
    assert took <= 60.0


@pytest.mark.parametrize("command", [["-c", "import mstoolkit"], ["-m", "mstoolkit", "--help"]])
def test_start(command: list[str]) -> None:
    """Importing the package, and --help, take less than half a second (median of 7)."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    took = statistics.median(times)
    print(f"python {' '.join(command)}: {took:.2f} s (floor 0.5 s)")
    assert took < 0.5


def shares(run: Run) -> dict[str, float]:
    """Return delivered and bounced of enqueued, and opened by a person of delivered."""
    events, totals = run.events, run.totals
    opened = events.loc[(events["event"] == "opened") & (events["category"] == "person"), "n"].sum()
    return {
        "delivered": totals["delivered"] / totals["enqueued"],
        "bounced": totals["bounced"] / totals["enqueued"],
        "opened": opened / totals["delivered"],
    }
