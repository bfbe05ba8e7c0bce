"""Little's law on logs: it holds on every run, and no longer once a log was tampered with."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from mstoolkit.analysis.examples import log_frame, small_log
from mstoolkit.config import Scenario
from mstoolkit.eventlog import check_balance, littles_law
from mstoolkit.sim import Run, simulate
from mstoolkit.testing import small_scenario


@pytest.fixture(scope="module")
def run() -> Run:
    return simulate(small_scenario(), "round-robin", seed=3, batch=20)


def spread_and_cut_short() -> Scenario:
    """Mail that arrives over two hours, and sending that ends after one: much is left."""
    scenario = small_scenario()
    campaign = scenario.campaigns["spring"].model_copy(update={"spread": 7200.0})
    return scenario.model_copy(update={"campaigns": {"spring": campaign}, "horizon": 3600.0})


def tampered(run: Run, column: str, event: str, add: float, last: bool = False) -> pa.Table:
    """Return the run's log with one value of the first (or last) row of an event changed."""
    events = run.table["event"].to_pylist()
    phases = run.table["phase"].to_pylist()
    rows = [k for k, name in enumerate(events) if name == event and phases[k] != "dsn"]
    values = run.table[column].to_pylist()
    values[rows[-1 if last else 0]] += add
    place = run.table.column_names.index(column)
    field = run.table.schema.field(place)
    return run.table.set_column(place, field, pa.array(values, field.type))


@pytest.mark.parametrize("batch", [1, 50])
@pytest.mark.parametrize("strategy", ["round-robin", "batch", "interval", "least-loaded"])
def test_a_run_keeps_the_law(strategy: str, batch: int) -> None:
    """Retries, joined parcels, an outage and all: lot by lot, and against the books."""
    run = simulate(small_scenario(), strategy, seed=8, batch=batch)
    check_balance(run.table, run.totals)
    assert (littles_law(run.events)["area"] > 0).all()


@pytest.mark.parametrize("batch", [1, 50])
def test_mail_that_is_left_is_counted_until_the_end(batch: int) -> None:
    """What was not sent when sending ended is told by the books and by the log alike."""
    run = simulate(spread_and_cut_short(), "round-robin", seed=8, batch=batch)
    check_balance(run.table, run.totals)
    found = littles_law(run.events)
    left = run.totals["queued"] + run.totals["in_flight"]
    assert found["open"].sum() == left
    assert (left > 0) == bool((found["waited_high"] > 0).any())


@pytest.mark.parametrize(
    ("column", "event", "add"),
    [
        ("born", "delivered", 1.0),
        ("born", "delivered", -1.0),
        ("born", "expired", 60.0),
        ("at", "delivered", 5.0),
        ("at", "bounced", -5.0),
        ("at", "enqueued", 1.0),
        ("born", "enqueued", 1.0),
        ("n", "delivered", 1),
        ("n", "bounced", -1),
        ("n", "deferred", 1),
        ("n", "sent", 1),
        ("n", "expired", 1),
        ("n", "enqueued", -1),
        ("n", "enqueued", 1),
        ("lot", "delivered", 1),
    ],
)
def test_a_wrong_value_is_found(run: Run, column: str, event: str, add: float) -> None:
    """One value of one row is enough; what both ways get wrong alike, the books tell."""
    check_balance(run.table, run.totals)
    with pytest.raises(RuntimeError, match="contradicts"):
        check_balance(tampered(run, column, event, add), run.totals)


@pytest.mark.parametrize("column", ["n", "born"])
def test_a_wrong_value_in_the_last_row_is_found(run: Run, column: str) -> None:
    """At the very end a message more adds no time: the attempts still tell."""
    with pytest.raises(RuntimeError, match="contradicts"):
        check_balance(tampered(run, column, "delivered", 1, last=True))


@pytest.mark.parametrize("event", ["delivered", "deferred", "enqueued", "suppressed"])
def test_a_lost_row_is_found(run: Run, event: str) -> None:
    """A log that lacks a row cannot hide it."""
    gone = run.table["event"].to_pylist().index(event)
    keep = [k for k in range(len(run.table)) if k != gone]
    with pytest.raises(RuntimeError, match="contradicts"):
        check_balance(run.table.take(keep), run.totals)


def test_the_two_sums_of_a_small_log() -> None:
    """Worked by hand: 5 came at 0 s, 3 went at 10 s, 1 at 30 s, where the log ends."""
    lot: dict[str, Any] = {"lot": 4, "born": 0.0}
    events = log_frame(
        [
            {"event": "enqueued", "n": 5, **lot},
            {"event": "delivered", "at": 10.0, "n": 3, **lot},
            {"event": "bounced", "at": 30.0, "n": 1, "phase": "rcpt", **lot},
            {"event": "bounced", "at": 90.0, "n": 1, "phase": "dsn", **lot},
            {"event": "opened", "at": 95.0, "n": 1, "seq": -1, **lot},
        ]
    )
    row = littles_law(events).iloc[0]
    assert row["area"] == 5 * 10 + 2 * 20
    assert row["stayed"] == 3 * 10 + 1 * 30
    assert (row["waited_low"], row["waited_high"], row["open"]) == (30.0, 30.0, 1)
    assert row["ok"]


def test_mail_that_is_handled_late_counts_from_its_birth() -> None:
    """As in a live run: born at 10 s, taken up at 12 s, gone at 20 s: 10 s in the system."""
    events = log_frame(
        [
            {"event": "enqueued", "at": 12.0, "lot": 0, "born": 10.0},
            {"event": "delivered", "at": 20.0, "lot": 0, "born": 10.0},
        ]
    )
    row = littles_law(events).iloc[0]
    assert (row["area"], row["stayed"], row["ok"]) == (10.0, 10.0, True)


def test_a_message_cannot_end_before_it_came() -> None:
    """The number in the system is never negative, whatever the sums say."""
    events = log_frame(
        [
            {"event": "delivered", "at": 5.0, "lot": 0, "born": 10.0},
            {"event": "enqueued", "at": 10.0, "lot": 0, "born": 10.0},
        ]
    )
    assert not littles_law(events)["ok"].any()


def test_a_log_without_mail_has_nothing_to_add_up() -> None:
    """An empty frame, and the example of the documentation is sound."""
    assert littles_law(log_frame([{"event": "ticked", "n": 0}])).empty
    assert littles_law(small_log())["ok"].all()
