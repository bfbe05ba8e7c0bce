"""Whole simulated runs: determinism, conservation, outages, load, and a shared audience."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from mstoolkit.config import ConfigError, Limits, Outage, Scenario
from mstoolkit.config.profile import Connections
from mstoolkit.sim import Run, simulate
from mstoolkit.testing import small_scenario

SCENARIO = small_scenario()
STRATEGIES = list(SCENARIO.strategies)
each_strategy = pytest.mark.parametrize("strategy", STRATEGIES)
each_batch = pytest.mark.parametrize("batch", [1, 50])


@cache
def run(strategy: str, batch: int = 1, seed: int = 1) -> Run:
    return simulate(SCENARIO, strategy, seed=seed, batch=batch)


def with_outages(*outages: Outage, scenario: Scenario = SCENARIO) -> Scenario:
    return scenario.model_copy(update={"outages": outages})


def digest(table: pa.Table) -> str:
    """Return a hash of the table's bytes as they would be written to a stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()


OTHER_PROCESS = """
import hashlib
import pyarrow as pa
from mstoolkit.sim import simulate
from mstoolkit.testing import small_scenario

for strategy, batch in (("least-loaded", 1), ("priority", 50)):
    table = simulate(small_scenario(), strategy, seed=1, batch=batch).table
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    print(hashlib.sha256(sink.getvalue()).hexdigest())
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_same_log_in_any_process(hash_seed: str) -> None:
    """Byte for byte: in another process, whatever Python's hash seed is there."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [digest(run("least-loaded", 1).table), digest(run("priority", 50).table)]
    assert done.stdout.split() == expected


@each_batch
@each_strategy
def test_the_same_seed_gives_the_same_log(strategy: str, batch: int) -> None:
    """Twice in one process: events, truth and totals are the same."""
    again = simulate(SCENARIO, strategy, seed=1, batch=batch)
    first = run(strategy, batch)
    assert digest(again.table) == digest(first.table)
    assert again.truth.equals(first.truth)
    assert again.totals == first.totals
    assert again.manifest == first.manifest


def test_another_seed_gives_another_log() -> None:
    """The seed is not ignored."""
    assert digest(run("round-robin", 1, seed=2).table) != digest(run("round-robin").table)


@each_batch
@each_strategy
def test_the_books_balance(strategy: str, batch: int) -> None:
    """Every message is in exactly one place, and nearly all of them get through."""
    totals = run(strategy, batch).totals
    assert sum(totals.values()) == 2 * totals["enqueued"] == 1200
    assert totals["delivered"] > 500


def test_strategies_meet_the_same_audience() -> None:
    """Whoever is unknown or full under one strategy is so under any other."""
    found = []
    for strategy in ("round-robin", "interval"):
        events = run(strategy).events
        replies = {}
        for category in ("invalid_recipient", "mailbox_full"):
            rows = events[(events["category"] == category) & (events["seq"] >= 0)]
            replies[category] = set(rows["first"])
        found.append(replies)
    dead = [replies["invalid_recipient"] for replies in found]
    assert len(dead[0] & dead[1]) >= 15
    full = [replies["mailbox_full"] for replies in found]
    assert full[0] == full[1]
    for first, other in ((0, 1), (1, 0)):
        events = run(("round-robin", "interval")[other]).events
        taken = set(events.loc[events["event"] == "delivered", "first"])
        bounced = events[(events["event"] == "bounced") & (events["phase"] == "rcpt")]
        reached = taken | set(bounced["first"])
        assert dead[first] & reached <= set(bounced["first"]) | dsn(first) | dsn(other)


def dsn(number: int) -> set[int]:
    """Return who bounced later, though live: a DSN says so after acceptance."""
    events = run(("round-robin", "interval")[number]).events
    return set(events.loc[events["phase"] == "dsn", "first"])


def test_strategies_meet_the_same_readers() -> None:
    """Who opens is a matter of the recipient: most openers are the same under two strategies."""
    readers = [
        set(events.loc[(events["event"] == "opened") & (events["category"] == "person"), "first"])
        for events in (run("round-robin").events, run("interval").events)
    ]
    assert len(readers[0] & readers[1]) > 0.9 * max(map(len, readers)) > 90


