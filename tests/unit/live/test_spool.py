"""The spool's file: what is safe, what ends once, and every way in which it can be unusable."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.live.spool import Recipient, Spool, ambiguous, epoch_of, finals, schema
from mstoolkit.live.spool.codec import (
    Observed,
    decode,
    encode,
    encode_observed,
    send_of,
    send_values,
)
from mstoolkit.model import (
    Closed,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Finish,
    Halted,
    Lost,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Tick,
    Withdrawn,
)

LOT = Lot(3, "spring", "spring", "marketing", "gmail", "active", float("inf"))
PARCEL = Parcel(LOT, 7, 1, 2, 0.1, 4, "full")
OK = Reply(250, "2.0.0", "taken", "data")
NO = Reply(550, "5.1.1", "Nobody here", "dsn")
EVENTS: list[Event] = [
    Enqueued(0.1, PARCEL, suppressed=True),
    Withdrawn(0.2, "spring", 3, 4),
    Replied(1 / 3, 5, ((OK, 2), (NO, 1)), 3, 0.25, closed=True),
    ConnectionFailed(0.4, 6, Reply(0, "", "connection refused", "connect"), 0.5),
    Closed(0.5, 9),
    Lost(0.6, 7),
    Feedback(0.7, "dsn", "one", PARCEL, 0.2, NO),
    Feedback(0.8, "complained", "one", PARCEL, 0.2),
    PoolChanged(0.9, "one", "edited", '{"weight": 2}'),
    Halted(1.0, 2.0, "one", "gmail", "", "", "because"),
    PolicyChanged(1.1, "{}"),
    Tick(1.2),
]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool with ten messages."""
    one = Spool.at(tmp_path / "run")
    one.begin({"identity": {}, "epoch": 12.5}, [Enqueued(0.0, Parcel(LOT, 0, 10))])
    yield one
    one.close()


def attempt(token: int, position: int) -> Send:
    return Send(token, "one", "gmail", Parcel(LOT, position, 1), 0)


def delivered(position: int) -> Finish:
    return Finish(Parcel(LOT, position, 1), "delivered", 1, "", OK, "one")


async def carried(spool: Spool, position: int) -> None:
    """Put a message on the wire and record that it was taken."""
    await spool.on_wire(attempt(position, position))
    spool.record(Replied(1.0, position, ((OK, 1),)), [delivered(position)])
    await spool.safe()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_come_back_as_they_were(event: Event) -> None:
    """Every kind of event survives JSON, floats to the last bit."""
    assert decode(encode(event), {3: LOT}) == event


def test_observations_and_attempts_come_back_as_they_were() -> None:
    """So does what the dispatcher was not told, and what it had sent."""
    news = Feedback(0.7, "opened", "one", PARCEL, 0.2)
    assert decode(encode_observed(news, "person"), {3: LOT}) == Observed(news, "person")
    send = Send(4, "one", "gmail", PARCEL, 2, True, 1, 0.5)
    assert send_of(send_values(send), {3: LOT}) == send


async def test_what_was_awaited_is_in_the_file(spool: Spool) -> None:
    """Another connection sees the message on the wire before `on_wire` returns."""
    await spool.on_wire(attempt(0, 4))
    with sqlite3.connect(spool.file) as other:
        assert other.execute("SELECT * FROM wire").fetchall() == [(0, "spring", 4, "one")]
    other.close()


@pytest.mark.parametrize("sync", ["normal", "full"])
async def test_many_wait_for_one_commit(tmp_path: Path, sync: schema.Sync) -> None:
    """A hundred messages at once are in few transactions, each safe when its turn comes."""
    spool = Spool.at(tmp_path, sync=sync)
    spool.begin({"epoch": 0.0}, [Enqueued(0.0, Parcel(LOT, 0, 100))])
    commits: list[str] = []
    spool._db.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    await asyncio.gather(*(carried(spool, k) for k in range(100)))
    assert len(commits) <= 6
    assert [end.position for end in finals(tmp_path)] == list(range(100))
    spool.close()


