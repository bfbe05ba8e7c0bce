"""Weighers at work: shares of the mail follow what was learned, told by the clock, or is left."""

from __future__ import annotations

import json
from collections import Counter
from math import ceil

import pytest

from mstoolkit.config import Breaker, Failover, Pacing, Policy, Retry, Server
from mstoolkit.config.quota import QuotaSpec
from mstoolkit.config.rotation import EdfSpec, RotationSpec, SmoothWeightedSpec, StickySpec
from mstoolkit.config.weighting import (
    DeliveryRateWeighing,
    LatencyWeighing,
    QuotaLeftWeighing,
    ReputationWeighing,
    SlowStartWeighing,
    StaticWeighing,
    TableEntry,
    TableWeighing,
    WeigherSpec,
)
from mstoolkit.model import (
    Enqueued,
    Feedback,
    Lot,
    Parcel,
    PolicyChanged,
    Replied,
    Reply,
    Send,
    Tick,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal, partly

SMOOTH = SmoothWeightedSpec(kind="smooth-weighted")
GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
YAHOO = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
BLOCKED = Reply(550, "5.7.1", "client host blocked using a blocklist", "data")
UNKNOWN = Reply(550, "5.1.1", "user unknown", "rcpt")
NEVER = Breaker(failures=10**9)


def policy(*weighers: WeigherSpec, rate: float = 1000.0, **pacing: object) -> Policy:
    limits = {"rate": rate, "burst": 1000, "connections": 50, **pacing}
    return Policy(
        rotation=SMOOTH,
        weighting=weighers,
        pacing=Pacing(**limits),
        failover=Failover(server=NEVER, path=NEVER),
        retry=Retry(quantum=1.0),
    )


class Stream:
    """Mail that arrives evenly, ten messages a second, and how it was shared out."""

    def __init__(self, play: Rehearsal, lot: Lot = GMAIL, rate: int = 10) -> None:
        self.play, self.lot, self.rate, self.first = play, lot, rate, 0

    def flow(self, seconds: int) -> dict[str, float]:
        """Return the share of each server in what is sent meanwhile."""
        play, seen = self.play, len(self.play.log)
        begin = ceil(play.now)
        for second in range(begin, begin + seconds):
            play.run(float(second))
            play.tell(Enqueued(float(second), Parcel(self.lot, self.first, self.rate, 0, second)))
            self.first += self.rate
        play.run(begin + seconds - 0.1)
        sent: Counter[str] = Counter()
        for _, commands in play.log[seen:]:
            for command in commands:
                if isinstance(command, Send) and command.parcel.lot is self.lot:
                    sent[command.server] += command.parcel.n
        return {name: n / sent.total() for name, n in sorted(sent.items())}


def weights(dispatcher: Dispatcher) -> list[list[float]]:
    return [row["weights"] for row in dispatcher.snapshot()["pool"]["routes"]]


@pytest.mark.parametrize("batch", [1, 50])
def test_shares_follow_delivery_rates(batch: int) -> None:
    """Two servers with 30 % and 90 % come to carry 1 : 3, and whole, small weights all along."""
    play = Rehearsal(
        {"a": Server(), "b": Server()},
        policy(DeliveryRateWeighing(prior=0.9)),
        partly({"a": 0.3, "b": 0.9}, BLOCKED),
        batch=batch,
    )
    stream = Stream(play)
    assert stream.flow(20)["a"] == pytest.approx(0.5, abs=0.05)
    stream.flow(400)
    assert stream.flow(300)["a"] == pytest.approx(0.25, abs=0.04)
    (row,) = weights(play.dispatcher)
    assert all(weight == int(weight) >= 1 for weight in row)
    assert sum(row) <= 100


def test_what_the_list_is_to_blame_for_moves_nothing() -> None:
    """Unknown users on one server only: its weight stays."""
    shares = {"a": 0.5}
    play = Rehearsal(
        {"a": Server(), "b": Server()}, policy(DeliveryRateWeighing()), partly(shares, UNKNOWN)
    )
    Stream(play).flow(120)
    assert weights(play.dispatcher) == [[1.0, 1.0]]


def test_each_isp_has_weights_of_its_own() -> None:
    """A server that is refused at one ISP keeps its share at another."""

    def answer(at: float, send: Send) -> Replied:
        bad = (send.server, send.isp) == ("a", "gmail")
        return Replied(at + 0.1, send.token, ((BLOCKED if bad else OK, send.parcel.n),))

    play = Rehearsal({"a": Server(), "b": Server()}, policy(ReputationWeighing()), answer)
    gmail, yahoo = Stream(play, GMAIL), Stream(play, YAHOO)
    gmail.flow(100)
    assert gmail.flow(60)["a"] < 0.05
    assert yahoo.flow(60) == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("kind", ["dsn", "complained"])
def test_late_news_moves_reputation(kind: str) -> None:
    """Accepted by all, but one server's mail comes back, or is complained about, an hour later."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy(ReputationWeighing()))
    stream = Stream(play)
    assert stream.flow(60) == {"a": 0.5, "b": 0.5}
    own = [(at, send) for at, send in play.all(Send) if send.server == "a"][:100]
    for at, send in own:
        reply = Reply(550, "5.7.1", BLOCKED.text, "dsn") if kind == "dsn" else None
        play.tell(Feedback(3600.0, kind, "a", send.parcel, at, reply))  # type: ignore[arg-type]
    stream.flow(40)
    assert stream.flow(60)["a"] < 0.35


def test_a_faster_server_carries_more() -> None:
    """Half the latency is twice the share, once both are known for longer than the blackout."""

    def answer(at: float, send: Send) -> Replied:
        latency = 0.2 if send.server == "a" else 0.4
        return Replied(at + latency, send.token, ((OK, send.parcel.n),), 0, latency)

    play = Rehearsal({"a": Server(), "b": Server()}, policy(LatencyWeighing(blackout=10.0)), answer)
    stream = Stream(play)
    stream.flow(60)
    assert stream.flow(90)["a"] == pytest.approx(2 / 3, abs=0.02)


def test_quotas_run_out_together() -> None:
    """A server with three times the quota left carries three times as much, to the end."""
    small, large = (QuotaSpec(n=n, per="day") for n in (100, 300))
    servers = {
        "a": Server.model_validate({"limits": {"quota": (small,)}}),
        "b": Server.model_validate({"limits": {"quota": (large,)}}),
    }
    play = Rehearsal(servers, policy(QuotaLeftWeighing()))
    stream = Stream(play, rate=1)
    assert stream.flow(120)["a"] == pytest.approx(0.5, abs=0.1)  # the same part of each is left
    stream.flow(380)
    sent = Counter(send.server for _, send in play.all(Send))
    assert sent == {"a": 100, "b": 300}
    play.run(86_400.0 + 60.0)
    sent = Counter(send.server for at, send in play.all(Send) if at > 80_000.0)
    assert sent.total() == 100  # with the new day what waited goes
    assert min(at for at, _ in play.all(Send) if at > 80_000.0) <= 86_430.0


@pytest.mark.parametrize("begin", [0.0, 7 * 3600.0 + 1737.0])
def test_hours_switch_at_their_time(begin: float) -> None:
    """From eight o'clock on, to the second, nothing goes by a server that has other hours."""
    day = TableEntry(servers={"a": 1.0, "b": 0.0}, hours="8-18")
    night = TableEntry(servers={"a": 0.0})
    play = Rehearsal(
        {"a": Server(), "b": Server()}, policy(TableWeighing(entries=(day, night))), epoch=begin
    )
    switch = 8 * 3600.0 - begin
    play.run(switch - 61.0)
    play.now = switch - 61.0
    Stream(play, rate=1).flow(121)
    before = {send.server for at, send in play.all(Send) if at < switch}
    after = {send.server for at, send in play.all(Send) if at >= switch}
    assert (before, after) == ({"b"}, {"a"})


def test_after_a_pause_the_first_message_goes_by_the_hour() -> None:
    """Weights rest while there is no mail; the night's do not carry the first of the day."""
    day = TableEntry(servers={"a": 1.0, "b": 0.0}, hours="8-18")
    night = TableEntry(servers={"a": 0.0})
    play = Rehearsal({"a": Server(), "b": Server()}, policy(TableWeighing(entries=(day, night))))
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 5)))
    play.run(3600.0)
    play.tell(Enqueued(10 * 3600.0, Parcel(GMAIL, 5, 5)))
    assert [send.server for _, send in play.all(Send)] == ["b"] * 5 + ["a"] * 5


