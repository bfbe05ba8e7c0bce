"""KumoMTA's traffic shaping automation: the ``automation`` tables of a ``shaping.toml``.

Format: docs.kumomta.com, reference of ``kumo.shaping.load``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from mstoolkit.config.peers.reading import (
    ForeignError,
    Imported,
    NotUnderstood,
    foreign_count,
    foreign_duration,
    foreign_rule,
)
from mstoolkit.config.rules import Rule

_HEADER = re.compile(r"\s*\[\[(.+)\]\]\s*(?:#.*)?")
_AT_LINE = re.compile(r"at line (\d+)")
_KNOWN = {"regex", "action", "trigger", "duration", "match_internal"}
_SCOPES = {"suspend": "path", "suspendcampaign": "campaign", "bounce": "isp"}
_SCOPES |= {"bouncecampaign": "campaign", "setconfig": "path", "setdomainconfig": "path"}


def read_kumomta(text: str, *, isps: Mapping[str, str] | None = None) -> Imported:
    """Read the automation rules of a KumoMTA ``shaping.toml``.

    Only the ``automation`` tables are read. Each action becomes a rule; several patterns of an
    entry are joined, as they share a count.

    Parameters
    ----------
    text : str
        The file's text.
    isps : mapping of str to str, optional
        The toolkit's name of an ISP for a domain or provider of the file; others keep theirs.
        ``default`` means any ISP.

    Returns
    -------
    Imported
        The rules, and the lines that were not understood with the reason; nothing is raised.

    Examples
    --------
    >>> found = read_kumomta('''
    ... [["yahoo.com".automation]]
    ... regex = "deferred"
    ... action = "Suspend"
    ... trigger = {Threshold="5/hr"}
    ... duration = "2 hours"
    ... ''', isps={"yahoo.com": "yahoo"})
    >>> found.rules[0].match.isp, found.rules[0].trigger, found.rules[0].duration
    (('yahoo',), Trigger(count=5, window=3600.0, share=0.0), 7200.0)
    """
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        return Imported((), (NotUnderstood(line, f"is not valid TOML: {error}"),))
    rules: list[Rule] = []
    unclear: list[NotUnderstood] = []
    lines = _header_lines(text)
    for path, entries in _automations(tree):
        site = path[-1]
        isp = "" if site == "default" else (isps or {}).get(site, site)
        for number, entry in enumerate(entries):
            at_lines = lines.get(path, [])
            line = at_lines[number] if number < len(at_lines) else 0
            for result in _read_entry(entry, isp, line):
                if isinstance(result, Rule):
                    rules.append(result)
                else:
                    unclear.append(result)
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):  # entries written inside one line, or without a header
        rules = [
            rule.model_copy(update={"name": f"{rule.name}-{number}"})
            for number, rule in enumerate(rules, 1)
        ]
    return Imported(tuple(rules), tuple(sorted(unclear)))


def _automations(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Return each domain's and provider's list of automation entries, with the path to it."""
    sites: list[tuple[tuple[str, ...], Any]]
    sites = [((name,), table) for name, table in tree.items() if name != "provider"]
    providers = tree.get("provider")
    if isinstance(providers, Mapping):
        sites += [(("provider", name), table) for name, table in providers.items()]
    for path, table in sites:
        if _is_table(table) and isinstance(table.get("automation"), list):
            yield path, table["automation"]


