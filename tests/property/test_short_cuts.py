"""What is quick on the hot path equals the general way."""

from __future__ import annotations

import pytest

from mstoolkit.config import Limits, Outage, Scenario
from mstoolkit.model import Command, Enqueued, Event, Lot, Parcel, Replied, Reply, Send
from mstoolkit.sim import simulate
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.testing import OK, Rehearsal, small_scenario

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


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sending_what_comes_in_at_once_equals_the_general_way(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `Outbox.at_once` single arrivals cause the same commands, refusals included."""
    scenario = busy()
    lots = [Lot(k, f"list-{k}", "spring", "marketing", isp, "active", 5000.0)
            for k, isp in enumerate(scenario.isps)]  # fmt: skip
    full = Reply(452, "4.2.2", "mailbox full", "rcpt")

    def answer(now: float, send: Send) -> Event:
        reply = full if send.parcel.first % 7 == 0 else OK
        return Replied(now + 0.3 + send.token % 3, send.token, ((reply, 1),))

    def played() -> list[tuple[Event, list[Command]]]:
        play = Rehearsal(scenario.servers, scenario.strategies[strategy], answer, seed=3)
        for k in range(300):
            play.tell(Enqueued(play.now, Parcel(lots[k % len(lots)], k, 1, 0, play.now)))
            play.run(play.now + 0.05 * (k % 5))
        play.run(4000.0)
        return play.log

    used: list[bool] = []
    short = Outbox.at_once

    def noted(*args: object) -> bool:
        used.append(short(*args))  # type: ignore[arg-type]
        return used[-1]

    monkeypatch.setattr(Outbox, "at_once", noted)
    quick = played()
    assert any(used)
    assert not all(used)
    monkeypatch.setattr(Outbox, "at_once", lambda *_: False)
    assert played() == quick
