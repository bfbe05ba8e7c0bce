"""What a user can remedy, as one sentence; everything else is a bug and keeps its trace."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NoReturn

from typer.exceptions import TyperException

EXTRAS = {
    "sinks": ("aiosmtpd",),
    "notebook": ("jupyterlab", "ipykernel", "nbclient", "jupytext"),
}


_POSSIBLE = re.compile(r" \(Possible options: (.+)\)$")


def explained(error: Exception) -> str | None:
    """Return the sentence for an error that the user can remedy, or None for any other."""
    for explain in (_usage, _configuration, _missing_extra, _system):
        sentence = explain(error)
        if sentence is not None:
            return " ".join(sentence.split())
    return None


def refuse(problem: str, *, key: str = "", remedy: str = "", file: str = "") -> NoReturn:
    """Raise the error that ends a command with exit status 2."""
    from mstoolkit.config import ConfigError

    raise ConfigError(problem, file=file, key=key, remedy=remedy)


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Name the scenario's file in what is found wrong with its servers only when they are used."""
    from mstoolkit.config import ConfigError

    try:
        yield
    except ConfigError as error:
        if error.file or not error.key.startswith("servers."):
            raise
        raise ConfigError(error.problem, file=file, key=error.key, remedy=error.remedy) from None


def need(extra: str) -> None:
    """Refuse with what to install where a library of an extra is missing."""
    for name in EXTRAS[extra]:
        if find_spec(name) is None:
            raise ModuleNotFoundError(name=name)


def _usage(error: Exception) -> str | None:
    if not isinstance(error, TyperException):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "mstoolkit"
    message = error.format_message().rstrip(".").replace(". Did you mean", "; did you mean")
    message = _POSSIBLE.sub(r"; did you mean \1?", message)
    joint = "" if message.endswith("?") else ";"
    return f"{message[:1].lower()}{message[1:]}{joint} see {command} --help"


def _configuration(error: Exception) -> str | None:
    if type(error).__name__ != "ConfigError":
        return None
    return str(error)


def _missing_extra(error: Exception) -> str | None:
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    library = error.name.partition(".")[0]
    for extra, libraries in EXTRAS.items():
        if library in libraries:
            return (
                f"{library} is not installed; install the extra that holds it: "
                f"pip install 'mstoolkit[{extra}]'"
            )
    return None


_SYSTEM = {
    errno.EACCES: "permission is denied; choose a place where you may write",
    errno.EPERM: "permission is denied; choose a place where you may write",
    errno.ENOSPC: "the disk is full; make room or give another --out",
    errno.EROFS: "the place is read-only; give another --out",
    errno.ENOTDIR: "a file lies where a folder is needed; give another --out",
    errno.EEXIST: "a file lies where a folder is needed; give another --out",
    errno.EADDRINUSE: "the port is in use; stop what listens there, or change the port",
}


def _system(error: Exception) -> str | None:
    if not isinstance(error, OSError) or error.errno not in _SYSTEM:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{_SYSTEM[error.errno]}"
