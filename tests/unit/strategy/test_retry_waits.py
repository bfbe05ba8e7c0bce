"""A provider that names a time to wait is not asked sooner."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mstoolkit.config import Policy, Retry, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import Enqueued, Lot, Parcel, Replied, Reply, Send
from mstoolkit.testing import Rehearsal

LOT = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
BUSY = Reply(451, "4.3.2", "Server busy, please try again in 2 hours", "data")


def attempts(lot: Lot = LOT, batch: int = 1, *, hints: bool = True) -> list[float]:
    """Return when a message is tried that is always told to wait for two hours."""
    policy = Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(),
        retry=Retry(base=300.0, jitter=0.0, attempts=5, hints=hints),
    )
    play = Rehearsal(
        {"a": Server()},
        policy,
        lambda at, send: Replied(at + 1.0, send.token, ((BUSY, send.parcel.n),)),
        batch=batch,
    )
    play.tell(Enqueued(0.0, Parcel(lot, 0, batch)))
    play.run(40_000.0)
    return [at for at, _ in play.all(Send)]


@pytest.mark.parametrize("batch", [1, 10])
def test_the_wait_a_provider_asks_for_is_kept(batch: int) -> None:
    """Each next attempt is two hours later or more, on the grid; without hints, by the schedule."""
    times = attempts(batch=batch)
    assert len(times) == 5
    assert all(7200.0 <= b - a - 1.0 <= 7260.0 for a, b in pairwise(times))
    assert attempts(batch=batch, hints=False)[1] == 330.0


def test_the_end_of_a_messages_life_comes_first() -> None:
    """A message that expires in an hour is not kept for two: it is given up in time."""
    brief = Lot(0, "spring", "spring", "marketing", "gmail", "active", 3600.0)
    assert attempts(brief) == [0.0]
