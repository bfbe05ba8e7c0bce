"""Calls with a literal table in a Lua text, as ``kumo.make_egress_source { name = 'ip-1' }``.

Nothing is run. A value that is no literal (a variable, a call, an expression) reads as `COMPUTED`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from mstoolkit.config.errors import ConfigError

DEPTH = 20
COMPUTED: Final = "computed, not written out"

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<comment>--(?!\[=*\[)[^\n]*)
    |(?P<long>(?:--)?\[(?P<level>=*)\[)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>-?(?:0[xX][0-9a-fA-F]{1,16}|\d{1,18}(?:\.\d{0,18})?(?:[eE][+-]?\d{1,3})?))
    |(?P<name>[A-Za-z_][\w]*(?:[.:][A-Za-z_]\w*)*)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_OPEN, _CLOSE = {"{": "}", "(": ")", "[": "]"}, set("})]")


class Token(NamedTuple):
    """A word of the text: its kind (text, number, name or sign), what it says and its line."""

    kind: str
    value: Any
    line: int


class Call(NamedTuple):
    """A call with a table: the function's name, the table, and its line."""

    function: str
    table: Table
    line: int


class Table(NamedTuple):
    """A table's items; those without a key stand in ``listed``."""

    named: dict[str, Any]
    listed: list[Any]
    line: int


def calls(text: str, file: str, prefix: str) -> list[Call]:
    """Return the calls of functions whose names begin so, with the literal tables they are given.

    Parameters
    ----------
    text, file : str
        The Lua text, and its name for error messages.
    prefix : str
        As ``"kumo.make_"``.

    Raises
    ------
    ConfigError
        If a text or comment is not closed, or tables are nested too deeply.

    Examples
    --------
    >>> (one,) = calls("kumo.make_egress_source { name = 'ip-1', ttl = f(x) }", "", "kumo.make_")
    >>> one.table.named
    {'name': 'ip-1', 'ttl': 'computed, not written out'}
    """
    tokens = list(_tokens(text, file))
    found: list[Call] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.kind != "name" or not token.value.startswith(prefix):
            continue
        while at < len(tokens) and tokens[at][:2] == ("sign", "("):
            at += 1
        table = Table({}, [COMPUTED], token.line)
        if at < len(tokens) and tokens[at][:2] == ("sign", "{"):
            reader = _Tables(tokens, at, file)
            table, at = reader.read(), reader.at
        found.append(Call(token.value, table, token.line))
    return found


def _tokens(text: str, file: str) -> Iterator[Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None  # the last alternative takes any character
        kind, word, end = match.lastgroup or "", match[0], match.end()
        if match["long"] is not None:
            end = text.find(f"]{match['level']}]", match.end())
            if end < 0:
                raise ConfigError(
                    f"{word} is not closed", file=f"{file}:{line}", remedy="end it with ]]"
                )
            inside = text[match.end() : end]
            end += 2 + len(match["level"])
            if not word.startswith("--"):
                yield Token("text", inside.removeprefix("\n"), line)
        elif kind == "text":
            yield Token("text", _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), word[1:-1]), line)
        elif kind == "number":
            yield Token("number", _number(word), line)
        elif word in ("'", '"'):
            raise ConfigError(
                "a text is not closed", file=f"{file}:{line}", remedy=f"end it with {word}"
            )
        elif kind in ("name", "sign"):
            yield Token(kind, word, line)
        line += text.count("\n", position, end)
        position = end


def _number(word: str) -> float:
    if "x" in word.lower():
        return int(word, 16)
    return float(word) if re.search(r"[.eE]", word) else int(word)


class _Tables:
    """Reads the table that begins at a token."""

    def __init__(self, tokens: list[Token], at: int, file: str) -> None:
        self._tokens = tokens
        self.at = at
        self._file = file

    def read(self, depth: int = 0) -> Table:
        """Read a table; the brace that opens it is next."""
        opened = self._tokens[self.at]
        if depth >= DEPTH:
            raise ConfigError(
                f"tables are nested more than {DEPTH} deep",
                file=f"{self._file}:{opened.line}",
                remedy="give a policy that states its sources and pools plainly",
            )
        self.at += 1
        table = Table({}, [], opened.line)
        while self.at < len(self._tokens):
            token = self._tokens[self.at]
            if token[:2] == ("sign", "}"):
                self.at += 1
                break
            if token[:2] in (("sign", ","), ("sign", ";")):
                self.at += 1
                continue
            self._item(table, depth)
        return table

    def _item(self, table: Table, depth: int) -> None:
        key = self._key()
        value = self._value(depth)
        if key is None:
            table.listed.append(value)
        else:
            table.named[key] = value

    def _key(self) -> str | None:
        """Take ``name =`` or ``['name'] =``, if that is next."""
        ahead = self._tokens[self.at : self.at + 4]
        signs = [token.value if token.kind == "sign" else "" for token in ahead]
        if ahead[0].kind == "name" and signs[1:2] == ["="] and signs[2:3] != ["="]:
            self.at += 2
            return str(ahead[0].value)
        bracketed = signs[:1] == ["["] and signs[2:4] == ["]", "="]
        if bracketed and ahead[1].kind in ("text", "number"):
            self.at += 4
            return str(ahead[1].value)
        return None

    def _value(self, depth: int) -> Any:
        token = self._tokens[self.at] if self.at < len(self._tokens) else None
        value: Any = COMPUTED
        if token is None:
            return value
        if token[:2] == ("sign", "{"):
            value = self.read(depth + 1)
        elif token.kind in ("text", "number"):
            value = token.value
            self.at += 1
        elif token.kind == "name" and token.value in ("true", "false", "nil"):
            value = {"true": True, "false": False}.get(token.value)
            self.at += 1
        return value if not self._skip() else COMPUTED

    def _skip(self) -> bool:
        """Pass over what follows up to the item's end; return whether there was anything."""
        closing: list[str] = []
        start = self.at
        while self.at < len(self._tokens):
            token = self._tokens[self.at]
            sign = token.value if token.kind == "sign" else ""
            if not closing and sign in (",", ";", "}"):
                break
            if sign in _OPEN:
                closing.append(_OPEN[sign])
            elif sign in _CLOSE and closing:
                closing.pop()
            self.at += 1
        return self.at > start
