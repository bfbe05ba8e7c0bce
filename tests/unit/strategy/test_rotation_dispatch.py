"""The weighted rotations inside a dispatcher: shares of whole mailings, and a restored one."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mstoolkit.config import Pacing, Policy, RotationSpec, Server
from mstoolkit.config.rotation import (
    DeficitSpec,
    EdfSpec,
    HighestDrawSpec,
    InterleavedSpec,
    PowerOfTwoSpec,
    PrioritySpec,
    RandomSpec,
    StickySpec,
    StrideSpec,
    ThompsonSpec,
)
from mstoolkit.model import Enqueued, Lot, Parcel, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import Rehearsal

SERVERS = {
    "a": Server(weight=5),
    "b": Server(weight=2),
    "c": Server(weight=3),
}
LOTS = [
    Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e6),
    Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e6),
]
SPECS: list[RotationSpec] = [
    InterleavedSpec(kind="interleaved"),
    StrideSpec(kind="stride"),
    RandomSpec(kind="random"),
    PowerOfTwoSpec(kind="power-of-two"),
    DeficitSpec(kind="deficit"),
    EdfSpec(kind="edf"),
    StickySpec(kind="sticky"),
    StickySpec(kind="sticky", bound=1.25),
    PrioritySpec(kind="priority", spill="busy"),
    PrioritySpec(kind="priority", spill="health"),
    ThompsonSpec(kind="thompson"),
    HighestDrawSpec(kind="highest-draw"),
]


def policy(rotation: RotationSpec) -> Policy:
    return Policy(rotation=rotation, pacing=Pacing(rate=1000.0, burst=1000, connections=1000))


def trickle(play: Rehearsal, messages: int, size: int) -> None:
    """Let parcels arrive so slowly that every server is ready each time."""
    for first in range(0, messages, size):
        play.tell(Enqueued(play.now, Parcel(LOTS[0], first, size, 0, play.now)))
        play.run(play.now + 2.0)


def shares(play: Rehearsal) -> Counter[str]:
    counts: Counter[str] = Counter()
    for _, send in play.all(Send):
        counts[send.server] += send.parcel.n
    return counts


@pytest.mark.parametrize(
    ("spec", "tolerance"),
    [
        *[(SPECS[0], 2), (SPECS[1], 3), (SPECS[2], 65), (SPECS[3], 65), (SPECS[4], 2)],
        *[(SPECS[5], 2), (SPECS[6], 65), (SPECS[7], 65), (SPECS[8], 2), (SPECS[9], 2)],
    ],
)
def test_a_mailing_is_shared_by_weight(spec: RotationSpec, tolerance: int) -> None:
    """Of 1,000 single messages 5:2:3 go by each server, or nearly (drawn: four deviations)."""
    play = Rehearsal(SERVERS, policy(spec))
    trickle(play, 1000, 1)
    counts = shares(play)
    assert [counts[name] for name in SERVERS] == pytest.approx([500, 200, 300], abs=tolerance)


def test_deficit_shares_parcels_by_messages() -> None:
    """Mailings of 1 to 50 messages go out as parcels of that size, and the shares still hold."""
    play = Rehearsal(SERVERS, policy(DeficitSpec(kind="deficit")), batch=50)
    for k in range(800):
        play.tell(Enqueued(play.now, Parcel(LOTS[0], 50 * k, 1 + 37 * k % 50, 0, play.now)))
        play.run(play.now + 2.0)
    counts = shares(play)
    n = sum(counts.values())
    due = [n * share for share in (0.5, 0.2, 0.3)]
    assert [counts[name] for name in SERVERS] == pytest.approx(due, abs=55)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("batch", [1, 20])
def test_a_restored_dispatcher_goes_on_alike(spec: RotationSpec, batch: int) -> None:
    """From a snapshot's JSON on, a second dispatcher decides as the first."""
    play = Rehearsal(SERVERS, policy(spec), batch=batch)
    for k in range(30):
        play.tell(Enqueued(play.now, Parcel(LOTS[k % 2], 10 * k, 10, 0, play.now)))
        play.run(play.now + 0.2)
    text = json.dumps(play.dispatcher.snapshot())
    twin = Dispatcher(SERVERS, policy(spec), batch=batch)
    twin.restore(json.loads(text))
    assert json.dumps(twin.snapshot()) == text
    before = len(play.log)
    for k in range(30, 60):
        play.tell(Enqueued(play.now, Parcel(LOTS[k % 2], 10 * k, 10, 0, play.now)))
        play.run(play.now + 0.2)
    play.run(play.now + 60.0)
    assert play.totals["delivered"] == 600
    for event, commands in play.log[before:]:
        assert twin.handle(event) == commands
