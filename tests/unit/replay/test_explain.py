"""Explanations: each attempt is met again, with the standings that it was decided from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mstoolkit.config import ConfigError, Outage, Scenario, load_scenario
from mstoolkit.replay import Explanation, asked_shares, explain
from mstoolkit.sim import Run, simulate

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    loaded = load_scenario(BENCH)
    outage = Outage(server="two", start=20.0, lasts=1200.0)
    return loaded.model_copy(update={"outages": (outage,)})


@pytest.fixture(scope="module")
def run(scenario: Scenario) -> Run:
    return simulate(scenario, "smooth-weighted", seed=2, batch=1)


@pytest.fixture(scope="module")
def counted(scenario: Scenario) -> Run:
    return simulate(scenario, "smooth-weighted", seed=2, batch=50)


def test_attempts_are_those_of_the_log(run: Run) -> None:
    """Time, server and number of each attempt are the recorded ones; each chosen one could send."""
    sent = run.events[run.events["event"] == "sent"]
    often = sent["message"].value_counts().index[:3]
    for message in [*often, *sent["message"].iloc[::150]]:
        found = explain(run, str(message)).frame
        mine = sent[sent["message"] == message]
        chosen = found[found["chosen"]]
        assert chosen["server"].tolist() == mine["server"].tolist()
        assert chosen["at"].tolist() == mine["at"].tolist()
        assert chosen["attempt"].tolist() == list(range(1, len(mine) + 1))
        assert chosen["ready"].all()
        assert chosen["next"].all()
        assert (chosen["blocks"] == "").all()
        assert len(found) == 3 * len(mine)


def test_who_was_not_chosen_has_its_reasons(run: Run) -> None:
    """During the outage the account names it, with the end of the suspension, for each attempt."""
    suspended = run.events[(run.events["event"] == "suspended") & (run.events["isp"].isna())]
    first = suspended.iloc[0]
    during = run.events[
        (run.events["event"] == "sent")
        & (run.events["at"] > first["at"])
        & (run.events["at"] < first["until"])
    ].iloc[0]
    found = explain(run, str(during["message"]))
    frame = found.frame[found.frame["at"] == during["at"]]
    two = frame[frame["server"] == "two"].iloc[0]
    assert not two["eligible"]
    assert "server suspended: network until" in two["blocks"]
    assert two["until"] >= first["until"]
    assert two["asked"] == 0
    assert frame.loc[frame["eligible"], "asked"].sum() == pytest.approx(1.0)
    text = str(found)
    assert "(soft)" in text
    assert "out" in text
    assert "smooth-weighted" in text


def test_a_message_is_named_as_people_have_it(run: Run) -> None:
    """List and number, number alone where there is one list, and the address mean the same."""
    accounts = {str(explain(run, name)) for name in ("spring:17", "17", "spring-17@googlemail.com")}
    assert len(accounts) == 1
    (account,) = accounts
    assert account.startswith("Message spring:17, spring-17@googlemail.com")
    assert "Attempt 1 at 0:00:" in account


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("sprung:3", "did you mean 'spring:3'?"),
        ("spring:600", "spring:0 to spring:599"),
        ("spring:x", "spring:0 to spring:599"),
        ("spring-17@gmx.de", "spring-17@googlemail.com"),
        ("ann@example.org", "spring-0@"),
    ],
)
def test_an_unknown_message_is_told_with_the_nearest(run: Run, name: str, remedy: str) -> None:
    """Whatever was mistyped, the error says what there is."""
    with pytest.raises(ConfigError, match="there is no message") as caught:
        explain(run, name)
    assert remedy in caught.value.remedy


def test_a_suppressed_message_is_told_as_such(run: Run) -> None:
    """It has no attempts and needs none."""
    rows = run.events[run.events["event"] == "suppressed"]
    row = rows[rows["first"] >= 0].iloc[0]
    found = explain(run, f"{row['list']}:{row['first']}")
    assert found.moments == ()
    assert found.frame.empty
    assert "it is on the suppression list" in str(found)


def test_a_message_that_was_never_sent_is_told_with_what_stood_against_it(
    scenario: Scenario,
) -> None:
    """Where all servers are down until it is too old, they are shown as they were at its end."""
    down = tuple(Outage(server=name, start=0.0, lasts=3600.0) for name in scenario.servers)
    run = simulate(
        scenario.model_copy(update={"outages": down}), "smooth-weighted", seed=2, batch=1
    )
    sent = set(run.events.loc[run.events["event"] == "sent", "message"].dropna())
    found = explain(
        run, next(f"spring:{k}" for k in range(200, 0, -1) if f"spring:{k}" not in sent)
    )
    assert "Ended 0:30:00.0: expired" in str(found)
    assert found.frame["attempt"].eq(0).all()
    assert not found.frame["chosen"].any()
    assert found.frame["blocks"].str.contains("server suspended|server on probe").all()


def test_of_parcels_the_one_that_held_the_message_is_explained(counted: Run) -> None:
    """Counted mail does not know its messages: it is said how to follow each of them."""
    found = explain(counted, "spring:17")
    (moment,) = found.moments
    assert moment.n > 1
    assert len(moment.outcomes) >= 1
    assert "--batch 1" in str(found)
    assert f"with {moment.n} messages" in str(found)


def test_a_folder_and_a_run_in_memory_give_the_same(run: Run, tmp_path: Path) -> None:
    """What is stored is enough."""
    folder = run.write(tmp_path / "run")
    assert str(explain(folder, "spring:300")) == str(explain(run, "spring:300"))


def path(run: Run, at: str | float, name: str = "two/gmail") -> Explanation:
    return explain(run, path=name, at=at)


def test_a_path_is_explained_at_any_time(run: Run) -> None:
    """Before, in and after the outage; what was waiting then is told."""
    suspended = run.events[(run.events["event"] == "suspended") & (run.events["isp"].isna())]
    during = float(suspended["at"].iloc[0]) + 1.0
    assert "could not be used: server suspended: network until" in str(path(run, during))
    assert "Waiting for gmail" in str(path(run, during))
    assert "could send, but nothing waited for it" in str(path(run, "55min"))
    row = path(run, "30s").frame.set_index("server").loc["two"]
    assert row["at"] == 30.0
    assert not row["chosen"]


@pytest.mark.parametrize(
    ("name", "at", "told"),
    [
        ("twoo/gmail", "1min", "did you mean 'two'?"),
        ("two/gmial", "1min", "did you mean 'gmail'?"),
        ("two", "1min", "SERVER/ISP"),
        ("two/gmail", "2h", "to its end at 1:00:00.0"),
        ("two/gmail", "soon", "is not a duration"),
    ],
)
def test_an_unknown_path_or_time_is_told(run: Run, name: str, at: str, told: str) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(ConfigError) as caught:
        path(run, at, name)
    assert told in str(caught.value)


def test_one_question_at_a_time(run: Run) -> None:
    """A message, or a path with a time."""
    for wrong in ({}, {"path": "two/gmail"}, {"message": "spring:1", "at": "1h"}):
        with pytest.raises(ConfigError, match="either a message or a path"):
            explain(run, **wrong)  # type: ignore[arg-type]


def test_a_log_that_was_decided_otherwise_is_not_explained(run: Run, tmp_path: Path) -> None:
    """If this dispatcher decides otherwise its reasons are not those of the log: it says so."""
    folder = run.write(tmp_path / "run")
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    (folder / "manifest.json").write_text(text.replace('"seed": 2', '"seed": 3'), encoding="utf-8")
    sent = run.events[run.events["event"] == "sent"]
    latest = str(sent["message"].iloc[-1])
    with pytest.raises(ConfigError, match="decided otherwise"):
        explain(folder, latest)
    with pytest.raises(ConfigError, match="decided otherwise"):
        explain(folder, path="one/gmail", at="1h")
    with pytest.raises(ConfigError, match="decided otherwise"):
        asked_shares(folder)


def test_progress_is_told(run: Run) -> None:
    """The share that is done grows from 0 and stays below 1."""
    shares: list[float] = []
    explain(run, path="two/gmail", at="55min", progress=shares.append)
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    assert len(shares) > 1
    assert shares[-1] < 1.0
