"""What becomes of mail: retries, expiry, withdrawal, feedback, and the unsent rest."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from mstoolkit.config import Breaker, Failover, Policy, Retry, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import LeastLoadedSpec, RoundRobinSpec
from mstoolkit.model import (
    Enqueued,
    Event,
    Feedback,
    Finish,
    Lot,
    Parcel,
    Replied,
    Reply,
    Send,
    Suppress,
    Withdrawn,
)
from mstoolkit.testing import OK, Rehearsal

NEWS = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
BRIEF = Lot(1, "brief", "brief", "marketing", "gmail", "active", 100.0)
CODES = Lot(2, "codes", "codes", "transactional", "gmail", "active", 1e9)
LATER = Reply(451, "4.3.0", "try again later", "data")
FULL = Reply(452, "4.2.2", "mailbox full", "rcpt")
UNKNOWN = Reply(550, "5.1.1", "no such user", "rcpt")
CALM = Failover(server=Breaker(failures=10**6), path=Breaker(failures=10**6))
RETRY = Retry(base=60.0, factor=2.0, longest=300.0, jitter=0.5, quantum=5.0, attempts=4)


def policy(retry: Retry = RETRY, **pacing: float) -> Policy:
    free = Pacing(rate=1000.0, burst=1000, connections=50, messages_per_connection=1000)
    return Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=free.model_copy(update=pacing),
        failover=CALM,
        retry=retry,
    )


def mail(n: int, lot: Lot = NEWS, first: int = 0, at: float = 0.0) -> Enqueued:
    return Enqueued(at, Parcel(lot, first, n, 0, at))


def replying(reply: Reply, until: float = float("inf")) -> object:
    """Answer with a reply until a time, then accept."""

    def answer(now: float, send: Send) -> Event:
        said = reply if now < until else OK
        return Replied(now + 0.5, send.token, ((said, send.parcel.n),))

    return answer


def rehearse(rules: Policy, answer: object = None, batch: int = 1) -> Rehearsal:
    return Rehearsal({"a": Server(), "b": Server()}, rules, answer, batch=batch)  # type: ignore[arg-type]


def test_a_deferred_message_goes_again_with_back_off() -> None:
    """60, 120, 240 s each give or take a quarter and the grid; it names its parent and its age."""
    play = rehearse(policy(), replying(LATER))
    play.tell(mail(1))
    play.run(10_000.0)
    sends = play.all(Send)
    assert [send.parcel.attempt for _, send in sends] == [0, 1, 2, 3]
    assert [send.parcel.parent for _, send in sends] == [-1, 0, 1, 2]
    assert {send.parcel.born for _, send in sends} == {0.0}
    waits = [later - (at + 0.5) for (at, _), (later, _) in pairwise(sends)]
    for wait, delay in zip(waits, (60.0, 120.0, 240.0), strict=True):
        assert 0.75 * delay <= wait <= 1.25 * delay + 5.0
    assert [command.reason for _, command in play.all(Finish)] == ["no attempts left"]
    assert play.totals["expired"] == 1


@pytest.mark.parametrize("batch", [1, 100])
def test_a_deferred_message_is_delivered_later(batch: int) -> None:
    """What was deferred for a while comes through afterwards, all of it."""
    play = rehearse(policy(), replying(LATER, until=50.0), batch)
    play.tell(mail(500))
    play.run(1000.0)
    assert play.totals["delivered"] == 500


def test_what_is_about_the_recipient_is_remembered() -> None:
    """A full mailbox stays the cause of the next attempts, whatever defers them in between."""
    replies = {0: FULL, 1: LATER}
    play = rehearse(
        policy(),
        lambda now, send: Replied(
            now + 0.5, send.token, ((replies.get(send.parcel.attempt, OK), 1),)
        ),
    )
    play.tell(mail(1))
    play.run(1000.0)
    causes = [send.parcel.cause for _, send in play.all(Send)]
    assert causes == ["", "mailbox_full", "mailbox_full"]


def test_old_mail_is_given_up() -> None:
    """At its expiry what is queued or put off ends as expired; what arrives too late, at once."""
    play = rehearse(policy(rate=1.0, burst=1), replying(LATER))
    play.tell(mail(500, BRIEF))
    play.run(99.0)
    assert play.totals["expired"] == 0
    play.run(101.0)
    totals = play.totals
    assert totals["expired"] == 500 - totals["in_flight"]
    play.run(1000.0)
    assert play.totals["expired"] == 500
    play.tell(mail(5, BRIEF, first=500, at=1000.0))
    assert play.totals["expired"] == 505
    reasons = Counter(finish.reason for _, finish in play.all(Finish))
    assert set(reasons) == {"too old", "too old when it arrived"}


def test_suppressed_mail_is_never_sent() -> None:
    """What the driver's list forbids is finished at once."""
    play = rehearse(policy())
    play.tell(Enqueued(0.0, Parcel(NEWS, 0, 7), suppressed=True))
    assert [(f.outcome, f.n) for _, f in play.all(Finish)] == [("suppressed", 7)]
    assert not play.all(Send)


