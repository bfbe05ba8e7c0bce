"""The commands, end to end on a small scenario: what they print, write and return."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from mstoolkit.cli import demo
from mstoolkit.cli.app import app
from mstoolkit.config import data_text

Run = Callable[..., "tuple[int, str, str]"]

SMALLER = {
    r'horizon = "\w+"': 'horizon = "1h"',
    r'follow = "\w+"': 'follow = "1h"',
    r"size = 50000": "size = 400",
    r'start = "\w+"\nlasts = "\w+"': 'start = "1min"\nlasts = "5min"',
    r'expires = "\w+"': 'expires = "20min"',
}


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Write a scenario of 400 recipients beside the test and return its name."""
    text = data_text("scenarios", "quickstart")
    for old, new in SMALLER.items():
        text, count = re.subn(old, new, text)
        assert count, old
    ports = iter(_free_ports(text.count("\nport = ")))
    text = re.sub(r"port = \d+", lambda _: f"port = {next(ports)}", text)
    (tmp_path / "small.toml").write_text(text, encoding="utf-8")
    return "small.toml"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _assert_typable(line: str) -> None:
    """Check that a command line which the program proposes is one that it understands."""
    program, name, *words = shlex.split(line)
    root: Any = get_command(app)
    assert program == "mstoolkit"
    assert root.commands[name].make_context(name, words)


def _program(*words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mstoolkit", *words],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_simulate_then_replay(mst: Run, tmp_path: Path, small: str) -> None:
    """A simulated run is shown, written whole, and replays to the same commands."""
    status, out, err = mst("simulate", small, "-s", "interval", "--out", "one")
    assert (status, err) == (0, "")
    assert "delivery rate" in out
    _assert_typable(out.partition("Next:")[2])
    assert {"events", "manifest.json", "scenario.json", "report.html", "plots"} <= {
        path.name for path in (tmp_path / "one").iterdir()
    }
    assert "one/report.html" in out
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert f"mstoolkit simulate {small} -s interval --seed 0" in page
    status, out, _ = mst("replay", "one", "--json")
    assert status == 0
    assert json.loads(out)["identical"] is True


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["shown", "json"])
def test_without_a_report(mst: Run, tmp_path: Path, small: str, json_too: tuple[str, ...]) -> None:
    """--no-report leaves the page out, and nothing says that there is one."""
    words = ("-s", "batch", "--out", "one", "--no-report", *json_too)
    status, out, _ = mst("simulate", small, *words)
    assert status == 0
    assert "report.html" not in out
    assert not (tmp_path / "one" / "report.html").exists()


def test_names_with_brackets_are_shown_as_they_are(mst: Run, tmp_path: Path, small: str) -> None:
    """A path is no markup, and a command that is proposed for it can be typed."""
    name, out = "my [bold] one.toml", "runs [red]"
    (tmp_path / small).rename(tmp_path / name)
    status, shown, _ = mst("simulate", name, "-s", "batch", "--no-report", "--out", out)
    assert status == 0
    assert f"Event log: {out}\n" in shown
    assert shlex.split(shown.partition("Next:")[2])[-1] == out
    _, shown, _ = mst("validate", name)
    assert shlex.split(shown.partition("Next:")[2])[-1] == name


def test_same_seed_same_run(mst: Run, small: str) -> None:
    """The same scenario, strategy and seed give the same figures; another seed gives others."""
    found = [
        json.loads(mst("simulate", small, "-s", "batch", "--seed", seed, "--out", out, "--json")[1])
        for seed, out in ((3, "a"), (3, "b"), (4, "c"))
    ]
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["metrics"] != found[2]["metrics"]


def test_tampered_log_is_found_out(mst: Run, tmp_path: Path, small: str) -> None:
    """A run whose seed was changed in the manifest does not replay: exit status 1."""
    mst("simulate", small, "-s", "batch", "--out", "one")
    path = tmp_path / "one" / "scenario.json"
    scenario = json.loads(path.read_text(encoding="utf-8"))
    scenario["servers"]["mta-1"]["limits"]["rate"] = 0.1
    path.write_text(json.dumps(scenario), encoding="utf-8")
    status, out, _ = mst("replay", "one")
    assert status in (1, 2)
    assert "identical" not in out


def test_compare_writes_all(mst: Run, tmp_path: Path, small: str) -> None:
    """The folder of a comparison holds tables, report, plots, logs and a manifest."""
    words = ("-s", "batch", "-s", "interval", "--replications", 2, "--jobs", 1, "--out", "new")
    status, out, err = mst("compare", small, *words)
    assert (status, err) == (0, "")
    assert "against the best" in out
    _assert_typable(out.partition("Next:")[2])
    folder = tmp_path / "new"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"mstoolkit compare {small} -s batch -s interval --replications 2" in page
    for name in ("summary.csv", "comparison.csv", "report.html", "manifest.json", "plots", "logs"):
        assert (folder / name).exists(), name
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header == ["strategy", "metric", "mean", "ci_low", "ci_high", "replications"]


def test_compare_as_json(mst: Run, small: str) -> None:
    """--json prints one document with summary, comparison and winner, and nothing else."""
    words = ("-s", "batch", "-s", "priority", "--replications", 1, "--jobs", 1, "--json")
    status, out, err = mst("compare", small, *words)
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert document["winner"]["strategy"] in ("batch", "priority")
    assert {row["strategy"] for row in document["summary"]} == {"batch", "priority"}
    assert document["folder"] == "runs/compare-1"


