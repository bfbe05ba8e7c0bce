"""The log of a live run, written as it happens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mstoolkit.config import Scenario
from mstoolkit.eventlog.columns import Columns
from mstoolkit.eventlog.journal import Header, Journal
from mstoolkit.eventlog.manifest import Manifest
from mstoolkit.eventlog.rows import RowBuilder, feedback_row
from mstoolkit.eventlog.store import (
    EVENTS,
    JOURNAL,
    MANIFEST,
    fresh_folder,
    write_manifest,
    write_scenario,
    write_table,
)
from mstoolkit.model import Command, Event, Feedback, Send


class Begun(NamedTuple):
    """How far a log had come that goes on.

    Parameters
    ----------
    parts : int
        Parts that stay; what came after them is given to the writer once more.
    seq : int
        Number of the next event.
    attempts : tuple of (int, float, Send)
        Attempts that were open then: number of their event, its time (s), the attempt.
    """

    parts: int = 0
    seq: int = 0
    attempts: tuple[tuple[int, float, Send], ...] = ()


class LogWriter:
    """Appends to a journal, and turns it into a Parquet part whenever it is full.

    Parameters
    ----------
    folder : Path
        New or empty, unless `begun` is given.
    scenario : Scenario
        Stored beside the log.
    run, strategy : str
        Written into every row.
    hashed : bool
        Write hashes instead of recipients' addresses.
    part_rows : int or None
        Rows of a part; None: whoever writes says when (`roll`).
    begun : Begun, optional
        Go on with the log that is there. It stays as it is until `settle`.

    Raises
    ------
    ConfigError
        If the folder holds anything, and no log goes on.
    """

    def __init__(
        self,
        folder: Path,
        scenario: Scenario,
        *,
        run: str,
        strategy: str,
        hashed: bool = False,
        part_rows: int | None = 50_000,
        begun: Begun | None = None,
    ) -> None:
        self.folder = fresh_folder(folder) if begun is None else folder
        (folder / EVENTS).mkdir(exist_ok=True)
        write_scenario(folder, scenario)
        self._columns = Columns(scenario, run, strategy, hashed)
        self._builder = RowBuilder()
        self._part_rows = part_rows
        self._header = Header(begun.parts if begun else 0, run, strategy, hashed)
        self._path = folder / EVENTS / JOURNAL
        if begun is not None:
            self._builder.go_on(begun.seq, begun.attempts)
            self._path = self._path.with_name(JOURNAL + ".new")
        self._journal = Journal(self._path, self._header)

    @property
    def rows(self) -> int:
        """Rows that are in no part yet."""
        return len(self._builder.rows)

    @property
    def attempts(self) -> Mapping[int, tuple[int, float, Send]]:
        """Open attempts by token, as in `Begun`."""
        return self._builder.attempts

    def settle(self) -> None:
        """Put what was written so far in the place of what the log had after `begun`."""
        journal = self.folder / EVENTS / JOURNAL
        self._path.replace(journal)
        self._path = journal
        for part in sorted((self.folder / EVENTS).glob("part-*.parquet"))[self._header.part :]:
            part.unlink()
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def record(self, event: Event, commands: list[Command]) -> None:
        """Write one handled event and the commands it caused; numbers it."""
        before = len(self._builder.rows)
        self._builder.record(event, commands)
        self._keep(before)

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Write news that the dispatcher was not told; may be dated ahead."""
        before = len(self._builder.rows)
        self._builder.rows.append(feedback_row(-1, event, category))
        self._keep(before)

    def roll(self) -> Begun:
        """Write what is in no part yet as one, for good; return how far the log has come."""
        if self._builder.rows:
            self._part()
        attempts = tuple(self._builder.attempts.values())
        return Begun(self._header.part, self._builder.seq, attempts)

    def close(self, manifest: Manifest) -> None:
        """Write what is left as the last part, and the manifest."""
        if self._builder.rows:
            self._part()
        self.abandon()
        self._path.unlink(missing_ok=True)
        write_manifest(self.folder, manifest)

    def abandon(self) -> None:
        """Leave the log as it is on disk."""
        with suppress(OSError):  # of a full disk: what is not written stays unwritten
            self._journal.close()

    def _keep(self, before: int) -> None:
        rows = self._builder.rows
        self._journal.append(rows[before:])
        if self._part_rows is not None and len(rows) >= self._part_rows:
            self._part()

    def _part(self) -> None:
        path = self.folder / EVENTS / f"part-{self._header.part:05}.parquet"
        write_table(path, self._columns.table(self._columns.pieces(self._builder.rows)))
        _on_disk(path)
        self._builder.rows.clear()
        self._header = self._header._replace(part=self._header.part + 1)
        self._journal.begin(self._header)


def _on_disk(path: Path) -> None:
    """Wait until a file and its name are on disk."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