async def test_mail_is_safe_when_enqueued(spool: Spool, tmp_path: Path) -> None:
    """What is enqueued is there after a new start; what the dispatcher has is not given twice."""
    later = Lot(4, "autumn", "autumn", "marketing", "gmail", "active", 9.0)
    await spool.enqueue([Enqueued(5.0, Parcel(later, 0, 3), suppressed=True)])
    spool.record(Enqueued(0.5, Parcel(LOT, 0, 10)), [])
    await spool.safe()
    spool.close()
    again = Spool.at(tmp_path / "run")
    assert again.waiting() == [Enqueued(5.0, Parcel(later, 0, 3), suppressed=True)]
    assert again.messages == 13
    again.close()


async def test_recipients_and_contents_are_kept(spool: Spool) -> None:
    """Three thousand recipients with fields of their own, and one content that they share."""
    digest = await spool.put_content(b"Subject: hello\r\n\r\nDear you\r\n")
    assert await spool.put_content(spool.content(digest)) == digest
    people = (Recipient("spring", k, f"p{k}@x.example", {"n": k}, digest) for k in range(3_000))
    assert await spool.put_recipients(people) == 3_000
    assert spool.recipient("spring", 2_999) == Recipient(
        "spring", 2_999, "p2999@x.example", {"n": 2_999}, digest
    )
    with pytest.raises(KeyError):
        spool.recipient("spring", 3_000)
    with pytest.raises(KeyError):
        spool.content(b"nothing")


async def test_an_answer_takes_a_message_off_the_wire(spool: Spool, tmp_path: Path) -> None:
    """A reply leaves nothing; a loss leaves a record that tells which message went out twice."""
    await carried(spool, 0)
    await spool.on_wire(attempt(1, 5))
    assert spool.wired == {1}
    spool.record(Lost(3.0, 1), [])
    spool.record(Lost(3.0, 2), [])  # it never came so far
    await spool.safe()
    assert spool.count("wire") == 0
    assert [(one.token, one.position, one.at) for one in ambiguous(tmp_path / "run")] == [
        (1, 5, 3.0)
    ]


async def test_a_message_ends_once(spool: Spool) -> None:
    """A second end is a defect and is not written; the first one stands."""
    await carried(spool, 0)
    spool.record(Tick(2.0), [Finish(Parcel(LOT, 0, 1), "expired", 1, "too old")])
    with pytest.raises(RuntimeError, match="would end twice"):
        await spool.safe()
    with pytest.raises(RuntimeError, match="would end twice"):
        spool.record(Tick(3.0), [])
    assert [end.outcome for end in finals(spool.file.parent)] == ["delivered"]


async def test_only_a_dsn_has_a_later_word(spool: Spool) -> None:
    """A bounce that is reported after delivery replaces it, with its reply."""
    await carried(spool, 0)
    parcel = Parcel(LOT, 0, 1)
    bounced = Finish(parcel, "bounced", 1, "bad_mailbox", NO, "one")
    spool.record(Feedback(9.0, "dsn", "one", parcel, 1.0, NO), [bounced])
    await spool.safe()
    assert [(end.outcome, end.code, end.reply) for end in finals(spool.file.parent)] == [
        ("bounced", 550, "5.1.1 Nobody here")
    ]


async def test_a_range_ends_message_by_message(spool: Spool) -> None:
    """Each of those that were never cut from a parcel has an end of its own."""
    spool.record(Tick(2.0), [Finish(Parcel(LOT, 2, 5), "expired", 5, "too old")])
    await spool.safe()
    assert [(end.position, end.outcome) for end in finals(spool.file.parent)] == [
        (k, "expired") for k in range(2, 7)
    ]


async def test_a_snapshot_takes_the_place_of_events(spool: Spool, tmp_path: Path) -> None:
    """What came before it is not kept; what comes after is numbered on, also after a new start."""
    for k in range(5):
        spool.record(Tick(float(k)), [])
    spool.snapshot({"x": 1})
    spool.record(Tick(5.0), [])
    await spool.safe()
    spool.close()
    again = Spool.at(tmp_path / "run")
    assert again.latest() == {"x": 1}
    assert list(again.events()) == [Tick(5.0)]
    again.snapshot({"x": 2})
    await again.safe()
    again.close()
    last = Spool.at(tmp_path / "run")
    last.record(Tick(6.0), [])
    await last.safe()
    assert list(last.events()) == [Tick(6.0)]
    last.close()


