"""Where a run is written: a fresh folder, or one that is empty; never over another run."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from mstoolkit.cli.problems import refuse


def claimed(out: Path | None, command: str) -> Path:
    """Return the folder to write to, not yet made; ``runs/COMMAND-<n>`` where none is given.

    Raises
    ------
    ConfigError
        If it holds something already, or is no folder.
    """
    if out is None:
        return next(
            folder
            for number in count(1)
            if not (folder := Path("runs") / f"{command}-{number}").exists()
        )
    if out.exists() and not out.is_dir():
        refuse("is a file, not a folder", key="--out", file=str(out), remedy="name a new folder")
    if out.is_dir() and any(out.iterdir()):
        what = "holds another run" if (out / "manifest.json").exists() else "is not empty"
        refuse(what, key="--out", file=str(out), remedy="name a new folder or remove this one")
    return out
