"""Logs on disk: Parquet parts, a manifest, the scenario, and the truth of a simulation.

    manifest.json  scenario.json  truth.parquet  events/part-00000.parquet  events/journal.jsonl

Parts are written beside and renamed when whole; the newest rows of a live run lie in the journal
until a part is full, so that a crash loses none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from mstoolkit.config import ConfigError, Scenario, parsed
from mstoolkit.eventlog.columns import Columns
from mstoolkit.eventlog.journal import read_journal
from mstoolkit.eventlog.manifest import Manifest
from mstoolkit.eventlog.recorder import frame_of
from mstoolkit.eventlog.schema import arrow_schema

MANIFEST, SCENARIO, TRUTH = "manifest.json", "scenario.json", "truth.parquet"
EVENTS, JOURNAL = "events", "journal.jsonl"


def fresh_folder(folder: Path) -> Path:
    """Make a folder for a run, or take one that is empty.

    Raises
    ------
    ConfigError
        If it holds anything, or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        run = any((folder / name).exists() for name in (MANIFEST, SCENARIO, EVENTS))
        held = "another run" if run else "something else"
        raise ConfigError(
            f"the output folder holds {held}", file=str(folder), remedy="name a new or empty folder"
        )
    try:
        (folder / EVENTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the output folder cannot be made: {error.strerror}",
            file=str(folder),
            remedy="name a folder that can be written",
        ) from None
    return folder


def write_text(path: Path, text: str) -> None:
    """Write a file beside and rename it, so that it is whole or not there."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file beside and rename it, so that it is whole or not there."""
    beside = path.with_name(path.name + ".new")
    pq.write_table(table, beside, compression="zstd")
    beside.replace(path)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest; it comes last, so a folder without one is no finished run."""
    write_text(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def write_scenario(folder: Path, scenario: Scenario) -> None:
    """Write the scenario beside the log, so that replay and report need nothing else."""
    write_text(folder / SCENARIO, scenario.model_dump_json(indent=1) + "\n")


def write_log(
    folder: Path,
    table: pa.Table,
    manifest: Manifest,
    scenario: Scenario,
    truth: pd.DataFrame | None = None,
) -> None:
    """Write a finished run into a new or empty folder.

    Raises
    ------
    ConfigError
        If the folder holds anything.
    """
    fresh_folder(folder)
    write_table(folder / EVENTS / "part-00000.parquet", table)
    if truth is not None:
        write_table(folder / TRUTH, pa.Table.from_pandas(truth, preserve_index=False))
    write_scenario(folder, scenario)
    write_manifest(folder, manifest)


def read_manifest(folder: str | Path) -> Manifest:
    """Read the manifest of a run.

    Raises
    ------
    ConfigError
        If there is none, or it is not one.
    """
    path = Path(folder) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "is not the folder of a run: it has no manifest.json",
            file=str(folder),
            remedy="give the folder that simulate or send wrote",
        ) from None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {str(error).splitlines()[0]}", file=str(path)) from None


def stored_scenario(folder: str | Path) -> Scenario:
    """Read the scenario that was stored with a run.

    Raises
    ------
    ConfigError
        If there is none, or it is not one.
    """
    path = Path(folder) / SCENARIO
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)) from None
    try:
        return parsed(Scenario, text, key="")
    except ConfigError as error:
        raise ConfigError(
            f"is not a scenario of this version: {error.key.strip('.')}: {error.problem}",
            file=str(path),
            remedy="use the version that its manifest names",
        ) from None


def read_table(folder: str | Path) -> pa.Table:
    """Read the events of a run as an Arrow table, parts and journal, in order of time."""
    events = Path(folder) / EVENTS
    parts = sorted(events.glob("part-*.parquet"))
    try:
        tables = [pq.read_table(part).cast(arrow_schema()) for part in parts]
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(events)) from None
    newest = read_journal(events / JOURNAL)
    if newest is not None and newest[0].part >= len(parts):
        header, rows = newest
        scenario = stored_scenario(folder)
        columns = Columns(scenario, header.run, header.strategy, header.hashed)
        tables.append(columns.table(columns.pieces(rows)))
    if not tables:
        read_manifest(folder)
        return arrow_schema().empty_table()
    table = pa.concat_tables(tables).unify_dictionaries()
    if len(tables) == 1:
        return table
    return table.take(np.argsort(table["at"].to_numpy(), kind="stable"))


def read_log(folder: str | Path) -> pd.DataFrame:
    """Read the events of a run.

    Parameters
    ----------
    folder : str or Path
        As `simulate`, `send` or `Run.write` wrote it.

    Returns
    -------
    DataFrame
        One row an event, columns as in `eventlog.schema.COLUMNS`, in order of time.

    Raises
    ------
    ConfigError
        If it is not the folder of a run.
    """
    if not (Path(folder) / EVENTS).is_dir():
        read_manifest(folder)
    return frame_of(read_table(folder))


def read_truth(folder: str | Path) -> pd.DataFrame | None:
    """Read the providers' hidden state of a simulated run; None where there is none."""
    path = Path(folder) / TRUTH
    return pd.read_parquet(path) if path.exists() else None