# -- what can be wrong


def refused(folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Spool.at(folder)
    assert str(folder) in caught.value.file
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """Whoever waits is told, nothing more is taken, and all that was safe is there afterwards."""
    spool = Spool.at(tmp_path, most=120_000)
    spool.begin({"epoch": 0.0}, [Enqueued(0.0, Parcel(LOT, 0, 10_000))])
    done: list[int] = []

    async def go_on() -> None:
        for k in range(10_000):
            await carried(spool, k)
            done.append(k)

    with pytest.raises(ConfigError, match="the disk is full; make room and give the same command"):
        await go_on()
    assert len(done) > 100
    with pytest.raises(ConfigError, match="the disk is full"):
        await spool.on_wire(attempt(9_999, 9_999))
    with pytest.raises(ConfigError, match="the disk is full"):
        spool.record(Tick(1.0), [])
    spool.close()
    again = Spool.at(tmp_path)
    assert [end.position for end in finals(tmp_path)] == done
    await carried(again, len(done) + 1)
    again.close()


@pytest.mark.parametrize("what", ["nonsense", "torn", "another"])
async def test_a_damaged_file_is_told(spool: Spool, tmp_path: Path, what: str) -> None:
    """No database, one with a hole, one of another program: one sentence, and it is left alone."""
    for k in range(10):
        await carried(spool, k)
    spool.close()
    file = spool.file
    if what == "nonsense":
        file.write_bytes(b"this is no database" * 400)
    elif what == "torn":
        content = bytearray(file.read_bytes())
        content[8_192:20_480] = b"\xff" * 12_288
        file.write_bytes(content)
    else:
        with sqlite3.connect(file) as db:
            db.execute("PRAGMA application_id = 1")
        db.close()
    before = file.read_bytes()
    assert "is damaged" in str(refused(tmp_path / "run"))
    assert file.read_bytes() == before


def test_another_version_is_told(spool: Spool, tmp_path: Path) -> None:
    """A spool of a later toolkit is not touched."""
    spool.close()
    with sqlite3.connect(spool.file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert "is a spool of version 99" in str(refused(tmp_path / "run"))


def test_one_process_has_it_at_a_time(spool: Spool, tmp_path: Path) -> None:
    """A second sender is refused at once; when the first is gone, even by a kill, it may."""
    assert "another process sends from this folder" in str(refused(tmp_path / "run"))
    spool.close()
    holding = (
        "import sys, os, pathlib; from mstoolkit.live.spool import Spool;"
        "Spool.at(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert "another process" in str(refused(tmp_path / "run"))
        other.kill()
    Spool.at(tmp_path / "run").close()


async def test_a_lock_from_outside_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes into the file with another program: one sentence, nothing lost."""
    monkeypatch.setattr(schema, "_PATIENCE", 0.05)
    spool = Spool.at(tmp_path)
    spool.begin({"epoch": 0.0}, [])
    other = sqlite3.connect(spool.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ConfigError, match="is in use by another process"):
        await spool.on_wire(attempt(0, 0))
    other.close()
    spool.close()


def test_a_run_that_did_not_begin_leaves_nothing(tmp_path: Path) -> None:
    """A folder that was made goes again; one that was there stays."""
    Spool.at(tmp_path / "new").discard()
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    Spool.at(tmp_path / "old").discard()
    assert list((tmp_path / "old").iterdir()) == []
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "below")


def test_the_epoch_can_be_asked_for(spool: Spool, tmp_path: Path) -> None:
    """Of a run, of a spool in which none has begun, and of a folder without one."""
    assert epoch_of(tmp_path / "run") == 12.5
    assert epoch_of(tmp_path) is None
    Spool.at(tmp_path / "other").close()
    assert epoch_of(tmp_path / "other") is None
