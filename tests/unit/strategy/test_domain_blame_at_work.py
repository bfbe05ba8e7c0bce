"""Replies that blame the sending domain: all paths to that ISP rest or slow down, no others."""

from __future__ import annotations

import json

import pytest

from mstoolkit.config import Breaker, Failover, Pacing, Policy, Server
from mstoolkit.config.isolation import ConsecutiveSpec
from mstoolkit.config.pacing import AimdSpec
from mstoolkit.config.rotation import SmoothWeightedSpec
from mstoolkit.config.weighting import ReputationWeighing
from mstoolkit.model import Enqueued, Lot, Parcel, Probed, Replied, Reply, Resumed, Send, Suspended
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
YAHOO = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
DOMAIN = Reply(421, "4.7.28", "an unusual rate of mail from your DKIM domain, slow down", "data")
THREE = {"a": Server(), "b": Server(), "c": Server()}
FIVE_IN_A_ROW = Breaker(failures=5, window=60.0, base=100.0, probe=3)


def policy(path: Breaker = FIVE_IN_A_ROW, **more: object) -> Policy:
    pacing = {"rate": 2.0, "burst": 1, "connections": 10, **more.pop("pacing", {})}  # type: ignore[dict-item]
    outliers = more.pop("outliers", None)
    return Policy(
        rotation=SmoothWeightedSpec(kind="smooth-weighted"),
        pacing=Pacing(**pacing),
        failover=Failover(path=path, outliers=outliers),
        **more,
    )


class Provider:
    """Blames our domain in what Gmail answers at certain times."""

    def __init__(self, *times: tuple[float, float]) -> None:
        self.times = times

    def __call__(self, at: float, send: Send) -> Replied:
        bad = send.isp == "gmail" and any(begin <= at < end for begin, end in self.times)
        return Replied(at + send.span + 0.1, send.token, ((DOMAIN if bad else OK, send.parcel.n),))


def rehearsal(chosen: Policy, *times: tuple[float, float], batch: int = 1) -> Rehearsal:
    play = Rehearsal(THREE, chosen, Provider(*times), batch=batch)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 6000)))
    play.tell(Enqueued(0.0, Parcel(YAHOO, 10_000, 6000)))
    return play


def sent(play: Rehearsal, isp: str, begin: float, end: float) -> int:
    sends = play.all(Send)
    return sum(s.parcel.n for at, s in sends if s.isp == isp and begin <= at < end)


@pytest.mark.parametrize("batch", [1, 20])
def test_all_paths_to_the_isp_rest(batch: int) -> None:
    """Five such replies, spread over three servers, suspend all three there; Yahoo goes on."""
    play = rehearsal(policy(), (0.0, 5.0), batch=batch)
    play.run(400.0)
    notices = [notice for _, notice in play.all(Suspended)]
    assert {(n.server, n.isp) for n in notices} == {(name, "gmail") for name in THREE}
    assert len({n.until for n in notices}) == 1
    until = notices[0].until
    assert sent(play, "gmail", until - 95.0, until) == 0
    assert sent(play, "yahoo", until - 95.0, until) > 3 * 2 * 80
    assert {command.server for _, command in play.all(Resumed)} == set(THREE)
    assert sent(play, "gmail", 250.0, 350.0) > 3 * 2 * 80


def test_good_results_end_it() -> None:
    """Blamed once more an hour later, it takes five replies again, and the first pause."""
    play = rehearsal(policy(pacing={"rate": 0.5}), (0.0, 15.0), (3600.0, 3601.0), (3700.0, 3720.0))
    play.run(3690.0)
    assert {round(notice.until - at) for at, notice in play.all(Suspended)} == {100}
    assert len(play.all(Suspended)) == 3  # not for the one or two of an hour later
    play.run(4000.0)
    assert len(play.all(Suspended)) == 6
    assert {round(notice.until - at) for at, notice in play.all(Suspended)} == {100}


def test_a_probe_that_it_meets_has_failed() -> None:
    """Blamed still after the pause: it rests again at once, and does not wait for a lease."""
    play = rehearsal(policy(), (0.0, 110.0))
    play.run(600.0)
    probes = sorted({round(at) for at, _ in play.all(Probed)})
    assert probes[:2] == [101, 301]  # twice as long, for all together
    assert {command.server for _, command in play.all(Resumed)} == set(THREE)


def test_failures_in_a_row_are_those_in_a_row() -> None:
    """Without a window a good result in between counts, whichever server it came by."""
    in_a_row = Breaker(failures=5, base=100.0)
    play = rehearsal(policy(path=in_a_row), *((10.0 * k, 10.0 * k + 0.3) for k in range(1, 20)))
    play.run(300.0)
    assert not play.all(Suspended)


def test_the_rates_of_all_paths_to_the_isp_are_cut() -> None:
    """By `adapt` of paths: every server sends less there, and none less elsewhere."""
    patient = Breaker(failures=10**6)
    chosen = policy(path=patient, pacing={"adapt": AimdSpec(kind="aimd", decrease=0.25)})
    play = rehearsal(chosen, (50.0, 50.4))
    play.run(120.0)
    for server in THREE:
        gmail = [at for at, s in play.all(Send) if (s.server, s.isp) == (server, "gmail")]
        yahoo = [at for at, s in play.all(Send) if (s.server, s.isp) == (server, "yahoo")]
        assert sum(20.0 <= at < 40.0 for at in gmail) == pytest.approx(40, abs=2)
        assert sum(52.0 <= at < 72.0 for at in gmail) <= 25
        assert sum(52.0 <= at < 72.0 for at in yahoo) == pytest.approx(40, abs=2)


def test_it_says_nothing_about_a_server() -> None:
    """No weight moves and nobody is isolated: another server would have met it too."""
    chosen = policy(
        path=Breaker(failures=10**6),
        weighting=(ReputationWeighing(),),
        outliers=ConsecutiveSpec(kind="consecutive", failures=5),
    )
    play = rehearsal(chosen, (0.0, 200.0))
    play.run(150.0)
    assert not play.all(Suspended)
    for row in play.dispatcher.snapshot()["pool"]["routes"]:
        assert row["weights"] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("batch", [1, 20])
@pytest.mark.parametrize("until", [3.0, 60.0, 103.0, 150.0])
def test_a_restored_dispatcher_blames_as_the_original(batch: int, until: float) -> None:
    """From JSON before the suspension, in it, amid the probes and after a second one."""
    chosen = policy(pacing={"adapt": AimdSpec(kind="aimd")})
    play = rehearsal(chosen, (0.0, 5.0), (108.0, 112.0), batch=batch)
    play.run(until)
    twin = Dispatcher(THREE, chosen, batch=batch)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    seen = len(play.log)
    play.run(500.0)
    for event, commands in play.log[seen:]:
        assert twin.handle(event) == commands
