"""The sinks' clock and the schedule of faults."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from mstoolkit.config import ConfigError, Outage, Server
from mstoolkit.model import Reply
from mstoolkit.sinks.clock import SinkClock
from mstoolkit.sinks.faults import Fault, Schedule
from mstoolkit.sinks.reception import Desk
from mstoolkit.sinks.session import spoken
from mstoolkit.sinks.tally import Tally


def test_the_first_sender_sets_the_epoch() -> None:
    """Time stands until a sender arms the clock, then goes at the scale."""
    clock = SinkClock(60.0, "hash")
    assert not clock.started()
    assert clock.now() == 0.0
    assert clock.agree(time.time() - 1.0, 60.0, "hash") == ""
    assert clock.started()
    assert clock.now() == pytest.approx(60.0, abs=5.0)


@pytest.mark.parametrize(
    ("epoch", "scale", "scenario_hash", "word"),
    [
        (0.0, 60.0, "other", "another scenario"),
        (0.0, 61.0, "hash", "time scale"),
        (5.0, 60.0, "hash", "armed already"),
    ],
)
def test_whoever_differs_is_refused(
    epoch: float, scale: float, scenario_hash: str, word: str
) -> None:
    """Another scenario, scale or epoch gets a clear text, and the clock stays as it is."""
    clock, now = SinkClock(60.0, "hash"), time.time()
    assert clock.agree(now, 60.0, "hash") == ""
    assert word in clock.agree(now + epoch, scale, scenario_hash)
    assert clock.epoch == now
    assert clock.agree(now, 60.0, "hash") == ""


def test_an_epoch_that_is_not_now_is_refused() -> None:
    """Clocks of two machines that differ by an hour would give nonsense."""
    assert "clocks" in SinkClock(1.0, "hash").agree(time.time() - 3600, 1.0, "hash")


def test_at_scale_one_the_first_message_starts_the_clock() -> None:
    """A sender that knows nothing of XCLOCK can still use sinks in real time."""
    clock = SinkClock(1.0, "hash")
    assert clock.started()
    assert clock.now() < 5.0


def test_outages_are_refusals_in_scenario_time() -> None:
    """An outage is on from its start to its end, and both are announced as changes."""
    schedule = Schedule(["a", "b"], [Outage(server="a", start="1min", lasts="30s")])
    assert schedule.next_change(0.0) == 60.0
    assert schedule.active("a", "refuse", 59.9) is None
    assert schedule.active("a", "refuse", 60.0) is not None
    assert schedule.active("b", "refuse", 60.0) is None
    assert schedule.active("a", "refuse", 90.0) is None
    assert schedule.next_change(60.0) == 90.0
    assert schedule.next_change(90.0) is None


@pytest.mark.parametrize(("kind", "server"), [("explode", "a"), ("drop", "z")])
def test_unknown_faults_and_servers_are_refused(kind: str, server: str) -> None:
    """The error says what is known."""
    schedule = Schedule(["a"])
    with pytest.raises(ConfigError, match="known are"):
        schedule.add(Fault(cast(Any, kind), server, 0.0, 1.0))


def test_a_server_gets_slower_with_what_is_under_way() -> None:
    """Round trips count once more on a new connection, and messages share the server's speed."""
    desk = Desk(Server(latency="100ms", speed=20.0))
    assert desk.seconds(fresh=False) == pytest.approx(0.3)
    assert desk.seconds(fresh=True) == pytest.approx(0.6)
    desk.active = 10
    assert desk.seconds(fresh=False) == pytest.approx(0.8)


def test_a_reply_is_one_printable_line() -> None:
    """No text of a profile can break out of its line."""
    wild = Reply(550, "5.7.1", "no\r\n250 yes\x00\u00e9", "data")
    assert spoken(wild) == "550 5.7.1 no  250 yes  "
    assert spoken(Reply(250, "", "ok")) == "250 ok"


def test_the_tally_is_bounded() -> None:
    """Counts are exact, and of the accepted recipients only the latest are kept."""
    tally = Tally(kept=3)
    for k in range(10):
        tally.replied(float(k), "a", "gmail", f"{k}@x.example", Reply(250, "2.0.0", "ok"))
    tally.replied(11.0, "a", "gmail", "y@x.example", Reply(550, "5.1.1", "no", "rcpt"))
    assert [one.at for one in tally.accepted] == [7.0, 8.0, 9.0]
    assert [(c.code, c.phase, c.n) for c in tally.counts()] == [
        (250, "data", 10),
        (550, "rcpt", 1),
    ]
