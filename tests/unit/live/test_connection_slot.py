"""A slot speaks to each server as its delivery says, and tells when a message is about to leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from time import time
from typing import Any

import pytest

from mstoolkit.config import Scenario, load_scenario
from mstoolkit.config.delivery import Delivery
from mstoolkit.config.mailing import Mailing
from mstoolkit.live.clock import RunClock
from mstoolkit.live.lateness import Watch
from mstoolkit.live.letters import Letters
from mstoolkit.live.slot import Answer, Slot
from mstoolkit.model import ConnectionFailed, Parcel, Replied, Send

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"
Start = Callable[..., Coroutine[Any, Any, Any]]


class Desk:
    """What a slot needs, and the answers it gives."""

    def __init__(self, scenario: Scenario, address: tuple[str, int]) -> None:
        self._mailing = Mailing(scenario)
        self.clock = RunClock(time(), 1.0)
        self.letters = Letters(scenario, self._mailing, "run")
        self.watch = Watch(60.0)
        self.targets: Mapping[str, tuple[str, int]] = {"one": address}
        self.patience = 5.0
        self.answers: list[Answer] = []
        self.heard = asyncio.Event()

    def answer(self, event: Answer, /) -> None:
        self.answers.append(event)
        self.heard.set()

    def send(self, token: int) -> Send:
        lot = self._mailing.blocks[0].lot
        return Send(token, "one", lot.isp, Parcel(lot, token, 1), 0)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


async def test_the_hook_gets_the_job_before_its_message_leaves(
    scenario: Scenario, scripted: Start
) -> None:
    """Asked for each job once, in order, when the server has had DATA and not yet the message."""
    server = await scripted()
    desk = Desk(scenario, server.address)
    seen: list[tuple[int, int, str]] = []

    async def on_wire(send: Send) -> None:
        seen.append((send.token, len(server.bodies), server.verbs[-1]))

    slot = Slot(desk, on_wire=on_wire)
    for token in range(3):
        slot.put(desk.send(token), 0.0)
    slot.end()
    await slot.run()
    assert [type(answer) for answer in desk.answers] == [Replied] * 3
    assert seen == [(0, 0, "DATA"), (1, 1, "DATA"), (2, 2, "DATA")]


async def test_an_idle_slot_keeps_its_connection(scenario: Scenario, scripted: Start) -> None:
    """`noop_after`: NOOP while nothing is to be done, and the next job goes by it too."""
    server = await scripted({"NOOP": "250 2.0.0 ok"})
    desk = Desk(scenario, server.address)
    slot = Slot(desk, {"one": Delivery(noop_after=0.02)})
    slot.put(desk.send(0), 0.0)
    task = asyncio.create_task(slot.run())
    async with asyncio.timeout(5.0):
        while "NOOP" not in server.verbs:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    slot.put(desk.send(1), 0.0)
    slot.end()
    await task
    assert server.connections == 1
    assert [type(answer) for answer in desk.answers] == [Replied] * 2


async def test_the_delivery_of_the_server_counts(scenario: Scenario, scripted: Start) -> None:
    """Its name in EHLO; what it insists on and does not get fails the connection."""
    server = await scripted()
    desk = Desk(scenario, server.address)
    for delivery in (Delivery(helo="mta-1.example"), Delivery(tls="required")):
        slot = Slot(desk, {"one": delivery})
        slot.put(desk.send(0), 0.0)
        slot.end()
        await slot.run()
    assert server.verbs[0] == "EHLO mta-1.example"
    assert isinstance(desk.answers[0], Replied)
    assert isinstance(desk.answers[1], ConnectionFailed)
    assert "TLS is required" in desk.answers[1].reply.text
