"""`mstoolkit init`: a scenario that validates and runs, and a list of what was not carried over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import data_text, load_scenario

Run = Callable[..., "tuple[int, str, str]"]

FILES = {
    "kumomta": {
        "sources.toml": '[source.a]\nsource_address = "192.0.2.1"\nttl = 3\n[source.b]\n'
        "[pool.p.a]\nweight = 2\n[pool.p.b]\n[pool.q.b]\n",
        "shaping.toml": '[default]\nmax_message_rate = "60/min"\n',
    },
    "powermta": {
        "config": "<virtual-mta a>\n    smtp-source-host 192.0.2.1 a.example.com\n"
        "    <domain gmail.com>\n        max-msg-rate 100/h\n    </domain>\n</virtual-mta>\n"
        "<virtual-mta b>\n</virtual-mta>\nrun-as-root no\n"
    },
    "postfix": {
        "main.cf": "transport_maps = randmap:{relay:[a.example], relay:[b.example]}\nx = y\n"
    },
}
each_system = pytest.mark.parametrize("system", FILES)


def written(system: str, folder: Path) -> list[str]:
    """Write a system's files and return their names."""
    for name, text in FILES[system].items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(FILES[system])


def test_without_a_system_it_is_the_quickstart(mst: Run) -> None:
    """The starter is the commented quickstart, in scenario.toml unless it is told otherwise."""
    status, out, err = mst("init")
    assert (status, err) == (0, "")
    assert "Written: scenario.toml" in out
    assert Path("scenario.toml").read_text(encoding="utf-8") == data_text("scenarios", "quickstart")
    assert mst("init", "-o", "deep/mine.toml")[0] == 0
    assert mst("validate", "deep/mine.toml")[0] == 0


@each_system
def test_what_was_read_validates_and_runs(mst: Run, tmp_path: Path, system: str) -> None:
    """From each system's files to a scenario that is simulated."""
    names = written(system, tmp_path)
    status, out, err = mst("init", "--from", system, *names, "-o", "mine.toml")
    assert (status, err) == (0, "")
    assert "Not understood, or not carried over:" in out
    assert mst("validate", "mine.toml")[0] == 0
    text = Path("mine.toml").read_text(encoding="utf-8")
    Path("mine.toml").write_text(text.replace("size = 50000", "size = 300"), encoding="utf-8")
    run = ("simulate", "mine.toml", "-s", system, "--out", "run", "--no-report", "--json")
    status, out, err = mst(*run)
    assert (status, err) == (0, "")
    assert json.loads(out)["metrics"]["delivery_rate"] > 0.8


def test_what_is_lost_is_printed_and_kept(mst: Run, tmp_path: Path) -> None:
    """The list with file and line is on the screen and at the head of the file."""
    names = written("kumomta", tmp_path)
    _, out, _ = mst("init", "--from", "kumomta", *names, "-o", "mine.toml")
    text = Path("mine.toml").read_text(encoding="utf-8")
    for line in ("sources.toml:3: ttl: is not carried over", "pool 'q' is not carried over"):
        assert line in out
        assert f"#   {line}" in text
    assert "quickstart" in text.split("[audience]")[0]


def test_json_holds_the_same(mst: Run, tmp_path: Path) -> None:
    """As a document: servers, and each note with its file and line."""
    names = written("powermta", tmp_path)
    status, out, err = mst("init", "--from", "powermta", *names, "-o", "mine.toml", "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["servers"]["a"] == {"source_ip": "192.0.2.1", "weight": 1.0}
    assert {"file": "config", "line": 9, "reason": "run-as-root: is not carried over"} in found[
        "not_carried_over"
    ]
    assert json.loads(mst("init", "--json")[1])["servers"] == {}


def test_a_pool_can_be_chosen(mst: Run, tmp_path: Path) -> None:
    """--pool takes another one."""
    names = written("kumomta", tmp_path)
    assert mst("init", "--from", "kumomta", *names, "--pool", "q", "-o", "q.toml")[0] == 0
    assert list(load_scenario("q.toml").servers) == ["b"]


def test_nothing_is_written_over_unasked(mst: Run) -> None:
    """A file that is there stays as it is, unless --force is given."""
    Path("scenario.toml").write_text("mine", encoding="utf-8")
    status, out, err = mst("init")
    assert (status, out) == (2, "")
    assert err == (
        "mstoolkit: scenario.toml: --out: is there already; name another one, or add --force to "
        "write over it\n"
    )
    assert Path("scenario.toml").read_text(encoding="utf-8") == "mine"
    assert mst("init", "--force")[0] == 0
    assert Path("scenario.toml").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("config",), "--from: is missing; say whose files they are"),
        (("--from", "kumomta"), "FILE: is missing for --from kumomta; give sources.toml"),
        (("--from", "kumo", "config"), "there is no system 'kumo'; did you mean 'kumomta'?"),
        (("--from", "exim", "config"), "there is no system 'exim'; known are kumomta, powermta"),
        (("--from", "postfix", "gone"), "gone: there is no such file; give main.cf and master.cf"),
        (("--from", "postfix", "."), ".: is a folder; give main.cf and master.cf"),
        (("--from", "postfix", "binary"), "binary: is no text in UTF-8; save it in UTF-8"),
        (("--from", "postfix", "huge"), "huge: is larger than 2 MB; give the configuration alone"),
        (("--from", "postfix", "odd"), "odd:1: is a line neither of main.cf nor of master.cf"),
        (("--from", "kumomta", "odd"), "odd:1: is not valid TOML"),
        (("--from", "powermta", "odd"), "powermta: name no sending address; give the file"),
        (("-o", "."), ".: --out: is a folder; name a file"),
        (("-o", "odd/x.toml"), "a file lies where a folder is needed"),
    ],
)
def test_bad_input_is_one_line(mst: Run, words: tuple[str, ...], says: str) -> None:
    """Whatever is wrong is told in one line with what to do; nothing is written."""
    Path("binary").write_bytes(b"\xff\xfe\x00")
    Path("huge").write_bytes(b"#" * 2_000_001)
    Path("odd").write_text("what is this", encoding="utf-8")
    status, out, err = mst("init", *words)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert not Path("scenario.toml").exists()