@each_batch
@each_strategy
def test_an_outage_fails_connections_and_loses_nothing(strategy: str, batch: int) -> None:
    """A server is down from the start: refused connections, a suspension, and no message lost."""
    scenario = with_outages(Outage(server="one", start=0.0, lasts=600.0))
    result = simulate(scenario, strategy, seed=1, batch=batch)
    events = result.events
    failed = events[events["event"] == "connection_failed"]
    assert len(failed)
    assert set(failed.loc[failed["code"] == 0, "server"]) == {"one"}
    assert failed.loc[failed["code"] == 0, "at"].max() < 601.0
    suspended = events[(events["event"] == "suspended") & events["isp"].isna()]
    assert set(suspended["server"]) == {"one"}
    during = events[(events["event"] == "delivered") & (events["at"] < 600.0)]
    assert "one" not in set(during["server"])
    assert result.totals["delivered"] > 500
    assert result.totals["queued"] + result.totals["in_flight"] == 0


@each_batch
@each_strategy
def test_all_servers_may_be_down(strategy: str, batch: int) -> None:
    """With every server down for half an hour the mail waits, and goes out after that."""
    outages = [Outage(server=name, start=120.0, lasts=1800.0) for name in SCENARIO.servers]
    result = simulate(with_outages(*outages), strategy, seed=1, batch=batch)
    events = result.events
    down = events["at"].between(121.0, 1920.0)
    assert not len(events[down & (events["event"] == "delivered")])
    after = events[(events["at"] > 1920.0) & (events["event"] == "delivered")]
    assert after["n"].sum() > 50
    assert result.totals["delivered"] > 500
    assert result.totals["queued"] + result.totals["in_flight"] == 0


def test_an_outage_cuts_a_parcel_off() -> None:
    """What an outage leaves over of a parcel is unsent, not lost, and goes again."""
    scenario = with_outages(Outage(server="one", start=30.0, lasts=600.0))
    result = simulate(scenario, "smooth-weighted", seed=1, batch=50)
    events = result.events
    unsent = events[events["category"] == "unsent"]
    cut = unsent[unsent["at"].between(29.9, 30.1)]
    assert len(cut)
    assert set(cut["server"]) == {"one"}
    assert result.totals["delivered"] > 500


def test_an_outage_cuts_the_feedback_too() -> None:
    """What was not delivered cannot bounce later: no more DSNs than deliveries."""
    isps = {
        name: profile.model_copy(update={"dsn": 0.9, "dsn_delay": 60.0})
        for name, profile in SCENARIO.isps.items()
    }
    outages = [Outage(server=name, start=30.0, lasts=20_000.0) for name in SCENARIO.servers]
    scenario = with_outages(*outages).model_copy(update={"isps": isps})
    events = simulate(scenario, "smooth-weighted", seed=1, batch=50).events
    late = events.loc[events["phase"] == "dsn", "n"].sum()
    assert 0 < late <= events.loc[events["event"] == "delivered", "n"].sum()


def test_sending_stops_at_the_horizon() -> None:
    """At the horizon nothing more is sent; what was not is shown as queued; news go on."""
    scenario = small_scenario(2000).model_copy(update={"horizon": 300.0})
    result = simulate(scenario, "round-robin", seed=1, batch=1)
    events = result.events
    assert events.loc[events["event"] == "sent", "at"].max() <= 300.0
    assert events.loc[events["event"] == "delivered", "at"].max() < 330.0
    totals = result.totals
    assert sum(totals.values()) == 2 * totals["enqueued"]
    assert totals["expired"] + totals["queued"] > 1000
    assert events.loc[events["event"] == "opened", "at"].max() > 3600.0
    assert events["at"].max() <= 300.0 + scenario.follow


def test_the_manifest_says_what_was_run() -> None:
    """Strategy, seed, batch, end and totals; a shipped simulation has no place in the calendar."""
    result = run("priority", 50)
    manifest = result.manifest
    assert (manifest.kind, manifest.strategy, manifest.seed) == ("simulated", "priority", 1)
    assert (manifest.batch, manifest.epoch, manifest.lagged) == (50, 0.0, False)
    assert manifest.ended_at == SCENARIO.horizon
    assert manifest.observed_until == SCENARIO.horizon + SCENARIO.follow
    assert manifest.totals == result.totals


def test_service_time_grows_with_load() -> None:
    """The same server with a tenth of its speed takes longer for each message."""
    means = []
    for speed in (40.0, 4.0):
        servers = {
            name: server.model_copy(update={"speed": speed})
            for name, server in SCENARIO.servers.items()
        }
        scenario = small_scenario(outages=False).model_copy(update={"servers": servers})
        events = simulate(scenario, "round-robin", seed=1, batch=1).events
        means.append(events.loc[events["event"] == "delivered", "latency"].mean())
    assert means[1] > means[0] + 0.2


