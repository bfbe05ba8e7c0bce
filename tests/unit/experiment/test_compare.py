"""Comparing strategies: what is refused, what is written, and that nothing depends on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mstoolkit.analysis import METRICS
from mstoolkit.config import ConfigError, Scenario, load_scenario
from mstoolkit.experiment import Comparison, compare, replication_seed
from mstoolkit.experiment import replication as worker
from mstoolkit.sim import Run, simulate

NAMES = ["round-robin", "batch"]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Return the quickstart with 2,000 recipients, so that a run takes a moment."""
    whole = load_scenario("quickstart")
    return whole.model_copy(
        update={"audience": whole.audience.model_copy(update={"size": 2000}), "name": "small"}
    )


@pytest.fixture(scope="module")
def result(scenario: Scenario) -> Comparison:
    """Return two strategies over three replications."""
    return compare(scenario, NAMES, replications=3, seed=5, jobs=1, progress=False)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


def test_every_strategy_runs_every_replication(result: Comparison) -> None:
    """One row a run, strategies in the order that was asked for."""
    assert result.strategies == ("round-robin", "batch")
    assert list(zip(result.runs["strategy"], result.runs["replication"], strict=True)) == [
        (name, number) for name in NAMES for number in range(3)
    ]
    assert list(result.runs.columns[2:]) == list(METRICS)


def test_the_summary_has_exactly_the_columns_that_were_promised(result: Comparison) -> None:
    """``summary.csv`` is read by others."""
    columns = ["strategy", "metric", "mean", "ci_low", "ci_high", "replications"]
    assert list(result.summary) == columns
    assert len(result.summary) == len(NAMES) * len(METRICS)


def test_a_replication_is_the_same_world_for_every_strategy(result: Comparison) -> None:
    """Common random numbers: what the strategy does not touch is equal within a replication."""
    table = result.runs.pivot_table(
        index="replication", columns="strategy", values="suppressed_rate"
    )
    assert (table["round-robin"] == table["batch"]).all()
    seeds = [replication_seed(5, number) for number in range(3)]
    assert result.manifest["replication_seeds"] == seeds
    assert len(set(seeds)) == 3


def test_the_series_name_strategy_and_replication(result: Comparison) -> None:
    """Every frame can be filtered, and bins of all runs are the same."""
    for name, frame in result.series.items():
        assert list(frame)[:2] == ["strategy", "replication"], name
    delivered = result.series["delivered"]
    assert set(delivered.groupby(["strategy", "replication"]).size()) == {48}
    assert delivered["at"].max() == result.scenario.horizon


def test_a_series_agrees_with_the_metrics(result: Comparison) -> None:
    """The last bin of a run holds all that was delivered until the horizon."""
    delivered = result.series["delivered"].groupby(["strategy", "replication"])["total"].last()
    runs = result.runs.set_index(["strategy", "replication"])
    gap = (delivered - runs["delivered"]) / runs["enqueued"]
    assert (gap >= -1e-9).all()
    assert (gap < 0.05).all()


