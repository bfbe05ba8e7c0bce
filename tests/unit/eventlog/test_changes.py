"""A log of a run in which pool and policy changed tells all of it, and replays."""

from __future__ import annotations

import pytest

from mstoolkit.config import Policy, Server
from mstoolkit.eventlog import Recorder
from mstoolkit.eventlog.decode import events
from mstoolkit.model import (
    Command,
    Enqueued,
    Event,
    Halted,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Send,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, small_scenario

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
GREY = Reply(450, "4.2.0", "greylisted, try again later", "rcpt")
SERVERS = {"a": Server(), "b": Server(weight=2)}


def policy(kind: str, rate: float) -> Policy:
    routes = [{"servers": ["a", "c"], "campaigns": ["spring"], "exhausted": "spill"}]
    tree = {"rotation": {"kind": kind}, "pacing": {"rate": rate, "burst": 2}}
    return Policy.model_validate({**tree, "routes": routes if kind == "edf" else []})


def answer(now: float, send: Send) -> Event:
    reply = GREY if send.token % 3 == 0 else OK
    return Replied(now + 0.4, send.token, ((reply, send.parcel.n),))


def changed_run(batch: int) -> list[tuple[Event, list[Command]]]:
    play = Rehearsal(SERVERS, policy("round-robin", 1.0), answer, batch=batch)
    play.tell(Enqueued(0.0, Parcel(NEWS, 0, 300, 0, 0.0)))
    for at, change, name, spec in (
        (20.0, "drained", "a", ""),
        (40.0, "added", "c", Server(weight=3, source_ip="192.0.2.7").model_dump_json()),
        (60.0, "edited", "b", Server(weight=0.5).model_dump_json()),
        (80.0, "restored", "a", ""),
        (100.0, "removed", "b", ""),
    ):
        play.run(at)
        play.tell(PoolChanged(at, name, change, spec))  # type: ignore[arg-type]
    play.run(110.0)
    play.tell(Halted(110.0, 130.0, isp="gmail", campaign="spring", reason="a look at it"))
    play.tell(Halted(110.0, 115.0, server="c"))
    play.run(120.0)
    play.tell(PolicyChanged(120.0, policy("edf", 2.0).model_dump_json()))
    play.run(100_000.0)
    assert play.totals["delivered"] == 300
    return play.log


@pytest.mark.parametrize("batch", [1, 10])
def test_a_log_with_changes_replays(batch: int) -> None:
    """Read back from the table, the same events come in order and cause the same commands."""
    log = changed_run(batch)
    recorder = Recorder(small_scenario(), run="changes", strategy="edf")
    for event, commands in log:
        recorder.record(event, commands)
    read = list(events(recorder.table()))
    assert read == [event for event, _ in log]
    dispatcher = Dispatcher(SERVERS, policy("round-robin", 1.0), batch=batch)
    for event, (_, commands) in zip(read, log, strict=True):
        assert dispatcher.handle(event) == commands
