"""PowerMTA's ``<smtp-pattern-list>`` blocks, with the ``<domain>`` blocks that use them.

Directives and their defaults are those of PowerMTA's user's guide: ``backoff-max-msg-rate``
(unlimited), ``backoff-retry-after`` (1 h), ``backoff-to-normal-after`` (never) and
``reenable-source-ip-after`` (never).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mstoolkit.config.peers.reading import (
    ForeignError,
    Imported,
    NotUnderstood,
    foreign_count,
    foreign_duration,
    foreign_rule,
    tag,
)
from mstoolkit.config.rules import Rule

_LIST = "smtp-pattern-list"
_REPLY = re.compile(r"reply\s+/((?:\\.|[^/\\])*)/\s*(.*)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_BACKOFF = "1h"
_HERE = {
    "skip-mx": "there is one way to an ISP here, not several hosts to choose from",
}


class _Line(NamedTuple):
    number: int
    pattern: str
    actions: str


class _File(NamedTuple):
    """What a file says: lines of lists, directives of domains, and what is neither."""

    lists: dict[str, list[_Line]]
    domains: dict[str, dict[str, str]]
    unclear: list[NotUnderstood]


def read_powermta(
    text: str, *, isps: Mapping[str, str] | None = None, never: float = 86_400.0
) -> Imported:
    """Read the pattern lists of a PowerMTA configuration.

    A list becomes rules once for each ``<domain>`` of the text that uses it, once without an ISP
    if none does. ``mode=backoff`` sets the domain's ``backoff-max-msg-rate``; where there is none
    it suspends for ``backoff-retry-after``. ``disable-source-ip`` suspends the path.
    ``bounce-queue`` gives up what waits for the provider, as mail is bound to no server here;
    ``bounce-rcpt`` gives up the messages that got the reply.

    Parameters
    ----------
    text : str
        The file's text; includes are not followed.
    isps : mapping of str to str, optional
        The toolkit's name of an ISP for a domain of the file; others keep theirs. ``*`` is any.
    never : float, optional
        Seconds that stand for "never", where PowerMTA waits for a person: a rule has an end.

    Returns
    -------
    Imported
        The rules, and the lines that were not understood with the reason; nothing is raised.

    Examples
    --------
    >>> found = read_powermta('''
    ... <smtp-pattern-list common>
    ...     reply /try again later/ mode=backoff
    ... </smtp-pattern-list>
    ... ''')
    >>> found.rules[0].action, found.rules[0].duration
    (Suspend(kind='suspend'), 3600.0)
    """
    file = _read(text)
    rules: list[Rule] = []
    unclear = set(file.unclear)
    for name, lines in file.lists.items():
        users = [domain for domain, said in file.domains.items() if said.get(_LIST) == name]
        for domain in users or ["*"]:
            said = file.domains.get(domain, {}) if users else {}
            isp = "" if domain == "*" else (isps or {}).get(domain, domain)
            for line in lines:
                base = {
                    "name": f"{name}-line-{line.number}" + (f"-{domain}" if isp else ""),
                    "match": {"line": line.pattern, "isp": (isp,) if isp else ()},
                    "source": (f"PowerMTA configuration, line {line.number}",),
                }
                try:
                    action = _action(line.actions, said, never)
                    rules.append(foreign_rule({**base, **action}))
                except ForeignError as error:
                    unclear.add(NotUnderstood(line.number, str(error)))
    return Imported(tuple(rules), tuple(sorted(unclear)))


def _read(text: str) -> _File:
    """Take the file apart; directives outside domains and lists are none of our business."""
    file = _File({}, {}, [])
    blocks: list[tuple[str, str]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).strip()
        if found := tag(line):
            kind, name, closes = found
            if closes:
                _close(blocks, kind, number, file)
            else:
                blocks.append((kind, name))
        elif line and blocks:
            _take(line, number, blocks[-1], file)
    for kind, name in blocks:
        if kind in (_LIST, "domain"):
            end = text.count("\n") + 1
            file.unclear.append(NotUnderstood(end, f"<{kind} {name}> is not closed"))
    return file


def _close(blocks: list[tuple[str, str]], kind: str, number: int, file: _File) -> None:
    if blocks and blocks[-1][0] == kind:
        blocks.pop()
    else:
        file.unclear.append(NotUnderstood(number, f"</{kind}> closes nothing"))


def _take(line: str, number: int, block: tuple[str, str], file: _File) -> None:
    """Take in a line of a block."""
    kind, name = block
    if kind == "domain":
        directive, *value = line.split(None, 1)
        file.domains.setdefault(name, {})[directive.lower()] = value[0] if value else ""
    elif kind == _LIST:
        reply = _REPLY.fullmatch(line)
        if reply is None:
            reason = f"is not written as reply /pattern/ action: {line!r}"
            file.unclear.append(NotUnderstood(number, reason))
        else:
            file.lists.setdefault(name, []).append(_Line(number, reply[1], reply[2]))


def _action(written: str, said: Mapping[str, str], never: float) -> dict[str, Any]:
    """Return our action, its duration and its scope for what follows a pattern."""
    words = [word for word in re.split(r"[,\s]+", written.lower()) if word]
    options = dict(_options(words))
    named = [word for word in words if word == "mode=backoff" or "=" not in word]
    named += [f"mode={options['mode']}"] if options.get("mode") not in (None, "backoff") else []
    if len(named) != 1:
        raise ForeignError(f"action: there is not exactly one in {written!r}")
    if named[0] in _HERE:
        raise ForeignError(f"action: {named[0]}: {_HERE[named[0]]}")
    if named[0] == "mode=backoff":
        return _backoff(options, said, never)
    if named[0] == "disable-source-ip":
        until = options.get("reenable-after", said.get("reenable-source-ip-after", "never"))
        return {"action": "suspend", "duration": _time(until, never)}
    if named[0] == "bounce-queue":
        return {"action": "bounce", "duration": _time(_BACKOFF, never), "scope": "isp"}
    if named[0] == "bounce-rcpt":
        return {"action": "bounce", "scope": "message"}
    raise ForeignError(f"action: there is none as {named[0]!r}")


def _backoff(options: Mapping[str, str], said: Mapping[str, str], never: float) -> dict[str, Any]:
    """Return what backoff mode is in a domain: a lower rate, or a pause if it gives none."""
    rate = said.get("backoff-max-msg-rate", "unlimited")
    if rate == "unlimited":
        retry = said.get("backoff-retry-after", _BACKOFF).split(",")[0]
        return {"action": "suspend", "duration": _time(retry, never)}
    until = options.get("backoff-to-normal-after", said.get("backoff-to-normal-after", "never"))
    try:
        count, seconds = foreign_count(rate)
    except ForeignError as error:
        raise ForeignError(f"backoff-max-msg-rate: {error}") from None
    action = {"kind": "set-rate", "rate": count / seconds}
    return {"action": action, "duration": _time(until, never)}


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, sign, value = word.partition("=")
        if sign:
            yield name, value


def _time(value: str, never: float) -> float:
    return never if value == "never" else foreign_duration(value)
