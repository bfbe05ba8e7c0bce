"""On which line of a TOML text a table or a key stands, which the standard parser does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from mstoolkit.config.errors import ConfigError

_HEADER = re.compile(r"\s*(\[\[?)([^\n]{1,300}?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(
    r"""\s*((?:[\w-]+|"[^"\n]{0,200}"|'[^'\n]{0,200}')(?:\s*\.\s*[\w"'-]+){0,5})\s*="""
)
_AT_LINE = re.compile(r"at line (\d+)")

_PARTS = 100

Path = tuple[str, ...]


def parse_foreign(text: str, file: str) -> dict[str, Any]:
    """Return the tables of somebody else's TOML text.

    Raises
    ------
    ConfigError
        If it is no TOML; the error names the line.
    """
    _check_keys(text, file)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # figures of thousands of digits, deep nesting
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        why = "is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise ConfigError(
            f"is not valid TOML: {why}",
            file=f"{file}:{line}",
            remedy="mend that line, or give a .toml or .lua file",
        ) from None


def _check_keys(text: str, file: str) -> None:
    """Refuse keys of hundreds of parts, on which the standard parser takes quadratic time."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") > _PARTS and sum(p.count(".") for p in line.split('"')[::2]) > _PARTS:
            raise ConfigError(
                f"has more than {_PARTS} dots outside quotes in one line",
                file=f"{file}:{number}",
                remedy="put texts in quotes, and lists on several lines",
            )


def lines_of(text: str) -> dict[Path, int]:
    """Return the first line of each table header and each key, by its path.

    What merely looks like one inside a text over several lines may be counted too: a line is a
    hint for a reader, and nothing is decided by it.

    Examples
    --------
    >>> lines_of('[a."b.c"]' + chr(10) + 'x = 1')[("a", "b.c", "x")]
    2
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _path(f"[{header[2]}]") or table
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_path(f"{key[1]} = 0")), number)
    return lines


def _path(written: str) -> Path:
    try:
        tree: Any = tomllib.loads(written)
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(tree, Mapping) and len(tree) == 1:
        ((name, tree),) = tree.items()
        path.append(name)
    return tuple(path)
