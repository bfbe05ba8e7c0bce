"""The comparison of two logs, and what a replay says when they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mstoolkit.config import ConfigError, Scenario, load_scenario
from mstoolkit.eventlog import frame_of
from mstoolkit.replay import Difference, compare_log, replay
from mstoolkit.replay.rows import first_difference, handled
from mstoolkit.sim import Run, simulate

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


@pytest.fixture(scope="module")
def run(scenario: Scenario) -> Run:
    return simulate(scenario, "round-robin", seed=2, batch=1)


def changed(table: pa.Table, row: int, column: str, value: Any) -> pa.Table:
    """Return the table with one cell changed."""
    values = table[column].to_pylist()
    values[row] = value
    place = table.schema.get_field_index(column)
    array = pa.array(values, type=table.schema.field(column).type)
    return table.set_column(place, table.schema.field(column), array)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("server", "nobody"),
        ("category", "odd"),
        ("isp", None),
        ("n", 77),
        ("latency", 12.5),
        ("until", 1.0),
        ("span", float("nan")),
        ("connection", -5),
    ],
)
def test_one_changed_cell_is_found(run: Run, column: str, value: Any) -> None:
    """Every kind of column is compared; the first difference is named with both values."""
    frame = handled(run.events)
    row = int((frame["event"] == "sent").to_numpy().nonzero()[0][20])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    other = frame_of(changed(table, row, column, value))
    found = first_difference(frame, other)
    assert found is not None
    assert (found.row, found.column, found.event) == (row, column, "sent")
    assert found.seq == frame["seq"].iloc[row]


def test_the_earliest_row_wins_over_the_earlier_column(run: Run) -> None:
    """A late difference in the first column does not hide an early one in the last."""
    frame = handled(run.events)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    other = frame_of(changed(changed(table, 90, "seq", 10_000), 40, "phase", "odd"))
    found = first_difference(frame, other)
    assert found is not None
    assert (found.row, found.column) == (40, "phase")


def test_a_missing_row_is_told_from_a_different_one(run: Run) -> None:
    """Where one log simply ends, the difference is the row itself."""
    frame = handled(run.events)
    shorter = frame.iloc[:-1]
    missing = first_difference(frame, shorter)
    assert missing is not None
    assert (missing.row, missing.column, missing.regenerated) == (len(shorter), "row", None)
    extra = first_difference(shorter, frame)
    assert extra is not None
    assert (extra.column, extra.recorded, extra.event) == ("row", None, "")


def test_another_seed_parts(scenario: Scenario, run: Run) -> None:
    """Retries are jittered by the seed: a dispatcher with another one is caught, and told so."""
    other = run.manifest.model_copy(update={"seed": 99})
    again = compare_log(run.table, scenario, scenario.strategies["round-robin"], other)
    assert not again.identical
    assert isinstance(again.difference, Difference)
    assert "parts at row" in str(again)


def test_observations_are_left_out(run: Run) -> None:
    """Opens are not handled by a dispatcher, so a replay does not ask for them."""
    frame = handled(run.events)
    assert (frame["seq"] >= 0).all()
    assert frame["seq"].is_monotonic_increasing
    assert len(frame) < len(run.events)


def test_a_strategy_that_is_not_stored_is_refused(run: Run, tmp_path: Path) -> None:
    """A policy that differs from the stored one cannot be compared with, and the error says why."""
    folder = run.write(tmp_path / "run")
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    wrong = text.replace(run.manifest.policy_hash, "0" * 64)
    (folder / "manifest.json").write_text(wrong, encoding="utf-8")
    with pytest.raises(ConfigError, match="does not hold the policy"):
        replay(folder)


def test_an_imported_log_has_no_dispatcher(run: Run, tmp_path: Path) -> None:
    """Another system's log is refused in one sentence."""
    folder = run.write(tmp_path / "run")
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    (folder / "manifest.json").write_text(
        text.replace('"simulated"', '"imported"'), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="another system"):
        replay(folder)


def test_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    """A folder that is no run is named."""
    with pytest.raises(ConfigError) as caught:
        replay(tmp_path / "nothing")
    assert "nothing" in caught.value.file


def test_the_frame_may_be_empty(run: Run) -> None:
    """Two logs of nothing are the same."""
    empty = handled(run.events).iloc[:0]
    assert isinstance(empty, pd.DataFrame)
    assert first_difference(empty, empty) is None
