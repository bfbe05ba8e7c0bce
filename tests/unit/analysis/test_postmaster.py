"""Daily figures as providers show them: forms filled in by hand, and one from a real run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mstoolkit.analysis import postmaster_daily, postmaster_reputation, snds_daily
from mstoolkit.analysis.examples import log_frame
from mstoolkit.analysis.postmaster import CHECKS, ERRORS
from mstoolkit.config.scenario import Authentication
from mstoolkit.mail import CATEGORIES
from mstoolkit.sim import simulate
from mstoolkit.testing import small_scenario

DAY = 86400.0
ONE = {"isp": "gmail", "server": "one", "source_ip": "192.0.2.1", "campaign": "spring"}
TWO = {"isp": "gmail", "server": "two", "source_ip": "192.0.2.2", "campaign": "spring"}


def delivered(at: float, n: int, path: dict[str, str]) -> dict[str, Any]:
    return {"event": "delivered", "at": at, "decided_at": at - 1.0, "n": n, "code": 250, **path}


def refused(at: float, n: int, category: str, path: dict[str, str]) -> dict[str, Any]:
    return {"event": "deferred", "at": at, "n": n, "category": category, "code": 421, **path}


def truth_of(*rows: dict[str, Any]) -> pd.DataFrame:
    blank = {"at": 0.0, "isp": "gmail", "source_ip": "192.0.2.1", "inbox": 1.0, "spam": 0.0}
    return pd.DataFrame([{**blank, **row} for row in rows])


TRUTH = truth_of(
    {"inbox": 0.9, "spam": 0.1},
    {"at": 1000.0, "inbox": 0.5, "spam": 0.4, "missing": 0.1, "tabs": 0.2},
    {"source_ip": "192.0.2.2", "inbox": 0.2, "spam": 0.8},
).fillna(0.0)


def test_mail_is_placed_by_the_review_of_its_time() -> None:
    """400 at 90 %, 200 at 50 %, 100 of another address at 20 %: 480 in the inbox, 200 in spam."""
    events = log_frame(
        [delivered(500.0, 400, ONE), delivered(1500.0, 200, ONE), delivered(1500.0, 100, TWO)]
    )
    row = postmaster_daily(events, TRUTH).iloc[0]
    assert (row["tried"], row["delivered"]) == (700, 700)
    assert row["inbox"] == pytest.approx(400 * 0.9 + 200 * 0.5 + 100 * 0.2)
    assert row["spam"] == pytest.approx(400 * 0.1 + 200 * 0.4 + 100 * 0.8)
    assert row["missing"] == pytest.approx(200 * 0.1)
    assert row["tabs"] == pytest.approx(200 * 0.5 * 0.2)


def test_what_was_not_reviewed_yet_is_placed_by_the_first_review() -> None:
    """A message sent before the first row of its path goes where that row says."""
    truth = truth_of({"at": 50.0, "inbox": 0.25, "spam": 0.75})
    assert postmaster_daily(log_frame([delivered(10.0, 100, ONE)]), truth)["inbox"].item() == 25.0


def test_the_spam_rate_is_complaints_by_mail_in_the_inbox() -> None:
    """3 of 900 in the inbox, though 1,000 were delivered; a complaint counts when it comes in."""
    events = log_frame(
        [
            delivered(10.0, 1000, ONE),
            {"event": "complained", "at": 20.0, "n": 3, **ONE},
            {"event": "complained", "at": DAY + 20.0, "n": 5, "category": "unreported", **ONE},
            delivered(DAY + 10.0, 400, ONE),
        ]
    )
    found = postmaster_daily(events, truth_of({"inbox": 0.9, "spam": 0.1}))
    assert found["day"].tolist() == [0, 1]
    assert found["complaints"].tolist() == [3, 5]
    assert found["spam_rate"].tolist() == pytest.approx([3 / 900, 5 / 360])


def test_a_spam_rate_of_too_little_mail_is_hidden() -> None:
    """99 in the inbox tell nothing, 100 do."""
    for n, hidden in ((99, True), (100, False)):
        events = log_frame([delivered(10.0, n, ONE)])
        assert math.isnan(postmaster_daily(events, truth_of({}))["spam_rate"].item()) == hidden
    events = log_frame([delivered(10.0, 99, ONE)])
    assert postmaster_daily(events, truth_of({}), least=50)["spam_rate"].item() == 0.0


def test_errors_are_shares_of_what_was_tried() -> None:
    """Of 1,000 answers 100 throttle, 60 block, 40 miss DNS or signatures, 30 are of mailboxes."""
    events = log_frame(
        [
            delivered(10.0, 750, ONE),
            refused(20.0, 100, "throttle", ONE),
            refused(20.0, 50, "block_ip", ONE),
            refused(20.0, 10, "spam", ONE),
            refused(20.0, 25, "auth", ONE),
            refused(20.0, 15, "ptr", ONE),
            {**refused(20.0, 30, "invalid_recipient", ONE), "event": "bounced", "phase": "rcpt"},
            {**refused(20.0, 20, "temp_server", ONE), "event": "connection_failed"},
            # nobody answered, or long after: no errors of delivery
            {"event": "connection_failed", "at": 30.0, "n": 500, "category": "network", **ONE},
            {"event": "bounced", "at": 40.0, "n": 7, "phase": "dsn", "category": "spam", **ONE},
        ]
    )
    row = postmaster_daily(events, truth_of({})).iloc[0]
    assert row["tried"] == 1000
    shares = {"throttled": 0.1, "blocked": 0.06, "dns_auth": 0.04, "mailbox": 0.03}
    assert {name: row[name] for name in shares} == pytest.approx(shares)
    assert row["other_errors"] == pytest.approx(0.02)
    assert row["error_rate"] == pytest.approx(0.25)


def test_each_category_is_one_kind_of_error() -> None:
    """None is counted twice, and all that are named exist."""
    named = [category for some in ERRORS.values() for category in some]
    assert len(named) == len(set(named))
    assert set(named) <= set(CATEGORIES)


def test_compliance_is_what_all_mail_of_a_day_had() -> None:
    """One server without DKIM on the second day: that day needs work, and its mail has no rate."""
    scenario = small_scenario()
    two = scenario.servers["two"].model_copy(update={"authentication": Authentication(dkim=False)})
    spring = scenario.campaigns["spring"].model_copy(update={"one_click": False})
    scenario = scenario.model_copy(
        update={
            "servers": {**scenario.servers, "two": two},
            "campaigns": {**scenario.campaigns, "spring": spring},
        }
    )
    events = log_frame(
        [
            delivered(10.0, 200, ONE),
            delivered(DAY + 10.0, 200, ONE),
            delivered(DAY + 10.0, 800, TWO),
            {"event": "complained", "at": DAY + 20.0, "n": 1, **ONE},
            {"event": "complained", "at": DAY + 20.0, "n": 9, **TWO},
        ]
    )
    truth = truth_of({}, {"source_ip": "192.0.2.2"})
    found = postmaster_daily(events, truth, scenario)
    assert found["domain"].tolist() == ["news.example"] * 2
    assert found["dkim"].tolist() == ["compliant", "needs work"]
    assert found["spf"].tolist() == ["compliant"] * 2
    assert found["one_click"].tolist() == ["needs work"] * 2
    assert found["complaints"].tolist() == [0, 10]
    assert found["spam_rate"].tolist() == pytest.approx([0.0, 1 / 200])


def test_compliance_is_blank_where_nothing_is_known() -> None:
    """Without a scenario no domain and no status is made up."""
    found = postmaster_daily(log_frame([delivered(10.0, 10, ONE)]), truth_of({}))
    assert (found[["domain", *CHECKS, "one_click"]] == "").all(axis=None)


def test_bands_of_reputation() -> None:
    """The mean of a day's reviews falls into the band whose edge it has reached."""
    values = [1.0, 0.9, 0.89, 0.7, 0.69, 0.4, 0.39, 0.0]
    truth = truth_of(*({"at": DAY * k, "reputation": v} for k, v in enumerate(values)))
    bands = postmaster_reputation(truth)["band"].tolist()
    assert bands == ["high", "high", "medium", "medium", "low", "low", "bad", "bad"]
    half = truth_of({"reputation": 1.0}, {"at": 60.0, "reputation": 0.5})
    assert postmaster_reputation(half)["reputation"].tolist() == [0.75]


