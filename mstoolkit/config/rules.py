"""Reply rules as a file states them: what a reply says, how often, and what is done about it.

The idea and the meaning of a trigger are those of KumoMTA's traffic shaping automation
(docs.kumomta.com, ``kumo.shaping.load``): a threshold is a plain count within the window.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path, data_text
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import explained, suggestion
from mstoolkit.config.profile import ReplyText
from mstoolkit.config.toml import check_finite, parse_toml
from mstoolkit.config.units import WRITTEN, Count, Duration, Rate, parse_duration
from mstoolkit.model import Phase

__all__ = [
    "Action",
    "Bounce",
    "Match",
    "Move",
    "Rule",
    "RuleSet",
    "Sample",
    "Scope",
    "SetConnections",
    "SetRate",
    "Suspend",
    "Trigger",
    "compile_pattern",
    "load_rules",
    "parse_rules",
    "parse_trigger",
    "rule_names",
]

DEFAULT = "default"  # names all shipped rules
PATTERN_LENGTH = 500  # characters of a pattern
REPEATS = 2  # wide quantifiers in a pattern: each adds a power of the text's length
WIDE = 20  # a quantifier is wide if it spans more counts than this, or has no bound
HARMLESS = 4  # so often an ambiguous group may be repeated before it counts as unbounded
MOST = 10_000  # matches a trigger may wait for: each key remembers up to so many

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|\(\??|.", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})[?+]?")
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")
_TRIGGER = re.compile(r"\s*(\d+)\s+in\s+(.+)")
_STATUS = r"^[245]\.\d{1,3}\.(\d{1,3}|\*)$"


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile the regular expression of a rule, which ignores case.

    A server chooses the text that is searched, so patterns which can take exponential time are
    refused: a group that is repeated and can itself match in more than one way, as ``(a+)+``. Those
    with two quantifiers that are not bounded still take cubic time: one or two seconds for the most
    misleading thousand characters, a few milliseconds with one.

    Parameters
    ----------
    pattern : str
        At most 500 characters, with at most two quantifiers that are not bounded.

    Raises
    ------
    ValueError
        If it is no regular expression, or one that may take too long.

    Examples
    --------
    >>> bool(compile_pattern(r"\[TSS?04\]").search("messages deferred [ts04]"))
    True
    """
    if len(pattern) > PATTERN_LENGTH:
        raise ValueError(
            f"is a pattern of {len(pattern)} characters; write at most {PATTERN_LENGTH}"
        )
    if _VERBOSE.search(pattern):
        raise ValueError("is a pattern in verbose mode; leave the flag x out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(
            f"is not a regular expression ({error}): {pattern!r}; "
            "put a backslash before signs that are meant as such"
        ) from None
    _check_time(pattern)
    return compiled


def _check_time(pattern: str) -> None:
    """Refuse nested quantifiers, and more wide ones than a search bears."""
    ambiguous, wide, position = [False], 0, 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        assert token is not None  # a pattern that compiles is made of tokens
        position = token.end()
        inside = False
        if token[0] in ("(", "(?"):
            ambiguous.append(False)
            continue
        if token[0] == ")":
            inside = ambiguous.pop()
        least, most, position = _repeats(pattern, position)
        if inside and most > HARMLESS:
            raise ValueError(
                f"may take forever: a repeated group matches in several ways in {pattern!r}; "
                "leave one of the nested quantifiers out"
            )
        ambiguous[-1] |= inside or least != most or token[0] == "|"
        wide += most - least > WIDE
    if wide > REPEATS:
        raise ValueError(
            f"may take long with {wide} quantifiers that are not bounded: {pattern!r}; "
            f"write at most {REPEATS}, or bound them, as .{{0,20}}"
        )


