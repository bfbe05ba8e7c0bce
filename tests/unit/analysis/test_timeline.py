"""Timelines, attempts and quotas: what is counted when, on logs that can be counted by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mstoolkit.analysis import attempts_over_time, quota_use, server_timeline
from mstoolkit.analysis.examples import log_frame
from mstoolkit.sim import simulate
from mstoolkit.testing import small_scenario


def log(*rows: dict[str, Any]) -> pd.DataFrame:
    return log_frame([{"n": 1, "server": "a", **row} for row in rows])


def at(event: str, when: float, **row: Any) -> dict[str, Any]:
    return {"event": event, "at": when, **row}


OUTAGE = log(
    at("sent", 10.0, isp="gmail"),
    at("sent", 20.0, isp="gmail", n=4),
    at("connection_failed", 40.0, isp="gmail"),
    at("suspended", 40.0, n=0, until=100.0),
    at("suspended", 45.0, n=0, isp="gmail", until=400.0),
    at("resumed", 100.0, n=0, category="probe"),
    at("connection_failed", 101.0, isp="gmail"),
    at("suspended", 101.0, n=0, until=221.0),
    at("resumed", 150.0, n=0, category="probe"),
    at("resumed", 152.0, n=0, category="resumed"),
    at("suspended", 300.0, n=0, until=360.0),
)


def spans(frame: pd.DataFrame, what: str) -> list[list[float]]:
    some = frame[frame["what"] == what]
    return [[float(x) for x in row] for row in some[["at", "until"]].to_numpy()]


def test_a_server_is_left_alone_until_it_is_probed() -> None:
    """A probe ahead of time ends a suspension; where none came, it lasts as announced."""
    assert spans(server_timeline(OUTAGE), "suspended") == [[40, 100], [101, 150], [300, 360]]


def test_suspensions_of_single_paths_are_left_out() -> None:
    """One ISP that slows a server down does not take the server out."""
    only = log(at("suspended", 45.0, n=0, isp="gmail", until=400.0), at("sent", 50.0))
    assert set(server_timeline(only)["what"]) == {"sent"}


def test_probes_returns_and_failures_stand_when_they_were() -> None:
    """Each is one row at its time."""
    frame = server_timeline(OUTAGE)
    assert [start for start, _ in spans(frame, "probed")] == [100, 150]
    assert [start for start, _ in spans(frame, "resumed")] == [152]
    assert [start for start, _ in spans(frame, "failed")] == [40, 101]


def test_sent_messages_are_counted_in_bins() -> None:
    """A bin holds what left from its start to before its end, a parcel with all its messages."""
    frame = server_timeline(OUTAGE, width=20.0)
    sent = frame[frame["what"] == "sent"]
    assert sent[["at", "until", "n"]].to_numpy().tolist() == [[0, 20, 1], [20, 40, 4]]


def test_the_timeline_of_a_run_adds_up_to_what_was_sent() -> None:
    """All attempts are in it, and the outage of the small scenario is seen."""
    events = simulate(small_scenario(900), "round-robin", batch=1).events
    frame = server_timeline(events)
    sent = events.loc[events["event"] == "sent", "n"].sum()
    assert frame.loc[frame["what"] == "sent", "n"].sum() == sent
    assert set(frame.loc[frame["what"] == "suspended", "server"]) == {"one"}


def test_an_empty_log_has_an_empty_timeline() -> None:
    """No rows, and all columns."""
    frame = server_timeline(OUTAGE.iloc[:0])
    assert frame.columns.tolist() == ["server", "what", "at", "until", "n"]
    assert not len(frame)


def test_attempts_of_an_isp_and_its_throttles() -> None:
    """Others' attempts and other deferrals are left out, and so is what came after the end."""
    events = log(
        at("sent", 0.0, isp="gmail", n=5),
        at("sent", 1.0, isp="yahoo"),
        at("deferred", 2.0, isp="gmail", category="throttle", n=2),
        at("deferred", 3.0, isp="gmail", category="mailbox_full"),
        at("sent", 60.0, isp="gmail"),
        at("sent", 130.0, isp="gmail"),
    )
    frame = attempts_over_time(events, 60.0, 120.0, "gmail")
    assert frame.to_numpy().tolist() == [[60.0, 5.0, 2.0], [120.0, 1.0, 0.0]]
    whole = attempts_over_time(events, 60.0)
    assert whole["attempts"].tolist() == [6.0, 1.0, 1.0]


def test_a_quota_is_counted_anew_in_each_window() -> None:
    """A message at the very beginning of a window belongs to that window."""
    events = log(*[at("sent", when, stream="news") for when in (0.0, 90.0, 100.0, 130.0)])
    frame = quota_use(events, within=100.0, width=50.0)
    assert frame["at"].tolist() == [0.0, 50.0, 100.0, 150.0]
    assert frame["used"].tolist() == [0.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize(("begins", "used"), [(0.0, [0, 1, 2, 1]), (50.0, [0, 1, 1, 2])])
def test_windows_begin_where_it_is_said(begins: float, used: list[int]) -> None:
    """As at the first midnight after the start."""
    events = log(*[at("sent", when, stream="news") for when in (10.0, 60.0, 120.0)])
    frame = quota_use(events, within=100.0, begins=begins, width=50.0, end=150.0)
    assert frame["used"].tolist() == used


def test_a_connection_that_failed_gives_its_quota_back() -> None:
    """What never reached the provider does not count."""
    events = log(
        at("sent", 10.0, stream="news", n=3), at("connection_failed", 11.0, stream="news", n=3)
    )
    assert quota_use(events, width=60.0)["used"].tolist() == [0.0, 0.0]


def test_a_quota_can_be_that_of_an_isp_or_a_server() -> None:
    """Only what the limit counts is counted, by whichever column is asked for."""
    events = log(
        at("sent", 1.0, isp="gmail", stream="news"),
        at("sent", 2.0, isp="yahoo", stream="news"),
        at("sent", 3.0, isp="gmail", server="b", stream="receipts"),
    )
    last = quota_use(events, width=10.0, isp="gmail").iloc[-2:]
    assert dict(zip(last["stream"], last["used"], strict=True)) == {"news": 1, "receipts": 1}
    mine = quota_use(events, "isp", width=10.0, server="a").iloc[-2:]
    assert dict(zip(mine["isp"], mine["used"], strict=True)) == {"gmail": 1, "yahoo": 1}
    assert quota_use(events, isp="gmx", width=10.0).columns.tolist() == ["at", "stream", "used"]