def test_withdrawn_mail_is_not_sent() -> None:
    """A range or the whole list is taken out of the queue; what is under way ends as it ends."""
    play = rehearse(policy(rate=1.0, burst=5))
    play.tell(mail(100))
    flying = {send.parcel.first for send in play.open.values()}
    play.tell(Withdrawn(0.1, "spring", 50, 10))
    assert play.totals["withdrawn"] == 10
    play.tell(Withdrawn(0.2, "spring"))
    play.run(500.0)
    assert play.totals["withdrawn"] == 100 - len(flying)
    assert play.totals["delivered"] == len(flying)
    assert {send.parcel.first for _, send in play.all(Send)} == flying


def test_withdrawn_mail_is_not_tried_again() -> None:
    """What is under way when its campaign is cancelled, and is deferred, ends as withdrawn."""
    play = rehearse(policy(), replying(LATER, until=10.0))
    play.tell(mail(1))
    play.tell(Withdrawn(0.1, "spring"))
    play.run(1000.0)
    assert len(play.all(Send)) == 1
    assert play.totals["withdrawn"] == 1


def test_a_dsn_reverses_a_delivery() -> None:
    """Accepted first and bounced later: it moves from delivered to bounced, with the reason."""
    play = rehearse(policy())
    play.tell(mail(10))
    play.run(5.0)
    late = UNKNOWN._replace(phase="dsn")
    play.tell(Feedback(60.0, "dsn", "a", Parcel(NEWS, 3, 1), 0.5, late))
    assert (play.totals["delivered"], play.totals["bounced"]) == (9, 1)
    finish = play.all(Finish)[-1][1]
    assert (finish.outcome, finish.reason, finish.server) == ("bounced", "invalid_recipient", "a")


@pytest.mark.parametrize("kind", ["complained", "unsubscribed"])
def test_a_complaint_puts_on_the_suppression_list(kind: str) -> None:
    """Who complains or unsubscribes is not mailed again; nothing is reversed."""
    play = rehearse(policy())
    play.tell(mail(10))
    play.run(5.0)
    parcel = Parcel(NEWS, 3, 1)
    play.tell(Feedback(60.0, kind, "a", parcel, 0.5))  # type: ignore[arg-type]
    assert [(s.parcel, s.reason) for _, s in play.all(Suppress)] == [(parcel, kind)]
    assert play.totals["delivered"] == 10


