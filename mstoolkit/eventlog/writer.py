"""The log of a live run, written as it happens."""

from __future__ import annotations

from pathlib import Path

from mstoolkit.config import Scenario
from mstoolkit.eventlog.columns import Columns
from mstoolkit.eventlog.journal import Header, Journal
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
    ) -> None:
        self.folder = fresh_folder(folder)
        write_scenario(folder, scenario)
        self._columns = Columns(scenario, run, strategy, hashed)
        self._builder = RowBuilder()
        self._part_rows = part_rows
        self._header = Header(0, run, strategy, hashed)
        self._journal = Journal(folder / EVENTS / JOURNAL, self._header)

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

    def close(self, manifest: Manifest) -> None:
        """Write what is left as the last part, and the manifest."""
        if self._builder.rows:
            self._part()
        self._journal.close()
        (self.folder / EVENTS / JOURNAL).unlink(missing_ok=True)
        write_manifest(self.folder, manifest)

    def _keep(self, before: int) -> None:
        rows = self._builder.rows
        self._journal.append(rows[before:])
        if len(rows) >= self._part_rows:
            self._part()

    def _part(self) -> None:
        path = self.folder / EVENTS / f"part-{self._header.part:05}.parquet"
        write_table(path, self._columns.table(self._columns.pieces(self._builder.rows)))
        self._builder.rows.clear()
        self._header = self._header._replace(part=self._header.part + 1)
        self._journal.begin(self._header)
