"""Results on stdout, the rest on stderr; JSON that any reader takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mstoolkit.cli import screen
from mstoolkit.cli.app import COMMANDS
from mstoolkit.cli.folders import claimed
from mstoolkit.cli.problems import explained

Run = Callable[..., "tuple[int, str, str]"]


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    """What JSON does not know becomes null; NumPy's numbers become numbers."""
    screen.emit({"a": float("nan"), "b": np.int64(3), "c": [np.float64("inf"), pd.NA, True]})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": 3, "c": [None, None, True]}


def test_json_lines_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON lines, a document is one line."""
    screen.emit({"a": [1, 2]}, lines=True)
    assert capsys.readouterr().out == '{"a": [1, 2]}\n'


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal there is no bar."""
    with screen.progress("work") as show:
        show(0.5)
    assert capsys.readouterr() == ("", "")


def test_fresh_folder_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --out, each run gets the next free number."""
    monkeypatch.chdir(tmp_path)
    first = claimed(None, "demo")
    first.mkdir(parents=True)
    assert (first, claimed(None, "demo")) == (Path("runs/demo-1"), Path("runs/demo-2"))


def test_bugs_are_not_explained_away() -> None:
    """An error that no user can remedy keeps its trace."""
    assert explained(ZeroDivisionError("division by zero")) is None
    assert explained(ModuleNotFoundError("No module named 'numpy'", name="numpy")) is None


def test_full_disk_is_told() -> None:
    """An error of the system that the user can remedy is told with the remedy."""
    sentence = explained(OSError(28, "No space left on device", "runs/a"))
    assert sentence == "runs/a: the disk is full; make room or give another --out"


@pytest.mark.parametrize("name", [c.__name__.rpartition(".")[2] for c in COMMANDS])
def test_help_teaches(mst: Run, name: str) -> None:
    """Every command's help has examples that begin with the command."""
    status, out, err = mst(name, "--help")
    assert (status, err) == (0, "")
    assert "Examples" in out
    assert f"mstoolkit {name}" in out.partition("Examples")[2]


def test_no_arguments_is_help(mst: Run) -> None:
    """Without arguments the help is shown, and that is no error."""
    status, out, _ = mst()
    assert status == 0
    assert "Where to start" in out
    assert "\x1b" not in out


def test_version(mst: Run) -> None:
    """--version says name and version."""
    assert mst("--version")[1].startswith("mstoolkit ")


def test_validate(mst: Run) -> None:
    """What a scenario holds, for people and for programs."""
    status, out, _ = mst("validate", "quickstart")
    assert status == 0
    assert "50,000 recipients" in out
    document = json.loads(mst("validate", "quickstart", "--json")[1])
    assert document["servers"] == [f"mta-{k}" for k in range(1, 6)]
    assert document["valid"] is True
