"""Time in queue and makespan, weighted by messages."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.analysis import makespan, queue_time, queue_time_by
from mstoolkit.analysis.examples import log_frame, small_log
from mstoolkit.analysis.latency import weighted_quantiles


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 6)), min_size=1, max_size=20),
    st.floats(0.01, 1.0),
)
def test_weighted_quantiles_are_those_of_the_repeated_values(
    pairs: list[tuple[int, int]], share: float
) -> None:
    """A value of weight n stands for n equal values."""
    values = np.array([value for value, _ in pairs], dtype=float)
    weights = np.array([weight for _, weight in pairs], dtype=float)
    repeated = np.repeat(values, weights.astype(int))
    expected = np.quantile(repeated, share, method="inverted_cdf")
    assert weighted_quantiles(values, weights, [share])[0] == expected


def test_no_delivery_no_time() -> None:
    """Nothing delivered: the time is not known, rather than zero."""
    events = log_frame([{"event": "enqueued", "n": 3}])
    assert math.isnan(queue_time(events, [0.5])[0])
    assert math.isnan(makespan(events))


def test_a_parcel_is_spread_over_its_span() -> None:
    """Messages of a parcel of many left one after the other, not all at its end."""
    whole = log_frame([{"event": "delivered", "n": 1000, "at": 800.0, "span": 800.0, "born": 0.0}])
    at = 800.0 * (np.arange(1000) + 1) / 1000
    single = log_frame([{"event": "delivered", "at": t, "born": 0.0} for t in at])
    assert queue_time(whole, [0.5])[0] == pytest.approx(queue_time(single, [0.5])[0], abs=101)


def test_the_span_of_a_single_message_is_no_spread() -> None:
    """One message was delivered at its time, however slowly its path is paced."""
    events = log_frame([{"event": "delivered", "n": 1, "at": 60.0, "span": 6.0, "born": 10.0}])
    assert queue_time(events, [0.5]) == [50.0]


def test_makespan_starts_with_the_first_message() -> None:
    """A campaign that starts at noon does not take since midnight."""
    events = log_frame(
        [
            {"event": "enqueued", "at": 1000.0, "n": 10},
            {"event": "delivered", "at": 1300.0, "n": 10, "born": 1000.0},
        ]
    )
    assert makespan(events) == 300.0


def test_time_in_queue_by_isp_is_that_of_its_own_messages() -> None:
    """Each group's percentiles are those of the log with only that group."""
    events = small_log()
    frame = queue_time_by(events, "isp", [0.5, 0.95])
    for isp, row in frame.iterrows():
        assert row.tolist() == queue_time(events[events["isp"] == isp], [0.5, 0.95])
