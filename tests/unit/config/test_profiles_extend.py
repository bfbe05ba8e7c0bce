"""Profiles that extend others: what is laid over what, what it rests on, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import ConfigError, data_text, isp_names, load_profile, parse_scenario
from mstoolkit.config.figures import figures, undocumented
from mstoolkit.config.isps import LARGEST, LONGEST_CHAIN, laid_over


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def refused(folder: Path, name: str = "mine.toml") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_profile(name, folder=folder)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", isp_names())
def test_an_empty_extension_is_the_base(tmp_path: Path, name: str) -> None:
    """A file that only names its base is that profile."""
    write(tmp_path, mine=f'extends = "{name}"')
    assert load_profile("mine.toml", folder=tmp_path) == load_profile(name)


def test_a_changed_figure_alone_changes(tmp_path: Path) -> None:
    """Tables are laid over one another key by key; lists are replaced."""
    write(tmp_path, mine='extends = "gmail"\ndomains = ["my.example"]\n[rate]\nceiling = "9/s"\n')
    gmail, mine = load_profile("gmail"), load_profile("mine.toml", folder=tmp_path)
    assert (mine.rate.ceiling, mine.domains) == (9.0, ("my.example",))
    assert mine.rate.cautious == gmail.rate.cautious
    assert mine.replies == gmail.replies


def test_a_source_does_not_speak_for_another_figure(tmp_path: Path) -> None:
    """What is changed without a source is assumed; what has one of its own is verified."""
    text = 'extends = "gmail"\nconnections = 20\nmessages_per_connection = 9\nbusy = 0.1\n'
    write(tmp_path, mine=f'{text}[source]\nmessages_per_connection = "my log"\nbusy = "my log"\n')
    mine = load_profile("mine.toml", folder=tmp_path)
    found = {each.key: each for each in figures(mine)}
    assert undocumented(mine) == []
    assert found["connections.ceiling"].standing == "assumed"
    assert found["messages_per_connection"].source == found["busy"].source == "my log"
    assert "busy" not in mine.assumed
    assert found["replies.full"].source == load_profile("gmail").source["replies"]


def test_one_of_two_limits_may_be_named(tmp_path: Path) -> None:
    """Where the base has one number for both limits, a table may replace one of them."""
    write(tmp_path, mine='extends = "gmail"\nconnections = { cautious = 5 }')
    limit = load_profile("mine.toml", folder=tmp_path).connections
    assert (limit.cautious, limit.ceiling) == (5, 150)


def test_chains_end_at_a_shipped_profile(tmp_path: Path) -> None:
    """A file may extend a file beside it; the nearest has the last word."""
    (tmp_path / "deep").mkdir()
    write(tmp_path, mine='extends = "deep/a.toml"\nbusy = 0.03')
    write(tmp_path / "deep", a='extends = "b.toml"\nbusy = 0.02\ndsn = 0.02')
    write(tmp_path / "deep", b='extends = "orange"\nbusy = 0.01\ndsn = 0.01\nservice = "9s"')
    mine = load_profile("mine.toml", folder=tmp_path)
    assert (mine.busy, mine.dsn, mine.service) == (0.03, 0.02, 9.0)
    assert mine.title == load_profile("orange").title


def test_a_scenario_takes_an_extension(tmp_path: Path) -> None:
    """`profile` of a scenario names a file that extends, and the scenario changes it once more."""
    write(tmp_path, mine='extends = "orange"\nbusy = 0.1\ndsn = 0.2')
    text = data_text("scenarios", "quickstart").replace(
        "[campaigns.", '[isps.gmail]\nprofile = "mine.toml"\ndsn = 0.3\n[campaigns.', 1
    )
    gmail = parse_scenario(text, folder=tmp_path).isps["gmail"]
    assert (gmail.busy, gmail.dsn, gmail.title) == (0.1, 0.3, load_profile("orange").title)
    assert {"busy", "dsn"} <= set(gmail.assumed)


def test_extends_in_a_scenario_is_explained() -> None:
    """There the key is called `profile`."""
    text = data_text("scenarios", "quickstart").replace(
        "[campaigns.", '[isps.gmail]\nextends = "yahoo"\n[campaigns.', 1
    )
    with pytest.raises(ConfigError, match="write profile = 'yahoo'") as caught:
        parse_scenario(text, file="s.toml")
    assert (caught.value.file, caught.value.key) == ("s.toml", "isps.gmail.extends")


def test_circles_are_refused(tmp_path: Path) -> None:
    """Two files that extend each other, or one itself, are one error that shows the circle."""
    write(tmp_path, mine='extends = "other.toml"', other='extends = "mine.toml"')
    write(tmp_path, self='extends = "self.toml"')
    error = refused(tmp_path)
    assert error.file.endswith("other.toml")
    assert (error.key, error.problem.count("->")) == ("extends", 2)
    assert "circle" in refused(tmp_path, "self.toml").problem


def test_chains_are_bounded(tmp_path: Path) -> None:
    """A chain may be long, but not without end."""
    for number in range(LONGEST_CHAIN):
        write(tmp_path, **{f"p{number}": f'extends = "p{number + 1}.toml"'})
    write(tmp_path, **{f"p{LONGEST_CHAIN}": data_text("isps", "gmail")})
    assert load_profile("p1.toml", folder=tmp_path).title
    assert "chain" in refused(tmp_path, "p0.toml").problem


def test_what_is_no_profile_is_refused(tmp_path: Path) -> None:
    """A file too large, a pipe, a folder, and text that is none are refused without reading on."""
    write(tmp_path, mine="# " + "x" * LARGEST, deep="a = " + "[" * 5000)
    write(tmp_path, dotted="a" + ".a" * 5000 + " = 1")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert "larger than" in refused(tmp_path).problem
    for name in ("pipe", "folder", "bytes", "none"):
        assert "cannot be read" in refused(tmp_path, f"{name}.toml").problem
    for name in ("deep", "dotted"):
        assert refused(tmp_path, f"{name}.toml").file.endswith(f"{name}.toml")


CASES = [
    ('extends = "gmial"', "extends", "mean 'gmail'"),
    ("extends = 5", "extends", "must be text"),
    ('extends = "none.toml"', "extends", "relative to that file"),
    ('extends = "gmail"\nbsy = 0.1', "bsy", "mean 'busy'"),
    ('extends = "gmail"\nbusy = 1.5', "busy", "at most 1"),
    ('extends = "gmail"\nbusy = nan', "busy", "finite"),
    ('extends = "gmail"\nservice = 5', "service", "not a duration"),
    ('extends = "gmail"\nconnections = 0', "connections.cautious", "at least 1"),
    ('extends = "gmail"\nhosted_since = "May 2024"', "hosted_since", "as 2024-05"),
    ('extends = "gmail"\nspam_rejected = 0.99\nbusy = 0.01', "busy", "lower it"),
    ('extends = "gmail"\n[rate]\ncautious = "999/s"', "rate.cautious", "swap"),
    ('extends = "gmail"\n[placement]\nworst = 0.99', "placement.worst", "swap"),
    ('extends = "gmail"\n[replies.thtottled]\ncode = 421', "replies.thtottled", "mean 'throttled'"),
    ('extends = "gmail"\n[replies.accepted]\ncode = 421', "replies.accepted.code", "2xx"),
    ('extends = "gmail"\n[replies.full]\ncode = 250', "replies.full.code", "4xx or 5xx"),
    (
        'extends = "gmail"\n[replies.gates.spff]\ncode = 550\nstatus = ""\ntext = "no"',
        "replies.gates.spff",
        "mean 'spf'",
    ),
    (
        'extends = "gmail"\n[replies.gates.spf]\ncode = 250\nstatus = ""\ntext = "no"',
        "replies.gates.spf.code",
        "no refusal",
    ),
    ('extends = "gmail"\n[gates]\nspf = "never"', "gates.spf", "known are ignored"),
    (
        'extends = "gmail"\n[[escalation.rungs]]\npushed = 1\nlasts = "2h"\n'
        '[[escalation.rungs]]\npushed = 2\nlasts = "1h"',
        "escalation.rungs",
        "in order",
    ),
    ('extends = "gmail"\nassumed = "rate"', "assumed", "must be a list"),
    ('extends = "gmail"\nsource = "me"', "source", "must be a table"),
]


@pytest.mark.parametrize(("text", "key", "words"), CASES)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str, words: str) -> None:
    """File and key of the one wrong thing, and what to write instead."""
    write(tmp_path, mine=text)
    error = refused(tmp_path)
    assert error.file == str(tmp_path / "mine.toml")
    assert error.key == key
    assert words in str(error)


def test_the_file_that_says_it_is_named(tmp_path: Path) -> None:
    """What is wrong in a base is told with the base's file, not with that of who extends it."""
    write(tmp_path, mine='extends = "base.toml"\ndsn = 0.1', base='extends = "gmail"\nbusy = 7')
    error = refused(tmp_path)
    assert (error.file, error.key) == (str(tmp_path / "base.toml"), "busy")


TREES = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
).filter(lambda tree: isinstance(tree, dict))


@given(base=TREES, changes=TREES)
def test_laying_over_twice_is_laying_over_once(base: dict[str, object], changes: object) -> None:
    """Changes win, and say it again without effect; the base is not touched."""
    assert isinstance(changes, dict)
    kept = repr(base)
    once = laid_over(base, changes)
    assert laid_over(once, changes) == once
    assert repr(base) == kept
    assert all(once[key] == value for key, value in changes.items() if not isinstance(value, dict))
