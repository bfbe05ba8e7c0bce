"""The small parts of the live driver: targets, letters, lateness, clock and feedback intake."""

from __future__ import annotations

import email
import email.policy
import math
from pathlib import Path

import pytest

from mstoolkit.config import ConfigError, Scenario, load_scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.live.feedback import Intake
from mstoolkit.live.lateness import Quantiles, Watch
from mstoolkit.live.letters import Letters
from mstoolkit.live.targets import loopback, targets
from mstoolkit.model import Feedback, Parcel, Reply, Send

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("192.0.2.1", False),
        ("localhost.example", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_only_loopback_is_this_machine(host: str, local: bool) -> None:
    """Loopback addresses and localhost, nothing that only looks like them."""
    assert loopback(host) is local


def test_a_foreign_host_is_refused_unless_named(scenario: Scenario) -> None:
    """The error names key and remedy; the named host is let through."""
    addresses = dict.fromkeys(scenario.servers, ("127.0.0.1", 2525))
    addresses["two"] = ("mail.example", 25)
    with pytest.raises(ConfigError) as caught:
        targets(scenario, addresses, frozenset())
    assert caught.value.key == "servers.two.host"
    assert "--allow-host mail.example" in caught.value.remedy
    assert targets(scenario, addresses, {"mail.example"})["two"] == ("mail.example", 25)


def test_an_unknown_port_is_refused(scenario: Scenario) -> None:
    """Port 0 means that nobody knows where to connect."""
    with pytest.raises(ConfigError) as caught:
        targets(scenario, None, frozenset())
    assert caught.value.key == "servers.one.port"


def test_a_letter_is_a_valid_message_to_its_recipient(scenario: Scenario) -> None:
    """All headers parse without defects, and the id names list, position and run."""
    mailing = Mailing(scenario)
    letters = Letters(scenario, mailing, "live round\r\nrobin")
    parcel = Parcel(mailing.blocks[0].lot, 3, 1)
    raw = letters.letter(parcel, 1_700_000_000.0)
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert message["To"] == mailing.address("spring", 3)
    assert message["Message-ID"] == "<spring-3-live-round--robin@news.example>"
    assert message["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert not message.defects
    assert not any(header.defects for header in message.values())
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


def test_names_that_cannot_be_mailed_are_refused(scenario: Scenario) -> None:
    """A campaign's name becomes part of addresses; one with a line break is a user's error."""
    bad = scenario.model_copy(update={"campaigns": {"a\r\nBcc: x": scenario.campaigns["spring"]}})
    with pytest.raises(ConfigError) as caught:
        Letters(bad, Mailing(bad), "run")
    assert caught.value.key.startswith("campaigns.")
    worse = scenario.model_copy(update={"sending_domain": "news.example>\r\n"})
    with pytest.raises(ConfigError):
        Letters(worse, Mailing(worse), "run")


def test_quantiles_are_right_to_five_percent() -> None:
    """Against the exact quantiles of a known list; the maximum is exact."""
    quantiles = Quantiles()
    values = [math.exp(k / 100) / 50 for k in range(1000)]
    for value in values:
        quantiles.add(value)
    for share in (0.5, 0.95):
        exact = values[round(share * 1000) - 1]
        assert quantiles.quantile(share) == pytest.approx(exact, rel=0.06)
    assert quantiles.largest == values[-1]
    assert Quantiles().quantile(0.95) == 0.0


def test_a_run_is_marked_when_more_than_five_percent_of_its_steps_are_late() -> None:
    """The bound is 5 s or a thousandth of the horizon; the warning names a remedy."""
    watch = Watch(horizon=100.0)
    for k in range(100):
        watch.ticks.add(60.0 if k < 4 else 0.1)
        watch.commands.add(0.1)
    assert not watch.result().lagged
    assert watch.result().warning == ""
    for _ in range(3):
        watch.ticks.add(60.0)
    assert watch.result().lagged
    assert "lower the time scale" in watch.result().warning
    assert Watch(horizon=100_000.0).bound == 100.0


def test_news_waits_for_the_answer_and_for_its_time(scenario: Scenario) -> None:
    """A complaint is told once its message is answered and its time has come."""
    lot = Mailing(scenario).blocks[0].lot
    seen: list[tuple[str, str | None]] = []
    intake = Intake(lambda feedback, category: seen.append((feedback.kind, category)), 1000.0)
    send = Send(7, "one", "gmail", Parcel(lot, 5, 1, 2, 12.5), 0)
    intake.sent(send)
    about = Parcel(lot, 5, 1)
    intake(Feedback(20.0, "complained", "one", about, 10.0))
    intake(Feedback(30.0, "opened", "one", about, 10.0), "machine")
    intake(Feedback(2000.0, "clicked", "one", about, 10.0), "person")
    assert seen == [("opened", "machine")]
    assert intake.next() is None
    intake.answered(send)
    assert intake.next() == 20.0
    assert intake.take(19.9) is None
    told = intake.take(20.0)
    assert told is not None
    assert (told.parcel.born, told.parcel.attempt, told.parcel.parent) == (12.5, 2, 7)


def test_what_comes_after_the_end_is_handed_out(scenario: Scenario) -> None:
    """News that is due after the run comes in order of time, and none is lost or told twice."""
    lot = Mailing(scenario).blocks[0].lot
    intake = Intake(lambda feedback, category: None, 1000.0)
    bounce = Reply(550, "5.1.1", "no", "dsn")
    intake.sent(Send(7, "one", "gmail", Parcel(lot, 6, 1), 0))
    for at, first in ((50.0, 5), (20.0, 5), (30.0, 6)):
        intake(Feedback(at, "dsn", "one", Parcel(lot, first, 1), 10.0, bounce))
    assert [feedback.at for feedback in intake.rest()] == [20.0, 30.0, 50.0]
    assert intake.rest() == []
