"""A log that is small enough to be read, for documentation and for trying things out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mstoolkit.eventlog.schema import COLUMNS

_BLANK: dict[str, Any] = {
    "seq": 0,
    "at": 0.0,
    "run": "example",
    "strategy": "round-robin",
    "campaign": "spring",
    "stream": "marketing",
    "token": -1,
    "attempt": 0,
    "n": 1,
    "code": 0,
    "lot": -1,
    "first": -1,
    "parent": -1,
    "connection": -1,
    "slots": 1,
    "span": 0.0,
}


def log_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return an event log with the schema's columns and types from rows that name a few of them.

    Parameters
    ----------
    rows : iterable of mapping
        What each row says; the rest is left blank.

    Returns
    -------
    DataFrame
        Times in seconds, counts in messages; text columns are categorical.

    Examples
    --------
    >>> log_frame([{"event": "enqueued", "n": 5}])[["event", "n", "at"]].values.tolist()
    [['enqueued', 5, 0.0]]
    """
    full = [{**_BLANK, **row} for row in rows]
    return pd.DataFrame(
        {
            column.name: _typed([row.get(column.name) for row in full], column.type)
            for column in COLUMNS
        }
    )


def small_log() -> pd.DataFrame:
    """Return the log of 100 messages: 60 to gmail, 40 to yahoo, by two servers.

    Of gmail's 60, 58 are delivered (one of them reversed by a DSN), one is suppressed and one
    bounces. Of yahoo's 40, 20 are deferred once, 33 are delivered, 4 bounce, 1 expires and 2 are
    still queued.

    Examples
    --------
    >>> int(small_log().query("event == 'enqueued'")["n"].sum())
    100
    """
    gmail = {"isp": "gmail", "segment": "active", "lot": 0, "born": 0.0}
    yahoo = {"isp": "yahoo", "segment": "lapsing", "lot": 1, "born": 0.0}
    one, two = {"server": "mta-1"}, {"server": "mta-2"}
    return log_frame(
        [
            {"event": "enqueued", "n": 59, **gmail},
            {"event": "enqueued", "n": 1, "category": "suppressed", **gmail},
            {"event": "enqueued", "n": 40, **yahoo},
            {"event": "suppressed", "n": 1, **gmail},
            {"event": "delivered", "at": 60.0, "n": 50, "decided_at": 59.0, **gmail, **one},
            {"event": "delivered", "at": 120.0, "n": 8, "decided_at": 119.0, **gmail, **two},
            {"event": "bounced", "at": 120.0, "n": 1, "phase": "rcpt", **gmail, **two},
            {"event": "deferred", "at": 130.0, "n": 20, "phase": "data", **yahoo, **two},
            {"event": "suspended", "at": 130.0, "n": 0, "isp": "yahoo", "until": 190.0, **two},
            {"event": "delivered", "at": 200.0, "n": 20, "decided_at": 199.0, **yahoo, **one},
            {"event": "delivered", "at": 300.0, "n": 13, "decided_at": 299.0, **yahoo, **two},
            {"event": "bounced", "at": 300.0, "n": 4, "phase": "rcpt", **yahoo, **two},
            {"event": "expired", "at": 900.0, "n": 1, **yahoo},
            _later("bounced", 1000.0, 1, phase="dsn", **gmail, **one),
            _later("opened", 4000.0, 12, category="person", **gmail, **one),
            _later("opened", 400.0, 3, category="machine", **gmail, **one),
            _later("complained", 5000.0, 1, **yahoo, **one),
        ]
    )


def _later(event: str, at: float, n: int, **row: Any) -> dict[str, Any]:
    return {"event": event, "at": at, "n": n, "seq": -1, "decided_at": 60.0, **row}


def _typed(values: list[Any], kind: pa.DataType) -> Any:
    if pa.types.is_dictionary(kind):
        return pd.Categorical(values)
    if pa.types.is_floating(kind):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.array(values, dtype=kind.to_pandas_dtype())