def test_send_to_sinks(mst: Run, tmp_path: Path, small: str) -> None:
    """Real SMTP to sinks in this process: the books balance, and the log replays."""
    words = ("-s", "batch", "--sinks", "--time-scale", 600, "--limit", 50, "--out", "live")
    status, out, _ = mst("send", small, *words, "--json")
    assert status == 0
    document = json.loads(out)
    assert (tmp_path / document["report"]).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    totals = document["totals"]
    assert totals["enqueued"] == 50
    ends = ("delivered", "bounced", "expired", "suppressed", "withdrawn", "queued", "in_flight")
    assert sum(totals[name] for name in ends) == 50
    assert mst("replay", "live")[0] == 0


def test_sinks_say_where_they_are_and_stop(tmp_path: Path, small: str) -> None:
    """As JSON lines, sinks tell their addresses first and their counts when Ctrl-C ends them."""
    program = _program("sinks", small, "--json", cwd=tmp_path)
    assert program.stdout is not None
    listening = json.loads(program.stdout.readline())
    assert listening["event"] == "listening"
    for host, port in listening["servers"].values():
        socket.create_connection((host, port)).close()
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=10)
    assert json.loads(out)["event"] == "stopped"
    assert (program.returncode, err) == (0, "")


def test_send_to_sinks_of_another_program(mst: Run, tmp_path: Path, small: str) -> None:
    """With sinks in another terminal the sender agrees on the clock, or is refused."""
    program = _program("sinks", small, "--time-scale", "600", "--json", cwd=tmp_path)
    assert program.stdout is not None
    assert json.loads(program.stdout.readline())["time_scale"] == 600
    words = ("send", small, "-s", "batch", "--limit", 20, "--json", "--time-scale")
    try:
        status, out, err = mst(*words, 60, "--out", "slow")
        assert (status, out) == (2, "")
        assert "time scale" in err
        status, out, _ = mst(*words, 600, "--out", "live")
        assert status == 0
        assert json.loads(out)["totals"]["enqueued"] == 20
    finally:
        program.send_signal(signal.SIGINT)
        last, _ = program.communicate(timeout=10)
    assert sum(count["n"] for count in json.loads(last)["counts"]) >= 15
    assert not (tmp_path / "slow").exists()


def test_port_in_use(mst: Run, tmp_path: Path, small: str) -> None:
    """Sinks that cannot have a port name the server and the remedy."""
    text = (tmp_path / small).read_text(encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = text.partition("port = ")[2].split()[0]
        text = text.replace(f"port = {port}", f"port = {taken.getsockname()[1]}")
        (tmp_path / small).write_text(text, encoding="utf-8")
        status, out, err = mst("sinks", small)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "servers.mta-1.port" in err
    assert "in use" in err


def test_interrupted_run_ends_with_130(tmp_path: Path, small: str) -> None:
    """Ctrl-C ends a live run cleanly: what is on the wire is finished, the log can be read."""
    words = ("-s", "batch", "--sinks", "--out", "live")
    program = _program("send", small, *words, cwd=tmp_path)
    deadline = time.monotonic() + 10
    while not (tmp_path / "live").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=15)
    assert (program.returncode, err) == (130, "")
    manifest = (tmp_path / "live" / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(manifest)["kind"] == "live"


def test_a_stopped_run_goes_on_with_the_same_command(mst: Run, tmp_path: Path, small: str) -> None:
    """Ctrl-C, then the same words: one run in one log. Then it is done, and says so."""
    words: tuple[str, ...] = ("send", small, "-s", "batch", "--sinks", "--limit", "300")
    words = (*words, "--time-scale", "600", "--out", "live", "--no-report")
    program = _program(*words, cwd=tmp_path)
    spool, deadline = tmp_path / "live" / "spool.db", time.monotonic() + 10
    while not spool.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=15)
    assert (program.returncode, err) == (130, "")
    assert "the same command with --out live goes on" in out
    status, out, err = mst(*words, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert (told["starts"], told["interrupted"]) == (2, False)
    assert told["totals"]["enqueued"] == 300
    assert mst("replay", "live")[0] == 0
    status, out, err = mst(*words)
    assert (status, out) == (2, "")
    assert "is done" in err
    assert "name a new or empty folder" in err
    status, _, err = mst(*words, "--seed", 4)
    assert status == 2
    assert "begun with another seed (0, not 4)" in err


def test_interrupted_comparison_leaves_nothing(
    mst: Run, tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a comparison: exit status 130, and no folder that looks like a result."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mstoolkit.experiment.replication.simulate", interrupted)
    status, out, _ = mst("compare", small, "--jobs", 1, "--replications", 1, "--out", "new")
    assert (status, out) == (130, "")
    assert [path.name for path in tmp_path.iterdir()] == [small]


@pytest.mark.timeout(60)
def test_demo_goes_all_the_way(
    mst: Run, tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo compares, sends with the winner, replays, and says where everything is."""
    monkeypatch.setattr(demo, "SCENARIO", small)
    monkeypatch.setattr(demo, "HORIZON", 900.0)
    monkeypatch.setattr(demo, "SPREAD", 60.0)
    status, out, err = mst("demo", "--replications", 1, "--limit", 50, "--out", "show")
    assert (status, err) == (0, "")
    for words in ("1. Simulated", "2. Sent", "3. Replayed", "identical"):
        assert words in out
    assert (tmp_path / "show" / "compare" / "report.html").exists()
    for name in ("manifest.json", "report.html"):
        assert (tmp_path / "show" / "live" / name).exists()


def test_no_colour_where_it_is_not_wanted(tmp_path: Path) -> None:
    """With NO_COLOR there are no escape sequences, even where colours are forced otherwise."""
    for word in ("--help", "validate"):
        words = [word] if word == "--help" else [word, "quickstart"]
        done = subprocess.run(
            [sys.executable, "-m", "mstoolkit", *words],
            env={**os.environ, "NO_COLOR": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "\x1b" not in done.stdout
