"""From TOML text to tables, refusing what no file of ours may say."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from typing import Any

from mstoolkit.config.errors import ConfigError


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Return the tables of a TOML text; `file` is its name for error messages.

    Raises
    ------
    ConfigError
        If it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"is not valid TOML: {error}",
            file=file,
            remedy="mend that line: text stands in quotes, a key once, a table in brackets",
        ) from None


def check_finite(tree: object, file: str, path: tuple[str, ...] = ()) -> None:
    """Refuse ``inf`` and ``nan`` anywhere in a tree that lies at `path` in its file.

    Raises
    ------
    ConfigError
        If there is one.
    """
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            check_finite(value, file, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            check_finite(value, file, (*path, str(number)))
    elif isinstance(tree, float) and not math.isfinite(tree):
        raise ConfigError(
            f"must be a finite number, got {tree}",
            file=file,
            key=".".join(part for part in path if part),
            remedy="write it in figures",
        )
