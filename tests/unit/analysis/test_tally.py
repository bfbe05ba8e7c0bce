"""Counting messages by what happened to them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.analysis.examples import log_frame, small_log
from mstoolkit.analysis.tally import KINDS, tally

HOUR = 3600.0


def counted(*rows: dict[str, Any]) -> dict[str, float]:
    counts, _ = tally(log_frame(rows))
    return {kind: float(values[0]) for kind, values in counts.items() if values[0]}


def test_messages_are_counted_not_rows() -> None:
    """A row of n messages counts n times."""
    assert counted({"event": "delivered", "n": 7}, {"event": "delivered", "n": 3}) == {
        "delivered": 10.0
    }


def test_notices_are_counted_by_the_time_they_happened() -> None:
    """A suspension carries no message and a failed connection many: both count once a row."""
    found = counted({"event": "suspended", "n": 0}, {"event": "connection_failed", "n": 50})
    assert found == {"suspended": 1.0, "connection_failed": 1.0}


def test_a_dsn_is_told_from_a_bounce_in_band() -> None:
    """Only the phase tells that a bounce undoes an earlier delivery."""
    found = counted(
        {"event": "bounced", "phase": "rcpt"}, {"event": "bounced", "n": 2, "phase": "dsn"}
    )
    assert found == {"bounced": 1.0, "reversed": 2.0}


def test_machines_open_apart_from_persons_and_click_for_nobody() -> None:
    """A prefetch is no reader, and a machine's click is no click."""
    opened = {"event": "opened", "decided_at": 0.0, "at": HOUR}
    found = counted(
        {**opened, "n": 3, "category": "person"},
        {**opened, "n": 5, "category": "machine"},
        {"event": "clicked", "n": 2, "category": "machine", "decided_at": 0.0},
    )
    assert found == {"opened": 3.0, "machine_opened": 5.0}


def test_an_open_counts_within_72_hours_of_its_delivery() -> None:
    """The window runs from the delivery, not from the start of the run."""
    opened = {"event": "opened", "category": "person", "decided_at": 10 * HOUR}
    found = counted({**opened, "at": 82 * HOUR}, {**opened, "at": 82.1 * HOUR, "n": 9})
    assert found == {"opened": 1.0}


def test_the_second_open_of_one_message_does_not_count() -> None:
    """Messages opened are counted, not openings, where the message is known."""
    opened = {"event": "opened", "category": "person", "decided_at": 0.0, "lot": 0}
    found = counted(
        {**opened, "first": 4},
        {**opened, "first": 4, "at": 60.0},
        {**opened, "first": 5},
        {**opened, "first": 4, "category": "machine"},
    )
    assert found == {"opened": 2.0, "machine_opened": 1.0}


def test_counted_opens_are_not_taken_for_repetitions() -> None:
    """Rows that name no message (first -1) all count."""
    opened = {"event": "opened", "category": "person", "decided_at": 0.0, "lot": 0, "n": 1}
    assert counted(opened, opened) == {"opened": 2.0}


@pytest.mark.parametrize("column", ["isp", "server", "segment"])
def test_groups_add_up_to_the_whole(column: str) -> None:
    """Whatever the breakdown, rows that have the column are each counted in one group."""
    events = small_log()
    whole, _ = tally(events[events[column].notna()])
    parts, groups = tally(events, column)
    assert groups
    for kind in KINDS:
        assert parts[kind].sum() == whole[kind][0]


def test_plain_text_columns_count_like_categorical_ones() -> None:
    """A log from elsewhere, without categories, gives the same counts."""
    events = small_log()
    plain = events.astype(dict.fromkeys(("event", "phase", "category", "isp"), object))
    ours, groups = tally(events, "isp")
    theirs, names = tally(plain, "isp")
    assert {kind: dict(zip(groups, ours[kind], strict=True)) for kind in KINDS} == {
        kind: dict(zip(names, theirs[kind], strict=True)) for kind in KINDS
    }


def test_an_empty_log_counts_nothing() -> None:
    """No rows, no error."""
    counts, _ = tally(small_log().iloc[:0])
    assert sum(values.sum() for values in counts.values()) == 0


@given(st.permutations(range(len(small_log()))))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    """Counts are sums: news that comes late is the same news."""
    events = small_log()
    ours, _ = tally(events.iloc[order], "isp")
    theirs, _ = tally(events, "isp")
    assert all((ours[kind] == theirs[kind]).all() for kind in KINDS)


@given(st.integers(1, 50))
def test_a_parcel_counts_like_its_messages(n: int) -> None:
    """One row of n equals n rows of one: parcels change no figure."""
    row = {"event": "delivered", "isp": "gmail", "at": 5.0}
    assert counted({**row, "n": n}) == counted(*[{**row, "n": 1}] * n)


def test_a_log_that_was_concatenated_keeps_its_counts() -> None:
    """Two logs one after the other count double."""
    events = small_log()
    twice, _ = tally(pd.concat([events, events], ignore_index=True))
    once, _ = tally(events)
    assert all((twice[kind] == 2 * once[kind]).all() for kind in KINDS)