def test_mixed_replies_of_a_parcel_are_counted() -> None:
    """Outcomes inside a parcel are counted; what goes again is a counted parcel of its own."""

    def answer(now: float, send: Send) -> Event:
        n = send.parcel.n
        if send.parcel.attempt:
            return Replied(now + 0.5, send.token, ((OK, n),))
        return Replied(now + 0.5, send.token, ((OK, n - 5), (UNKNOWN, 2), (FULL, 3)))

    play = rehearse(policy(), answer, batch=20)
    play.tell(mail(40))
    play.run(1000.0)
    assert (play.totals["delivered"], play.totals["bounced"]) == (36, 4)
    again = [send.parcel for _, send in play.all(Send) if send.parcel.attempt == 1]
    assert sum(parcel.n for parcel in again) == 6
    assert {(parcel.first, parcel.cause) for parcel in again} == {(-1, "mailbox_full")}


@pytest.mark.parametrize("known", [True, False])
def test_the_unsent_rest_goes_first_and_costs_no_attempt(known: bool) -> None:
    """A connection closed half way: the rest is next, with its place, age and attempts kept."""

    def answer(now: float, send: Send) -> Event:
        if send.token == 0:
            return Replied(now + 0.5, 0, ((OK, 6),), unsent=4, closed=True)
        return Replied(now + 0.5, send.token, ((OK, send.parcel.n),))

    play = Rehearsal({"a": Server()}, policy(connections=1), answer, batch=10)
    play.tell(mail(30, first=0 if known else -1))
    play.run(100.0)
    sends = [send for _, send in play.all(Send)]
    assert [(s.parcel.first, s.parcel.n) for s in sends[:3]] == [
        (0 if known else -1, 10),
        (6 if known else -1, 4),
        (10 if known else -1, 10),
    ]
    assert {s.parcel.attempt for s in sends} == {0}
    assert {s.parcel.parent for s in sends} == {-1}
    assert play.totals["delivered"] == 30


def test_the_pacing_of_the_unsent_rest_is_refunded() -> None:
    """Nine of ten were not tried: the path may send them at once, as if never charged."""

    def answer(now: float, send: Send) -> Event:
        if send.token == 0:
            return Replied(now + 0.1, 0, ((OK, 1),), unsent=9, closed=True)
        return Replied(now + 0.1, send.token, ((OK, send.parcel.n),))

    play = Rehearsal({"a": Server()}, policy(rate=1.0, burst=10), answer, batch=10)
    play.tell(mail(10))
    play.run(60.0)
    ends = [at + send.span for at, send in play.all(Send)]
    assert sum(send.parcel.n for _, send in play.all(Send)) == 19
    assert max(ends) <= 10.0 + 1e-6


def test_a_retry_may_come_by_another_server() -> None:
    """A deferral does not tie a message to the server that met it."""
    play = rehearse(policy(), replying(LATER, until=30.0))
    play.tell(mail(60))
    play.run(500.0)
    servers: dict[int, set[str]] = {}
    for _, send in play.all(Send):
        servers.setdefault(send.parcel.first, set()).add(send.server)
    assert any(len(used) == 2 for used in servers.values())


def test_transactional_mail_overtakes() -> None:
    """What is transactional is sent before marketing mail that waits."""
    play = rehearse(policy(rate=1.0, burst=1))
    play.tell(mail(50))
    play.tell(mail(3, CODES, at=0.5))
    play.run(5.0)
    lists = [send.parcel.lot.list for _, send in play.all(Send)]
    assert lists[:5] == ["spring", "spring", "codes", "codes", "codes"]


def test_the_load_is_settled_by_every_answer() -> None:
    """Least loaded: after all is answered, by whatever kind of answer, no load is left."""
    rules = policy().model_copy(update={"rotation": LeastLoadedSpec(kind="least-loaded")})

    def answer(now: float, send: Send) -> Event:
        n = send.parcel.n
        if now < 10.0 and n > 1:
            return Replied(now + 0.5, send.token, ((LATER, 1),), unsent=n - 1, closed=True)
        return Replied(now + 0.5, send.token, ((OK, n),))

    play = rehearse(rules, answer, batch=10)
    play.tell(mail(300))
    play.run(2000.0)
    assert play.totals["delivered"] == 300
    assert play.dispatcher.snapshot()["pool"]["rotations"] == [{"in_flight": [0, 0]}]