def test_weighing_stops_without_mail_and_begins_with_it() -> None:
    """No wake-up is left when all is answered; the next mail sets one again."""
    play = Rehearsal({"a": Server(), "b": Server()}, policy(ReputationWeighing()))
    for start in (0.0, 5000.0):
        play.tell(Enqueued(start, Parcel(GMAIL, int(start), 20)))
        kinds = [timer[2] for timer in play.dispatcher.timers.snapshot()]
        assert kinds.count("weigh") == 1
        play.run(start + 300.0)
        kinds = [timer[2] for timer in play.dispatcher.timers.snapshot()]
        assert "weigh" not in kinds


def test_nothing_moves_where_nothing_learns() -> None:
    """Static weights set no wake-ups and stay in the proportions of the file."""
    play = Rehearsal(
        {"a": Server(weight=2.5), "b": Server(weight=1)},
        policy(StaticWeighing()),
        partly({"a": 0.2}, BLOCKED),
    )
    stream = Stream(play)
    stream.flow(60)
    assert weights(play.dispatcher) == [[71.0, 29.0]]
    assert "weigh" not in [timer[2] for timer in play.dispatcher.timers.snapshot()]


def test_a_weigher_starts_slowly_what_was_suspended() -> None:
    """From the first message after the probe on, its share is a tenth, and whole in the end."""
    chosen = policy(SlowStartWeighing(window=600.0)).model_copy(
        update={"failover": Failover(path=Breaker(failures=1, base=60.0, probe=1))}
    )
    once = [True]

    def answer(at: float, send: Send) -> Replied:
        bad = once and send.server == "a"
        if bad:
            once.clear()
        return Replied(at + 0.1, send.token, ((BLOCKED if bad else OK, send.parcel.n),))

    play = Rehearsal({"a": Server(), "b": Server()}, chosen, answer)
    stream = Stream(play)
    stream.flow(62)
    assert stream.flow(28).get("a", 0.0) < 0.15
    assert stream.flow(120)["a"] == pytest.approx(0.14, abs=0.05)
    stream.flow(450)
    assert stream.flow(60)["a"] == pytest.approx(0.5, abs=0.01)