@pytest.mark.parametrize(
    ("spam", "result"),
    [(0.0, "green"), (0.09, "green"), (0.1, "yellow"), (0.9, "yellow"), (0.91, "red")],
)
def test_the_filter_result_is_a_traffic_light(spam: float, result: str) -> None:
    """Green below 10 % of spam verdicts, red above 90 %, yellow between, the edges included."""
    truth = truth_of({"inbox": 1.0 - spam, "spam": spam})
    row = snds_daily(log_frame([delivered(10.0, 1000, ONE)]), truth).iloc[0]
    assert (row["verdicts"], row["filter_result"]) == (pytest.approx(spam), result)


def test_a_day_of_a_source_ip() -> None:
    """1,000 delivered, 100 of them to spam, 250 refused as spam: 350 verdicts of 1,250."""
    events = log_frame(
        [
            delivered(10.0, 1000, ONE),
            {**refused(20.0, 250, "spam", ONE), "event": "bounced", "phase": "data"},
            {**refused(20.0, 70, "block_ip", ONE), "event": "bounced", "phase": "rcpt"},
            {"event": "complained", "at": 30.0, "n": 5, **ONE},
            delivered(10.0, 99, TWO),
            delivered(DAY + 10.0, 100, TWO),
        ]
    )
    truth = truth_of({"inbox": 0.9, "spam": 0.1}, {"source_ip": "192.0.2.2"})
    found = snds_daily(events, truth)
    assert found[["source_ip", "day"]].values.tolist() == [["192.0.2.1", 0], ["192.0.2.2", 1]]
    row = found.iloc[0]
    assert (row["messages"], row["complaints"]) == (1250, 5)
    assert row["verdicts"] == pytest.approx(350 / 1250)
    assert row["complaint_rate"] == pytest.approx(5 / 1250)
    assert row["filter_result"] == "yellow"


