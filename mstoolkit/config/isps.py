"""The files of provider profiles: read within bounds, each laid over the one that it extends.

``extends = "gmail"`` at the top of a profile names its base: a shipped profile, or a file relative
to its own. Tables are laid over one another key by key; lists and single values replace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mstoolkit.config.data import data_text, isp_names
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import suggestion
from mstoolkit.config.toml import parse_toml

LONGEST_CHAIN = 8  # files from a profile to the last one that it rests on
LARGEST = 256 * 1024  # bytes of a file
DEEPEST = 8  # tables within tables
ABOUT = ("title", "kind", "source", "assumed")  # keys that are no figures

Tree = dict[str, Any]


class Layer(NamedTuple):
    """One file of a profile: what it says, and its name for messages."""

    tree: Tree
    file: str


def profile_layers(name: str, *, folder: Path | None = None, file: str, key: str) -> list[Layer]:
    """Read a profile and all that it extends, itself first.

    Parameters
    ----------
    name : str
        A shipped name, or the path of a ``.toml`` file relative to ``folder``.
    folder : Path, optional
        Where a file is looked for.
    file, key : str
        What names it, for error messages.

    Raises
    ------
    ConfigError
        If one of the files cannot be read, or they extend one another in a circle.

    Examples
    --------
    >>> [layer.file for layer in profile_layers("cox", file="", key="")]
    ['isps/cox.toml', 'isps/other.toml']
    """
    layers: list[Layer] = []
    named: object = name
    while named is not None:
        base = _name(named, file, key)
        text, where, folder = _text(base, folder, file, key)
        if where in [layer.file for layer in layers]:
            chain = " -> ".join([*(layer.file for layer in layers), where])
            raise ConfigError(
                f"is a circle: {chain}",
                file=file,
                key=key,
                remedy="let one of them stand by itself",
            )
        if len(layers) == LONGEST_CHAIN:
            raise ConfigError(
                f"is a chain of more than {LONGEST_CHAIN} files",
                file=file,
                key=key,
                remedy="extend a profile nearer to its end",
            )
        tree = _parsed(text, where)
        named = tree.pop("extends", None)
        layers.append(Layer(tree, where))
        file, key = where, "extends"
    return layers


def layered(layers: list[Layer]) -> Tree:
    """Return what the files of a profile say together."""
    tree = layers[-1].tree
    for layer in reversed(layers[:-1]):
        tree = laid_over(tree, layer.tree)
    return tree


def file_of(layers: list[Layer], key: str) -> str:
    """Return the file that says the value of a dotted key: the first, if none does."""
    for layer in layers:
        if _says(layer.tree, key.split(".")):
            return layer.file
    return layers[0].file


def laid_over(base: Tree, changes: Mapping[str, Any]) -> Tree:
    """Lay changes over a profile, key by key, with what documents them.

    A figure that is changed without a source of its own is assumed: the source of the old one does
    not speak for it. What the changes document themselves replaces what the base said of it.

    Examples
    --------
    >>> base = {"busy": 0.01, "dsn": 0.1, "source": {"busy": "page"}, "assumed": ["dsn"]}
    >>> laid_over(base, {"busy": 0.02})["assumed"]
    ['dsn', 'busy']
    """
    changes = _with_two_limits(base, changes)
    merged = _merged(base, changes)
    own_source, own_assumed = changes.get("source", {}), changes.get("assumed", [])
    base_source, base_assumed = base.get("source", {}), base.get("assumed", [])
    for source, assumed in ((own_source, own_assumed), (base_source, base_assumed)):
        if not isinstance(source, Mapping) or not _are_texts(assumed):
            return merged  # it will be refused
    own = [*own_source, *own_assumed]
    known = [*base_source, *base_assumed]
    bare = [
        path
        for path in paths_of(changes)
        if not documentation(path, own) and documentation(path, known) not in base_assumed
    ]
    said = [*own, *bare]
    source = {**{k: v for k, v in base_source.items() if not documentation(k, said)}, **own_source}
    kept = [key for key in base_assumed if not documentation(key, said)]
    assumed = list(dict.fromkeys([*kept, *own_assumed, *bare]))
    for name, value in (("source", source), ("assumed", assumed)):
        if value or name in merged:
            merged[name] = value
    return merged


def paths_of(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of the figures in a tree; a list is one figure."""
    for key, value in tree.items():
        if not prefix and key in ABOUT:
            continue
        if isinstance(value, Mapping) and value:
            yield from paths_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def documentation(path: str, keys: Iterable[str]) -> str:
    """Return the longest of the keys that is `path` or a table that holds it; empty if none is."""
    found = [key for key in keys if path == key or path.startswith(f"{key}.")]
    return max(found, key=len, default="")


def _name(value: object, file: str, key: str) -> str:
    if isinstance(value, str):
        return value
    raise ConfigError(
        f"must be text, got {value!r}",
        file=file,
        key=key,
        remedy='name a profile, as extends = "other"',
    )


def _text(base: str, folder: Path | None, file: str, key: str) -> tuple[str, str, Path | None]:
    """Return the text of a profile, the name of its file, and where files beside it lie."""
    if not base.endswith(".toml"):
        if base not in isp_names():
            raise ConfigError(
                f"there is no provider {base!r}",
                file=file,
                key=key,
                remedy=suggestion(base, isp_names(), "shipped are"),
            )
        return data_text("isps", base), f"isps/{base}.toml", None
    own = (folder or Path()) / base
    beside = "relative to the scenario" if key.endswith("profile") else "relative to that file"
    named = {"file": file, "key": key}
    try:
        if own.exists() and not own.is_file():
            raise IsADirectoryError
        with own.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError):
        remedy = f"give a path {beside}" if file else "give the path of a .toml file in UTF-8"
        raise ConfigError(
            f"the profile file {str(own)!r} cannot be read", remedy=remedy, **named
        ) from None
    if len(data) > LARGEST:
        raise ConfigError(
            f"the profile file {str(own)!r} is larger than {LARGEST // 1024} KiB",
            remedy="give one provider's profile alone",
            **named,
        )
    return text, str(own), own.parent


def _parsed(text: str, file: str) -> Tree:
    try:
        tree = parse_toml(text, file)
    except RecursionError:
        tree = None
    if tree is None or not _is_flat(tree, DEEPEST):
        raise ConfigError(
            f"has more than {DEEPEST} tables within one another",
            file=file,
            remedy="copy a shipped profile: mstoolkit isps show gmail --toml",
        )
    return tree


def _is_flat(value: object, left: int) -> bool:
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return True
    return left > 0 and all(_is_flat(each, left - 1) for each in inner)


def _says(tree: object, path: list[str]) -> bool:
    for number, part in enumerate(path):
        if isinstance(tree, Mapping):
            if part not in tree:
                return False
            tree = tree[part]
        else:
            return number > 0  # a place in a list, or in the one number that stands for a table
    return True


def _with_two_limits(base: Tree, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let `changes` name one limit of connections where the base has one number for both."""
    number, wanted = base.get("connections"), changes.get("connections")
    if isinstance(number, int) and isinstance(wanted, Mapping):
        return {**changes, "connections": {"cautious": number, "ceiling": number, **wanted}}
    return changes


def _merged(base: Tree, changes: Mapping[str, Any]) -> Tree:
    merged = dict(base)
    for key, value in changes.items():
        under = merged.get(key)
        if isinstance(value, Mapping) and isinstance(under, dict):
            merged[key] = _merged(under, value)
        else:
            merged[key] = value
    return merged


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
