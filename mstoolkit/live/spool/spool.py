"""The durable queue of a live run: one SQLite file in its folder.

Whatever the process is killed at, the file says what was to be sent, what the dispatcher was told,
what may have gone out without an answer, and how each message ended.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from mstoolkit.config import ConfigError
from mstoolkit.live.spool.codec import (
    Observed,
    decode,
    encode,
    encode_observed,
    lot_of,
    lot_text,
    parcel_of,
    parcel_values,
)
from mstoolkit.live.spool.commits import Commits
from mstoolkit.live.spool.schema import NAME, STATEMENTS, Sync, connected, make_tables
from mstoolkit.live.spool.trouble import FolderLock, damaged, told
from mstoolkit.model import (
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Finish,
    Lost,
    Lot,
    Replied,
    Send,
)

_ANSWERS = frozenset({Replied, ConnectionFailed, Lost})
_BLOCK = 1_000


class Recipient(NamedTuple):
    """Who is written to at a position of a list, with fields for a template or a whole message.

    Parameters
    ----------
    list : str
        The recipient list.
    position : int
        Where in it, from 0.
    address : str
        The address.
    fields : mapping
        What differs from message to message; JSON-able.
    content : bytes or None
        Digest of the content, as `Spool.put_content` returned it.
    """

    list: str
    position: int
    address: str
    fields: Mapping[str, Any]
    content: bytes | None = None


class Spool:
    """A run's durable queue. One process has it at a time.

    Use `Spool.at`, which makes the folder and takes its lock.

    Parameters
    ----------
    folder : Path
        The run's folder.
    sync : {"normal", "full"}
        ``normal`` survives whatever ends the process; a power cut may take what was committed in
        the last moments, so that mail which went out then is sent once more. ``full`` waits for the
        disk before each final dot.
    most : int, optional
        Bytes that the file may grow to.

    Raises
    ------
    ConfigError
        If it is in use, damaged or of another version.
    """

    def __init__(self, folder: Path, *, sync: Sync = "normal", most: int | None = None) -> None:
        self.file = folder / NAME
        self._lock = FolderLock(folder)
        try:
            self._db = connected(self.file, sync, most)
        except BaseException:
            self._lock.release()
            raise
        self._commits = Commits(self._db, STATEMENTS, self.file, in_thread=sync == "full")
        self._lots: dict[int, Lot] = {}
        self._wired: set[int] = set()
        self._next = 0
        self._made = False
        self.meta: dict[str, Any] = {}
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    @classmethod
    def at(cls, folder: Path, *, sync: Sync = "normal", most: int | None = None) -> Spool:
        """Open the spool of a folder; make both where they are missing."""
        made = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the output folder cannot be made: {error.strerror}",
                file=str(folder),
                remedy="name a folder that can be written",
            ) from None
        spool = cls(folder, sync=sync, most=most)
        spool._made = made
        return spool

    def _read(self) -> None:
        try:
            if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return
            rows = self._db.execute("SELECT key, value FROM meta").fetchall()
            self.meta = {key: json.loads(value) for key, value in rows}
            self._lots = {
                number: lot_of(body) for number, body in self._db.execute("SELECT * FROM lots")
            }
            self._wired = {token for (token,) in self._db.execute("SELECT token FROM wire")}
            last = self._db.execute(
                "SELECT max(coalesce((SELECT max(id) + 1 FROM events), 0),"
                " coalesce((SELECT events FROM snapshot), 0))"
            ).fetchone()[0]
            self._next = last
        except sqlite3.Error as error:
            raise told(error, self.file) from None
        except (ValueError, TypeError, KeyError) as error:
            raise damaged(self.file, f"{type(error).__name__}: {error}") from None

    # -- what is to be sent

    def begin(self, meta: Mapping[str, Any], arrivals: Sequence[Enqueued]) -> None:
        """Make the tables, say what the run is and enqueue its mail: all of it, or nothing.

        Raises
        ------
        ConfigError
            If that cannot be made safe.
        """
        try:
            make_tables(self._db)
            for key, value in meta.items():
                self.note(key, value)
            self._put_parcels(arrivals)
            self._commits.flush()
        except sqlite3.Error as error:
            raise told(error, self.file) from None

    async def enqueue(self, arrivals: Iterable[Enqueued]) -> None:
        """Take mail over; it is safe on return.

        Raises
        ------
        ConfigError
            If it cannot be made safe; none of it is enqueued then.
        """
        self._put_parcels(arrivals)
        await self._commits.safe()

    def _put_parcels(self, arrivals: Iterable[Enqueued]) -> None:
        for event in arrivals:
            parcel = event.parcel
            self._know(parcel.lot)
            body = json.dumps(parcel_values(parcel))
            self._commits.put(
                "parcel",
                (parcel.lot.id, parcel.first, parcel.n, event.at, event.suppressed, body),
            )

    async def put_content(self, body: bytes) -> bytes:
        """Keep a message, or what messages have in common; return its digest, when it is safe."""
        digest = blake2b(body, digest_size=16).digest()
        self._commits.put("content", (digest, body))
        await self._commits.safe()
        return digest

    async def put_recipients(self, recipients: Iterable[Recipient]) -> int:
        """Keep who is written to, in bounded memory; return how many, when all are safe."""
        count = 0
        for count, each in enumerate(recipients, 1):
            fields = json.dumps(dict(each.fields), separators=(",", ":"))
            self._commits.put(
                "recipient", (each.list, each.position, each.address, fields, each.content)
            )
            if count % _BLOCK == 0:
                await self._commits.safe()
        await self._commits.safe()
        return count

    def recipient(self, name: str, position: int) -> Recipient:
        """Return who is written to at a position of a list.

        Raises
        ------
        KeyError
            If there is nobody.
        """
        row = self._db.execute(
            "SELECT address, fields, content FROM recipients WHERE list = ? AND position = ?",
            (name, position),
        ).fetchone()
        if row is None:
            raise KeyError((name, position))
        return Recipient(name, position, row[0], json.loads(row[1]), row[2])

    def content(self, digest: bytes) -> bytes:
        """Return what was kept under a digest.

        Raises
        ------
        KeyError
            If nothing was.
        """
        row = self._db.execute("SELECT body FROM contents WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest.hex())
        return bytes(row[0])

    def waiting(self) -> list[Enqueued]:
        """Return the mail that the dispatcher was not given yet, in order of time."""
        rows = self._db.execute(
            "SELECT at, body, suppressed FROM parcels WHERE NOT handed ORDER BY at, id"
        )
        return [
            Enqueued(at, parcel_of(json.loads(body), self._lots), bool(barred))
            for at, body, barred in rows
        ]

    # -- what happens

    def record(self, event: Event, commands: Sequence[Command]) -> None:
        """Keep an event that the dispatcher was given, and what it ended.

        Raises
        ------
        ConfigError
            If an earlier record could not be made safe.
        """
        put, kind = self._commits.put, event.__class__
        if isinstance(event, Enqueued | Feedback):
            self._know(event.parcel.lot)
        put("event", (self._next, encode(event)))
        self._next += 1
        if kind in _ANSWERS:
            self._answered(event)
        elif isinstance(event, Enqueued):
            put("handed", (event.parcel.lot.id, event.parcel.first))
        for command in commands:
            if command.__class__ is Finish:
                self._ended(command, event)

    def observe(self, feedback: Feedback, category: str | None) -> None:
        """Keep news that the dispatcher was not told."""
        self._know(feedback.parcel.lot)
        self._commits.put("event", (self._next, encode_observed(feedback, category)))
        self._next += 1

    async def on_wire(self, send: Send) -> None:
        """Say that a message's final dot is about to go out; it may, on return.

        Raises
        ------
        ConfigError
            If that cannot be made safe; the dot must not go out then.
        """
        parcel = send.parcel
        self._commits.put("wired", (send.token, parcel.lot.list, parcel.first, send.server))
        self._wired.add(send.token)
        await self._commits.safe()

    def _answered(self, event: Any) -> None:
        token = event.token
        if token not in self._wired:
            return
        self._wired.discard(token)
        if event.__class__ is Lost:
            self._commits.put("ambiguous", (token, event.at))
        self._commits.put("answered", (token,))

    def _ended(self, end: Finish, event: Event) -> None:
        parcel, reply = end.parcel, end.reply
        if parcel.first < 0:
            raise RuntimeError(f"a message ended that nobody knows, please report this: {end}")
        code, text = (reply.code, f"{reply.status} {reply.text}".strip()) if reply else (0, "")
        row = (
            parcel.lot.list, parcel.first, end.outcome, end.reason, end.server, code, text, event.at
        )  # fmt: skip
        if isinstance(event, Feedback) and end.parcel is event.parcel:
            self._commits.put("reversed", row)
        elif end.n == 1:
            self._commits.put("final", row)
        else:
            self._commits.put("finals", (*row, end.n))

    def _know(self, lot: Lot) -> None:
        if lot.id not in self._lots:
            self._lots[lot.id] = lot
            self._commits.put("lot", (lot.id, lot_text(lot)))

    def note(self, key: str, value: Any) -> None:
        """Keep a fact of the run."""
        self.meta[key] = value
        self._commits.put("meta", (key, json.dumps(value)))

    def snapshot(self, state: Mapping[str, Any]) -> None:
        """Keep the state as it is after what was recorded, which need not be kept any longer."""
        self._commits.put("snapshot", (self._next, json.dumps(state, separators=(",", ":"))))
        self._commits.put("covered", (self._next,))

    async def safe(self) -> None:
        """Wait until all that was recorded is safe.

        Raises
        ------
        ConfigError
            If it cannot be made so.
        """
        await self._commits.safe()

    @property
    def failure(self) -> Exception | None:
        """Why nothing can be made safe any more."""
        return self._commits.failure

    # -- taking up

    @property
    def begun(self) -> bool:
        """Whether there is a run in it."""
        return bool(self.meta)

    @property
    def lots(self) -> Mapping[int, Lot]:
        """All lots, by number."""
        return self._lots

    @property
    def wired(self) -> frozenset[int]:
        """Tokens of messages that may have gone out and were not answered."""
        return frozenset(self._wired)

    def latest(self) -> Any:
        """Return the latest snapshot, or None."""
        row = self._db.execute("SELECT body FROM snapshot").fetchone()
        return None if row is None else json.loads(row[0])

    def events(self) -> Iterator[Event | Observed]:
        """Yield what was recorded since then, in order."""
        for (body,) in self._db.execute("SELECT body FROM events ORDER BY id"):
            yield decode(body, self._lots)

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    @property
    def messages(self) -> int:
        """How many messages were enqueued."""
        return int(self._db.execute("SELECT coalesce(sum(n), 0) FROM parcels").fetchone()[0])

    def close(self) -> None:
        """Close the file, give the folder back. What is not safe by now is dropped."""
        self._commits.end()
        with suppress(sqlite3.Error):
            self._db.close()
        self._lock.release()

    def discard(self) -> None:
        """Close, and take back what was made: the run did not begin."""
        self.close()
        for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
            (self.file.parent / name).unlink(missing_ok=True)
        if self._made:
            with suppress(OSError):  # somebody else has put something there
                self.file.parent.rmdir()
