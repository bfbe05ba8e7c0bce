"""Output folders that are there whole or not at all: built beside, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mstoolkit.config import ConfigError


def check_free(folder: str | Path) -> Path:
    """Return the folder as a path, if a result can be written to it.

    Parameters
    ----------
    folder : str or Path
        Where a result shall go.

    Raises
    ------
    ConfigError
        If it is there and not empty, or is no folder.

    Examples
    --------
    >>> check_free("there-is-no-such-folder").name
    'there-is-no-such-folder'
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise ConfigError(
            "is a file, not a folder", file=str(path), remedy="name another output folder"
        )
    if path.is_dir() and any(path.iterdir()):
        raise ConfigError(
            "the output folder is not empty",
            file=str(path),
            remedy="name another one, or remove what is in it",
        )
    return path


@contextmanager
def staged(folder: str | Path) -> Iterator[Path]:
    """Build a folder beside its place and move it there when all went well.

    Parameters
    ----------
    folder : str or Path
        Where the result shall go; its parents are made.

    Yields
    ------
    Path
        An empty folder to write to. It is renamed at the end, and removed if anything goes wrong,
        an interrupt included.

    Raises
    ------
    ConfigError
        If `folder` is there and not empty.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as base:
    ...     with staged(Path(base) / "result") as place:
    ...         _ = (place / "a.txt").write_text("a")
    ...     [path.name for path in Path(base).iterdir()]
    ['result']
    """
    path = check_free(folder)
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.name}.{os.getpid()}.partial")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        yield place
        if path.is_dir():
            path.rmdir()
        place.rename(path)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
