"""What rules do is in the log, and comes out of it again: for each action, exact and in parcels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import Policy, Scenario
from mstoolkit.config.units import WRITTEN
from mstoolkit.eventlog import read_log
from mstoolkit.replay import replay
from mstoolkit.sim import simulate
from mstoolkit.testing import small_scenario

TEMPORARY = [421, 450, 451, 452]
ACTIONS: dict[str, dict[str, Any]] = {
    "hold": {"action": "suspend", "scope": "campaign", "duration": "10min"},
    "bounce-isp": {"action": "bounce", "scope": "isp", "duration": "5min"},
    "bounce-campaign": {"action": "bounce", "scope": "campaign", "duration": "5min"},
    "bounce-message": {"action": "bounce", "scope": "message"},
    "move": {"action": "move", "duration": "10min"},
    "server": {"action": "suspend", "scope": "server", "duration": "5min"},
}


def scenario_with(rule: dict[str, Any], trigger: str) -> Scenario:
    whole = {"name": "mine", "match": {"code": TEMPORARY}, "trigger": trigger, **rule}
    policy = Policy.model_validate(
        {"rotation": {"kind": "smooth-weighted"}, "rules": [whole]}, context=WRITTEN
    )
    return small_scenario().model_copy(update={"strategies": {"mine": policy}})


@pytest.mark.parametrize("trigger", ["immediate", "10% of 5 in 10min"])
@pytest.mark.parametrize("batch", [1, 50])
@pytest.mark.parametrize("name", ACTIONS)
def test_a_log_of_rules_at_work_replays(
    name: str, batch: int, trigger: str, tmp_path: Path
) -> None:
    """A fresh dispatcher, told what the log says happened, does the same; bounces have the rule."""
    scenario = scenario_with(ACTIONS[name], trigger)
    folder = simulate(scenario, "mine", seed=3, batch=batch).write(tmp_path / "run")
    again = replay(folder)
    assert again.identical, str(again)
    log = read_log(folder)
    mine = log[log["category"].astype(str).str.startswith("mine")]
    event = "bounced" if name.startswith("bounce") else "suspended"
    assert set(mine["event"].astype(str)) == {event}
    if event == "bounced":
        assert set(mine["code"]) <= set(TEMPORARY)
        assert mine["server"].notna().all() == (name == "bounce-message")
