"""What can be wrong with a spool's file, each as one sentence with what to do about it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from mstoolkit.config import ConfigError

AGAIN = "and give the same command again; nothing is lost"
_TROUBLE = {
    sqlite3.SQLITE_BUSY: ("is in use by another process", f"end that one {AGAIN}"),
    sqlite3.SQLITE_LOCKED: ("is in use by another process", f"end that one {AGAIN}"),
    sqlite3.SQLITE_FULL: (
        "nothing more can be made safe, because the disk is full",
        f"make room {AGAIN}",
    ),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", f"see to the disk {AGAIN}"),
    sqlite3.SQLITE_READONLY: ("may not be written", f"let this user write it {AGAIN}"),
    sqlite3.SQLITE_PERM: ("may not be opened", f"let this user read and write it {AGAIN}"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", f"let this user write in its folder {AGAIN}"),
}
_DAMAGED = (
    "bring back a copy of it, or send what is left to a new folder; "
    "the event log beside it tells what was delivered"
)


def damaged(file: Path, what: str) -> ConfigError:
    """Return the error for a file that is no sound spool."""
    return ConfigError(f"is damaged: {what}", file=str(file), remedy=_DAMAGED)


def told(error: sqlite3.Error, file: Path) -> Exception:
    """Return the error to raise for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if isinstance(error, sqlite3.IntegrityError):
        return RuntimeError(f"a message would end twice, please report this: {error}")
    if code in _TROUBLE:
        problem, remedy = _TROUBLE[code]
        return ConfigError(problem, file=str(file), remedy=remedy)
    return damaged(file, str(error))


class FolderLock:
    """Keeps a run's folder for one process; the operating system gives it back whatever happens.

    Parameters
    ----------
    folder : Path
        Must be there.

    Raises
    ------
    ConfigError
        If another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise ConfigError(
                "another process sends from this folder",
                file=str(folder),
                remedy=f"end that one {AGAIN}",
            ) from None

    def release(self) -> None:
        """Give it back."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