def test_processes_change_nothing(scenario: Scenario, result: Comparison, tmp_path: Path) -> None:
    """With two processes the CSV files are the same, byte for byte."""
    other = compare(scenario, NAMES, replications=3, seed=5, jobs=2, progress=False)
    result.write(tmp_path / "one")
    other.write(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert set(files(tmp_path / "one")) == {"summary.csv", "comparison.csv", "runs.csv"}


def test_another_seed_is_another_world(scenario: Scenario, result: Comparison) -> None:
    """The seed matters."""
    other = compare(scenario, ["batch"], replications=1, seed=6, jobs=1, progress=False)
    first = result.runs[result.runs["strategy"] == "batch"].iloc[0]
    assert other.runs.iloc[0]["bounce_rate"] != first["bounce_rate"]


def test_the_folder_holds_logs_tables_and_manifest(scenario: Scenario, tmp_path: Path) -> None:
    """Logs are written by the workers, and everything is in place at the end."""
    out = tmp_path / "deep" / "result"
    compare(scenario, ["batch"], replications=2, jobs=2, out=out, progress=False)
    assert {path.name for path in out.iterdir()} == {
        *("summary.csv", "comparison.csv", "runs.csv", "manifest.json", "scenario.json", "logs")
    }
    assert [path.name for path in sorted((out / "logs" / "batch").iterdir())] == ["000", "001"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["kind"], manifest["replications"]) == ("comparison", 2)
    assert [path.name for path in out.parent.iterdir()] == ["result"]


def test_the_finish_is_called_before_the_folder_is_there(
    scenario: Scenario, tmp_path: Path
) -> None:
    """Who adds plots and a report does it to the staged folder, so that all appear at once."""
    out = tmp_path / "result"
    seen: list[Any] = []

    def finish(comparison: Comparison, place: Path) -> None:
        seen.append((comparison.strategies, place != out, out.exists()))
        (place / "extra.txt").write_text("extra")

    compare(scenario, ["batch"], replications=1, jobs=1, out=out, progress=False, finish=finish)
    assert seen == [(("batch",), True, False)]
    assert (out / "extra.txt").read_text() == "extra"


def test_a_folder_that_is_not_empty_is_refused_before_anything_runs(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is overwritten, and no time is spent first."""
    (tmp_path / "old.txt").write_text("old")
    monkeypatch.setattr(worker, "simulate", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(ConfigError, match="not empty"):
        compare(scenario, ["batch"], jobs=1, out=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_nothing_behind(
    scenario: Scenario,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    """Neither a half-written folder nor the one it was built in."""
    calls: list[int] = []

    def interrupted(*args: Any, **options: Any) -> Run:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return simulate(*args, **options)

    monkeypatch.setattr(worker, "simulate", interrupted)
    with pytest.raises(error):
        compare(scenario, ["batch"], replications=3, jobs=1, out=tmp_path / "x", progress=False)
    assert not list(tmp_path.iterdir())


def test_an_error_in_a_process_stops_all_and_leaves_nothing_behind(
    scenario: Scenario, tmp_path: Path
) -> None:
    """A worker's error comes out as itself, not as one of the pool."""
    broken = scenario.model_copy(update={"strategies": {"batch": "no policy"}})
    with pytest.raises(AttributeError):
        compare(broken, ["batch"], replications=4, jobs=2, out=tmp_path / "x", progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replications": 0}, "replications: must be at least 1, got 0"),
        ({"batch": 0}, "batch: must be at least 1, got 0"),
        ({"jobs": -1}, "jobs: must be at least 1, got -1"),
        ({"metric": "beauty"}, "cannot compare by 'beauty'; use one of delivered, delivery_rate"),
        ({"metric": "enqueued"}, "cannot compare by 'enqueued'"),
        ({"strategies": ["fastest"]}, "there is no strategy 'fastest' in small; use one of round"),
        ({"strategies": []}, "names no strategy"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    scenario: Scenario, options: dict[str, Any], message: str
) -> None:
    """One clear sentence with the argument and the remedy, before anything runs."""
    with pytest.raises(ConfigError, match=message):
        compare(scenario, **{"progress": False, "jobs": 1, **options})


def test_policies_can_be_brought_along(scenario: Scenario) -> None:
    """A mapping of policies is compared under its names, and the manifest knows them."""
    policy = scenario.strategies["batch"]
    mine = compare(scenario, {"mine": policy}, replications=1, jobs=1, progress=False)
    theirs = compare(scenario, "batch", replications=1, jobs=1, progress=False)
    assert mine.strategies == ("mine",)
    assert mine.manifest["strategies"]["mine"] == theirs.manifest["strategies"]["batch"]
    pd.testing.assert_frame_equal(
        mine.runs.drop(columns="strategy"), theirs.runs.drop(columns="strategy")
    )


@pytest.mark.parametrize("name", ["../../escape", "/tmp/escape", "a/b", "..", "", "x" * 300])
def test_no_strategy_writes_outside_its_folder(
    scenario: Scenario, tmp_path: Path, name: str
) -> None:
    """A strategy's name comes from a file; it never becomes a path."""
    out = tmp_path / "deep" / "out"
    policies = {name: scenario.strategies["batch"]}
    compare(scenario, policies, replications=1, jobs=1, out=out, progress=False)
    (folder,) = (out / "logs").iterdir()
    assert (folder / "000" / "manifest.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_strategies_with_like_names_keep_apart() -> None:
    """Names that differ only in what a folder cannot hold get folders of their own."""
    names = ["a/b", "a_b", "a\\b", "A/b"]
    assert len({worker.folder_name(name) for name in names}) == len(names)


def test_a_strategy_named_twice_runs_once(scenario: Scenario) -> None:
    """Comparing something with itself tells nothing."""
    found = compare(scenario, ["batch", "batch"], replications=1, jobs=1, progress=False)
    assert found.strategies == ("batch",)
    assert found.comparison.empty


def test_one_replication_has_no_interval(scenario: Scenario) -> None:
    """It is honest about that: no interval, no verdict, and the sentence says so."""
    found = compare(scenario, NAMES, replications=1, jobs=1, progress=False)
    assert found.summary["ci_low"].isna().all()
    assert set(found.comparison["verdict"]) <= {"cannot tell", "same"}


def test_the_command_makes_the_same_again(result: Comparison) -> None:
    """Everything that changes the result is in it."""
    assert result.command == [
        *("mstoolkit", "compare", "small", "-s", "round-robin", "-s", "batch"),
        *("--replications", "3", "--seed", "5", "--batch", "100"),
    ]


def test_the_command_names_the_scenario_as_the_caller_does(scenario: Scenario) -> None:
    """A scenario that was loaded before keeps the path of its file where that is told."""
    found = compare(
        scenario, ["batch"], replications=1, jobs=1, progress=False, source="my own.toml"
    )
    assert found.command[:3] == ["mstoolkit", "compare", "my own.toml"]


def test_the_command_names_the_metric_that_was_asked_for(scenario: Scenario) -> None:
    """What counts first changes the winner, so it belongs to the command."""
    found = compare(
        scenario, ["batch"], replications=1, jobs=1, metric="bounce_rate", progress=False
    )
    assert found.command[-2:] == ["--metric", "bounce_rate"]


def test_the_table_has_the_best_strategy_first(result: Comparison) -> None:
    """Means as in the summary, ordered by the metric that counts first."""
    table = result.table("delivery_rate", "makespan")
    assert list(table) == ["delivery_rate", "makespan"]
    assert table["delivery_rate"].is_monotonic_decreasing
    means = result.summary.set_index(["strategy", "metric"])["mean"]
    for name in NAMES:
        assert table.loc[name, "makespan"] == pytest.approx(means[name, "makespan"])


def test_it_says_in_one_line_what_it_is(result: Comparison) -> None:
    """A notebook shows the verdict, not a screen of frames."""
    assert repr(result).startswith("<Comparison of small, 2 strategies x 3 replications: ")
    assert "\n" not in repr(result)


def test_it_is_a_value(result: Comparison) -> None:
    """A result is not changed after the fact."""
    with pytest.raises(AttributeError):
        result.seed = 1  # type: ignore[misc]
