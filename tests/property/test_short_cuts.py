"""What is quick on the hot path equals the general way."""

from __future__ import annotations

import pytest

from mstoolkit.config import Limits, Outage, Scenario
from mstoolkit.sim import simulate
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.testing import small_scenario

STRATEGIES = list(small_scenario().strategies)


def busy(*down: str) -> Scenario:
    """Return a deployment bound by its connections, some servers being down for the first hour."""
    scenario = small_scenario(outages=not down)
    limits = Limits(rate=50.0, burst=50, connections=2, messages_per_connection=7)
    servers = {
        name: server.model_copy(update={"limits": limits})
        for name, server in scenario.servers.items()
    }
    outages = tuple(Outage(server=name, start=0.0, lasts=3600.0) for name in down)
    changes = {"servers": servers, "outages": outages or scenario.outages}
    return scenario.model_copy(update=changes)


@pytest.mark.parametrize("down", [(), ("one", "three"), ("two", "three")])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sending_again_at_once_equals_the_general_way(
    strategy: str, down: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `Outbox.again` a whole campaign gives the same log, row for row."""
    scenario = busy(*down)
    used: list[bool] = []
    short = Outbox.again

    def noted(*args: object) -> bool:
        used.append(short(*args))  # type: ignore[arg-type]
        return used[-1]

    monkeypatch.setattr(Outbox, "again", noted)
    quick = simulate(scenario, strategy, seed=3, batch=1)
    if down:
        assert any(used), "the short cut is never taken, so this proves nothing"
    monkeypatch.setattr(Outbox, "again", lambda *_: False)
    general = simulate(scenario, strategy, seed=3, batch=1)
    assert general.table.equals(quick.table)
    assert general.totals == quick.totals
