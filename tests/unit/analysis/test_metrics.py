"""The figures of one run and its breakdowns."""

from __future__ import annotations

import math

import pytest

from mstoolkit.analysis import METRICS, by, summary
from mstoolkit.analysis.examples import log_frame, small_log

COSTS = {"mta-1": 0.5, "mta-2": 2.0}


def test_the_summary_of_the_example_is_what_one_counts_by_hand() -> None:
    """Each rate has the numerator and denominator that its meaning states."""
    found = summary(small_log(), costs=COSTS)
    expected = {
        "enqueued": 100,
        "delivered": 90,
        "delivery_rate": 0.90,
        "bounce_rate": 0.06,
        "open_rate": 12 / 90,
        "machine_open_rate": 3 / 90,
        "complaint_rate": 1 / 90,
        "deferral_rate": 20 / (91 + 5 + 20),
        "expired_rate": 0.01,
        "suppressed_rate": 0.01,
        "queued_rate": 0.02,
        "makespan": 300.0,
        "queue_p50": 60.0,
        "queue_p95": 300.0,
        "throughput": 0.99 * 91 / 300,
        "cost": (70 * 0.5 + 21 * 2.0) / 1000,
        "suspensions": 1,
    }
    assert found.to_dict() == pytest.approx(expected)


def test_the_summary_names_every_metric_in_the_order_of_the_table() -> None:
    """Table and result cannot drift apart."""
    assert list(summary(small_log()).index) == list(METRICS)


def test_what_is_missing_to_all_is_shown() -> None:
    """Delivered, bounced, expired, suppressed and queued add up to everything."""
    found = summary(small_log())
    parts = ("delivery_rate", "bounce_rate", "expired_rate", "suppressed_rate", "queued_rate")
    assert sum(found[name] for name in parts) == pytest.approx(1.0)


def test_rates_without_a_denominator_are_not_known() -> None:
    """A run that delivered nothing has no open rate, rather than 0 %."""
    found = summary(log_frame([{"event": "enqueued", "n": 5}]))
    assert found["delivery_rate"] == 0.0
    assert found["queued_rate"] == 1.0
    for name in ("open_rate", "deferral_rate", "makespan", "queue_p95", "throughput", "cost"):
        assert math.isnan(found[name])


def test_a_breakdown_by_isp_has_the_rates_of_each_isp() -> None:
    """The ISPs' rates are measured against their own messages."""
    frame = by(small_log(), "isp")
    assert frame["enqueued"].to_dict() == {"gmail": 60, "yahoo": 40}
    assert frame["delivery_rate"].to_dict() == pytest.approx({"gmail": 57 / 60, "yahoo": 33 / 40})
    assert frame["share"].sum() == pytest.approx(1.0)


def test_a_breakdown_by_server_measures_against_attempts() -> None:
    """No message is enqueued for a server, so its rates are of attempts."""
    frame = by(small_log(), "server", costs=COSTS)
    assert frame["attempts"].to_dict() == {"mta-1": 70, "mta-2": 46}
    assert frame["accepted_rate"].to_dict() == pytest.approx({"mta-1": 1.0, "mta-2": 21 / 46})
    assert frame["cost"].to_dict() == pytest.approx({"mta-1": 0.035, "mta-2": 0.042})
    assert frame["suspensions"].to_dict() == {"mta-1": 0, "mta-2": 1}
    assert "delivery_rate" not in frame


def test_costs_that_are_not_given_are_not_known() -> None:
    """No price is not a price of zero."""
    assert by(small_log(), "server")["cost"].isna().all()


def test_a_breakdown_by_something_else_is_refused_with_what_there_is() -> None:
    """The error says what can be asked."""
    with pytest.raises(ValueError, match="use isp, server"):
        by(small_log(), "weather")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("delivery_rate", 0.95123, "95.12 %"),
        ("complaint_rate", 0.00031, "0.031 %"),
        ("makespan", 42.0, "42.0 s"),
        ("makespan", 26700.0, "7 h 25 min"),
        ("delivered", 47621.0, "47,621 messages"),
        ("throughput", 3.25, "3.25 messages/s"),
        ("cost", 12.5, "12.50"),
        ("suspensions", 14.0, "14"),
        ("open_rate", math.nan, "not known"),
    ],
)
def test_values_are_written_with_their_unit(name: str, value: float, text: str) -> None:
    """People read percent, hours and separators; what is not known says so."""
    assert METRICS[name].text(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("delivery_rate", -0.0034, "-0.34 points"),
        ("delivery_rate", 0.0000043, "+0.00043 points"),
        ("delivery_rate", 0.0, "0"),
        ("makespan", -600.0, "-10 min"),
        ("cost", math.inf, "not known"),
    ],
)
def test_differences_are_signed_and_shares_differ_by_points(
    name: str, value: float, text: str
) -> None:
    """A difference of two percentages is not a percentage."""
    assert METRICS[name].difference(value) == text


@pytest.mark.parametrize(
    ("name", "low", "high", "text"),
    [
        ("delivery_rate", 0.9512, 0.9530, "95.12 – 95.30"),
        ("makespan", 3700.0, 7300.0, "1:02 – 2:02 h"),
        ("queue_p50", 30.0, 90.0, "30.0 s – 2 min"),
    ],
)
def test_intervals_are_short(name: str, low: float, high: float, text: str) -> None:
    """The unit is not repeated where the mean beside it has it."""
    assert METRICS[name].interval(low, high) == text


def test_metrics_say_what_they_are() -> None:
    """Every metric has a unit, a direction and a meaning, under its own name."""
    for name, metric in METRICS.items():
        assert name == metric.name
        assert metric.unit in {"share", "messages", "s", "messages/s", "currency", "count"}
        assert metric.direction in {"higher", "lower", "none"}
        assert metric.meaning
        assert metric.title
