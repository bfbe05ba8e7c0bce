"""The sender is killed at random moments and taken up: 0 lost, each duplicate is explained."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from mstoolkit.config import load_scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.eventlog import read_log, read_manifest
from mstoolkit.live.spool import ambiguous, finals
from mstoolkit.replay import replay

ROOT = Path(__file__).parents[2]
KILLING = ROOT / "tests" / "integration" / "killing.py"
SCENARIO = ROOT / "tests" / "data" / "killing.toml"


def scenario_of(folder: Path, size: int, spread: str) -> Path:
    """Write the scenario with so many recipients, whose mail arrives over a time."""
    text = SCENARIO.read_text(encoding="utf-8").replace("size = 2000", f"size = {size}")
    text = text.replace('spread = "1h"', f'spread = "{spread}"')
    place = folder / "killing.toml"
    place.write_text(text, encoding="utf-8")
    return place


def program(part: str, *words: object) -> list[str]:
    return [sys.executable, str(KILLING), part, *map(str, words)]


@contextmanager
def serving(scenario: Path, folder: Path, scale: int) -> Iterator[Path]:
    """Let sinks serve in a process of their own; they write down what they took at the end."""
    ready, accepted = folder / "ready.json", folder / "accepted.json"
    words = program("sinks", scenario, scale, ready, accepted)
    with subprocess.Popen(words, cwd=ROOT) as sinks:
        try:
            while not ready.exists():
                assert sinks.poll() is None
                sleep(0.02)
            yield ready
        finally:
            sinks.send_signal(signal.SIGTERM)
            sinks.wait()


def killed_and_taken_up(
    folder: Path, size: int, spread: str, scale: int, kills: int
) -> dict[str, int]:
    """Send all of it through kills; return how often the sender was killed, stopped and ended."""
    scenario, out = scenario_of(folder, size, spread), folder / "run"
    with serving(scenario, folder, scale) as ready:
        words = program("sender", scenario, scale, ready, out, kills, 20_261_124)
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    seen: dict[str, int] = json.loads(done.stdout)
    assert seen["ended"] == 1
    return seen


def check(folder: Path, size: int) -> None:
    """Each message ended once, what was delivered arrived, and who got two was ambiguous."""
    mailing = Mailing(load_scenario(folder / "killing.toml"))
    accepted = Counter(json.loads((folder / "accepted.json").read_text(encoding="utf-8")))
    ends = {(end.list, end.position): end for end in finals(folder / "run")}
    assert len(ends) == size
    delivered = {
        mailing.address(*place) for place, end in ends.items() if end.outcome == "delivered"
    }
    assert delivered <= accepted.keys()
    doubts = Counter((each.list, each.position) for each in ambiguous(folder / "run"))
    for address, copies in accepted.items():
        lot, position = mailing.locate(address)
        assert copies - 1 <= doubts[lot.list, position]
    manifest = read_manifest(folder / "run")
    assert manifest.totals["queued"] == manifest.totals["in_flight"] == 0
    assert manifest.totals["delivered"] == len(delivered)
    assert manifest.notes["ambiguous"] == doubts.total()
    assert (read_log(folder / "run")["event"] == "lost").sum() == doubts.total()
    assert replay(folder / "run").identical


@pytest.mark.timeout(60)
def test_killed_twenty_times(tmp_path: Path) -> None:
    """1,500 messages, at least 20 ends by SIGKILL or SIGTERM: 0 lost, duplicates explained."""
    seen = killed_and_taken_up(tmp_path, 1_500, "90min", 1_500, 26)
    assert seen["killed"] + seen["stopped"] >= 20
    check(tmp_path, 1_500)
    starts = read_manifest(tmp_path / "run").notes["starts"]
    assert 10 < starts <= 27  # some are killed before they take anything up


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    """5,000 messages, at least 200 kills: 0 lost, each duplicate explained, and some there were."""
    seen = killed_and_taken_up(tmp_path, 5_000, "6h", 600, 235)
    assert seen["killed"] >= 200
    check(tmp_path, 5_000)
    assert any(ambiguous(tmp_path / "run"))
