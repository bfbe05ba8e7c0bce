"""Logs on disk: whole or not there, readable at any moment, and never two runs in one folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mstoolkit.config import ConfigError, content_hash
from mstoolkit.config.mailing import Mailing
from mstoolkit.eventlog import (
    LogWriter,
    Manifest,
    Recorder,
    manifest_of,
    read_log,
    read_manifest,
    read_table,
    read_truth,
    stored_scenario,
)
from mstoolkit.eventlog.schema import arrow_schema
from mstoolkit.eventlog.store import fresh_folder
from mstoolkit.model import Event, Feedback, Parcel, Replied, Send, Tick
from mstoolkit.sim import Run, simulate
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, small_scenario

SCENARIO = small_scenario()
POLICY = SCENARIO.strategies["round-robin"]


@pytest.fixture(scope="module")
def run() -> Run:
    return simulate(SCENARIO, "round-robin", seed=4)


def manifest() -> Manifest:
    return manifest_of(
        SCENARIO, "round-robin", POLICY, kind="live", seed=4, batch=1, ended_at=60.0,
        observed_until=90.0, epoch=1.7e9, lagged=True, notes={"host": "x"},
    )  # fmt: skip


def write_some(writer: Any, limit: int = 200) -> int:
    """Let a dispatcher send everything at once and accept it; return how many were accepted."""
    dispatcher = Dispatcher(SCENARIO.servers, POLICY)
    pending: list[Send] = []

    def tell(event: Event) -> None:
        commands = dispatcher.handle(event)
        writer.record(event, commands)
        pending.extend(command for command in commands if isinstance(command, Send))

    for event in Mailing(SCENARIO).arrivals(limit):
        tell(event)
    now, accepted = 0.0, 0
    while True:
        wake = dispatcher.next_wakeup()
        if pending:
            now += 0.125
            accepted += 1
            tell(Replied(now, pending.pop(0).token, ((OK, 1),), 0, 0.1))
        elif wake is None or not dispatcher.totals["queued"]:
            return accepted
        else:
            now = max(now, wake)
            tell(Tick(now))


def writer(folder: Path, part_rows: int = 50) -> LogWriter:
    return LogWriter(folder, SCENARIO, run="r", strategy="round-robin", part_rows=part_rows)


def test_a_run_comes_back_as_it_was(run: Run, tmp_path: Path) -> None:
    """Events, truth, manifest and scenario survive the disk."""
    folder = run.write(tmp_path / "run")
    assert read_table(folder).equals(run.table)
    assert read_log(folder).equals(run.events)
    truth = read_truth(folder)
    assert truth is not None
    assert truth.equals(run.truth)
    assert read_manifest(folder) == run.manifest
    again = stored_scenario(folder)
    assert content_hash(again) == content_hash(SCENARIO) == run.manifest.scenario_hash
    assert again == SCENARIO
    assert content_hash(again.strategies["round-robin"]) == run.manifest.policy_hash


def test_a_manifest_survives(tmp_path: Path) -> None:
    """Every field of a live run's manifest, epoch and notes included."""
    log = writer(tmp_path / "run")
    log.close(manifest())
    assert read_manifest(tmp_path / "run") == manifest()
    assert read_table(tmp_path / "run").num_rows == 0


@pytest.mark.parametrize("held", ["manifest.json", "anything", "events/part-00000.parquet"])
def test_a_used_folder_is_refused(held: str, tmp_path: Path, run: Run) -> None:
    """A folder that holds anything is left alone, with one sentence that says what to do."""
    folder = tmp_path / "run"
    (folder / held).parent.mkdir(parents=True)
    (folder / held).write_text("{}", encoding="utf-8")
    for attempt in (run.write, writer, fresh_folder):
        with pytest.raises(ConfigError, match="name a new or empty folder"):
            attempt(folder)
    assert [p.name for p in folder.rglob("*") if p.is_file()] == [Path(held).name]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the way is one clear error."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError):
            fresh_folder(place)


