"""The log of a run in memory."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from mstoolkit.config import Scenario
from mstoolkit.eventlog.columns import Columns
from mstoolkit.eventlog.rows import Row, RowBuilder, feedback_row
from mstoolkit.eventlog.schema import NAMES, arrow_schema
from mstoolkit.model import Command, Event, Feedback


class Recorder:
    """Takes down what a dispatcher handled, and hands it out as a table.

    Parameters
    ----------
    scenario : Scenario
        Whose servers and recipients the log speaks of.
    run, strategy : str
        Written into every row.
    hashed : bool
        Write hashes instead of recipients' addresses.
    """

    def __init__(
        self, scenario: Scenario, *, run: str, strategy: str, hashed: bool = False
    ) -> None:
        self._columns = Columns(scenario, run, strategy, hashed)
        self._builder = RowBuilder()
        self._seq = 0
        self._rows: list[Row] = []

    def record(self, event: Event, commands: list[Command]) -> None:
        """Take down one handled event and the commands it caused; numbers it."""
        self._builder.rows(self._seq, event, commands, self._rows)
        self._seq += 1

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Take down news that the dispatcher was not told; may be dated ahead."""
        self._rows.append(feedback_row(-1, event, category))

    @property
    def rows(self) -> list[Row]:
        """All rows so far, in the order of `rows.FIELDS`."""
        return self._rows

    def table(self) -> pa.Table:
        """Return the log in order of time; what happened at one instant in order of handling."""
        rows = self._rows
        if any(row[0] < 0 for row in rows):
            rows = sorted(rows, key=lambda row: row[1])
        return self._columns.table(rows)

    def frame(self) -> pd.DataFrame:
        """Return the log as a frame with the columns of the schema; texts are categorical."""
        return frame_of(self.table())


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table of the schema as a frame."""
    return pd.DataFrame(table.select(list(NAMES)).cast(arrow_schema()).to_pandas())