def _repeats(pattern: str, position: int) -> tuple[float, float, int]:
    """Return how often what ends at `position` is repeated, and where its quantifier ends."""
    found = _QUANTIFIER.match(pattern, position)
    if found is None or found[0] == "{}":
        return 1, 1, position
    sign, low, comma, high = found.groups()
    if sign:
        least, most = {"*": (0.0, float("inf")), "+": (1.0, float("inf")), "?": (0.0, 1.0)}[sign]
        return least, most, found.end()
    least = float(low or 0)
    most = float(high) if high else (float("inf") if comma else least)
    return least, most, found.end()


def _pattern(value: str) -> str:
    compile_pattern(value)
    return value


def _several(value: object) -> object:
    """Let one value stand for a list of one."""
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
Code = Annotated[Count, Field(ge=400, le=599)]
Status = Annotated[str, Field(pattern=_STATUS)]
Scope = Literal["path", "server", "isp", "campaign"]


class Match(Frozen):
    """What a reply must be: all that is given must hold; of a list, one.

    ``text`` is searched in the reply's text, ``line`` in the whole line as a server sends it, as
    ``421 4.7.28 text``. Case is ignored. A status may end in ``*``, as ``4.7.*``. Without ``isp``
    the reply may come from any.
    """

    text: Pattern | None = None
    line: Pattern | None = None
    code: Annotated[tuple[Code, ...], BeforeValidator(_several)] = ()
    status: Annotated[tuple[Status, ...], BeforeValidator(_several)] = ()
    phase: Annotated[tuple[Phase, ...], BeforeValidator(_several)] = ()
    isp: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Match:
        if not (self.text or self.line or self.code or self.status or self.phase):
            raise ValueError(
                "matches every refusal; give a text, line, code, status or phase to match"
            )
        return self


class Trigger(Frozen):
    """When a rule fires: at ``count`` matches within ``window`` seconds; at once if it is 1.

    Written ``"immediate"`` or ``"5 in 1h"``.
    """

    count: Count = Field(1, ge=1, le=MOST)
    window: Duration = Field(0.0)

    @model_validator(mode="after")
    def _has_window(self) -> Trigger:
        if self.count > 1 and not self.window:
            raise ValueError('window: must be above 0; write a time, as "5 in 1h"')
        return self


def parse_trigger(value: str) -> Trigger:
    """Read a trigger.

    Parameters
    ----------
    value : str
        ``"immediate"``, or a number and a time, as ``"5 in 1h"``.

    Raises
    ------
    ValueError
        If it is neither, or the number or the time is zero.

    Examples
    --------
    >>> parse_trigger("5 in 1h")
    Trigger(count=5, window=3600.0)
    """
    if value == "immediate":
        return Trigger()
    found = _TRIGGER.fullmatch(value)
    if found is None:
        raise ValueError(f'is not a trigger: {value!r}; write "immediate" or as "5 in 1h"')
    count, window = int(found[1]), parse_duration(found[2])
    if not window:
        raise ValueError(f'counts within no time: {value!r}; write a time above 0, as "5 in 1h"')
    if not 1 <= count <= MOST:
        raise ValueError(f'counts to {count}: {value!r}; write 1 to {MOST}, as "5 in 1h"')
    return Trigger(count=count, window=window)


def _trigger(value: object) -> object:
    return parse_trigger(value) if isinstance(value, str) else value


class Suspend(Frozen):
    """Send nothing."""

    kind: Literal["suspend"] = "suspend"


class SetRate(Frozen):
    """Send at most ``rate`` (messages a second inside)."""

    kind: Literal["set-rate"] = "set-rate"
    rate: Rate


class SetConnections(Frozen):
    """Hold at most ``connections`` open."""

    kind: Literal["set-connections"] = "set-connections"
    connections: Count = Field(ge=1)


class Bounce(Frozen):
    """Give up what waits, and what comes in, as undeliverable."""

    kind: Literal["bounce"] = "bounce"


class Move(Frozen):
    """Send through another server: ``to``, or any other that may."""

    kind: Literal["move"] = "move"
    to: str | None = Field(None, min_length=1)


def _action(value: object) -> object:
    """Let the name of an action stand for it, as ``action = "suspend"``."""
    return {"kind": value} if isinstance(value, str) else value


