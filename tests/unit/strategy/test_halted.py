"""What an operator lets rest until a time: a server, a path, an ISP, a stream, a campaign."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mstoolkit.config import ConfigError, Policy, Server
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import Enqueued, Halted, Lot, Parcel, Send, Suspended
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import Rehearsal

LOTS = [
    Lot(k, f"list-{k}", campaign, stream, isp, "active", 1e6)
    for k, (campaign, stream, isp) in enumerate(
        (campaign, stream, isp)
        for campaign, stream in (("spring", "marketing"), ("codes", "transactional"))
        for isp in ("gmail", "yahoo")
    )
]
POLICY = Policy(rotation=RoundRobinSpec(kind="round-robin"))
SERVERS = {"a": Server(), "b": Server()}


def after(halted: Halted) -> Counter[tuple[str, str, str]]:
    """Return how many messages went by (server, ISP, campaign) within a minute of a halt."""
    play = Rehearsal(SERVERS, POLICY)
    play.tell(halted)
    for lot in LOTS:
        play.tell(Enqueued(play.now, Parcel(lot, 0, 8)))
    play.run(60.0)
    sends = [send for _, send in play.all(Send)]
    return Counter((send.server, send.isp, send.parcel.lot.campaign) for send in sends)


@pytest.mark.parametrize(
    "named",
    [
        {"server": "a"},
        {"server": "a", "isp": "gmail"},
        {"isp": "gmail"},
        {"campaign": "spring"},
        {"campaign": "spring", "isp": "yahoo"},
        {"stream": "transactional"},
        {"stream": "marketing", "isp": "gmail"},
    ],
)
def test_what_is_named_rests_and_the_rest_goes_on(named: dict[str, str]) -> None:
    """Each scope alone: nothing of it is sent, and all the other mail that has a way."""
    sent = after(Halted(0.0, 100.0, **named))
    open_ways = [
        (server, lot)
        for server in SERVERS
        for lot in LOTS
        if any(
            value != {"server": server}.get(name, getattr(lot, name, None))
            for name, value in named.items()
        )
    ]
    assert set(sent) == {(server, lot.isp, lot.campaign) for server, lot in open_ways}
    assert sum(sent.values()) == 8 * len({lot.id for _, lot in open_ways})


def test_mail_that_waits_is_held_too() -> None:
    """What is on the wire finishes, what waits does not begin."""
    play = Rehearsal(SERVERS, POLICY)
    play.tell(Enqueued(0.0, Parcel(LOTS[0], 0, 100)))
    begun = len(play.open)
    play.tell(Halted(0.0, 100.0, campaign="spring"))
    play.run(60.0)
    assert 0 < len(play.all(Send)) == begun < 100


def test_it_ends_by_itself() -> None:
    """Held mail goes when the time is over, a server by a probe; the log says until when."""
    play = Rehearsal(SERVERS, POLICY)
    play.tell(Halted(0.0, 100.0, stream="marketing", reason="sale is off"))
    play.tell(Halted(0.0, 50.0, server="a"))
    play.tell(Enqueued(0.0, Parcel(LOTS[0], 0, 20)))
    assert {(n.server, n.until) for _, n in play.all(Suspended)} == {("", 100.0), ("a", 50.0)}
    play.run(99.0)
    assert not play.all(Send)
    play.run(200.0)
    assert play.totals["delivered"] == 20
    assert {send.server for _, send in play.all(Send)} == {"a", "b"}


def test_a_restored_sender_holds_it_as_long() -> None:
    """From JSON, in the middle of it."""
    play = Rehearsal(SERVERS, POLICY)
    play.tell(Halted(0.0, 100.0, campaign="spring"))
    play.tell(Enqueued(0.0, Parcel(LOTS[0], 0, 5)))
    twin = Dispatcher(SERVERS, POLICY)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    begun = len(play.log)
    play.run(300.0)
    for event, commands in play.log[begun:]:
        assert twin.handle(event) == commands
    assert play.totals["delivered"] == 5


@pytest.mark.parametrize(
    ("halted", "problem"),
    [(Halted(5.0, 9.0), "names nothing"), (Halted(5.0, 9.0, server="c"), "no server 'c'")],
)
def test_what_cannot_be_done_is_refused_and_nothing_happens(halted: Halted, problem: str) -> None:
    """Time has not moved, either."""
    dispatcher = Dispatcher(SERVERS, POLICY)
    before = dispatcher.snapshot()
    with pytest.raises(ConfigError, match=problem):
        dispatcher.handle(halted)
    assert dispatcher.snapshot() == before
