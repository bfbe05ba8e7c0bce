"""Bins over time and outcomes by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.analysis import (
    deferrals_over_time,
    delivered_over_time,
    outcomes,
    reputation_over_time,
    server_share_over_time,
    summary,
)
from mstoolkit.analysis.examples import log_frame, small_log

PARCELS = st.lists(
    st.tuples(
        st.floats(0, 5000), st.floats(0, 3000), st.integers(1, 200), st.sampled_from(["a", "b"])
    ),
    min_size=1,
    max_size=12,
)


def parcels(rows: list[tuple[float, float, int, str]]) -> pd.DataFrame:
    return log_frame(
        [
            {"event": "delivered", "at": at, "span": span, "n": n, "server": server}
            for at, span, n, server in rows
        ]
    )


@given(PARCELS, st.sampled_from([60.0, 600.0, 1234.5]))
def test_bins_hold_every_message_once(
    rows: list[tuple[float, float, int, str]], width: float
) -> None:
    """However a parcel is spread, its messages are all there and none is negative."""
    frame = delivered_over_time(parcels(rows), width)
    assert frame["delivered"].sum() == pytest.approx(sum(n for _, _, n, _ in rows))
    assert (frame["delivered"] >= -1e-9).all()


@given(PARCELS)
def test_servers_add_up_to_the_whole(rows: list[tuple[float, float, int, str]]) -> None:
    """In each bin the servers' deliveries are all deliveries, and their shares are one."""
    events = parcels(rows)
    whole = delivered_over_time(events, 600.0).set_index("at")["delivered"]
    split = server_share_over_time(events, 600.0).groupby("at")
    assert np.allclose(split["delivered"].sum(), whole)
    shares = split["share"].sum(min_count=1).dropna()
    assert np.allclose(shares, 1.0)


def test_a_parcel_is_spread_evenly_over_its_span() -> None:
    """40 messages from 300 s to 1500 s: a quarter, a half and a quarter of them by bin."""
    frame = delivered_over_time(parcels([(1500.0, 1200.0, 40, "a")]), 600.0)
    assert frame["delivered"].tolist() == pytest.approx([10.0, 20.0, 10.0])


def test_a_delivery_on_the_edge_belongs_to_the_bin_that_it_ends() -> None:
    """``at`` is the end of a bin, and the total until ``at`` holds what came at ``at``."""
    frame = delivered_over_time(parcels([(600.0, 0.0, 5, "a"), (0.0, 0.0, 2, "a")]), 600.0)
    assert frame[["at", "total"]].to_numpy().tolist() == [[600.0, 7.0]]


def test_bins_go_on_until_the_end_that_was_asked_for() -> None:
    """Runs of different length get the same grid, so that they can be put together."""
    frame = delivered_over_time(small_log(), 600.0, 3600.0)
    assert frame["at"].tolist() == [600.0 * (k + 1) for k in range(6)]
    assert frame["share"].iloc[-1] == pytest.approx(0.91)
    early = delivered_over_time(small_log(), 100.0, 200.0)
    assert early["total"].iloc[-1] == pytest.approx(78.0)


def test_deferrals_are_counted_by_isp() -> None:
    """Only attempts put off count, under the ISP that did."""
    frame = deferrals_over_time(small_log(), 600.0)
    assert frame[["at", "isp", "deferred"]].to_numpy().tolist() == [[600.0, "yahoo", 20.0]]


def test_a_log_without_deferrals_gives_an_empty_frame() -> None:
    """The columns are there all the same."""
    frame = deferrals_over_time(parcels([(1.0, 0.0, 1, "a")]))
    assert frame.empty
    assert list(frame) == ["at", "isp", "deferred", "share"]


def test_outcomes_agree_with_the_summary() -> None:
    """Two ways to count the same log come to the same."""
    events = small_log()
    frame = outcomes(events)
    figures = summary(events)
    totals = frame.groupby("outcome")["n"].sum()
    assert totals["delivered"] == figures["delivered"]
    assert totals["queued"] == round(figures["queued_rate"] * figures["enqueued"])
    assert np.allclose(frame.groupby("isp")["share"].sum(), 1.0)


def test_reputation_holds_until_it_is_reviewed_again() -> None:
    """Providers review at their own times; between two reviews a path stays as it was."""
    truth = pd.DataFrame(
        {
            "at": [0.0, 300.0, 900.0, 600.0],
            "server": ["a", "a", "a", "b"],
            "isp": ["gmail", "gmail", "gmail", "gmx"],
            "reputation": [1.0, 0.8, 0.4, 0.7],
            "listed": [False, True, True, False],
        }
    )
    frame = reputation_over_time(truth, 600.0)
    assert frame.to_numpy().tolist() == [
        [0.0, "a", "gmail", 1.0, 0.0],
        [600.0, "a", "gmail", 0.8, 1.0],
        [600.0, "b", "gmx", 0.7, 0.0],
        [1200.0, "a", "gmail", 0.4, 1.0],
        [1200.0, "b", "gmx", 0.7, 0.0],
    ]


def test_an_empty_truth_gives_an_empty_frame() -> None:
    """A live run has no truth, and that is no error."""
    names = ["at", "server", "isp", "reputation", "listed"]
    frame = reputation_over_time(pd.DataFrame({name: [] for name in names}))
    assert frame.empty
    assert list(frame) == names