def test_latency_has_its_parts() -> None:
    """No message is faster than its round trips; further servers are slower."""
    events = run("round-robin").events
    rows = events[events["event"] == "delivered"]
    fastest = rows.groupby("server", observed=True)["latency"].min()
    for name, server in SCENARIO.servers.items():
        assert fastest[name] > 3 * server.latency
    median = rows.groupby("server", observed=True)["latency"].median()
    assert median["one"] < median["three"]


def crowded(admitted: int) -> Scenario:
    """Return a deployment whose servers try six connections where so many are admitted."""
    isps = {
        name: profile.model_copy(
            update={"connections": Connections(cautious=admitted, ceiling=admitted)}
        )
        for name, profile in SCENARIO.isps.items()
    }
    servers = {
        name: server.model_copy(update={"limits": Limits(rate=10.0, burst=20, connections=6)})
        for name, server in SCENARIO.servers.items()
    }
    scenario = small_scenario(outages=False)
    return scenario.model_copy(update={"isps": isps, "servers": servers})


@each_batch
def test_the_provider_admits_so_many_connections(batch: int) -> None:
    """With providers that admit four from each address, the rest is refused with their reply."""
    result = simulate(crowded(4), "round-robin", seed=1, batch=batch)
    events = result.events
    refused = events[events["event"] == "connection_failed"]
    if batch == 1:
        assert len(refused)
        assert set(refused["category"]) == {"throttle"}
        assert set(refused["phase"]) == {"connect"}
    assert result.totals["delivered"] > 480
    assert result.totals["queued"] + result.totals["in_flight"] == 0


def test_few_admitted_connections_are_enough() -> None:
    """With two connections from each address the mail gets through, only more slowly."""
    assert simulate(crowded(2), "round-robin", seed=1, batch=1).totals["delivered"] > 500


def test_truth_is_sampled_and_moves() -> None:
    """Hidden state by source and provider: a cold address warms up, shares are shares."""
    truth = run("round-robin").truth
    assert set(truth["server"]) == set(SCENARIO.servers)
    assert set(truth["isp"]) == set(SCENARIO.isps)
    for name in ("reputation", "warmth", "inbox", "spam"):
        assert truth[name].between(0.0, 1.0).all()
    cold = truth[(truth["server"] == "three") & (truth["isp"] == "gmail")]
    assert cold["warmth"].is_monotonic_increasing
    assert cold["warmth"].iloc[-1] > cold["warmth"].iloc[0] == pytest.approx(0.05)


def test_interval_keeps_to_its_clock() -> None:
    """In a whole run every attempt under `interval` leaves from the server whose turn it is."""
    scenario = small_scenario(outages=False)
    events = simulate(scenario, "interval", seed=1, batch=1).events
    sent = events[events["event"] == "sent"]
    suspended = set(events.loc[events["event"] == "suspended", "at"])
    early = sent[sent["at"] < min(suspended, default=1e9)]
    turn = (early["at"] // 120.0).astype(int) % 3
    names = pd.Series(list(scenario.servers)).reindex(turn).to_numpy()
    assert (early["server"].astype(object).to_numpy() == names).all()
    assert len(early) > 50


def test_progress_is_told() -> None:
    """It rises to 1 and does not change the run."""
    told: list[float] = []
    watched = simulate(SCENARIO, "round-robin", seed=1, batch=50, progress=told.append)
    assert told[-1] == pytest.approx(1.0)
    assert all(one < other for one, other in pairwise(told))
    assert digest(watched.table) == digest(run("round-robin", 50).table)


def test_an_unknown_strategy_is_a_clear_error() -> None:
    """One sentence that names what there is."""
    with pytest.raises(ConfigError) as caught:
        simulate(SCENARIO, "fastest")
    assert "'fastest'" in str(caught.value)
    for name in STRATEGIES:
        assert name in str(caught.value)


def test_a_batch_of_none_is_a_clear_error() -> None:
    """A batch below 1 is refused."""
    with pytest.raises(ConfigError, match="at least 1"):
        simulate(SCENARIO, "batch", batch=0)


def test_a_policy_of_ones_own() -> None:
    """A policy that is not in the scenario runs as `custom`; one that is keeps its name."""
    policy = SCENARIO.strategies["batch"]
    assert simulate(SCENARIO, policy, batch=50).manifest.strategy == "batch"
    own = policy.model_copy()
    assert simulate(SCENARIO, own, batch=50).manifest.strategy == "custom"
