"""The figures of a provider's profile one by one: value, unit, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator

from mstoolkit.config.isps import ABOUT, documentation
from mstoolkit.config.profile import Profile
from mstoolkit.config.replies import ReplyText
from mstoolkit.config.units import Duration, Rate

Standing = Literal["verified", "assumed", "undocumented"]

_KINDS = {get_args(kind)[1].func: unit for kind, unit in ((Duration, "s"), (Rate, "1/s"))}
_COUNTED: Mapping[str, str] = {
    "connections": "connections",
    "messages_per_connection": "messages",
    "warmup_volume": "messages",
    "prior": "messages",
    "complaint": "messages",
    "unknown": "messages",
    "pushed": "messages",
    "cold": "messages",
    "bulk_from": "messages/day",
    "trap": "messages",
    "recycled": "messages",
    "read": "messages",
    "deleted": "messages",
    "minimum": "messages",
    "days": "days with mail",
    "junk": "points",
    "reject": "points",
    "spam": "points",
    "penalty": "points",
    "factor": "times",
    "prefix": "bits",
}


class Figure(NamedTuple):
    """One figure of a profile.

    Attributes
    ----------
    key : str
        Dotted key in the file.
    value : object
        Durations in s, rates in 1/s.
    unit : str
        Empty for text, codes and lists.
    standing : str
        ``"verified"`` if it was read in its source (which need not be the provider's own),
        ``"assumed"`` if nobody has published it, else ``"undocumented"``.
    source : str
        Where it was read; empty unless verified.
    """

    key: str
    value: Any
    unit: str
    standing: Standing
    source: str


def figures(profile: Profile) -> list[Figure]:
    """Return what a profile says, with where each figure comes from.

    A key of ``source`` or ``assumed`` documents the figure of that name, or all figures of the
    table of that name; of several the closest counts. What a file leaves out is not listed.

    Parameters
    ----------
    profile : Profile
        A profile as it was loaded.

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> figure = next(each for each in figures(load_profile("gmail")) if each.key == "rate.ceiling")
    >>> figure.unit, figure.standing
    ('1/s', 'assumed')
    """
    keys = [*profile.source, *profile.assumed]
    found = []
    for key, value, unit in _said(profile):
        closest = documentation(key, keys)
        source = profile.source.get(closest, "")
        standing: Standing = "assumed" if closest else "undocumented"
        found.append(Figure(key, value, unit, "verified" if source else standing, source))
    return found


def undocumented(profile: Profile) -> list[str]:
    """Return the keys of a profile that neither ``source`` nor ``assumed`` speaks of.

    Parameters
    ----------
    profile : Profile
        A profile as it was loaded.

    Examples
    --------
    >>> from mstoolkit.config import load_profile
    >>> gmail = load_profile("gmail")
    >>> undocumented(gmail)
    []
    >>> undocumented(gmail.model_copy(update={"assumed": gmail.assumed[1:]}))
    ['service']
    """
    return [each.key for each in figures(profile) if each.standing == "undocumented"]


def _said(table: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yield key, value and unit of each figure that a file gave."""
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if name not in table.model_fields_set or value is None or (not prefix and name in ABOUT):
            continue
        parts = get_args(field.annotation)  # of a figure that may be left out
        metadata = [each for part in parts for each in getattr(part, "__metadata__", ())]
        unit = _unit(f"{prefix}{name}", [*field.metadata, *metadata])
        yield from _of(f"{prefix}{name}", value, unit)


def _of(key: str, value: Any, unit: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(value, ReplyText):
        yield key, " ".join(filter(None, (str(value.code), value.status, value.text))), ""
    elif isinstance(value, BaseModel):
        yield from _said(value, f"{key}.")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _of(f"{key}.{name}", each, "")
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        yield key, [each.model_dump(mode="json") for each in value], ""
    else:
        yield key, list(value) if isinstance(value, tuple) else value, unit


def _unit(key: str, metadata: list[Any]) -> str:
    for each in metadata:
        if isinstance(each, BeforeValidator) and each.func in _KINDS:
            return _KINDS[each.func]
    table, _, name = key.rpartition(".")
    if name not in _COUNTED and table in _COUNTED:
        return _COUNTED[table]
    return (
        "share"
        if any(getattr(each, "le", None) == 1 for each in metadata)
        else _COUNTED.get(name, "")
    )
