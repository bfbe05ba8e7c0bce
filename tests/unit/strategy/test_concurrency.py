"""Postfix's concurrency feedback, step by step as its code goes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import FeedbackSpec, Policy, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import (
    ConnectionFailed,
    Enqueued,
    Lot,
    Parcel,
    Replied,
    Reply,
    Send,
    Suspended,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.pacing import ConcurrencyFeedback
from mstoolkit.strategy.pacing.concurrency import Feedback
from mstoolkit.testing import OK, Rehearsal

# vdukhovni/postfix@17830e5c, src/qmgr/qmgr_queue.c, computed by an independent implementation:
# events, and (window, success, failure, cohorts) after each; initial 5, limit 20, saturated.
FIXED = [(6, 0, 0, 0), (7, 0, 0, 0), (8, 0, 0, 0), (6, 0, 1, 0.125), (5, 0, 1, 0.291667),
         (4, 0, 1, 0.491667)]  # fmt: skip
BY_N = [(5, 0.2, 0, 0), (5, 0.4, 0, 0), (5, 0.6, 0, 0), (5, 0.8, 0, 0), (6, 0, 0, 0),
        (6, 0.166667, 0, 0), (6, 0.333333, 0, 0), (6, 0.5, 0, 0), (6, 0.666667, 0, 0),
        (6, 0.833333, 0, 0), (7, 0, 0, 0), (6, 0, 0.857143, 0.142857),
        (6, 0.166667, 0.857143, 0), (6, 0.333333, 0.857143, 0), (6, 0.333333, 0.690476, 0.166667),
        (6, 0.333333, 0.52381, 0.333333), (6, 0.333333, 0.357143, 0.5),
        (6, 0.333333, 0.190476, 0.666667), (6, 0.5, 0.190476, 0), (6, 0.666667, 0.190476, 0),
        (6, 0.833333, 0.190476, 0)]  # fmt: skip
BY_ROOT = [(5, 0.447214, 0, 0), (6, -0.105573, 0, 0), (6, 0.302675, 0, 0), (6, 0.710924, 0, 0),
           (7, 0.119172, 0, 0), (7, 0.497137, 0, 0), (8, -0.124899, 0, 0), (8, 0.228654, 0, 0),
           (8, 0.582208, 0, 0), (9, -0.064239, 0, 0), (9, 0.269095, 0, 0),
           (8, 0, 0.666667, 0.111111), (8, 0.353553, 0.666667, 0), (8, 0.707107, 0.666667, 0),
           (8, 0.707107, 0.313113, 0.125), (7, 0, 0.95956, 0.25), (7, 0, 0.581595, 0.392857),
           (7, 0, 0.203631, 0.535714), (7, 0.377964, 0.203631, 0), (7, 0.755929, 0.203631, 0),
           (8, 0.133893, 0, 0)]  # fmt: skip
LONG = "SSSSSSSSSSSFSSFFFFSSS"


@pytest.mark.parametrize(
    ("kind", "events", "expected"),
    [("fixed", "SSSFFF", FIXED), ("1/N", LONG, BY_N), ("1/sqrtN", LONG, BY_ROOT)],
)
def test_it_goes_as_the_code_of_postfix(
    kind: Feedback, events: str, expected: list[tuple[float, ...]]
) -> None:
    """Window, scores and pseudo-cohorts after each of the events are those of the vector."""
    feedback = ConcurrencyFeedback(positive=kind, negative=kind)
    for event, state in zip(events, expected, strict=True):
        if event == "S":
            feedback.succeeded(busy=feedback.window)
        else:
            feedback.failed()
        now = (feedback.window, feedback.success, feedback.failure, feedback.cohorts)
        assert now == pytest.approx(state, abs=1e-6)


def test_a_cohort_of_failures_is_death_and_time_revives() -> None:
    """From five connections: 3, 2, dead; then it starts over with five."""
    feedback = ConcurrencyFeedback()
    windows = []
    for _ in range(4):
        feedback.failed()
        windows.append(feedback.window)
    assert windows == [3, 2, 0, 0]
    assert feedback.dead
    feedback.revive()
    assert (feedback.window, feedback.dead) == (5, False)


def test_unused_room_does_not_grow() -> None:
    """With two connections busy the window stops at two more than its start."""
    feedback = ConcurrencyFeedback()
    for _ in range(100):
        feedback.succeeded(busy=2)
    assert feedback.window == 7


@given(
    kind=st.sampled_from(["fixed", "1/N", "1/sqrtN"]),
    events=st.text("SF", max_size=80),
    amount=st.floats(0.05, 3.0),
    limit=st.integers(1, 30),
)
def test_the_window_stays_in_its_range_and_a_snapshot_goes_on(
    kind: Feedback, events: str, amount: float, limit: int
) -> None:
    """1 to the limit while alive, 0 when dead; a restored one does the same from the middle on."""
    made = [ConcurrencyFeedback(5, limit, kind, kind, amount, 3.0) for _ in range(2)]
    first, second = made
    for k, event in enumerate(events):
        if k == len(events) // 2:
            second.restore(json.loads(json.dumps(first.snapshot())))
        for feedback in made if k >= len(events) // 2 else (first,):
            if event == "S":
                feedback.succeeded(busy=feedback.window)
            else:
                feedback.failed()
        assert first.dead or 1 <= first.window <= limit
    if events:
        assert first.snapshot() == second.snapshot()


LOT = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
CROWDED = Reply(421, "4.7.0", "too many connections from your address", "connect")


def test_a_path_opens_as_many_connections_as_its_window() -> None:
    """From two, by one with each delivery, up to the path's limit; a refusal takes two away."""
    pacing = Pacing(rate=1000.0, burst=1000, connections=6, feedback=FeedbackSpec(initial=2))
    chosen = Policy(rotation=RoundRobinSpec(kind="round-robin"), pacing=pacing)
    dispatcher = Dispatcher({"a": Server()}, chosen)
    sends = [c for c in dispatcher.handle(Enqueued(0.0, Parcel(LOT, 0, 100))) if type(c) is Send]
    assert len(sends) == 2
    open_now = [len(sends)]
    for k in range(12):
        done = sends.pop(0)
        commands = dispatcher.handle(Replied(1.0 + k, done.token, ((OK, 1),)))
        sends += [command for command in commands if type(command) is Send]
        open_now.append(len(sends))
    assert open_now == sorted(open_now)
    assert open_now[-1] == 6
    commands = dispatcher.handle(ConnectionFailed(20.0, sends.pop(0).token, CROWDED))
    assert not [command for command in commands if type(command) is Send]
    assert len(sends) == 5
    commands = dispatcher.handle(Replied(21.0, sends.pop(0).token, ((OK, 1),)))
    assert len(sends) + len([c for c in commands if type(c) is Send]) <= 5


