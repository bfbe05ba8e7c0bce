"""The live sender and the sinks, over real sockets on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import Scenario
from mstoolkit.eventlog import read_log, read_manifest, read_truth, stored_scenario
from mstoolkit.live import LiveRun
from mstoolkit.replay import replay
from mstoolkit.sinks import Sinks

Through = Callable[..., Any]
ENDS = ("delivered", "bounced", "expired", "suppressed", "withdrawn", "queued", "in_flight")


def check_books(run: LiveRun) -> None:
    """Each message is in one place, each token is answered once, and the log says the same."""
    totals = run.totals
    assert totals["enqueued"] == sum(totals[end] for end in ENDS)
    assert totals["in_flight"] == 0
    log = read_log(run.folder)
    handled = log[log["seq"] >= 0]
    sent = handled[handled["event"] == "sent"]
    assert sent["token"].tolist() == list(range(len(sent)))
    answered = handled[
        handled["event"].isin(["delivered", "deferred", "bounced", "connection_failed", "lost"])
        & (handled["token"] >= 0)
    ]
    assert sorted(answered["token"]) == list(range(len(sent)))
    delivered = handled.loc[handled["event"] == "delivered", "n"].sum()
    reversed_ = handled.loc[(handled["event"] == "bounced") & (handled["token"] < 0), "n"].sum()
    assert totals["delivered"] == delivered - reversed_
    assert handled["at"].is_monotonic_increasing


async def test_a_campaign_is_sent_to_its_end(through_sinks: Through, bench: Scenario) -> None:
    """All of it is accounted for, connections are reused, and sinks and sender agree on counts."""
    run, sinks = await through_sinks()
    check_books(run)
    assert run.totals["queued"] == 0
    assert not run.interrupted
    accepted = sum(count.n for count in sinks.counts() if 200 <= count.code < 300)
    log = read_log(run.folder)
    assert accepted == (log["event"] == "delivered").sum() == len(sinks.accepted())
    tried = sum(count.n for count in sinks.counts())
    assert sum(sinks.connections.values()) < tried / 3
    assert replay(run.folder).identical
    truth = read_truth(run.folder)
    assert truth is not None
    assert set(truth["server"]) == set(bench.servers)


async def test_what_people_do_is_logged_ahead_of_time(through_sinks: Through) -> None:
    """Opens are dated after their delivery and not handled; complaints within the run are."""
    run, _ = await through_sinks(limit=400)
    log = read_log(run.folder)
    opened = log[log["event"] == "opened"]
    assert len(opened) > 30
    assert (opened["seq"] == -1).all()
    assert set(opened["category"].unique()) <= {"person", "machine"}
    delivered = log[log["event"] == "delivered"].set_index("message")["decided_at"]
    people = opened[opened["category"] == "person"].set_index("message")["at"]
    assert (people > delivered.reindex(people.index)).all()
    assert opened["at"].max() > run.manifest.ended_at
    assert run.manifest.observed_until > run.manifest.ended_at


async def test_a_limit_is_kept(through_sinks: Through) -> None:
    """No more than the limit is enqueued, over all ISPs."""
    run, _ = await through_sinks(limit=90)
    assert run.totals["enqueued"] == 90
    check_books(run)


async def test_an_outage_really_closes_the_port(through_sinks: Through, bench: Scenario) -> None:
    """Connections are refused by the operating system, the server is suspended and comes back."""

    def outage(sinks: Sinks) -> None:
        sinks.fault("refuse", "one", start=20.0, lasts=60.0)

    run, sinks = await through_sinks(before=outage)
    check_books(run)
    log = read_log(run.folder)
    failed = log[log["event"] == "connection_failed"]
    assert set(failed["server"]) == {"one"}
    assert set(failed["reply"]) == {"connection refused"}
    assert "suspended" in set(log["event"])
    assert run.totals["queued"] == 0
    again = [one for one in sinks.accepted() if one.server == "one" and one.at > 80.0]
    assert again
    assert not [one for one in sinks.accepted() if one.server == "one" and 30 < one.at < 80]
    assert replay(run.folder).identical


@pytest.mark.parametrize(
    ("kind", "event", "code"),
    [
        ("drop", "lost", 0),
        ("cut", "connection_failed", 0),
        ("421", "deferred", 421),
    ],
)
async def test_each_fault_has_its_outcome(
    through_sinks: Through, kind: Any, event: str, code: int
) -> None:
    """Cut after the dot is lost, cut before is not tried, a 421 is deferred; none is forgotten."""

    def fault(sinks: Sinks) -> None:
        sinks.fault(kind, "two")

    run, sinks = await through_sinks(before=fault, limit=200)
    check_books(run)
    log = read_log(run.folder)
    there = log[(log["server"] == "two") & (log["token"] >= 0) & (log["event"] != "sent")]
    assert len(there) >= 3
    assert set(there["event"]) == {event}
    assert set(there["code"]) == {code}
    assert run.totals["queued"] == 0
    assert run.totals["delivered"] > 150
    assert (sinks.dropped["two"] > 0) == (kind == "drop")
    assert replay(run.folder).identical


async def test_a_slow_server_takes_longer(through_sinks: Through) -> None:
    """Service time is multiplied in scenario time, and seen as latency by the sender."""

    def slow(sinks: Sinks) -> None:
        sinks.fault("slow", "three", factor=40.0)

    run, _ = await through_sinks(before=slow, limit=150)
    check_books(run)
    log = read_log(run.folder)
    latency = log[log["event"] == "delivered"].groupby("server", observed=True)["latency"].median()
    assert latency["three"] > 3 * latency["one"]


async def test_everything_down_loses_nothing(through_sinks: Through, bench: Scenario) -> None:
    """With all servers refusing, mail waits in the queue and goes when they are back."""

    def all_down(sinks: Sinks) -> None:
        for name in bench.servers:
            sinks.fault("refuse", name, start=0.0, lasts=100.0)

    run, sinks = await through_sinks(before=all_down, limit=100)
    check_books(run)
    assert run.totals["queued"] == 0
    assert run.totals["delivered"] > 80
    assert min(one.at for one in sinks.accepted()) >= 99.0


async def test_stopping_finishes_what_is_on_the_wire(through_sinks: Through) -> None:
    """A stop in mid-run leaves the rest queued, nothing in flight, and a log that replays."""
    stop = asyncio.Event()

    def enough(share: float) -> None:
        if share > 0.2:
            stop.set()

    run, _ = await through_sinks(stop=stop, progress=enough)
    check_books(run)
    assert run.interrupted
    assert run.totals["queued"] > 0
    assert run.manifest.notes["interrupted"] is True
    assert read_manifest(run.folder) == run.manifest
    assert replay(run.folder).identical


async def test_sending_stops_at_the_horizon(through_sinks: Through, bench: Scenario) -> None:
    """What was not sent by then stays queued, and is counted so."""
    short = bench.model_copy(update={"horizon": 60.0})
    run, _ = await through_sinks(scenario=short)
    check_books(run)
    assert not run.interrupted
    assert run.totals["queued"] + run.totals["expired"] > 100
    assert run.manifest.ended_at >= 60.0
    log = read_log(run.folder)
    late = log.loc[log["event"] == "sent", "at"].max() - 60.0
    assert late < 30.0  # a quarter of a real second, for a machine that is busy
    assert replay(run.folder).identical


async def test_a_run_that_cannot_keep_up_is_marked(through_sinks: Through) -> None:
    """At an absurd time scale the manifest says so, and the warning names a remedy."""
    run, _ = await through_sinks(scale=20_000.0, limit=60)
    check_books(run)
    assert run.manifest.lagged
    assert "lower the time scale" in run.manifest.notes["warnings"][0]


async def test_an_idle_connection_that_the_server_closed_is_opened_again(
    through_sinks: Through, bench: Scenario, tmp_path: Path
) -> None:
    """A short refusal closes idle sessions; the next message goes over a new connection."""

    def blink(sinks: Sinks) -> None:
        for at in range(10, 60, 10):
            sinks.fault("refuse", "one", start=float(at), lasts=0.5)

    run, _ = await through_sinks(before=blink, limit=300)
    check_books(run)
    assert run.totals["queued"] == 0


async def test_a_policy_of_ones_own_is_stored_and_replays(
    through_sinks: Through, bench: Scenario
) -> None:
    """A policy that the scenario does not name is kept with the log, under its own name."""
    named = bench.strategies["round-robin"]
    own = named.model_copy(update={"retry": named.retry.model_copy(update={"base": 15.0})})
    run, _ = await through_sinks(strategy=own, limit=60)
    assert run.manifest.strategy == "custom"
    assert replay(run.folder).identical
    assert stored_scenario(run.folder).strategies["custom"] == own
