"""From a TOML file to a scenario, with one clear sentence for whatever is wrong with it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from mstoolkit.config.data import data_path, data_text, scenario_names
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.profile import Profile
from mstoolkit.config.scenario import Scenario

_M = TypeVar("_M", bound=BaseModel)


def load_scenario(source: str | Path) -> Scenario:
    """Read a scenario from a TOML file, or a shipped one by its name.

    Parameters
    ----------
    source : str or Path
        Path of a ``.toml`` file, or a shipped name as ``"quickstart"``.

    Returns
    -------
    Scenario

    Raises
    ------
    ConfigError
        If the file is missing, is no TOML, or says something that cannot be used.

    Examples
    --------
    >>> load_scenario("quickstart").audience.size
    50000
    """
    path = Path(source)
    if not path.suffix and not path.exists() and str(source) in scenario_names():
        path = data_path() / "scenarios" / f"{source}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file",
            file=str(source),
            remedy=f"give a .toml file or a shipped scenario: {', '.join(scenario_names())}",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}", file=str(source), remedy="give a UTF-8 text file"
        ) from None
    return parse_scenario(text, file=str(source), folder=path.parent)


def parse_scenario(text: str, *, file: str = "", folder: Path | None = None) -> Scenario:
    """Read a scenario from TOML text.

    Parameters
    ----------
    text : str
        The TOML text.
    file : str, optional
        Name for error messages.
    folder : Path, optional
        Where profile files (``isps.NAME.profile = "mine.toml"``) are looked for.

    Raises
    ------
    ConfigError
        If it is no TOML, or says something that cannot be used.
    """
    tree = _toml(text, file)
    isps = tree.pop("isps", {})
    if not isinstance(isps, dict):
        raise ConfigError("must be a table of providers", file=file, key="isps")
    audience = tree.get("audience")
    shares = audience.get("isps", {}) if isinstance(audience, dict) else {}
    names = [*shares, *(name for name in isps if name not in shares)]
    profiles = {name: _profile(name, isps.get(name, {}), file, folder) for name in names}
    return _validated(Scenario, {**tree, "isps": profiles}, file)


def load_profile(name: str, *, folder: Path | None = None) -> Profile:
    """Read a provider's profile by its shipped name or from a ``.toml`` file.

    Raises
    ------
    ConfigError
        If there is no such profile, or it cannot be used.

    Examples
    --------
    >>> load_profile("gmail").domains[0]
    'gmail.com'
    """
    return _profile(name, {"profile": name}, "", folder)


def content_hash(value: BaseModel) -> str:
    """Return the SHA-256 of a configuration value, the same for the same content.

    Parameters
    ----------
    value : BaseModel
        Any configuration value, as a `Scenario` or a `Policy`.
    """
    text = json.dumps(value.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _profile(name: str, changes: object, file: str, folder: Path | None) -> Profile:
    key = f"isps.{name}"
    if not isinstance(changes, Mapping):
        raise ConfigError("must be a table", file=file, key=key)
    changed = dict(changes)
    base = str(changed.pop("profile", name))
    own = (folder or Path()) / base
    if base.endswith(".toml"):
        try:
            text = own.read_text(encoding="utf-8")
        except OSError:
            raise ConfigError(
                f"there is no profile file {str(own)!r}",
                file=file,
                key=f"{key}.profile",
                remedy="give a path relative to the scenario",
            ) from None
        where = str(own)
    else:
        try:
            text = data_text("isps", base)
        except ConfigError as error:
            raise ConfigError(error.problem, file=file, key=key, remedy=error.remedy) from None
        where = f"isps/{base}.toml"
    tree = _toml(text, where)
    if not changed:
        return _validated(Profile, tree, where)
    return _validated(Profile, _merged(tree, changed), file or where, prefix=key)


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, dict)
        merged[key] = _merged(under, value) if both else value
    return merged


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", file=file) from None


def _validated(model: type[_M], tree: Mapping[str, Any], file: str, prefix: str = "") -> _M:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _explained(model, first, file, prefix) from None


def _explained(model: type[BaseModel], first: Any, file: str, prefix: str) -> ConfigError:
    path = [str(part) for part in first["loc"]]
    problem, remedy = first["msg"].removeprefix("Value error, "), ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        near = get_close_matches(path[-1], known, n=1)
        problem = f"unknown key {path[-1]!r}"
        remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        if not known:
            remedy = "remove it"
    elif first["type"] == "missing":
        problem, remedy = "is missing", "add it"
    elif first["type"] == "value_error" and not path and ": " in problem:
        where, problem = problem.split(": ", 1)
        path = [where]
    elif first["type"] != "value_error":
        problem = f"{problem[0].lower()}{problem[1:]}, got {first['input']!r}"
    if not remedy and "; " in problem:
        problem, remedy = problem.split("; ", 1)
    key = ".".join(part for part in (prefix, *path) if part)
    return ConfigError(problem, file=file, key=key, remedy=remedy)


def _known_keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """Return the keys of the table at `path`, walking the models' annotations."""
    current: Any = model
    for part in path:
        fields = getattr(current, "model_fields", None)
        if fields is not None:
            if part not in fields:
                return []
            current = fields[part].annotation
        else:
            current = _inner(current, part)
    return list(getattr(current, "model_fields", {}))


def _inner(annotation: Any, part: str) -> Any:
    """Step into a dict's or tuple's item, or into the member of a union that `part` names."""
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    for argument in arguments:
        kind = getattr(argument, "model_fields", {}).get("kind")
        if kind is not None and part in get_args(kind.annotation):
            return argument
    return arguments[-1] if arguments else None
