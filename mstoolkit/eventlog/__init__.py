"""One log for every run: schema, recorder, writer and reader on disk, decoder for replay."""

from mstoolkit.eventlog.balance import check_balance, littles_law
from mstoolkit.eventlog.manifest import Manifest, manifest_of, package_version
from mstoolkit.eventlog.recorder import Recorder, frame_of
from mstoolkit.eventlog.schema import COLUMNS, EVENTS, NAMES, arrow_schema
from mstoolkit.eventlog.store import (
    fresh_folder,
    read_log,
    read_manifest,
    read_table,
    read_truth,
    stored_scenario,
    write_log,
    write_text,
)
from mstoolkit.eventlog.writer import Begun, LogWriter

__all__ = [
    "COLUMNS",
    "EVENTS",
    "NAMES",
    "Begun",
    "LogWriter",
    "Manifest",
    "Recorder",
    "arrow_schema",
    "check_balance",
    "frame_of",
    "fresh_folder",
    "littles_law",
    "manifest_of",
    "package_version",
    "read_log",
    "read_manifest",
    "read_table",
    "read_truth",
    "stored_scenario",
    "write_log",
    "write_text",
]
