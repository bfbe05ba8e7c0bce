"""Runs that are stopped, fail or are begun otherwise, and then go on in the same folder."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import ConfigError, Scenario
from mstoolkit.eventlog import read_log, read_manifest
from mstoolkit.live import send
from mstoolkit.live.spool import Spool, ambiguous, finals
from mstoolkit.replay import replay
from mstoolkit.sinks import Sinks

SCALE = 120.0


def stopping(share: float) -> dict[str, Any]:
    """Return what ends a run when a share of it is done."""
    stop = asyncio.Event()

    def enough(done: float) -> None:
        if done >= share:
            stop.set()

    return {"stop": stop, "progress": enough}


def _made(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_stopped_run_goes_on(bench: Scenario, tmp_path: Path) -> None:
    """Stopped twice, then ended: servers are in use again, and it is one run in one log."""
    out = tmp_path / "run"
    async with Sinks(bench, time_scale=SCALE, any_port=True) as sinks:
        go_on = partial(
            send, bench, "smooth-weighted", out=out, time_scale=SCALE, sinks=sinks, limit=300
        )
        first = await go_on(**stopping(0.2))
        assert first.interrupted
        assert first.totals["queued"] > 0
        second = await go_on(**stopping(0.5))
        assert second.manifest.epoch == first.manifest.epoch
        assert second.totals["delivered"] > first.totals["delivered"]
        last = await go_on()
        accepted = Counter(one.address for one in sinks.accepted())
    assert not last.interrupted
    assert (last.starts, last.ambiguous) == (3, 0)
    assert last.totals["enqueued"] == 300
    assert last.totals["queued"] == 0
    assert accepted.total() == len(accepted)
    assert len(list(finals(out))) == 300
    log = read_log(out)
    changes = log[log["event"] == "changed"]["category"].value_counts()
    assert changes["restored"] == 6
    assert not (log["event"] == "connection_failed").any()
    assert read_manifest(out) == last.manifest
    assert replay(out).identical


async def test_a_run_that_is_done_stays_so(bench: Scenario, tmp_path: Path) -> None:
    """The same command once more sends nothing and says that all is done."""
    async with Sinks(bench, time_scale=SCALE, any_port=True) as sinks:
        again = partial(
            send, bench, "round-robin", out=tmp_path, time_scale=SCALE, sinks=sinks, limit=20
        )
        run = await again()
        with pytest.raises(ConfigError, match="another run, which is done"):
            await again()
    assert read_manifest(tmp_path) == run.manifest
    assert len(list(finals(tmp_path))) == 20


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"seed": 1}, "seed"),
        ({"limit": 21}, "limit"),
        ({"strategy": "round-robin"}, "strategy"),
    ],
)
async def test_another_command_does_not_go_on(
    bench: Scenario, tmp_path: Path, options: dict[str, Any], key: str
) -> None:
    """What differs is named, and the run can still be taken up afterwards."""
    async with Sinks(bench, time_scale=SCALE, any_port=True) as sinks:
        common: dict[str, Any] = {"out": tmp_path, "time_scale": SCALE, "sinks": sinks}
        same: dict[str, Any] = {"strategy": "smooth-weighted", "limit": 20, "seed": 0}
        await send(bench, **common, **same, **stopping(0.0))
        with pytest.raises(ConfigError, match=f"begun with another {key}") as caught:
            await send(bench, **common, **{**same, **options})
        assert caught.value.remedy
        run = await send(bench, **common, **same)
    assert run.totals["queued"] == 0


async def test_a_full_disk_ends_the_run_and_loses_nothing(
    bench: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence when the spool is full; with room the run goes on, and nobody is left out."""
    out = tmp_path / "run"
    async with Sinks(bench, time_scale=SCALE, any_port=True) as sinks:
        go_on = partial(send, bench, "round-robin", out=out, time_scale=SCALE, sinks=sinks)
        with monkeypatch.context() as small:
            small.setattr(Spool, "at", partial(Spool.at, most=100_000))
            with pytest.raises(ConfigError, match="disk is full; make room and give the same"):
                await go_on()
        before = len(list(finals(out)))
        assert before > 20
        run = await go_on()
        accepted = Counter(one.address for one in sinks.accepted())
    assert run.totals["queued"] == 0
    assert len(list(finals(out))) == run.totals["enqueued"] == 600
    assert accepted.total() - len(accepted) <= run.ambiguous == len(list(ambiguous(out)))
    assert replay(out).identical


async def test_a_run_that_cannot_begin_leaves_nothing(
    bench: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that is full from the start, or a port where nobody listens: no folder is made."""
    async with Sinks(bench, time_scale=SCALE, any_port=True) as sinks:
        begin = partial(send, bench, "round-robin", time_scale=SCALE, sinks=sinks)
        with monkeypatch.context() as small:
            small.setattr(Spool, "at", partial(Spool.at, most=30_000))
            with pytest.raises(ConfigError, match="disk is full"):
                await begin(out=tmp_path / "full")
        with pytest.raises(ConfigError, match="cannot be reached"):
            await begin(out=tmp_path / "away", addresses={"one": ("127.0.0.1", 9)})
    assert not _made(tmp_path)


async def test_what_is_lost_is_counted(through_sinks: Callable[..., Any], bench: Scenario) -> None:
    """A server that cuts after the final dot: each such attempt is ambiguous, and told so."""

    def drop(sinks: Sinks) -> None:
        sinks.fault("drop", "two")

    run, sinks = await through_sinks(before=drop, limit=100)
    doubts = list(ambiguous(run.folder))
    assert run.ambiguous == run.manifest.notes["ambiguous"] == len(doubts) > 0
    assert {each.server for each in doubts} == {"two"}
    assert len(doubts) == sinks.dropped["two"]


async def test_one_sender_at_a_time(bench: Scenario, tmp_path: Path) -> None:
    """A second sender in the same folder is refused while the first one goes on undisturbed."""
    async with Sinks(bench, time_scale=SCALE, any_port=True) as sinks:
        go = partial(
            send,
            bench,
            "round-robin",
            out=tmp_path / "run",
            time_scale=SCALE,
            sinks=sinks,
            limit=60,
        )
        begun = asyncio.Event()
        first = asyncio.create_task(go(progress=lambda _: begun.set()))
        await begun.wait()
        with pytest.raises(ConfigError, match="another process sends from this folder"):
            await go()
        assert (await first).totals["queued"] == 0
