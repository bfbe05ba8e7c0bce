"""Named policies that behave as other mail servers do, read from files like any data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from textwrap import wrap
from typing import Any, NamedTuple

from mstoolkit.config.data import data_path, data_text
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import suggestion
from mstoolkit.config.toml import parse_toml

_ABOUT = ("title", "source", "notes", "differs")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100  # beyond it a list is written with an item a line


class Preset(NamedTuple):
    """A policy of somebody else's system, as the file states it.

    Parameters
    ----------
    name : str
        What ``preset = "..."`` calls it.
    title : str
        The system.
    source : tuple of str
        Where its behaviour was read.
    notes : tuple of str
        What it does, and what a scenario has to say so that it does it.
    differs : tuple of str
        What the system does that this does not, or does otherwise.
    parts : mapping
        The parts of a strategy, in units as a user writes them.
    """

    name: str
    title: str
    source: tuple[str, ...]
    notes: tuple[str, ...]
    differs: tuple[str, ...]
    parts: Mapping[str, Any]

    def toml(self) -> str:
        """Return the policy as a table of a scenario, with what there is to know in comments.

        Examples
        --------
        >>> lines = load_preset("postal").toml().splitlines()
        >>> lines[0], lines[lines.index("") + 1]
        ('# Postal.', '[strategies.postal]')
        """
        lines = [f"# {self.title}."]
        about = {"Source": self.source, "Note": self.notes, "Differs": self.differs}
        for head, texts in about.items():
            for text in texts:
                lines += wrap(
                    f"{head}: {text}", _WIDTH, initial_indent="# ", subsequent_indent="#   "
                )
        lines += ["", f"[strategies.{self.name}]"]
        lines += [f"{key} = {_written(value)}" for key, value in self.parts.items()]
        return "\n".join(lines) + "\n"


def policy_names() -> list[str]:
    """Return the names of the shipped policies.

    Examples
    --------
    >>> policy_names()[:3]
    ['haraka', 'kumomta', 'listmonk']
    """
    return sorted(path.stem for path in (data_path() / "policies").glob("*.toml"))


@lru_cache
def load_preset(name: str) -> Preset:
    """Return a shipped policy with its title, its sources and what it leaves out.

    Parameters
    ----------
    name : str
        One of `policy_names`.

    Raises
    ------
    ConfigError
        If there is no such policy.

    Examples
    --------
    >>> load_preset("postal").parts["rotation"]["kind"]
    'highest-draw'
    """
    if name not in policy_names():
        raise ConfigError(
            f"there is no {name!r}",
            key="preset",
            remedy=suggestion(name, policy_names(), "shipped are"),
        )
    tree = parse_toml(data_text("policies", name), f"policies/{name}.toml")
    title, *about = (tree.pop(key) for key in _ABOUT)
    source, notes, differs = map(tuple, about)
    return Preset(name, title, source, notes, differs, tree)


def with_preset(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a strategy with those of its preset, where it names one.

    A key that is given replaces the preset's whole part.

    Raises
    ------
    ValueError
        If there is no such preset.
    """
    own = dict(given)
    name = own.pop("preset", None)
    if name is None:
        return own
    if not isinstance(name, str):
        raise ValueError(f'preset: must be text, got {name!r}; write it in quotes, as "postfix"')
    return {**load_preset(name).parts, **own}


def _written(value: Any) -> str:
    """Return a value as TOML; tables in one line, long lists with an item a line."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}" if value else "{}"
    if isinstance(value, list):
        items = [_written(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= _WIDTH else "[\n" + "".join(f"  {i},\n" for i in items) + "]"
    return json.dumps(value, ensure_ascii=False)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        name = key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        yield f"{name} = {_written(value)}"
