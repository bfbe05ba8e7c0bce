"""Files that people name: read whole within bounds, and never written over unasked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mstoolkit.cli.problems import refuse

LARGEST = 2_000_000  # bytes of a configuration file


def text_of(path: Path, *, remedy: str) -> str:
    """Return the text of a file.

    Raises
    ------
    ConfigError
        If it is not there, no text in UTF-8, or larger than `LARGEST`.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        refuse("there is no such file", file=name, remedy=remedy)
    except IsADirectoryError:
        refuse("is a folder", file=name, remedy=remedy)
    except UnicodeDecodeError:
        refuse("is no text in UTF-8", file=name, remedy="save it in UTF-8")
    except OSError as error:
        refuse(f"cannot be read ({error.strerror})", file=name, remedy=remedy)
    if len(data) > LARGEST:
        megabytes = LARGEST // 1_000_000
        refuse(f"is larger than {megabytes} MB", file=name, remedy="give the configuration alone")
    return text


def write_new(texts: Mapping[Path, str], *, force: bool) -> None:
    """Write files, making their folders; all of them, or none where one is there already.

    Raises
    ------
    ConfigError
        If one is there and `force` is not given.
    """
    for path in texts:
        if path.is_dir():
            refuse("is a folder", key="--out", file=str(path), remedy="name a file")
        if path.exists() and not force:
            refuse(
                "is there already",
                key="--out",
                file=str(path),
                remedy="name another one, or add --force to write over it",
            )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
