"""A program for tests: a sender that is killed again and again, or the sinks that it sends to.

killing.py sinks SCENARIO SCALE READY ACCEPTED           serve; at SIGTERM write down what was taken
killing.py sender SCENARIO SCALE READY OUT KILLS SEED    begin, kill and take up; then to the end
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from mstoolkit.config import Scenario, load_scenario
from mstoolkit.live import send, stop_on_signals
from mstoolkit.live.spool import epoch_of, keeper
from mstoolkit.sinks import serve

ROWS = 700  # of the log between two snapshots, so that there are many


async def receive(scenario: Scenario, scale: float, ready: Path) -> list[str]:
    """Serve until told to stop; return whose mail was accepted, in order."""
    with stop_on_signals() as stop:
        sinks = await serve(scenario, time_scale=scale, any_port=True, ready_file=ready, stop=stop)
    return [one.address for one in sinks.accepted()]


def carry(scenario: Scenario, scale: float, ready: Path, out: Path) -> bool:
    """Begin the run or take it up; return whether it came to its end."""
    told = json.loads(ready.read_text(encoding="utf-8"))
    addresses = {name: (host, port) for name, (host, port) in told["servers"].items()}

    async def run() -> bool:
        with stop_on_signals() as stop:
            done = await send(
                scenario,
                "smooth-weighted",
                out=out,
                time_scale=scale,
                addresses=addresses,
                patience=5.0,
                stop=stop,
            )
        return not done.interrupted

    return asyncio.run(run())


def kill_and_take_up(
    scenario: Scenario, scale: float, ready: Path, out: Path, kills: int, seed: int
) -> dict[str, int]:
    """Let children send; kill each at a moment of its own, or ask every tenth to stop."""
    keeper.SNAPSHOT_ROWS = ROWS
    chance = random.Random(seed)
    seen = {"killed": 0, "stopped": 0, "ended": 0}
    while True:
        child = os.fork()
        if not child:
            os._exit(0 if carry(scenario, scale, ready, out) else 3)
        while epoch_of(out) is None:  # begun: from here on the clocks are agreed on
            time.sleep(0.002)
        ends = seen["killed"] + seen["stopped"] >= kills
        if not ends:
            time.sleep(chance.expovariate(1 / 0.08))
            politely = chance.random() < 0.1
            os.kill(child, signal.SIGTERM if politely else signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            seen["killed"] += 1
        elif os.WEXITSTATUS(status) == 3:
            seen["stopped"] += 1
        elif not os.WEXITSTATUS(status):
            seen["ended"] += 1
            return seen
        else:
            raise SystemExit(f"a sender failed with status {os.WEXITSTATUS(status)}")


def main(part: str, scenario: str, scale: str, ready: str, place: str, *rest: str) -> None:
    """Do one part."""
    loaded = load_scenario(scenario)
    if part == "sinks":
        accepted = asyncio.run(receive(loaded, float(scale), Path(ready)))
        Path(place).write_text(json.dumps(accepted), encoding="utf-8")
        return
    kills, seed = map(int, rest)
    seen = kill_and_take_up(loaded, float(scale), Path(ready), Path(place), kills, seed)
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
