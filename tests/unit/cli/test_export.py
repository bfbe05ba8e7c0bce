"""`mstoolkit export`: files of another system, what is lost, and what the loss costs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import ConfigError, data_text
from mstoolkit.config.peers import SYSTEMS, export
from mstoolkit.experiment import Comparison, compare, compare_reduced
from mstoolkit.testing import small_scenario

Run = Callable[..., "tuple[int, str, str]"]

FILES = {
    "kumomta": ["queues.toml", "shaping.toml", "sources.toml"],
    "powermta": ["config"],
    "postfix": ["main.cf", "master.cf"],
}


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Write the quickstart for 300 recipients beside the test and return its name."""
    text = data_text("scenarios", "quickstart").replace("size = 50000", "size = 300")
    (tmp_path / "small.toml").write_text(text, encoding="utf-8")
    return "small.toml"


@pytest.mark.parametrize("to", SYSTEMS)
def test_files_are_written_and_read_again(mst: Run, small: str, to: str) -> None:
    """What export writes, init reads: the circle closes on the command line."""
    status, out, err = mst("export", small, "-s", "smooth-weighted", "--to", to, "-o", "out")
    assert (status, err) == (0, "")
    assert f"What {to} cannot express:" in out
    files = sorted(path.name for path in Path("out").iterdir())
    assert files == FILES[to]
    assert mst("init", "--from", to, *(f"out/{name}" for name in files), "-o", "back.toml")[0] == 0
    assert mst("validate", "back.toml")[0] == 0


def test_without_a_folder_files_are_printed(mst: Run, small: str) -> None:
    """The text stands on the screen, brackets and all; nothing is written."""
    status, out, err = mst("export", small, "-s", "priority", "--to", "powermta")
    assert (status, err) == (0, "")
    assert "==> config <==" in out
    assert "<virtual-mta mta-1>" in out
    assert "tiers are lost" in out
    assert [path.name for path in Path().iterdir()] == [small]


def test_comparison_shows_both(mst: Run, small: str) -> None:
    """--compare prints the strategy beside its reduced form."""
    words = ("--to", "postfix", "--compare", "--replications", "2", "--jobs", "1")
    status, out, err = mst("export", small, "-s", "smooth-weighted", *words, "-o", "out")
    assert (status, err) == (0, "")
    assert re.search(r"^smooth-weighted +\d", out, re.MULTILINE)
    assert re.search(r"^as-postfix +\d", out, re.MULTILINE)


def test_json_holds_it_all(mst: Run, small: str) -> None:
    """As a document: files, what is lost, the reduced policy and the comparison."""
    words = ("--to", "kumomta", "--compare", "--replications", "1", "--jobs", "1", "--json")
    status, out, err = mst("export", small, "-s", "batch", *words)
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert sorted(found["files"]) == FILES["kumomta"]
    assert found["reduced"]["rotation"]["kind"] == "interleaved"
    assert {row["strategy"] for row in found["comparison"]["summary"]} == {"batch", "as-kumomta"}
    assert any(line.startswith("rotation batch") for line in found["lost"])


def test_nothing_is_written_over_unasked(mst: Run, small: str) -> None:
    """One file that is there stops all of them, unless --force is given."""
    Path("out").mkdir()
    Path("out/main.cf").write_text("mine", encoding="utf-8")
    words = ("export", small, "-s", "batch", "--to", "postfix", "-o", "out")
    status, out, err = mst(*words)
    assert (status, out) == (2, "")
    assert "out/main.cf: --out: is there already" in err
    assert not Path("out/master.cf").exists()
    assert mst(*words, "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-s", "bach", "--to", "kumomta"), "there is no strategy 'bach'"),
        (("-s", "batch", "--to", "postfx"), "there is no system 'postfx'; did you mean 'postfix'?"),
        (("-s", "batch"), "missing option '--to'"),
        (("-s", "batch", "--to", "postfix", "-o", "small.toml"), "is a file, not a folder"),
        (
            ("-s", "batch", "--to", "postfix", "--compare", "--metric", "luck"),
            "cannot compare by 'luck'",
        ),
    ],
)
def test_bad_input_is_one_line(mst: Run, small: str, words: tuple[str, ...], says: str) -> None:
    """Whatever is wrong is told in one line with what to do."""
    status, out, err = mst("export", small, *words)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_reduced_form_meets_the_same_world() -> None:
    """Runs of the whole strategy are those of compare; a form that lost nothing does as well."""
    scenario = small_scenario(200)
    exported = export(scenario, "round-robin", "kumomta")
    both = compare_reduced(
        scenario, "round-robin", exported.reduced, exported.servers,
        label="less", replications=2, jobs=1, progress=False,
    )  # fmt: skip
    alone = compare(scenario, ["round-robin"], replications=2, jobs=1, progress=False)
    assert _rates(both, "round-robin") == _rates(alone, "round-robin")
    assert both.strategies == ("round-robin", "less")
    whole = scenario.strategies["round-robin"]
    same = compare_reduced(
        scenario, "round-robin", whole, scenario.servers,
        label="same", replications=2, jobs=1, progress=False,
    )  # fmt: skip
    assert _rates(same, "same") == _rates(alone, "round-robin")
    with pytest.raises(ConfigError, match="'batch' is a strategy of the scenario"):
        compare_reduced(scenario, "round-robin", whole, scenario.servers, label="batch")


def _rates(result: Comparison, strategy: str) -> list[float]:
    return list(result.runs[result.runs["strategy"] == strategy]["delivery_rate"])