def test_trap_hits_are_those_of_the_day() -> None:
    """The table counts them from the start: 2 by the first night, 7 by the second, 7 after that."""
    events = log_frame([delivered(DAY * k + 10.0, 500, ONE) for k in range(3)])
    rows = [(0.0, 0), (600.0, 2), (DAY + 5.0, 4), (DAY + 9.0, 7), (2 * DAY, 7)]
    truth = truth_of(*({"at": at, "trapped": hits} for at, hits in rows))
    assert snds_daily(events, truth)["trap_hits"].tolist() == [2, 5, 0]
    assert snds_daily(events, truth.drop(columns="trapped"))["trap_hits"].tolist() == [0, 0, 0]


def test_a_log_without_mail_has_no_days() -> None:
    """Empty frames with their columns, not errors."""
    events = log_frame([{"event": "ticked", "n": 0}])
    assert postmaster_daily(events, truth_of({}), small_scenario()).empty
    assert list(snds_daily(events, truth_of({})))[:3] == ["isp", "source_ip", "day"]


def test_a_real_run_in_both_forms() -> None:
    """Forms agree with the log and with each other, and are filled in for each ISP."""
    scenario = small_scenario()
    run = simulate(scenario, "round-robin", seed=5, batch=20)
    google = postmaster_daily(run.events, run.truth, scenario)
    delivered = run.events[run.events["event"] == "delivered"]["n"].sum()
    assert google["delivered"].sum() == delivered
    placed = google["inbox"] + google["spam"] + google["missing"]
    assert (placed <= google["delivered"] + 1e-6).all()
    assert (google["inbox"] > 0.5 * google["delivered"])[google["day"] == 0].all()
    assert np.isclose(google[list(ERRORS)].sum(axis=1), google["error_rate"]).all()
    complained = run.events[run.events["event"] == "complained"]["n"].sum()
    microsoft = snds_daily(run.events, run.truth, least=1)
    assert set(microsoft["source_ip"]) <= {s.source_ip for s in scenario.servers.values()}
    assert microsoft["messages"].sum() >= delivered
    assert google["complaints"].sum() <= complained
    assert (microsoft["messages"] >= 1).all()