Action = Annotated[
    Annotated[
        Suspend | SetRate | SetConnections | Bounce | Move,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_action),
]


class Sample(ReplyText):
    """A reply for which a rule is meant; the words around the source's phrase are ours."""

    phase: Phase = "data"


class Rule(Frozen):
    """If replies match so often, do this for ``duration`` to whatever ``scope`` names.

    ``scope`` is the path (server and ISP), the server, the ISP over all servers, or the campaign.
    ``verified`` tells whether the reply's text was read in one of ``source``; the source need not
    be the provider's own.
    """

    name: str = Field(min_length=1)
    match: Match
    trigger: Annotated[Trigger, BeforeValidator(_trigger)] = Trigger()
    action: Action
    duration: Duration = Field(gt=0)
    scope: Scope = "path"
    source: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    verified: bool = False
    note: str = ""
    sample: Sample | None = None


class RuleSet(Frozen):
    """A file of rules; ``sources`` tells where each source that a rule names can be read."""

    title: str = ""
    sources: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> RuleSet:
        seen: set[str] = set()
        for number, rule in enumerate(self.rules):
            if rule.name in seen:
                raise ValueError(
                    f"rules.{number}.name: {rule.name!r} is there twice; give each its own name"
                )
            seen.add(rule.name)
            for source in rule.source:
                if self.sources and source not in self.sources:
                    raise ValueError(
                        f"rules.{number}.source: there is no source {source!r}; "
                        f"{suggestion(source, list(self.sources))}"
                    )
        return self


def rule_names() -> list[str]:
    """Return the names of the shipped rule sets."""
    return sorted(path.stem for path in (data_path() / "rules").glob("*.toml"))


def load_rules(source: str | Path) -> RuleSet:
    """Read rules from a TOML file, or a shipped set by its name.

    Parameters
    ----------
    source : str or Path
        Path of a ``.toml`` file, or a shipped name as ``"gmail"``; ``"default"`` is all shipped.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no TOML, or says something that cannot be used.

    Examples
    --------
    >>> load_rules("gmail").rules[0].trigger
    Trigger(count=2, window=3600.0)
    """
    name, path = str(source), Path(source)
    if name == DEFAULT and not path.is_file():
        return _joined([load_rules(each) for each in rule_names()])
    if not path.suffix and not path.is_file() and name in rule_names():
        return parse_rules(data_text("rules", name), file=f"rules/{name}.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"cannot be read ({reason})",
            file=name or "''",
            remedy=f"give a .toml file or a shipped name; "
            f"{suggestion(path.name, [DEFAULT, *rule_names()], 'shipped are')}",
        ) from None
    return parse_rules(text, file=name)


def _joined(sets: Sequence[RuleSet]) -> RuleSet:
    return RuleSet(
        title="All shipped rules",
        sources={name: where for each in sets for name, where in each.sources.items()},
        rules=tuple(rule for each in sets for rule in each.rules),
    )


def parse_rules(text: str, *, file: str = "") -> RuleSet:
    """Read rules from TOML text.

    Parameters
    ----------
    text : str
        The TOML text: ``[[rules]]`` tables, and ``[sources]`` if rules name any.
    file : str, optional
        Name for error messages.

    Raises
    ------
    ConfigError
        If it is no TOML, or says something that cannot be used.
    """
    tree = parse_toml(text, file)
    check_finite(tree, file)
    try:
        return RuleSet.model_validate(tree, context=WRITTEN)
    except ValidationError as error:
        raise explained(RuleSet, error, _without_short_forms(tree), file=file) from None


def _without_short_forms(tree: Mapping[str, object]) -> Mapping[str, object]:
    """Write ``action = "suspend"`` out, as the path of an error is looked up in the tables."""
    rules = tree.get("rules")
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        return tree
    return {**tree, "rules": [_written_out(rule) for rule in rules]}


def _written_out(rule: object) -> object:
    if isinstance(rule, Mapping) and "action" in rule:
        return {**rule, "action": _action(rule["action"])}
    return rule