def test_what_was_learned_outlives_a_change_of_the_policy() -> None:
    """Other limits, the same weighers: the bad server keeps its small weight; others begin anew."""
    before = policy(StaticWeighing(), ReputationWeighing())
    play = Rehearsal({"a": Server(), "b": Server()}, before, partly({"a": 0.2}, BLOCKED))
    stream = Stream(play)
    stream.flow(120)
    learned = weights(play.dispatcher)
    after = policy(ReputationWeighing(), rate=900.0)
    play.tell(PolicyChanged(play.now, after.model_dump_json()))
    play.tell(Tick(play.now))
    stream.flow(1)
    assert weights(play.dispatcher)[0] == pytest.approx(learned[0], abs=3)
    play.tell(PolicyChanged(play.now, policy(StaticWeighing()).model_dump_json()))
    stream.flow(1)
    assert weights(play.dispatcher) == [[1.0, 1.0]]


@pytest.mark.parametrize("rotation", [SMOOTH, EdfSpec(kind="edf"), StickySpec(kind="sticky")])
def test_scores_keep_their_meaning_when_whole_weights_change_their_scale(
    rotation: RotationSpec,
) -> None:
    """From 71 : 29 to 1 : 1, the next messages are shared evenly: no debt of dozens is left."""
    day = TableEntry(servers={"a": 7.1, "b": 2.9}, hours="0-1")
    chosen = policy(TableWeighing(entries=(day,))).model_copy(update={"rotation": rotation})
    play = Rehearsal({"a": Server(), "b": Server()}, chosen)
    for k in range(301):
        play.run(float(k))
        play.tell(Enqueued(float(k), Parcel(GMAIL, -1, 1)))
    play.run(3599.0)
    seen = len(play.log)
    for k in range(20):
        play.run(3700.0 + k)
        play.tell(Enqueued(3700.0 + k, Parcel(GMAIL, -1, 1)))
    sent = [c.server for _, out in play.log[seen:] for c in out if isinstance(c, Send)]
    assert sorted(Counter(sent).values()) == [10, 10]


def test_a_large_pool_is_restored_with_its_weights() -> None:
    """Where ready servers are kept as an array, that array knows the learned weights too."""
    servers = {f"mta-{k}": Server() for k in range(60)}
    chosen = policy(ReputationWeighing())
    play = Rehearsal(servers, chosen, partly({"mta-0": 0.1, "mta-1": 0.5}, BLOCKED))
    stream = Stream(play, rate=60)
    stream.flow(65)
    twin = Dispatcher(servers, chosen)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    stream.flow(20)
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands


@pytest.mark.parametrize("batch", [1, 20])
def test_a_restored_dispatcher_weighs_as_the_original(batch: int) -> None:
    """From JSON in the middle of learning: the same commands from there on."""
    chosen = policy(
        StaticWeighing(),
        ReputationWeighing(),
        LatencyWeighing(),
        QuotaLeftWeighing(),
        SlowStartWeighing(),
        DeliveryRateWeighing(),
    )
    servers = {"a": Server(weight=2), "b": Server(), "c": Server(weight=0.7)}
    play = Rehearsal(servers, chosen, partly({"a": 0.6, "b": 0.9}, BLOCKED), batch=batch)
    stream = Stream(play)
    stream.flow(95)
    twin = Dispatcher(servers, chosen, batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    stream.flow(120)
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands
    assert twin.snapshot()["pool"] == play.dispatcher.snapshot()["pool"]
