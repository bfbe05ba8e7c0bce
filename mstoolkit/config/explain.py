"""What validation found wrong, as one sentence: which key, what is wrong, and what to do.

The table says it in the user's words; the validator's own wording is the last resort.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mstoolkit.config.errors import ConfigError

_UNITS = "write it as a number, without quotes or a percent sign"
_TABLE = ("must be a table", 'write [key] and its keys, or key = { a = "b" }')
_LIST = ("must be a list", "write [a, b], or a [[key]] table for each")
_SIMPLE: Mapping[str, tuple[str, str]] = {
    "bool_parsing": ("must be true or false", "write it without quotes"),
    "bool_type": ("must be true or false", "write it without quotes"),
    "dict_type": _TABLE,
    "finite_number": ("must be a finite number", "write it in figures"),
    "float_parsing": ("must be a number", _UNITS),
    "float_type": ("must be a number", _UNITS),
    "int_from_float": ("must be a whole number", "leave the fraction out"),
    "int_parsing": ("must be a whole number", _UNITS),
    "int_type": ("must be a whole number", _UNITS),
    "model_attributes_type": _TABLE,
    "model_type": _TABLE,
    "string_type": ("must be text", 'write it in quotes, as "text"'),
    "tuple_type": _LIST,
    "list_type": _LIST,
}
_BOUNDS: Mapping[str, tuple[str, str, str]] = {
    "greater_than": ("gt", "must be above {}", "give more than {}"),
    "greater_than_equal": ("ge", "must be at least {}", "give {} or more"),
    "less_than": ("lt", "must be below {}", "give less than {}"),
    "less_than_equal": ("le", "must be at most {}", "give {} or less"),
}
_KEYED = re.compile(r"([\w.\-]+): (.+)", re.DOTALL)


def explained(
    model: type[BaseModel], error: ValidationError, tree: Any, *, file: str, prefix: str = ""
) -> ConfigError:
    """Return the first thing that is wrong; a misspelt key before what is missing because of it.

    Parameters
    ----------
    model : type
        What was validated.
    error : ValidationError
        What validation found.
    tree : Any
        The input, in which keys are looked up.
    file : str
        Name of the file.
    prefix : str, optional
        Key of `model` within the file.
    """
    found = error.errors(include_url=False)
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    raw = [str(part) for part in first["loc"]]
    path = _as_written(raw, tree)
    problem, remedy = _sentence(model, first, raw)
    if first["type"] == "value_error" and (keyed := _KEYED.fullmatch(problem)):
        path, problem = [*path, keyed[1]], keyed[2]
    if first["type"].startswith("union_tag"):
        path = [*path, str(first["ctx"]["discriminator"]).strip("'")]
    if not remedy and "; " in problem:
        problem, remedy = problem.split("; ", 1)
    key = ".".join(part for part in (prefix, *path) if part)
    return ConfigError(problem, file=file, key=key, remedy=remedy)


def suggestion(name: str, known: Sequence[str], listed: str = "known are") -> str:
    """Return the remedy for a name that is not known: the nearest one, or all of them.

    Parameters
    ----------
    name : str
        What was written.
    known : sequence of str
        What could have been meant.
    listed : str, optional
        How the list begins.

    Examples
    --------
    >>> suggestion("wieght", ["weight", "port"])
    "did you mean 'weight'?"
    """
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"{listed} {', '.join(known)}" if known else "remove it"


def _sentence(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    kind, given, context = first["type"], first.get("input"), first.get("ctx", {})
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(model, first, raw)
    if kind in _BOUNDS:
        name, problem, remedy = _BOUNDS[kind]
        bound = f"{context[name]:g}"
        if bound == "0" and kind == "greater_than_equal":
            problem = "must not be negative"
        return f"{problem.format(bound)}, got {given!r}", remedy.format(bound)
    if kind in _SIMPLE:
        problem, remedy = _SIMPLE[kind]
        return f"{problem}, got {_short(given)}", remedy
    message = first["msg"].removeprefix("Input ")
    return f"{message[:1].lower()}{message[1:]}, got {_short(given)}", ""


def _unknown(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    return f"unknown key {raw[-1]!r}", suggestion(raw[-1], _known_keys(model, raw[:-1]))


def _missing(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    return "is missing", "add it"


def _value(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    return first["msg"].removeprefix("Value error, "), ""


def _literal(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    known = re.findall(r"'([^']+)'", first["ctx"]["expected"])
    return f"there is no {_short(first['input'])}", offer(str(first["input"]), known)


def _tag(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    known = re.findall(r"'([^']+)'", first["ctx"]["expected_tags"])
    return f"there is no {first['ctx']['tag']!r}", offer(first["ctx"]["tag"], known)


def _no_tag(model: type[BaseModel], first: Any, raw: list[str]) -> tuple[str, str]:
    known = [kind for member in _arguments(_at(model, raw)) for kind in _kinds(member)]
    return "is missing", f'add it, as kind = "{known[0] if known else "..."}"'


def offer(name: str, known: Sequence[str]) -> str:
    """Return the remedy for a name of a few: the nearest one, and all of them.

    Examples
    --------
    >>> offer("mta-11", ["mta-1", "mta-2"])
    "did you mean 'mta-1'? known are mta-1, mta-2"
    """
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}known are {', '.join(known)}"


_SPECIAL: Mapping[str, Callable[[type[BaseModel], Any, list[str]], tuple[str, str]]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "value_error": _value,
    "literal_error": _literal,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _as_written(raw: Sequence[str], tree: Any) -> list[str]:
    """Return the path without the union tags that the validator puts in between."""
    path: list[str] = []
    current = tree
    for number, part in enumerate(raw):
        if isinstance(current, Mapping) and part in current:
            current = current[part]
        elif isinstance(current, list | tuple) and part.isdecimal():
            current = current[int(part)]
        elif number < len(raw) - 1:
            continue
        path.append(part)
    return path


def _known_keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Return the keys of the table at `path`."""
    return list(getattr(_at(model, path), "model_fields", {}))


def _at(model: type[BaseModel], path: Sequence[str]) -> Any:
    """Return what is expected at `path`, walking the models' annotations; None if unknown."""
    current: Any = model
    for part in path:
        fields = getattr(current, "model_fields", None)
        if fields is None:
            current = _inner(current, part)
        elif part in fields:
            current = _bare(fields[part].annotation)
        else:
            return None
    return current


def _inner(annotation: Any, part: str) -> Any:
    """Step into a dict's or tuple's item, or into the member of a union that `part` names."""
    arguments = _arguments(annotation)
    for argument in arguments:
        if part in _kinds(argument):
            return argument
    return _bare(arguments[-1]) if arguments else None


def _bare(annotation: Any) -> Any:
    """Return an annotation without what may be said besides its type, and without None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType) and len(_arguments(annotation)) == 1:
        return _bare(_arguments(annotation)[0])
    return annotation


def _arguments(annotation: Any) -> list[Any]:
    return [a for a in get_args(annotation) if a not in (type(None), Ellipsis)]


def _kinds(model: Any) -> tuple[str, ...]:
    """Return by which kinds a file names a model, if by any."""
    kind = getattr(model, "model_fields", {}).get("kind")
    return get_args(kind.annotation) if kind is not None else ()
