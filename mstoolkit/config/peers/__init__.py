"""Configurations of other mail servers: read into ours, and ours written for them.

What has no meaning on the other side is told, never guessed: with file and line where something was
read, as a list of what is lost where it is written. Patterns of reply rules become a `Match`'s
``line``, as these servers search the whole line of a reply; ours ignore case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mstoolkit.config.peers.draft import scenario_text, starter_text, told
from mstoolkit.config.peers.found import SYSTEMS, Found, Note, System, Text
from mstoolkit.config.peers.kumomta import read_kumomta_files
from mstoolkit.config.peers.kumomta_rules import read_kumomta
from mstoolkit.config.peers.postfix import read_postfix_files
from mstoolkit.config.peers.powermta import read_powermta_files
from mstoolkit.config.peers.powermta_rules import read_powermta
from mstoolkit.config.peers.reading import Imported, NotUnderstood
from mstoolkit.config.peers.reduced import Exported
from mstoolkit.config.peers.writing import export

__all__ = [
    "SYSTEMS",
    "Exported",
    "Found",
    "Imported",
    "NotUnderstood",
    "Note",
    "System",
    "Text",
    "export",
    "read_files",
    "read_kumomta",
    "read_kumomta_files",
    "read_postfix_files",
    "read_powermta",
    "read_powermta_files",
    "scenario_text",
    "starter_text",
    "told",
]

_READERS: Mapping[System, Callable[..., Found]] = {
    "kumomta": read_kumomta_files,
    "powermta": read_powermta_files,
    "postfix": read_postfix_files,
}


def read_files(system: System, files: Sequence[Text], *, pool: str | None = None) -> Found:
    """Read a configuration of one of `SYSTEMS`.

    Parameters
    ----------
    system : str
        ``"kumomta"``, ``"powermta"`` or ``"postfix"``.
    files : sequence of Text
        Its files.
    pool : str, optional
        The pool to carry over; by default the one that mail is sent to, or the largest.

    Raises
    ------
    ConfigError
        If a file cannot be read as that system's, or nothing in it sends.
    """
    return _READERS[system](files, pool=pool)
