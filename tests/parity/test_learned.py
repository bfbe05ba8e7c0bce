"""Logs of strategies that learn: the dispatcher, fed their events, decides as it did then."""

from __future__ import annotations

from typing import Any

import pytest

from mstoolkit.config import Policy, load_scenario
from mstoolkit.config.units import WRITTEN
from mstoolkit.replay.parity import compare_log
from mstoolkit.sim import simulate

SMOOTH = {"kind": "smooth-weighted"}
STRATEGIES: dict[str, dict[str, Any]] = {
    "reputation": {"weighting": ["static", "reputation"]},
    "all weighers": {
        "weighting": [
            "static",
            "delivery-rate",
            "latency",
            "quota-left",
            "slow-start",
            {"kind": "table", "entries": [{"servers": {"mta-1": 2}, "hours": "0-1"}]},
        ]
    },
    "thompson": {"rotation": {"kind": "thompson"}},
    "sticky": {"rotation": {"kind": "sticky"}},
    "bounded": {"rotation": {"kind": "sticky", "bound": 1.25}},
    "outliers": {"failover": {"outliers": {"kind": "robust", "minimum": 10}}},
    "envoy": {"failover": {"outliers": {"kind": "envoy", "minimum": 5, "most": 0.5}}},
    "slow start": {"failover": {"slow_start": {}}},
    "canary": {"canaries": {"mta-5": {"every": "10min", "least": 50}}},
    "ordering": {
        "ordering": {"campaigns": "fair", "segments": ["active", "*"], "retries": "by-age"}
    },
    "adapt": {"pacing": {"adapt": {"kind": "aimd"}}},
}


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_simulated_log_replays_to_the_same_commands(name: str, batch: int) -> None:
    """A thousand recipients of the quickstart, to the last command."""
    whole = load_scenario("quickstart")
    policy = Policy.model_validate({"rotation": SMOOTH, **STRATEGIES[name]}, context=WRITTEN)
    scenario = whole.model_copy(
        update={
            "audience": whole.audience.model_copy(update={"size": 1000}),
            "strategies": {name: policy},
        }
    )
    run = simulate(scenario, name, seed=3, batch=batch)
    again = compare_log(run.table, scenario, policy, run.manifest)
    assert again.identical, str(again)
    assert again.events > 100
