"""`mstoolkit isps`: providers are listed and shown, with what each figure rests on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import data_text, isp_names, load_profile
from mstoolkit.config.figures import figures

Run = Callable[..., "tuple[int, str, str]"]


def test_providers_are_listed(mst: Run) -> None:
    """Each with domains, mail exchangers, connections, feedback loop and host; in JSON in full."""
    status, out, err = mst("isps", "list")
    assert (status, err) == (0, "")
    assert re.search(r"^cox +Cox +cox\.net +cox\.net +5-10 +no +yahoo 2024", out, re.MULTILINE)
    listed = json.loads(mst("isps", "list", "--json")[1])
    assert [each["name"] for each in listed] == isp_names()
    assert all(each["domains"] == list(load_profile(each["name"]).domains) for each in listed)
    assert mst("isps")[1] == out


@pytest.mark.parametrize("name", ["gmail", "orange", "t-online", "other"])
def test_a_provider_is_shown_with_every_figure(mst: Run, name: str) -> None:
    """No figure is left out, and each says where it comes from."""
    status, out, err = mst("isps", "show", name)
    assert (status, err) == (0, "")
    found = figures(load_profile(name))
    for figure in found:
        line = next(line for line in out.splitlines() if line.startswith(f"{figure.key} "))
        assert (figure.source or "assumed") in line
    shown = json.loads(mst("isps", "show", name, "--json")[1])
    assert [each["key"] for each in shown["figures"]] == [each.key for each in found]


def test_figures_are_shown_as_files_state_them(mst: Run) -> None:
    """Durations and rates with units, steps of the ladder in a row, replies as a line."""
    out = mst("isps", "show", "orange")[1]
    assert re.search(r"^rate\.cautious +5/min +assumed", out, re.MULTILINE)
    assert re.search(r"^rate\.idle +30d +", out, re.MULTILINE)
    assert "throttled 1h after 20 -> throttled 4h after 200" in out
    assert re.search(r"^replies\.unknown +550 5\.1\.1 Adresse", out, re.MULTILINE)


def test_a_copy_is_a_profile_of_ones_own(mst: Run, tmp_path: Path) -> None:
    """--toml prints the file; changed, it is shown with the new figure as an assumption."""
    text = mst("isps", "show", "orange", "--toml")[1]
    assert text == data_text("isps", "orange")
    (tmp_path / "copy.toml").write_text(text, encoding="utf-8")
    assert load_profile("copy.toml", folder=tmp_path) == load_profile("orange")
    (tmp_path / "mine.toml").write_text('extends = "copy.toml"\nbusy = 0.25\n', encoding="utf-8")
    status, out, _ = mst("isps", "show", "mine.toml")
    assert status == 0
    assert re.search(r"^busy +0\.25 share +assumed", out, re.MULTILINE)
    assert mst("isps", "show", "mine.toml", "--toml")[1].startswith('extends = "copy.toml"')


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shwo",), "did you mean 'show'"),
        (("show",), "name a provider, as gmail"),
        (("show", "gmial"), "did you mean 'gmail'"),
        (("show", "none.toml"), "none.toml: there is no such file"),
        (("show", "bad.toml"), "bad.toml: busy: must be at most 1"),
        (("show", "gmail", "--toml", "--json"), "leave one of them out"),
        (("list", "gmail"), "write isps show NAME"),
    ],
)
def test_what_cannot_be_done_is_told(
    mst: Run, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    """One sentence, with what to write instead, and nothing on stdout."""
    (tmp_path / "bad.toml").write_text('extends = "gmail"\nbusy = 2', encoding="utf-8")
    status, out, err = mst("isps", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_help_teaches(mst: Run) -> None:
    """It tells how a profile of one's own is made and named, brackets and all."""
    out = " ".join(mst("isps", "--help")[1].split())
    assert 'extends = "orange"' in out
    assert '[isps.orange] profile = "mine.toml"' in out


def test_the_command_is_imported_lazily() -> None:
    """The module of the command alone loads no configuration library."""
    code = "import sys, mstoolkit.cli.isps; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
