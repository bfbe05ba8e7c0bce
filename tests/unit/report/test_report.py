"""Reports: self-contained, escaped, honest, and written whole."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from mstoolkit.analysis.examples import log_frame, small_log
from mstoolkit.config import ConfigError, Scenario, load_scenario
from mstoolkit.experiment import Comparison, compare
from mstoolkit.report import (
    comparison_page,
    run_page,
    write_comparison,
    write_pages,
    write_run,
)
from mstoolkit.sim import simulate

EVIL = "<script>alert('x')</script>"
VOID = {"meta", "img", "br", "hr", "link", "input"}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Return the quickstart with 2,000 recipients, so that a run takes a moment."""
    whole = load_scenario("quickstart")
    return whole.model_copy(update={"audience": whole.audience.model_copy(update={"size": 2000})})


@pytest.fixture(scope="module")
def result(scenario: Scenario) -> Comparison:
    """Return two strategies over three replications."""
    return compare(scenario, ["batch", "interval"], replications=3, jobs=1, progress=False)


@pytest.fixture(scope="module")
def text(result: Comparison) -> str:
    """Return the page of the comparison."""
    return comparison_page(result)


class Page(HTMLParser):
    """Collects what a page loads, and whether its elements close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        names = ("src", "href", "srcset", "action", "poster")
        self.loads += [value or "" for name, value in attrs if name in names]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_loads_nothing_and_runs_nothing(text: str) -> None:
    """It can be sent by mail and read in ten years."""
    page = Page(text)
    assert not page.open
    assert page.loads
    assert all(load.startswith("data:image/png;base64,") for load in page.loads)
    assert not {"script", "iframe", "link", "object"} & page.tags
    assert not re.search(r"@import|url\(", text)


def test_the_page_answers_the_question(text: str, result: Comparison) -> None:
    """Verdict, every strategy, the doubt and how to run it again are there in words."""
    assert result.winner.sentence in text
    for name in result.strategies:
        assert name in text
    assert "replications that would tell" in text
    assert "Bonferroni" in text
    assert " ".join(result.command) in text
    assert result.manifest["scenario_hash"] in text


def test_the_page_says_what_was_assumed(text: str, scenario: Scenario) -> None:
    """Every provider's assumed keys and sources are listed."""
    for profile in scenario.isps.values():
        for key in profile.assumed:
            assert f"<code>{key}</code>" in text


def test_a_page_is_the_same_twice(result: Comparison, text: str) -> None:
    """No clock, no chance: a report can be compared with an older one."""
    assert comparison_page(result) == text


def test_names_from_files_are_escaped(scenario: Scenario) -> None:
    """A strategy or server named like a script is shown as text."""
    policies = {EVIL: scenario.strategies["batch"], "b": scenario.strategies["batch"]}
    evil = scenario.model_copy(
        update={
            "name": EVIL,
            "description": EVIL,
            "servers": {EVIL: scenario.servers["mta-1"], **scenario.servers},
        }
    )
    page = comparison_page(compare(evil, policies, replications=1, jobs=1, progress=False))
    assert EVIL not in page
    assert "&lt;script&gt;" in page
    assert not {"script"} & Page(page).tags


def test_one_strategy_and_one_replication_make_a_page(scenario: Scenario) -> None:
    """No differences, no intervals, no error."""
    page = comparison_page(compare(scenario, ["batch"], replications=1, jobs=1, progress=False))
    assert "is the only strategy" in page
    assert "Is the difference real?" not in page


def test_a_comparison_is_written_whole(result: Comparison, tmp_path: Path) -> None:
    """Tables, plots, page and manifest in one folder, and no scaffold beside it."""
    write_comparison(result, tmp_path / "out")
    out = tmp_path / "out"
    assert {"summary.csv", "comparison.csv", "manifest.json", "report.html", "plots"} <= {
        path.name for path in out.iterdir()
    }
    assert {path.stem for path in (out / "plots").iterdir()} == {
        *("ranking", "differences", "delivered", "outcomes", "server-share", "deferrals"),
        "reputation",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_pages_can_be_added_to_the_folder_of_the_same_comparison(
    result: Comparison, tmp_path: Path
) -> None:
    """`compare(out=...)` first, the report later; a second time changes nothing."""
    out = tmp_path / "out"
    result.write(out)
    write_comparison(result, out)
    first = (out / "report.html").read_bytes()
    write_comparison(result, out)
    assert (out / "report.html").read_bytes() == first
    assert not list(out.glob(".*"))


def test_the_folder_of_something_else_is_refused(result: Comparison, tmp_path: Path) -> None:
    """Another run's manifest is not overwritten."""
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="not empty"):
        write_comparison(result, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_pages_go_with_the_folder_of_compare(scenario: Scenario, tmp_path: Path) -> None:
    """As the finish of `compare`, plots and report appear together with the rest."""
    out = tmp_path / "out"
    compare(
        scenario,
        ["batch"],
        replications=1,
        jobs=1,
        out=out,
        progress=False,
        finish=write_pages,
    )
    assert (out / "report.html").exists()
    assert (out / "plots" / "ranking.png").exists()


def test_a_run_has_a_page(scenario: Scenario, tmp_path: Path) -> None:
    """From the folder alone: log, truth, manifest and scenario are in it."""
    folder = tmp_path / "run"
    simulate(scenario, "batch", seed=1).write(folder)
    page = write_run(folder).read_text(encoding="utf-8")
    assert not Page(page).open
    assert "99 % of the deliveries took" in page
    assert (folder / "plots" / "reputation.png").exists()
    assert "mstoolkit simulate quickstart -s batch --seed 1 --batch 100 --out DIR" in page
    page = write_run(folder, source="mine.toml").read_text(encoding="utf-8")
    assert "mstoolkit simulate mine.toml -s batch" in page


def test_a_run_that_lagged_or_does_not_add_up_says_so(scenario: Scenario) -> None:
    """A warning stands above the figures, where it is read first."""
    events = small_log()
    fine = run_page(events, scenario, manifest={"strategy": "batch"})
    assert 'class="warning"' not in fine
    lagged = run_page(events, scenario, manifest={"strategy": "batch", "lagged": True})
    assert "lagged behind its own clock" in lagged
    doubled = events.assign(n=events["n"].where(events["event"] != "delivered", events["n"] * 2))
    assert "does not add up" in run_page(doubled, scenario, manifest={"strategy": "batch"})


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (log_frame([{"event": "ticked", "n": 0}]), "batch: no message was enqueued."),
        (small_log().iloc[:0], "batch: no message was enqueued."),
        (small_log().query("event == 'enqueued'"), "batch: none of 100 messages was delivered."),
    ],
    ids=["tick", "empty", "queued"],
)
def test_a_run_that_was_stopped_at_once_has_a_page(
    scenario: Scenario, log: pd.DataFrame, told: str
) -> None:
    """A live run can end before anything came of it; the page says that, and shows empty plots."""
    assert told in run_page(log, scenario, manifest={"strategy": "batch"})


def test_a_folder_without_a_run_has_no_page(tmp_path: Path) -> None:
    """The error is the log's own."""
    with pytest.raises(ConfigError):
        write_run(tmp_path)
