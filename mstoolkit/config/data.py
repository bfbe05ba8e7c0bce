"""The files that come with the toolkit, read by name from the package or from a checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from mstoolkit.config.errors import ConfigError


def data_path() -> Path:
    """Return the folder of the shipped data: inside the package, or beside it in a checkout."""
    package = Path(str(files("mstoolkit")))
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


def _names(folder: str) -> list[str]:
    return sorted(path.stem for path in (data_path() / folder).glob("*.toml"))


def scenario_names() -> list[str]:
    """Return the names of the shipped scenarios."""
    return _names("scenarios")


def isp_names() -> list[str]:
    """Return the names of the shipped provider profiles."""
    return _names("isps")


def data_text(folder: str, name: str) -> str:
    """Return the text of a shipped file.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    names = _names(folder)
    if name not in names:
        raise ConfigError(
            f"there is no {name!r} in {folder}", remedy=f"shipped are {', '.join(names)}"
        )
    return (data_path() / folder / f"{name}.toml").read_text(encoding="utf-8")
