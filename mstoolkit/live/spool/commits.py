"""Group commit: what comes in one turn of the event loop becomes safe in one transaction.

What nobody waits for goes with the next transaction that somebody does, or after 10 ms.

In WAL mode with ``synchronous=NORMAL`` a commit hands pages to the operating system and waits for
no disk, so it is done by the loop itself: a thread would wait for the interpreter's lock longer
than the commit takes. With ``FULL`` a commit waits for the disk, in a thread; what comes meanwhile
goes with the next one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from mstoolkit.live.spool.trouble import told

_SOON = 0.01  # s
Rows = dict[str, list[tuple[Any, ...]]]
Waiting = list[asyncio.Future[None]]


class Commits:
    """Collects rows, and commits all that are there at once.

    Parameters
    ----------
    db : sqlite3.Connection
        In autocommit mode, usable from any thread.
    statements : mapping of str to str
        What to do with a row, by name; a transaction carries them out in this order.
    file : Path
        Named in errors.
    in_thread : bool
        Whether a commit waits for the disk.

    Attributes
    ----------
    failure : Exception or None
        Why nothing can be made safe any more. What was not committed by then never will be.
    """

    def __init__(
        self, db: sqlite3.Connection, statements: Mapping[str, str], file: Path, *, in_thread: bool
    ) -> None:
        self.failure: Exception | None = None
        self._db = db
        self._statements = statements
        self._file = file
        self._thread = ThreadPoolExecutor(1, "spool") if in_thread else None
        self._rows: Rows = {name: [] for name in statements}
        self._waiting: Waiting = []
        self._timer: asyncio.TimerHandle | None = None
        self._scheduled = False
        self._committing = False

    def put(self, name: str, row: tuple[Any, ...]) -> None:
        """Take a row; it is safe after the next commit.

        Raises
        ------
        ConfigError
            If an earlier commit failed.
        """
        if self.failure is not None:
            raise self.failure
        self._rows[name].append(row)
        if not self._scheduled and self._timer is None:
            self._later()

    async def safe(self) -> None:
        """Wait until all that was put so far is safe.

        Raises
        ------
        ConfigError
            If it cannot be made so.
        """
        if self.failure is not None:
            raise self.failure
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)
        await future

    def flush(self) -> None:
        """Commit at once, where no event loop runs yet.

        Raises
        ------
        ConfigError
            If it fails.
        """
        self._write(self._taken()[0])
        self._db.execute("COMMIT")

    def end(self) -> None:
        """Take no more; what is under way is finished."""
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.shutdown(wait=True)

    def _later(self) -> None:
        """Commit soon, if nobody who waits makes it sooner."""
        with suppress(RuntimeError):  # no loop runs yet: somebody will flush
            self._timer = asyncio.get_running_loop().call_later(_SOON, self._turn)

    def _taken(self) -> tuple[Rows, Waiting]:
        rows, self._rows = self._rows, {name: [] for name in self._statements}
        waiting, self._waiting = self._waiting, []
        return rows, waiting

    def _turn(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._committing:
            return  # its end is another turn
        self._scheduled = False
        rows, waiting = self._taken()
        try:
            self._write(rows)
            if self._thread is None:
                self._db.execute("COMMIT")
        except Exception as error:  # whoever waits must hear of it
            self._fail(error, waiting)
            return
        if self._thread is None:
            _release(waiting)
            return
        self._committing = self._scheduled = True
        loop = asyncio.get_running_loop()
        under_way = loop.run_in_executor(self._thread, self._db.execute, "COMMIT")
        under_way.add_done_callback(lambda done: self._committed(done, waiting))

    def _committed(self, done: asyncio.Future[sqlite3.Cursor], waiting: Waiting) -> None:
        self._committing = self._scheduled = False
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Exception):
            self._fail(error, waiting)
            return
        _release(waiting)
        if self._waiting or any(self._rows.values()):
            self._scheduled = True
            self._turn()

    def _write(self, rows: Rows) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        for name, these in rows.items():
            if these:
                db.executemany(self._statements[name], these)

    def _fail(self, error: Exception, waiting: Waiting) -> None:
        self.failure = told(error, self._file) if isinstance(error, sqlite3.Error) else error
        if self._db.in_transaction:
            with suppress(sqlite3.Error):  # it may have rolled back by itself
                self._db.execute("ROLLBACK")
        for future in (*waiting, *self._taken()[1]):
            if not future.done():
                future.set_exception(self.failure)


def _release(waiting: Waiting) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
