"""The log of a run in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from mstoolkit.config import Scenario
from mstoolkit.eventlog.columns import Columns, Pieces
from mstoolkit.eventlog.observations import FollowUp
from mstoolkit.eventlog.rows import Row, RowBuilder, feedback_row
from mstoolkit.model import Feedback


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

    Attributes
    ----------
    record : callable
        ``record(event, commands)`` takes down one handled event and what it caused; numbers it.
    """

    def __init__(
        self, scenario: Scenario, *, run: str, strategy: str, hashed: bool = False
    ) -> None:
        self._columns = Columns(scenario, run, strategy, hashed)
        self._pieces: list[Pieces] = []
        self._builder = RowBuilder(self._take)
        self.record = self._builder.record

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Take down news that the dispatcher was not told; may be dated ahead."""
        self._builder.rows.append(feedback_row(-1, event, category))

    def table(self, follow_up: FollowUp | None = None) -> pa.Table:
        """Return the log in order of time; what happened at one instant in order of handling.

        Parameters
        ----------
        follow_up : callable, optional
            Told all that was delivered; returns what was observed of it later (opens, clicks).
        """
        self._take(self._builder.rows)
        self._builder.rows.clear()
        return self._columns.table(self._pieces, follow_up)

    def _take(self, rows: list[Row]) -> None:
        self._pieces += self._columns.pieces(rows)

    def frame(self) -> pd.DataFrame:
        """Return the log as a frame with the columns of the schema; texts are categorical."""
        return frame_of(self.table())


_TEXTS = pd.StringDtype("pyarrow", na_value=np.nan)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table of the schema as a frame; texts become categories as they are."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = column.combine_chunks()
        if pa.types.is_dictionary(array.type):
            columns[name] = _categorical(array)
        else:
            columns[name] = array.to_numpy(zero_copy_only=False)
    return pd.DataFrame(columns, copy=False)


def _categorical(array: pa.DictionaryArray) -> pd.Categorical:
    codes = array.indices.fill_null(-1) if array.null_count else array.indices
    texts = pd.CategoricalDtype(pd.Index(pd.array(array.dictionary, dtype=_TEXTS)))
    return pd.Categorical.from_codes(codes.to_numpy(), dtype=texts, validate=False)