def test_no_run_is_told_in_one_sentence(tmp_path: Path) -> None:
    """A folder without a run, or with a broken manifest or scenario, names the file."""
    for read in (read_log, read_manifest, stored_scenario):
        with pytest.raises(ConfigError) as caught:
            read(tmp_path)
        assert str(tmp_path) in caught.value.file
    (tmp_path / "manifest.json").write_text("{]", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifest(tmp_path)
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "part-00000.parquet").write_text("no", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_log(tmp_path)
    assert read_truth(tmp_path) is None


def test_parts_and_journal_are_one_log(tmp_path: Path) -> None:
    """A live log is what the recorder would hold, whatever part of it lies in which file."""
    memory = Recorder(SCENARIO, run="r", strategy="round-robin")
    write_some(memory)
    log = writer(tmp_path / "run")
    write_some(log)
    parts = sorted((tmp_path / "run" / "events").glob("part-*.parquet"))
    assert len(parts) > 2
    open_log = read_table(tmp_path / "run")
    log.close(manifest())
    closed_log = read_table(tmp_path / "run")
    expected = memory.table().to_pylist()
    assert open_log.to_pylist() == expected
    assert closed_log.to_pylist() == expected
    assert not (tmp_path / "run" / "events" / "journal.jsonl").exists()
    assert not list((tmp_path / "run").rglob("*.new"))
    assert all(pq.read_schema(part).equals(arrow_schema()) for part in parts)


def test_a_log_is_readable_at_any_moment(tmp_path: Path) -> None:
    """While it is written nothing is missing, and there is no manifest yet."""
    log = writer(tmp_path / "run", part_rows=40)

    class Watching:
        written = 0

        def record(self, event: Event, commands: list[Any]) -> None:
            log.record(event, commands)
            self.written += 1
            frame = read_log(tmp_path / "run")
            assert sorted(set(frame["seq"])) == list(range(self.written))

    write_some(Watching(), limit=40)
    with pytest.raises(ConfigError, match=r"no manifest\.json"):
        read_manifest(tmp_path / "run")
    log.close(manifest())


DYING = """
import os, sys
from pathlib import Path
from mstoolkit.eventlog import LogWriter
from mstoolkit.model import Tick
from mstoolkit.testing import small_scenario

log = LogWriter(Path(sys.argv[1]), small_scenario(), run="r", strategy="s", part_rows=30)
for k in range(100):
    log.record(Tick(float(k)), [])
os._exit(9)
"""


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    """The process dies without closing: parts and journal hold every row."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path / "run")], check=False, timeout=60
    )
    assert done.returncode == 9
    frame = read_log(tmp_path / "run")
    assert frame["at"].tolist() == [float(k) for k in range(100)]
    assert len(list((tmp_path / "run" / "events").glob("part-*"))) == 3


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    """A crash in the middle of a line: what is before it is read."""
    log = writer(tmp_path / "run", part_rows=10_000)
    write_some(log, limit=20)
    journal = tmp_path / "run" / "events" / "journal.jsonl"
    text = journal.read_text(encoding="utf-8")
    whole = len(read_log(tmp_path / "run"))
    journal.write_text(text[:-20], encoding="utf-8")
    assert len(read_log(tmp_path / "run")) == whole - 1
    log.close(manifest())


def test_a_log_goes_on_where_its_parts_end(tmp_path: Path) -> None:
    """What came after the last part that counts is written once more, in the place of what lay."""
    folder = tmp_path / "run"

    def ticks(log: LogWriter, first: int, end: int) -> None:
        for k in range(first, end):
            log.record(Tick(float(k)), [])

    log = LogWriter(folder, SCENARIO, run="r", strategy="s", part_rows=None)
    ticks(log, 0, 10)
    begun = log.roll()
    assert (begun.parts, begun.seq, begun.attempts) == (1, 10, ())
    ticks(log, 10, 15)
    log.roll()  # a part of which nobody knows
    ticks(log, 15, 18)
    log.abandon()
    again = LogWriter(folder, SCENARIO, run="r", strategy="s", part_rows=None, begun=begun)
    ticks(again, 10, 12)
    assert read_log(folder)["at"].tolist() == [float(k) for k in range(18)]
    again.settle()
    assert read_log(folder)["seq"].tolist() == list(range(12))
    ticks(again, 12, 14)
    again.close(manifest())
    frame = read_log(folder)
    assert frame["seq"].tolist() == frame["at"].tolist() == list(range(14))
    names = [path.name for path in sorted((folder / "events").iterdir())]
    assert names == ["part-00000.parquet", "part-00001.parquet"]


def test_observations_are_put_in_order(tmp_path: Path) -> None:
    """News dated ahead is written at once and read in its place."""
    log = writer(tmp_path / "run", part_rows=20)
    block = Mailing(SCENARIO).blocks[0]
    log.observe(Feedback(5.0, "opened", "one", Parcel(block.lot, 3, 1), 0.0), "person")
    write_some(log, limit=60)
    log.close(manifest())
    frame = read_log(tmp_path / "run")
    assert frame["at"].is_monotonic_increasing
    opened = frame[frame["event"] == "opened"]
    assert opened["seq"].tolist() == [-1]
    assert opened["category"].tolist() == ["person"]
    assert opened["at"].tolist() == [5.0]
