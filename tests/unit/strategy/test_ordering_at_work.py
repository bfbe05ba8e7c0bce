"""Ordering at work: what goes first through the dispatcher, in single messages and in parcels."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mstoolkit.config import Pacing, Policy, Retry, Server
from mstoolkit.config.ordering import Ordering
from mstoolkit.config.rotation import RotationSpec, SmoothWeightedSpec, StickySpec
from mstoolkit.model import Enqueued, Lot, Parcel, Replied, Reply, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal

SMOOTH = SmoothWeightedSpec(kind="smooth-weighted")
BUSY = Reply(450, "4.2.0", "local error, try again later", "data")
TWO = {"a": Server(), "b": Server()}
FAIR = Ordering(campaigns="fair")


def lot(number: int, campaign: str, segment: str = "active", stream: str = "marketing") -> Lot:
    return Lot(number, f"list-{number}", campaign, stream, "gmail", segment, 1e9)


def policy(ordering: Ordering, rotation: RotationSpec = SMOOTH) -> Policy:
    return Policy(
        rotation=rotation,
        ordering=ordering,
        pacing=Pacing(rate=5.0, burst=1, connections=10),
        retry=Retry(base=20.0, jitter=0.0, quantum=1.0),
    )


def sent(play: Rehearsal, begin: float, end: float, what: str = "campaign") -> Counter[str]:
    """Return how many messages of each campaign, or else, were handed out in a time."""
    counts: Counter[str] = Counter()
    for at, send in play.all(Send):
        if begin <= at < end:
            counts[str(getattr(send.parcel.lot, what))] += send.parcel.n
    return counts


@pytest.mark.parametrize("rotation", [SMOOTH, StickySpec(kind="sticky")], ids=lambda r: r.kind)
@pytest.mark.parametrize("batch", [1, 10])
def test_a_large_campaign_does_not_hold_up_a_small_one(rotation: RotationSpec, batch: int) -> None:
    """Enqueued behind 2,000 messages, fifty of another campaign have every second turn."""
    play = Rehearsal(TWO, policy(FAIR, rotation), batch=batch)
    play.tell(Enqueued(0.0, Parcel(lot(0, "large"), 0, 2000)))
    play.run(10.0)
    play.tell(Enqueued(10.0, Parcel(lot(1, "small"), 0, 50)))
    play.run(24.0)
    assert sent(play, 10.0, 24.0)["small"] == 50
    play.run(600.0)
    assert play.totals["delivered"] == 2050


def test_without_turns_it_waits() -> None:
    """First come, first served is the default."""
    play = Rehearsal(TWO, policy(Ordering()))
    play.tell(Enqueued(0.0, Parcel(lot(0, "large"), 0, 500)))
    play.tell(Enqueued(0.0, Parcel(lot(1, "small"), 0, 50)))
    play.run(40.0)
    assert sent(play, 0.0, 40.0)["small"] == 0


@pytest.mark.parametrize("batch", [1, 10])
def test_weights_of_campaigns(batch: int) -> None:
    """Three messages of one for each of the other."""
    spec = Ordering(campaigns="fair", weights={"spring": 3.0})
    play = Rehearsal(TWO, policy(spec), batch=batch)
    for number, name in enumerate(["autumn", "spring"]):
        play.tell(Enqueued(0.0, Parcel(lot(number, name), 0, 2000)))
    play.run(60.0)
    counts = sent(play, 5.0, 60.0)
    assert counts["spring"] / counts.total() == pytest.approx(0.75, abs=0.03)


def test_segments_in_their_order() -> None:
    """The active go before the lapsing and these before the dormant, whoever came first."""
    spec = Ordering(segments=("active", "*", "dormant"))
    play = Rehearsal(TWO, policy(spec))
    for number, name in enumerate(["dormant", "lapsing", "active"]):
        play.tell(Enqueued(0.0, Parcel(lot(number, "spring", name), 0, 50)))
    play.run(60.0)
    order = [send.parcel.lot.segment for _, send in play.all(Send)][2:]  # two went at once
    assert order == ["active"] * 50 + ["lapsing"] * 50 + ["dormant"] * 48


@pytest.mark.parametrize(("retries", "first"), [("first", 1), ("last", 0)])
def test_retries_before_or_after_fresh_mail(retries: str, first: int) -> None:
    """Ten deferred messages, due while fresh mail waits."""

    def answer(at: float, send: Send) -> Replied:
        fails = send.parcel.attempt == 0 and send.parcel.first < 10
        return Replied(at + 0.1, send.token, ((BUSY if fails else OK, 1),))

    spec = Ordering.model_validate({"retries": retries})
    play = Rehearsal(TWO, policy(spec), answer)
    play.tell(Enqueued(0.0, Parcel(lot(0, "spring"), 0, 400)))
    play.run(60.0)
    again = [at for at, send in play.all(Send) if send.parcel.attempt]
    fresh = [at for at, send in play.all(Send) if not send.parcel.attempt]
    assert len(again) == 10
    assert (max(again) < 30.0) == bool(first)
    assert (min(again) > max(fresh)) == (not first)


@pytest.mark.parametrize("batch", [1, 10])
def test_a_stream_goes_before_others_strictly(batch: int) -> None:
    """Codes are sent while thousands of other messages wait."""
    play = Rehearsal(TWO, policy(FAIR), batch=batch)
    play.tell(Enqueued(0.0, Parcel(lot(0, "large"), 0, 2000)))
    play.run(10.0)
    play.tell(Enqueued(10.0, Parcel(lot(1, "codes", stream="transactional"), 0, 60)))
    play.run(18.5)
    assert sent(play, 10.0, 18.5, "stream")["transactional"] == 60


@pytest.mark.parametrize("rotation", [SMOOTH, StickySpec(kind="sticky")], ids=lambda r: r.kind)
@pytest.mark.parametrize("batch", [1, 10])
def test_a_restored_dispatcher_keeps_the_turns(rotation: RotationSpec, batch: int) -> None:
    """From JSON amid turns, owed credit and retries: the same commands from there on."""

    def answer(at: float, send: Send) -> Replied:
        n = send.parcel.n
        bad = n // 3 if send.parcel.attempt == 0 else 0
        replies = tuple((reply, k) for reply, k in ((OK, n - bad), (BUSY, bad)) if k)
        return Replied(at + send.span + 0.1, send.token, replies)

    spec = Ordering(
        campaigns="fair", weights={"b": 2.5}, segments=("active", "*"), retries="by-age"
    )
    chosen = policy(spec, rotation)
    play = Rehearsal(TWO, chosen, answer, batch=batch)
    for number, (name, segment) in enumerate([("a", "active"), ("b", "old"), ("b", "active")]):
        play.tell(Enqueued(0.0, Parcel(lot(number, name, segment), -1, 150)))
    play.run(27.3)
    twin = Dispatcher(TWO, chosen, batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    play.run(300.0)
    assert play.totals["delivered"] == 450
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands
