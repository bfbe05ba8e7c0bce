"""Whatever a user gets wrong: one sentence on stderr, exit status 2, nothing half-written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import data_text

Run = Callable[..., "tuple[int, str, str]"]

BAD_SCENARIOS = {
    "unknown-key": ("weight = 5", "wieght = 5", "servers.mta-1.wieght", "did you mean 'weight'"),
    "wrong-unit": ('horizon = "8h"', "horizon = 8", "horizon", "write a number with"),
    "negative": ("weight = 5", "weight = -5", "servers.mta-1.weight", "give 0 or more"),
    "truth": ("weight = 5", "weight = true", "servers.mta-1.weight", "write it in figures"),
    "same-port": ("port = 2502", "port = 2501", "servers.mta-2.port", "a host of its own"),
    "sum": ("gmail = 0.50", "gmail = 0.40", "audience.isps", "make them sum to 1"),
    "no-toml": ('name = "quickstart"', "name = ", "is not valid TOML", "mend that line"),
}
COMMANDS = {
    "validate": (),
    "compare": (),
    "simulate": ("-s", "batch", "--out", "new"),
    "sinks": (),
    "send": ("-s", "batch", "--sinks", "--out", "new"),
}


def _refused(done: tuple[int, str, str], *words: str) -> None:
    status, out, err = done
    assert status == 2
    assert out == ""
    assert err.startswith("mstoolkit: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", BAD_SCENARIOS)
def test_bad_scenario(mst: Run, tmp_path: Path, command: str, case: str) -> None:
    """Every command that takes a scenario names file, key and remedy, and writes nothing."""
    old, new, key, remedy = BAD_SCENARIOS[case]
    text = data_text("scenarios", "quickstart").replace(old, new, 1)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    _refused(mst(command, "mine.toml", *COMMANDS[command]), "mine.toml: ", key, remedy)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_scenario(mst: Run, tmp_path: Path, command: str) -> None:
    """A scenario that is not there is told with what could be given."""
    done = mst(command, "quikstart", *COMMANDS[command])
    _refused(done, "quikstart: there is no such file", "did you mean 'quickstart'?")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["compare", "simulate", "send"])
def test_unknown_strategy(mst: Run, tmp_path: Path, command: str) -> None:
    """An unknown strategy lists those that are known, and the one that was meant."""
    done = mst(command, "quickstart", "-s", "bach", "--out", "new")
    _refused(done, "no strategy 'bach'", "did you mean 'batch'?", "round-robin, batch, interval")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("compare", "quickstart", "--out", "old"),
        ("simulate", "quickstart", "-s", "batch", "--out", "old"),
        ("send", "quickstart", "-s", "batch", "--sinks", "--out", "old"),
        ("demo", "--out", "old"),
    ],
    ids=lambda words: words[0],
)
def test_folder_with_another_run(mst: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A folder that holds a run is never written over."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text("{}", encoding="utf-8")
    _refused(mst(*words), "old: --out: holds another run; name a new folder")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["manifest.json"]


def test_out_is_a_file(mst: Run, tmp_path: Path) -> None:
    """A file in the place of the folder is told as such."""
    (tmp_path / "old").write_text("", encoding="utf-8")
    _refused(mst("simulate", "quickstart", "-s", "batch", "--out", "old"), "old", "is a file")


def test_other_host(mst: Run, tmp_path: Path) -> None:
    """A server that is not on this machine is spoken to only if it is named."""
    text = data_text("scenarios", "quickstart")
    text = text.replace("port = 2501", 'host = "mta.example"\nport = 2501', 1)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    done = mst("send", "mine.toml", "-s", "batch", "--out", "new")
    _refused(done, "servers.mta-1.host", "--allow-host mta.example")
    assert not (tmp_path / "new").exists()


def test_nobody_listens(mst: Run, tmp_path: Path) -> None:
    """At a time scale, servers that do not answer are refused before the first message."""
    done = mst("send", "quickstart", "-s", "batch", "--time-scale", 60, "--out", "new")
    _refused(done, "cannot be reached", "start the sinks")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_no_run_to_replay(mst: Run, folder: str) -> None:
    """A folder without a run is told with what writes one."""
    _refused(mst("replay", folder), "holds no run", "simulate or send")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("compar", "quickstart"), "'compar'; did you mean 'compare'? see mstoolkit --help"),
        (
            ("compare", "quickstart", "--replication"),
            "; did you mean --replications? see mstoolkit",
        ),
        (("compare",), "missing argument 'SCENARIO'; see mstoolkit compare --help"),
        (("compare", "quickstart", "--batch", "0"), "'--batch'"),
        (("compare", "quickstart", "--replications", "many"), "'--replications'"),
        (("compare", "quickstart", "--metric", "luck", "--out", "new"), "delivery_rate"),
        (("simulate", "quickstart", "-s", "batch"), "missing option '--out'"),
        (("sinks", "quickstart", "--time-scale", "0"), "time-scale"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage(mst: Run, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """A command line that cannot be used is told in one sentence too."""
    status, out, err = mst(*words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert told.lower() in err.lower()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "library", "extra"),
    [
        (("lab",), "jupyterlab", "notebook"),
        (("sinks", "quickstart"), "aiosmtpd", "sinks"),
        (("send", "quickstart", "-s", "batch", "--sinks", "--out", "new"), "aiosmtpd", "sinks"),
        (("demo",), "aiosmtpd", "sinks"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_missing_extra(
    mst: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    library: str,
    extra: str,
) -> None:
    """Where an optional library is missing, the command says which extra to install."""
    monkeypatch.setitem(sys.modules, library, None)
    _refused(mst(*words), library, f"pip install 'mstoolkit[{extra}]'")
    assert not list(tmp_path.iterdir())


def test_lab_without_notebooks(mst: Run) -> None:
    """`lab` in a folder without notebooks says where to run it."""
    _refused(mst("lab"), "notebooks: FOLDER: there is no such folder")