def test_a_path_without_a_window_left_is_suspended_and_starts_over() -> None:
    """Refused again and again, it rests; nothing is lost, and afterwards all mail goes through."""
    pacing = Pacing(rate=10.0, burst=5, connections=4, feedback=FeedbackSpec(initial=2))
    chosen = Policy(rotation=RoundRobinSpec(kind="round-robin"), pacing=pacing)

    def answer(at: float, send: Send) -> Replied | ConnectionFailed:
        if at < 30.0:
            return ConnectionFailed(at + 0.1, send.token, CROWDED)
        return Replied(at + 0.1, send.token, ((OK, send.parcel.n),))

    play = Rehearsal({"a": Server()}, chosen, answer)
    play.tell(Enqueued(0.0, Parcel(LOT, 0, 50)))
    play.run(3600.0)
    assert play.all(Suspended)
    assert play.totals["delivered"] == 50


def test_a_server_that_cannot_be_reached_takes_no_connections_from_the_path() -> None:
    """No answer at all blames the server; the path's window stays what it was."""
    pacing = Pacing(rate=1000.0, burst=1000, connections=6, feedback=FeedbackSpec(initial=4))
    chosen = Policy(rotation=RoundRobinSpec(kind="round-robin"), pacing=pacing)
    nobody = Reply(0, "", "connection refused", "connect")
    up = False

    def answer(at: float, send: Send) -> Replied | ConnectionFailed:
        if not up:
            return ConnectionFailed(at + 0.1, send.token, nobody)
        return Replied(at + 0.1, send.token, ((OK, send.parcel.n),))

    play = Rehearsal({"a": Server()}, chosen, answer)
    play.tell(Enqueued(0.0, Parcel(LOT, 0, 50)))
    play.run(500.0)
    assert {notice.isp for _, notice in play.all(Suspended)} == {""}
    before = play.dispatcher.snapshot()["pool"]["paths"][0]
    assert (before["feedback"]["window"], before["width"]) == (4, 4)
    up = True
    play.run(5000.0)
    assert play.totals["delivered"] == 50
