"""The spool's tables, and how its file is made and opened.

meta        what the run is: identity, epoch, whether it is finished
lots        what messages have in common, by number
parcels     what is to be sent, by list and position; handed: the dispatcher has it
contents    messages, or what they have in common, by digest
recipients  who is written to, by list and position, with fields of their own
events      what the dispatcher was given since the snapshot, in order
snapshot    the dispatcher, as it was after the events before
wire        messages whose final dot may have gone out, and of which no answer is recorded
ambiguous   messages that were on the wire when connection or process was lost
final       how each message ended, at most once
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from mstoolkit.config import ConfigError
from mstoolkit.live.spool.trouble import damaged, told

NAME = "spool.db"
Sync = Literal["normal", "full"]
_APPLICATION = 0x6D737470  # "mstp"
_VERSION = 1
_CHECKPOINT = 4_000  # pages of the write-ahead log after which it is folded in: 16 MB
_PATIENCE = 2.0  # s to wait for a reader from outside
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lots (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE parcels (
  id INTEGER PRIMARY KEY, lot INTEGER NOT NULL, first INTEGER NOT NULL, n INTEGER NOT NULL,
  at REAL NOT NULL, suppressed INTEGER NOT NULL, body TEXT NOT NULL,
  handed INTEGER NOT NULL DEFAULT 0, UNIQUE (lot, first)
);
CREATE TABLE contents (digest BLOB PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE recipients (
  list TEXT NOT NULL, position INTEGER NOT NULL, address TEXT NOT NULL, fields TEXT NOT NULL,
  content BLOB, PRIMARY KEY (list, position)
) WITHOUT ROWID;
CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 0), events INTEGER NOT NULL,
  body TEXT NOT NULL);
CREATE TABLE wire (token INTEGER PRIMARY KEY, list TEXT NOT NULL, position INTEGER NOT NULL,
  server TEXT NOT NULL);
CREATE TABLE ambiguous (token INTEGER PRIMARY KEY, list TEXT NOT NULL, position INTEGER NOT NULL,
  server TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE final (
  list TEXT NOT NULL, position INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,
  server TEXT NOT NULL, code INTEGER NOT NULL, reply TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (list, position)
) WITHOUT ROWID;
"""
STATEMENTS = {
    "meta": "INSERT OR REPLACE INTO meta VALUES (?, ?)",
    "lot": "INSERT OR IGNORE INTO lots VALUES (?, ?)",
    "content": "INSERT OR IGNORE INTO contents VALUES (?, ?)",
    "recipient": "INSERT INTO recipients VALUES (?, ?, ?, ?, ?)",
    "parcel": "INSERT INTO parcels (lot, first, n, at, suppressed, body) VALUES (?, ?, ?, ?, ?, ?)",
    "handed": "UPDATE parcels SET handed = 1 WHERE lot = ? AND first = ?",
    "event": "INSERT INTO events VALUES (?, ?)",
    "wired": "INSERT OR REPLACE INTO wire VALUES (?, ?, ?, ?)",
    "ambiguous": (
        "INSERT INTO ambiguous SELECT token, list, position, server, ?2 FROM wire WHERE token = ?1"
    ),
    "answered": "DELETE FROM wire WHERE token = ?",
    "final": "INSERT INTO final VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "finals": (
        "INSERT INTO final WITH RECURSIVE each (k) AS"
        " (SELECT ?2 UNION ALL SELECT k + 1 FROM each WHERE k + 1 < ?2 + ?9)"
        " SELECT ?1, k, ?3, ?4, ?5, ?6, ?7, ?8 FROM each"
    ),
    "reversed": (
        "INSERT OR REPLACE INTO final VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # a DSN has the last word
    ),
    "snapshot": "INSERT OR REPLACE INTO snapshot VALUES (0, ?, ?)",
    "covered": "DELETE FROM events WHERE id < ?",
}


def connected(file: Path, sync: Sync, most: int | None = None) -> sqlite3.Connection:
    """Open a spool's file, and make it where there is none.

    Parameters
    ----------
    file : Path
        The file; its folder is there.
    sync : {"normal", "full"}
        Whether a commit waits for the disk.
    most : int, optional
        Bytes that it may grow to.

    Raises
    ------
    ConfigError
        If it is damaged, in use, of another version, or cannot be written.
    """
    try:
        db = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, file, sync, most)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise told(error, file) from None
    return db


def _prepare(db: sqlite3.Connection, file: Path, sync: Sync, most: int | None) -> None:
    there = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not empty and there != _APPLICATION:
        raise damaged(file, "it is a database of something else")
    if not empty and version != _VERSION:
        raise ConfigError(
            f"is a spool of version {version}, and this version of the toolkit reads {_VERSION}",
            file=str(file),
            remedy="go on with the version that began the run",
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {sync}")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
    if most is not None:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {max(1, most // size)}")
    if not empty:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise damaged(file, " ".join(found.split()))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a kill leaves a long one behind


def make_tables(db: sqlite3.Connection) -> None:
    """Make the tables, unless they are there: all of them, or none."""
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return
    db.execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute(f"PRAGMA user_version = {_VERSION}")
    db.execute("COMMIT")
