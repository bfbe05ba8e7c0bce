"""Two logs, row by row: whether they are the same, and if not, where they part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mstoolkit.eventlog.schema import NAMES, arrow_schema

_KINDS = {field.name: field.type for field in arrow_schema()}


class Difference(NamedTuple):
    """Where two logs part for the first time.

    Parameters
    ----------
    row : int
        Number of the row among those the dispatcher caused, from 0.
    seq : int
        Number of the event it belongs to.
    event : str
        What the recorded row says; empty where it has no such row.
    column : str
        First column that differs; ``"row"`` where one log has no such row at all.
    recorded, regenerated
        What the two logs say there.
    """

    row: int
    seq: int
    event: str
    column: str
    recorded: object
    regenerated: object


def handled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of what the dispatcher handled, in its order."""
    rows = frame[frame["seq"] >= 0]
    return rows.sort_values("seq", kind="stable", ignore_index=True)


def first_difference(recorded: pd.DataFrame, regenerated: pd.DataFrame) -> Difference | None:
    """Return where two frames of handled rows part, or None where they are the same."""
    common = min(len(recorded), len(regenerated))
    parted, column = common, ""
    for name in NAMES:
        unequal = _unequal(recorded[name].iloc[:parted], regenerated[name].iloc[:parted], name)
        places = np.flatnonzero(unequal)
        if places.size:
            parted, column = int(places[0]), name
    if column:
        return _difference(recorded, regenerated, parted, column)
    if len(recorded) != len(regenerated):
        return _missing(recorded, regenerated, common)
    return None


def _difference(
    recorded: pd.DataFrame, regenerated: pd.DataFrame, row: int, column: str
) -> Difference:
    return Difference(
        row,
        int(recorded["seq"].iloc[row]),
        str(recorded["event"].iloc[row]),
        column,
        _plain(recorded[column].iloc[row]),
        _plain(regenerated[column].iloc[row]),
    )


def _missing(recorded: pd.DataFrame, regenerated: pd.DataFrame, row: int) -> Difference:
    longer = recorded if len(recorded) > len(regenerated) else regenerated
    seq, event = int(longer["seq"].iloc[row]), str(longer["event"].iloc[row])
    if longer is recorded:
        return Difference(row, seq, event, "row", event, None)
    return Difference(row, seq, "", "row", None, event)


def _plain(value: object) -> object:
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _unequal(one: pd.Series, other: pd.Series, name: str) -> npt.NDArray[np.bool_]:
    if pa.types.is_floating(_KINDS[name]):
        left = one.to_numpy(dtype=np.float64, na_value=np.nan)
        right = other.to_numpy(dtype=np.float64, na_value=np.nan)
        both = np.isnan(left) & np.isnan(right)
        return np.asarray((left != right) & ~both, dtype=np.bool_)
    if pa.types.is_integer(_KINDS[name]):
        return np.asarray(one.to_numpy() != other.to_numpy(), dtype=np.bool_)
    return np.asarray(_texts(one) != _texts(other), dtype=np.bool_)


def _texts(column: pd.Series) -> npt.NDArray[np.object_]:
    texts = column.astype(object)
    return texts.where(texts.notna(), None).to_numpy(dtype=object)