def _header_lines(text: str) -> dict[tuple[str, ...], list[int]]:
    """Return the lines on which each site's automation entries begin."""
    lines: dict[tuple[str, ...], list[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header is None:
            continue
        try:
            path = _key_path(tomllib.loads(f"[{header[1]}]"))
        except tomllib.TOMLDecodeError:
            continue
        if path[-1:] == ["automation"]:
            lines.setdefault(tuple(path[:-1]), []).append(number)
    return lines


def _key_path(tree: Mapping[str, Any]) -> list[str]:
    path: list[str] = []
    while tree:
        ((name, tree),) = tree.items()
        path.append(name)
    return path


def _read_entry(entry: Any, isp: str, line: int) -> list[Rule | NotUnderstood]:
    if not _is_table(entry):
        return [NotUnderstood(line, f"is no table: {entry!r}")]
    results: list[Rule | NotUnderstood] = [
        NotUnderstood(line, f"{key}: unknown, passed over") for key in sorted({*entry} - _KNOWN)
    ]
    if entry.get("match_internal"):
        results.append(NotUnderstood(line, "match_internal: a rule never matches our own replies"))
    try:
        common = _common(entry, isp, line)
    except ForeignError as error:
        return [*results, NotUnderstood(line, str(error))]
    actions = entry.get("action")
    listed = actions if isinstance(actions, list) else [actions]
    for number, action in enumerate(listed, 1):
        suffix = f"-{number}" if len(listed) > 1 else ""
        name = f"{isp or 'any'}-line-{line}{suffix}"
        try:
            results.append(foreign_rule({**common, **_action(action), "name": name}))
        except ForeignError as error:
            results.append(NotUnderstood(line, str(error)))
    return results


def _common(entry: Mapping[str, Any], isp: str, line: int) -> dict[str, Any]:
    """Read what an entry's actions share."""
    regex = entry.get("regex")
    patterns = regex if isinstance(regex, list) else [regex]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise ForeignError(f"regex: is no pattern: {regex!r}")
    joined = patterns[0] if len(patterns) == 1 else "|".join(f"(?:{p})" for p in patterns)
    try:
        duration = foreign_duration(entry.get("duration"))
    except ForeignError as error:
        raise ForeignError(f"duration: {error}") from None
    return {
        "match": {"line": joined, "isp": (isp,) if isp else ()},
        "trigger": _trigger(entry.get("trigger", "Immediate")),
        "duration": duration,
        "source": (f"KumoMTA shaping file, line {line}",),
    }


def _trigger(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and _plain(value) == "immediate":
        return {}
    if _is_table(value) and [_plain(key) for key in value] == ["threshold"]:
        try:
            count, window = foreign_count(next(iter(value.values())))
        except ForeignError as error:
            raise ForeignError(f"trigger: {error}") from None
        return {"count": count, "window": window}
    raise ForeignError(f"trigger: there is none as {value!r}")


def _action(value: Any) -> dict[str, Any]:
    """Return our action and its scope."""
    setting: Any = None
    if _is_table(value) and len(value) == 1:
        ((kind, setting),) = value.items()
    else:
        kind = value
    plain = _plain(kind) if isinstance(kind, str) else ""
    if plain.endswith("tenant"):
        raise ForeignError(f"action: {kind}: there are no tenants here")
    if plain not in _SCOPES or setting is False:
        raise ForeignError(f"action: there is none as {value!r}")
    action: Any = plain.removesuffix("campaign")
    if plain.endswith("config"):
        action = _set_config(setting)
    return {"action": action, "scope": _SCOPES[plain]}


def _set_config(setting: Any) -> dict[str, Any]:
    if not _is_table(setting) or {*setting} != {"name", "value"}:
        raise ForeignError(f"action: gives no name and value: {setting!r}")
    name, value = setting["name"], setting["value"]
    try:
        if name == "max_message_rate":
            count, seconds = foreign_count(value)
            return {"kind": "set-rate", "rate": count / seconds}
        if name == "connection_limit":
            if not str(value).isdecimal():
                raise ForeignError(f"is not a number: {value!r}")
            return {"kind": "set-connections", "connections": int(value)}
    except ForeignError as error:
        raise ForeignError(f"action: {name}: {error}") from None
    raise ForeignError(f"action: there is nothing to set as {name!r}")


def _plain(name: str) -> str:
    """Let ``SetConfig``, ``set_config`` and ``set-config`` be the same."""
    return re.sub(r"[_-]", "", name).lower()


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)
