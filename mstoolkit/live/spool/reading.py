"""Reading a spool from outside, also while a run goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from mstoolkit.live.spool.schema import NAME
from mstoolkit.live.spool.trouble import told


class Final(NamedTuple):
    """How a message ended; `at` is in scenario s."""

    list: str
    position: int
    outcome: str
    reason: str
    server: str
    code: int
    reply: str
    at: float


class Ambiguous(NamedTuple):
    """A message that may have gone out although no answer came; `at` (s) is when that was known."""

    token: int
    list: str
    position: int
    server: str
    at: float


def holds_spool(folder: str | Path) -> bool:
    """Return whether a folder holds a run that was begun with a spool."""
    return (Path(folder) / NAME).is_file()


def epoch_of(folder: str | Path) -> float | None:
    """Return the Unix time (s) of scenario time zero of a run; None where none has begun.

    Raises
    ------
    ConfigError
        If the spool cannot be read.
    """
    if not holds_spool(folder):
        return None
    tables = _rows(folder, "SELECT count(*) FROM sqlite_master WHERE name = 'meta'")
    if not next(tables)[0]:
        return None
    for (value,) in _rows(folder, "SELECT value FROM meta WHERE key = 'epoch'"):
        return float(json.loads(value))
    return None


def finals(folder: str | Path) -> Iterator[Final]:
    """Yield how the messages of a run ended, by list and position.

    Parameters
    ----------
    folder : str or Path
        The run's folder.

    Raises
    ------
    ConfigError
        If it holds no spool that can be read.
    """
    for row in _rows(folder, "SELECT * FROM final ORDER BY list, position"):
        yield Final(*row)


def ambiguous(folder: str | Path) -> Iterator[Ambiguous]:
    """Yield the messages that may have gone out twice, in the order in which they were sent.

    Parameters
    ----------
    folder : str or Path
        The run's folder.

    Raises
    ------
    ConfigError
        If it holds no spool that can be read.
    """
    for row in _rows(folder, "SELECT * FROM ambiguous ORDER BY token"):
        yield Ambiguous(*row)


def _rows(folder: str | Path, query: str) -> Iterator[tuple[Any, ...]]:
    file = Path(folder) / NAME
    try:
        place = f"file:{quote(str(file.absolute()))}?mode=ro"
        with closing(sqlite3.connect(place, uri=True)) as db:
            yield from db.execute(query)
    except sqlite3.Error as error:
        raise told(error, file) from None
