"""Presets on the command line: listed, shown, compared with, and refused if there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import data_text, load_policy, parse_scenario, policy_names

Run = Callable[..., "tuple[int, str, str]"]

SMALL = (
    data_text("scenarios", "quickstart")
    .replace("size = 50000", "size = 150")
    .replace('horizon = "8h"', 'horizon = "1h"')
    .replace('expires = "8h"', 'expires = "30min"')
    .replace('start = "25min"\nlasts = "50min"', 'start = "1min"\nlasts = "5min"')
)
QUICK = ("--replications", 1, "--jobs", 1)


@pytest.fixture(autouse=True)
def small(tmp_path: Path) -> None:
    """Write a scenario of 150 recipients where the commands run."""
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")


def test_all_are_listed(mst: Run) -> None:
    """Each with its system and where it was read; as JSON with all that it leaves out."""
    status, out, err = mst("presets")
    assert (status, err) == (0, "")
    assert "postfix" in out
    assert "KumoCorp/kumomta" in out
    status, out, err = mst("presets", "--json")
    listed = json.loads(out)
    assert [each["name"] for each in listed] == policy_names()
    assert all(each["title"] and each["source"] and each["differs"] for each in listed)


def test_what_is_shown_can_be_pasted(mst: Run, tmp_path: Path) -> None:
    """What the command prints is a strategy of a scenario, and only that."""
    status, out, err = mst("presets", "kumomta")
    assert (status, err) == (0, "")
    scenario = parse_scenario(SMALL + "\n" + out)
    assert scenario.strategies["kumomta"] == load_policy("kumomta")


def test_one_as_json(mst: Run) -> None:
    """Its policy is there in seconds and messages a second."""
    status, out, _ = mst("presets", "postal", "--json")
    assert status == 0
    document = json.loads(out)
    assert document["title"] == "Postal"
    assert document["policy"]["retry"]["schedule"][0] == 300.0


def test_compare_with_presets(mst: Run, tmp_path: Path) -> None:
    """Presets stand beside the strategies of the scenario, whose file stays as it is."""
    words = ("-s", "batch", "--with", "postfix,mumara-loop", "--with", "postfix")
    status, out, _ = mst("compare", "small.toml", *words, *QUICK, "--json", "--out", "new")
    assert status == 0
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["strategies"]) == ["batch", "preset:postfix", "preset:mumara-loop"]
    assert (tmp_path / "small.toml").read_text(encoding="utf-8") == SMALL
    assert "preset:postfix" in out


def test_presets_alone(mst: Run) -> None:
    """With -s preset:NAME nothing of the scenario's own is run, and a sending of it is proposed."""
    status, out, _ = mst("compare", "small.toml", "-s", "preset:haraka", *QUICK)
    assert status == 0
    assert "1 replications of 1 strategies" in out
    assert "-s preset:haraka --sinks" in out


def test_simulate_a_preset_and_replay_it(mst: Run) -> None:
    """A run of a preset keeps its policy: its log is decided again alike."""
    words = ("-s", "preset:symfony-failover", "--out", "one", "--no-report")
    assert mst("simulate", "small.toml", *words)[0] == 0
    status, out, _ = mst("replay", "one")
    assert status == 0
    assert "identical" in out


def test_a_strategy_of_that_name_goes_first(mst: Run, tmp_path: Path) -> None:
    """Who calls a strategy preset:postfix gets that one."""
    own = '\n[strategies."preset:postfix"]\nrotation = { kind = "batch" }\n'
    (tmp_path / "own.toml").write_text(SMALL + own, encoding="utf-8")
    words = ("-s", "preset:postfix", *QUICK, "--json", "--out", "new")
    assert mst("compare", "own.toml", *words)[0] == 0
    kept = (tmp_path / "new" / "scenario.json").read_text(encoding="utf-8")
    assert json.loads(kept)["strategies"]["preset:postfix"]["rotation"]["kind"] == "batch"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("presets", "postfx"), "NAME: there is no preset 'postfx'; did you mean 'postfix'?"),
        (
            ("compare", "small.toml", "--with", "postfix,exim"),
            "--with: there is no preset 'exim'; known are haraka, kumomta",
        ),
        (("compare", "small.toml", "--with", "postfix,"), "--with: there is no preset ''"),
        (
            ("simulate", "small.toml", "-s", "preset:kumo", "--out", "new"),
            "--strategy: there is no preset 'kumo'; did you mean 'kumomta'?",
        ),
        (
            ("send", "small.toml", "-s", "postal", "--sinks", "--out", "new"),
            "there is no strategy 'postal' in scenario 'quickstart'; did you mean 'preset:postal'?",
        ),
    ],
)
def test_unknown_names(mst: Run, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    """Each is told in one sentence with what could be meant, and nothing is written."""
    status, out, err = mst(*words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert sentence in err
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]
