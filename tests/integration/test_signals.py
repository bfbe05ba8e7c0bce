"""Ctrl-C in a process of its own: the run ends cleanly and says that it was interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mstoolkit.replay import replay

BENCH = Path(__file__).parents[1] / "data" / "bench.toml"
PROGRAM = """
import asyncio, json, os, signal, sys
from mstoolkit.config import load_scenario
from mstoolkit.live import send, stop_on_signals
from mstoolkit.sinks import Sinks

async def main(bench, out, number):
    scenario = load_scenario(bench)
    def enough(share):
        if 0.2 < share < 1.0:
            for _ in range(2):
                os.kill(os.getpid(), int(number))
    with stop_on_signals() as stop:
        async with Sinks(scenario, time_scale=120.0, any_port=True) as sinks:
            run = await send(scenario, "round-robin", out=out, time_scale=120.0, sinks=sinks,
                             stop=stop, progress=enough)
    print(json.dumps({"interrupted": run.interrupted, **run.totals}))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [2, 15], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_run_cleanly(tmp_path: Path, number: int) -> None:
    """Told twice at once, as shells do: nothing is in flight, the rest queued, the log whole."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(BENCH), str(tmp_path / "run"), str(number)],
        capture_output=True,
        text=True,
        timeout=15,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["interrupted"]
    assert told["in_flight"] == 0
    assert told["queued"] > 0
    assert replay(tmp_path / "run").identical
