"""`mstoolkit explain` and `mstoolkit shares`, end to end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import Outage, load_scenario
from mstoolkit.sim import simulate

Run = Callable[..., "tuple[int, str, str]"]
BENCH = Path(__file__).parents[2] / "data" / "bench.toml"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = load_scenario(BENCH)
    outage = Outage(server="one", start=20.0, lasts=1200.0)
    run = simulate(
        scenario.model_copy(update={"outages": (outage,)}), "smooth-weighted", seed=2, batch=1
    )
    return run.write(tmp_path_factory.mktemp("runs") / "exact")


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> str:
    shutil.copytree(stored, tmp_path / "exact")
    return "exact"


def test_a_message_is_explained(mst: Run, folder: str) -> None:
    """The account stands on stdout, nothing on stderr."""
    status, out, err = mst("explain", folder, "spring:17")
    assert (status, err) == (0, "")
    assert out.startswith("Message spring:17, spring-17@googlemail.com\n")
    assert "  >  " in out
    assert "delivered" in out


def test_a_path_is_explained(mst: Run, folder: str) -> None:
    """With --path and --at what held a path is told, with its end."""
    status, out, _ = mst("explain", folder, "--path", "one/gmail", "--at", "2min")
    assert status == 0
    assert out.startswith("Path one/gmail at 0:02:00.0\n")
    assert "server suspended: network until" in out


def test_json_of_an_explanation(mst: Run, folder: str) -> None:
    """The document holds attempts, standings and blocks as values."""
    status, out, err = mst("explain", folder, "spring:17", "--json")
    assert (status, err) == (0, "")
    (moment,) = json.loads(out)["moments"]
    assert moment["attempt"] == 1
    assert [row["server"] for row in moment["standings"]] == ["one", "two", "three"]
    chosen = next(row for row in moment["standings"] if row["next"])
    assert chosen["server"] == moment["chosen"]
    assert chosen["blocks"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "nothing was asked; name a message, as spring:17"),
        (("spring:1", "--path", "one/gmail", "--at", "1min"), "leave one of them out"),
        (("--path", "one/gmail"), "add --at, as 2h"),
        (("spring:1", "--at", "1min"), "a message has its own times"),
        (("sprung:1",), "did you mean 'spring:1'?"),
        (("--path", "one/gmial", "--at", "1min"), "did you mean 'gmail'?"),
        (("--path", "one/gmail", "--at", "9h"), "to its end at 1:00:00.0"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    mst: Run, folder: str, words: tuple[str, ...], told: str
) -> None:
    """Exit status 2, one line on stderr with the remedy, nothing on stdout."""
    status, out, err = mst("explain", folder, *words)
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [("explain", "nowhere", "spring:1"), ("shares", "nowhere")])
def test_no_run_is_told(mst: Run, command: tuple[str, ...]) -> None:
    """A folder that is no run is named, with what makes one."""
    status, out, err = mst(*command)
    assert (status, out) == (2, "")
    assert "nowhere: is not the folder of a run" in err


def test_drifts_are_shown_with_their_cause(mst: Run, folder: str) -> None:
    """The table names the suspended server; a drift alone is no failure."""
    status, out, err = mst("shares", folder, "--window", "10min")
    assert (status, err) == (0, "")
    assert "server suspended: network" in out
    assert "shares drifted; most: " in out
    assert "Alarm" not in out


def test_the_alarm_is_an_exit_status_and_a_line(mst: Run, folder: str) -> None:
    """With --alarm a drift ends with 3; where there is none, with 0."""
    status, out, _ = mst("shares", folder, "--window", "10min", "--alarm")
    assert status == 3
    assert sum(line.startswith("Alarm: ") for line in out.splitlines()) == 1
    status, out, _ = mst("shares", folder, "--tolerance", "100%", "--alarm")
    assert status == 0
    assert out.startswith("None of ")


def test_json_of_shares(mst: Run, folder: str) -> None:
    """All shares stand in the document, drifted or not; the alarm keeps its status."""
    status, out, err = mst("shares", folder, "--tolerance", "30%", "--json", "--alarm")
    assert (status, err) == (3, "")
    document = json.loads(out)
    assert (document["window"], document["tolerance"]) == (3600.0, 0.3)
    assert any(row["drift"] for row in document["shares"])
    assert not all(row["drift"] for row in document["shares"])


def test_a_plot_is_written(mst: Run, folder: str, tmp_path: Path) -> None:
    """-o writes a PNG and says where; --isp chooses whose."""
    status, out, _ = mst("shares", folder, "--isp", "yahoo", "--all", "-o", "shares.png")
    assert status == 0
    assert "Plot: shares.png" in out
    assert "yahoo" in out
    assert "gmail" not in out
    assert (tmp_path / "shares.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--window", "soon"), "--window: is not a duration"),
        (("--window", "0s"), "must be longer than 0"),
        (("--tolerance", "5pc"), 'write "5%" or 0.05'),
        (("--tolerance", "500%"), 'write "5%" or 0.05'),
        (("--isp", "hotmail"), "there was for gmail, gmx, yahoo"),
        (("-o", "nowhere/shares.png"), "make its folder"),
    ],
)
def test_mistakes_about_shares_are_told(
    mst: Run, folder: str, words: tuple[str, ...], told: str
) -> None:
    """Exit status 2 and one line with the remedy."""
    status, out, err = mst("shares", folder, *words)
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
