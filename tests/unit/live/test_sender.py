"""The sender and its slots, driven by a decider that says exactly what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from time import time
from typing import Any

import pytest

from mstoolkit.config import Scenario, load_scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.live.clock import RunClock
from mstoolkit.live.letters import Letters
from mstoolkit.live.sender import Sender
from mstoolkit.model import (
    Close,
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Lost,
    Parcel,
    Replied,
    Send,
    Tick,
)

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"
Start = Callable[..., Coroutine[Any, Any, Any]]
Answer = Replied | ConnectionFailed | Lost


class Scripted:
    """Sends messages one by one, each when the one before is answered."""

    def __init__(self, parcel: Parcel, fresh: list[bool], close: tuple[int, ...] = ()) -> None:
        self.parcel = parcel
        self.fresh = fresh
        self.close = close
        self.answers: list[Answer] = []
        self.events: list[Event] = []

    def handle(self, event: Event) -> list[Command]:
        self.events.append(event)
        if isinstance(event, Answer):
            self.answers.append(event)
        elif not isinstance(event, Enqueued):
            return []
        token = len(self.answers)
        commands: list[Command] = [Close(0)] if token in self.close else []
        if token < len(self.fresh):
            one = Parcel(self.parcel.lot, token, 1)
            commands.append(Send(token, "one", self.parcel.lot.isp, one, 0, self.fresh[token]))
        return commands

    def next_wakeup(self) -> float | None:
        return None

    @property
    def totals(self) -> Mapping[str, int]:
        left = len(self.fresh) - len(self.answers)
        return {"enqueued": len(self.fresh), "queued": 0, "in_flight": left}


class Book:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.recorded: list[Event] = []
        self.wired: list[int] = []

    def record(self, event: Event, commands: list[Command]) -> None:
        self.recorded.append(event)

    def observe(self, event: Feedback, category: str | None = None) -> None:
        raise AssertionError("there is nothing to observe")

    async def on_wire(self, send: Send) -> None:
        self.wired.append(send.token)

    def stopping(self, servers: Iterable[str]) -> None:
        raise AssertionError("nothing stops it")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


async def drive(
    scenario: Scenario, address: tuple[str, int], decider: Any, patience: float = 5.0
) -> Book:
    mailing, book = Mailing(scenario), Book()
    sender = Sender(
        decider,
        book,
        RunClock(time(), 100.0),
        Letters(scenario, mailing, "run"),
        dict.fromkeys(scenario.servers, address),
        [Enqueued(0.0, decider.parcel)],
        horizon=scenario.horizon,
        until=scenario.horizon,
        patience=patience,
    )
    assert await sender.run()
    assert book.recorded == decider.events
    return book


def script(scenario: Scenario, fresh: list[bool], close: tuple[int, ...] = ()) -> Scripted:
    lot = Mailing(scenario).blocks[0].lot
    return Scripted(Parcel(lot, 0, len(fresh)), fresh, close)


async def test_a_slot_is_reused_until_told_otherwise(scenario: Scenario, scripted: Start) -> None:
    """Six messages, two of them on a fresh connection: two connections, politely ended."""
    server = await scripted()
    decider = script(scenario, [True, False, False, True, False, False])
    await drive(scenario, server.address, decider)
    assert [type(answer) for answer in decider.answers] == [Replied] * 6
    assert server.connections == 2
    assert sum(verb.startswith("QUIT") for verb in server.verbs) == 2


async def test_a_closed_slot_quits(scenario: Scenario, scripted: Start) -> None:
    """Close ends the connection; the next message on the slot opens another."""
    server = await scripted()
    decider = script(scenario, [True, False, True, False], close=(2,))
    await drive(scenario, server.address, decider)
    assert server.connections == 2
    assert sum(verb.startswith("QUIT") for verb in server.verbs) == 2


async def test_a_connection_that_went_away_is_opened_again(
    scenario: Scenario, scripted: Start
) -> None:
    """A 421 ends the connection; the next message, meant to reuse it, still gets through."""
    server = await scripted({".": "421 4.7.0 bye"})
    decider = script(scenario, [True, False, False])
    await drive(scenario, server.address, decider)
    assert [answer.closed for answer in decider.answers if isinstance(answer, Replied)] == [
        True
    ] * 3
    assert server.connections == 3


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"": "cut"}, ConnectionFailed),
        ({"": "554 no"}, ConnectionFailed),
        ({"EHLO": "cut"}, ConnectionFailed),
        ({"MAIL": "cut"}, ConnectionFailed),
        ({"RCPT": "cut"}, ConnectionFailed),
        ({"RCPT": "450 4.2.1 later"}, Replied),
        ({"DATA": "cut"}, ConnectionFailed),
        ({"DATA": "silence"}, ConnectionFailed),
        ({".": "cut"}, Lost),
        ({".": "silence"}, Lost),
        ({".": "garbage"}, Lost),
        ({".": "550 5.7.1 no"}, Replied),
    ],
)
async def test_each_token_is_answered_once_whatever_happens(
    scenario: Scenario, scripted: Start, answers: dict[str, str], kind: type
) -> None:
    """Three messages into the same trouble: three answers of the right kind, in order."""
    server = await scripted(answers)
    decider = script(scenario, [True, False, False])
    await drive(scenario, server.address, decider, patience=0.2)
    assert [answer.token for answer in decider.answers] == [0, 1, 2]
    assert {type(answer) for answer in decider.answers} == {kind}


async def test_time_never_runs_backwards(scenario: Scenario, scripted: Start) -> None:
    """Events are stamped when they are handled, in scenario time."""
    server = await scripted()
    decider = script(scenario, [True] * 5)
    await drive(scenario, server.address, decider)
    times = [event.at for event in decider.events]
    assert times == sorted(times)
    assert times[-1] > 0.0


async def test_a_defect_ends_the_run_loudly(scenario: Scenario, scripted: Start) -> None:
    """What nobody thought of answers its token as lost, and is raised instead of swallowed."""
    server = await scripted()
    decider = script(scenario, [True])
    bad = Mailing(scenario).blocks[0].lot
    decider.parcel = Parcel(bad, 0, 1)
    sender_error = "no such recipient"

    class Broken(Letters):
        def recipient(self, parcel: Parcel) -> str:
            raise ValueError(sender_error)

    mailing = Mailing(scenario)
    sender = Sender(
        decider,
        Book(),
        RunClock(time(), 100.0),
        Broken(scenario, mailing, "run"),
        dict.fromkeys(scenario.servers, server.address),
        [Enqueued(0.0, decider.parcel)],
        horizon=scenario.horizon,
        until=scenario.horizon,
    )
    with pytest.raises(ValueError, match=sender_error):
        await sender.run()


async def test_ticks_come_at_the_promised_time(scenario: Scenario, scripted: Start) -> None:
    """A wake-up is a tick at or after its time, and how late it was is kept."""

    class Waker(Scripted):
        def next_wakeup(self) -> float | None:
            ticks = sum(isinstance(event, Tick) for event in self.events)
            return 10.0 * (ticks + 1) if ticks < 3 else None

        @property
        def totals(self) -> Mapping[str, int]:
            waiting = int(self.next_wakeup() is not None)
            return {"enqueued": 1, "queued": waiting, "in_flight": 0}

    server = await scripted()
    decider = Waker(Parcel(Mailing(scenario).blocks[0].lot, 0, 0), [])
    await asyncio.wait_for(drive(scenario, server.address, decider), 5.0)
    ticks = [event.at for event in decider.events if isinstance(event, Tick)]
    assert len(ticks) == 3
    assert all(at >= 10.0 * (k + 1) for k, at in enumerate(ticks))
