"""A recorded log, fed to a fresh dispatcher, gives the same commands: all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mstoolkit.config import Scenario, load_scenario
from mstoolkit.live import LiveRun, send
from mstoolkit.replay import replay
from mstoolkit.sim import simulate
from mstoolkit.sinks import Sinks

BENCH = Path(__file__).parents[1] / "data" / "bench.toml"
SCALE = 120.0


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


def sent_live(scenario: Scenario, strategy: str, folder: Path) -> LiveRun:
    async def run() -> LiveRun:
        async with Sinks(scenario, seed=5, time_scale=SCALE, any_port=True) as sinks:
            sinks.fault("drop", "two", start=10.0, lasts=20.0)
            sinks.fault("refuse", "one", start=40.0, lasts=30.0)
            return await send(
                scenario, strategy, out=folder, seed=5, time_scale=SCALE, sinks=sinks, limit=400
            )

    return asyncio.run(run())


@pytest.mark.parametrize("strategy", ["round-robin", "smooth-weighted"])
def test_a_live_log_replays(scenario: Scenario, strategy: str, tmp_path: Path) -> None:
    """With faults of two kinds on the way, every row comes out again in every column."""
    run = sent_live(scenario, strategy, tmp_path / "run")
    again = replay(run.folder)
    assert again.identical, str(again)
    assert again.rows == again.recorded > 800
    assert again.kind == "live"


@pytest.mark.parametrize("batch", [1, 50])
@pytest.mark.parametrize("strategy", ["round-robin", "smooth-weighted"])
def test_a_simulated_log_replays(
    scenario: Scenario, strategy: str, batch: int, tmp_path: Path
) -> None:
    """Exact and in parcels: the simulator's log holds all that the dispatcher was told."""
    folder = simulate(scenario, strategy, seed=5, batch=batch).write(tmp_path / "run")
    again = replay(folder)
    assert again.identical, str(again)
    assert again.kind == "simulated"
