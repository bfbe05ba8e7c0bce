"""The log of a live run, written as it happens."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mstoolkit.config import Scenario
from mstoolkit.eventlog.columns import Columns
from mstoolkit.eventlog.manifest import Manifest
from mstoolkit.eventlog.rows import RowBuilder, feedback_row
from mstoolkit.eventlog.store import (
    EVENTS,
    JOURNAL,
    fresh_folder,
    write_manifest,
    write_scenario,
    write_table,
)
from mstoolkit.model import Command, Event, Feedback


class LogWriter:
    """Appends to a journal, and turns it into a Parquet part whenever it is full.

    Parameters
    ----------
    folder : Path
        New or empty.
    scenario : Scenario
        Stored beside the log.
    run, strategy : str
        Written into every row.
    hashed : bool
        Write hashes instead of recipients' addresses.
    part_rows : int
        Rows of a part.
    flush_rows : int
        The journal is brought to the operating system at the latest after so many rows.

    Raises
    ------
    ConfigError
        If the folder holds anything.
    """

    def __init__(
        self,
        folder: Path,
        scenario: Scenario,
        *,
        run: str,
        strategy: str,
        hashed: bool = False,
        part_rows: int = 50_000,
        flush_rows: int = 500,
    ) -> None:
        self.folder = fresh_folder(folder)
        write_scenario(folder, scenario)
        self._columns = Columns(scenario, run, strategy, hashed)
        self._builder = RowBuilder()
        self._part_rows = part_rows
        self._flush_rows = flush_rows
        self._journalled = 0
        self._parts = 0
        self._journal = (folder / EVENTS / JOURNAL).open("w", encoding="utf-8")

    def record(self, event: Event, commands: list[Command]) -> None:
        """Write one handled event and the commands it caused; numbers it."""
        self._builder.record(event, commands)
        self._spill()

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Write news that the dispatcher was not told; may be dated ahead."""
        self._builder.rows.append(feedback_row(-1, event, category))
        self._spill()

    def flush(self) -> None:
        """Bring what is pending into the journal."""
        pending = self._builder.rows[self._journalled :]
        if not pending:
            return
        for row in self._columns.table(pending).to_pylist():
            self._journal.write(json.dumps(row, separators=(",", ":")) + "\n")
        self._journal.flush()
        self._journalled = len(self._builder.rows)

    def close(self, manifest: Manifest) -> None:
        """Write what is left as the last part, and the manifest."""
        if self._builder.rows:
            self._part()
        self._journal.close()
        (self.folder / EVENTS / JOURNAL).unlink(missing_ok=True)
        write_manifest(self.folder, manifest)

    def _spill(self) -> None:
        if len(self._builder.rows) >= self._part_rows:
            self._part()
        elif len(self._builder.rows) - self._journalled >= self._flush_rows:
            self.flush()

    def _part(self) -> None:
        path = self.folder / EVENTS / f"part-{self._parts:05}.parquet"
        write_table(path, self._columns.table(self._builder.rows))
        self._parts += 1
        self._builder.rows.clear()
        self._journalled = 0
        self._journal.seek(0)
        self._journal.truncate()
        os.fsync(self._journal.fileno())
