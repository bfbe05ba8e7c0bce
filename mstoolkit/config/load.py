"""From a TOML file to a scenario, with one clear sentence for whatever is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mstoolkit.config.blocklists import shipped_blocklists
from mstoolkit.config.data import data_path, scenario_names
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import explained, suggestion
from mstoolkit.config.isps import file_of, laid_over, layered, profile_layers
from mstoolkit.config.profile import Profile
from mstoolkit.config.scenario import Scenario
from mstoolkit.config.toml import check_finite, parse_toml
from mstoolkit.config.units import WRITTEN

_M = TypeVar("_M", bound=BaseModel)


def parsed(model: type[_M], text: str, *, key: str) -> _M:
    """Read a value from JSON, in seconds and messages a second, as a dump has it.

    Parameters
    ----------
    model : type
        What it should be, as `Server` or `Policy`.
    text : str
        The JSON text.
    key : str
        What it is, for error messages.

    Raises
    ------
    ConfigError
        If it is no JSON, or says something that cannot be used.

    Examples
    --------
    >>> from mstoolkit.config import Server
    >>> parsed(Server, '{"weight": 3}', key="servers.a").weight
    3.0
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"is not JSON ({error})", key=key, remedy="give it as a dump has it"
        ) from None
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise explained(model, error, tree, file="", prefix=key) from None


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
    if not path.suffix and not path.is_file() and str(source) in scenario_names():
        path = data_path() / "scenarios" / f"{source}.toml"
    text = _read(path, str(source))
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
        Where profile files (``isps.NAME.profile = "mine.toml"``) and rule files (``rules =
        ["mine.toml"]``) are looked for.

    Raises
    ------
    ConfigError
        If it is no TOML, or says something that cannot be used.
    """
    tree = parse_toml(text, file)
    if folder is not None:
        _find_rule_files(tree.get("strategies"), folder)
    isps = tree.pop("isps", {})
    if not isinstance(isps, dict):
        raise ConfigError(
            f"must be a table of providers, got {isps!r}",
            file=file,
            key="isps",
            remedy="write a table [isps.NAME] for each provider",
        )
    audience = tree.get("audience")
    shares = audience.get("isps") if isinstance(audience, dict) else None
    shares = shares if isinstance(shares, dict) else {}
    names = [*shares, *(name for name in isps if name not in shares)]
    profiles = {
        name: _profile(
            name,
            isps.get(name, {}),
            file,
            folder,
            f"isps.{name}" if name in isps else f"audience.isps.{name}",
        )
        for name in names
    }
    blocklists = _blocklists(tree.pop("blocklists", {}), profiles, tree.get("listings"), file)
    return _validated(Scenario, {**tree, "isps": profiles, "blocklists": blocklists}, file)


def _blocklists(
    changes: object, profiles: Mapping[str, Profile], listings: object, file: str
) -> dict[str, Any]:
    """Return the blocklists that a scenario has to do with, its own tables laid over shipped ones.

    Of shipped lists those are taken that a provider consults or that somebody is listed on.
    """
    shipped = shipped_blocklists()
    if not isinstance(changes, Mapping):
        raise ConfigError(
            f"must be a table of blocklists, got {changes!r}",
            file=file,
            key="blocklists",
            remedy="write a table [blocklists.NAME] for each",
        )
    known = [*changes, *(name for name in shipped if name not in changes)]
    for isp, profile in profiles.items():
        for name in profile.blocklists:
            if name not in known:
                raise ConfigError(
                    f"there is no blocklist {name!r}",
                    file=file,
                    key=f"isps.{isp}.blocklists",
                    remedy=f"{suggestion(name, known)}; or write a table [blocklists.{name}]",
                )
    consulted = {name for profile in profiles.values() for name in profile.blocklists}
    for each in listings if isinstance(listings, list) else ():
        consulted.add(str(each.get("blocklist")) if isinstance(each, Mapping) else "")
    wanted = [name for name in known if name in changes or name in consulted]
    return {
        name: {**shipped.get(name, {}), **changed}
        if isinstance(changed := changes.get(name, {}), Mapping)
        else changed
        for name in wanted
    }


def _find_rule_files(strategies: object, folder: Path) -> None:
    """Let the rule files that strategies name lie beside the scenario."""
    for strategy in strategies.values() if isinstance(strategies, dict) else ():
        named = strategy.get("rules") if isinstance(strategy, dict) else None
        if isinstance(named, str):
            named = [named]
        if isinstance(named, list):
            strategy["rules"] = [
                str(folder / each) if isinstance(each, str) and each.endswith(".toml") else each
                for each in named
            ]


def load_profile(name: str, *, folder: Path | None = None) -> Profile:
    """Read a provider's profile by its shipped name or from a ``.toml`` file.

    A file may begin with ``extends = "gmail"``: it then says only what differs from that profile,
    shipped or a file beside it. What it changes without a ``[source]`` of its own is assumed.

    Raises
    ------
    ConfigError
        If there is no such profile, or it cannot be used.

    Examples
    --------
    >>> load_profile("gmail").domains[0]
    'gmail.com'
    """
    return _profile(name, {}, "", folder, "")


def content_hash(value: BaseModel) -> str:
    """Return the SHA-256 of a configuration value, the same for the same content.

    Parameters
    ----------
    value : BaseModel
        Any configuration value, as a `Scenario` or a `Policy`.
    """
    text = json.dumps(value.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = suggestion(path.name, scenario_names(), "shipped are")
        problem, remedy = "there is no such file", f"give a .toml file or a shipped name; {near}"
    except IsADirectoryError:
        problem, remedy = "is a folder", "give a .toml file"
    except UnicodeDecodeError:
        problem, remedy = "is no text", "give a .toml file in UTF-8"
    except OSError as error:
        problem, remedy = f"cannot be read ({error.strerror})", "give a .toml file"
    raise ConfigError(problem, file=name or "''", remedy=remedy)


def _profile(name: str, changes: object, file: str, folder: Path | None, key: str) -> Profile:
    if not isinstance(changes, Mapping):
        raise ConfigError(
            f"must be a table, got {changes!r}",
            file=file,
            key=key,
            remedy=f'write [{key}] and in it profile = "{changes}"',
        )
    changed = dict(changes)
    if "extends" in changed:
        raise ConfigError(
            "stands in profile files only",
            file=file,
            key=f"isps.{name}.extends",
            remedy=f"write profile = {changed['extends']!r}",
        )
    if "profile" in changed:
        key = f"isps.{name}.profile"
    base = str(changed.pop("profile", name))
    layers = profile_layers(base, folder=folder, file=file, key=key)
    tree = layered(layers)
    if changed:
        changed_in = file or layers[0].file
        return _validated(Profile, laid_over(tree, changed), changed_in, prefix=f"isps.{name}")
    try:
        return _validated(Profile, tree, layers[0].file)
    except ConfigError as error:
        raise ConfigError(
            error.problem, file=file_of(layers, error.key), key=error.key, remedy=error.remedy
        ) from None


def _validated(model: type[_M], tree: Mapping[str, Any], file: str, prefix: str = "") -> _M:
    check_finite(tree, file, (prefix,))
    try:
        return model.model_validate(tree, context=WRITTEN)
    except ValidationError as error:
        raise explained(model, error, tree, file=file, prefix=prefix) from None
