"""Reply rules as a file states them: what a reply says, how often, and what is done about it.

The idea and the meaning of a trigger are those of KumoMTA's traffic shaping automation
(docs.kumomta.com, ``kumo.shaping.load``): a threshold is a plain count within the window. A share
of refusals within a window is what GreenArrow's throttle programs go by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.data import data_path, data_text
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.explain import explained, suggestion
from mstoolkit.config.patterns import compile_pattern
from mstoolkit.config.replies import ReplyText
from mstoolkit.config.toml import check_finite, parse_toml
from mstoolkit.config.units import WRITTEN, Count, Duration, Rate, Share, parse_duration
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

DEFAULT = "default"  # names all shipped rules but those of `APART`
APART = frozenset({"blocklists"})  # sets that one asks for by name: one reply stops a whole server
LEAST = 100  # attempts before a share is looked at, unless a rule says otherwise; an assumption
MOST = 10_000  # matches a trigger may wait for: each key remembers up to so many

_TRIGGER = re.compile(r"\s*(\d+)\s+in\s+(.+)")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%(?:\s+of\s+(\d+))?\s+in\s+(.+)")
_STATUS = r"^[245]\.\d{1,3}\.(\d{1,3}|\*)$"


def _pattern(value: str) -> str:
    compile_pattern(value)
    return value


def _several(value: object) -> object:
    """Let one value stand for a list of one."""
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
Code = Annotated[Count, Field(ge=400, le=599)]
Status = Annotated[str, Field(pattern=_STATUS)]
Scope = Literal["path", "server", "isp", "campaign", "stream", "message"]


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

    With a ``share`` it fires at a match where matches are that share or more of at least ``count``
    attempts within ``window``, whatever the replies to the others were. Written ``"immediate"``,
    ``"5 in 1h"``, ``"20% in 10min"`` (of at least 100 attempts) or ``"20% of 500 in 10min"``.
    """

    count: Count = Field(1, ge=1, le=MOST)
    window: Duration = Field(0.0)
    share: Share = 0.0

    @model_validator(mode="after")
    def _has_window(self) -> Trigger:
        if (self.count > 1 or self.share) and not self.window:
            raise ValueError('window: must be above 0; write a time, as "5 in 1h"')
        return self


def parse_trigger(value: str) -> Trigger:
    """Read a trigger.

    Parameters
    ----------
    value : str
        ``"immediate"``, a number and a time, as ``"5 in 1h"``, or a share and a time, as
        ``"20% in 10min"`` or ``"20% of 500 in 10min"``.

    Raises
    ------
    ValueError
        If it is none of these, or the number, the share or the time is zero.

    Examples
    --------
    >>> parse_trigger("5 in 1h")
    Trigger(count=5, window=3600.0, share=0.0)
    >>> parse_trigger("20% in 10min")
    Trigger(count=100, window=600.0, share=0.2)
    """
    if value == "immediate":
        return Trigger()
    share, found = 0.0, _SHARE.fullmatch(value)
    if found is not None:
        share, written, time = float(found[1]) / 100, found[2] or LEAST, found[3]
        if not 0 < share <= 1:
            raise ValueError(f'is a share of {found[1]} %: {value!r}; write one up to "100%"')
    else:
        found = _TRIGGER.fullmatch(value)
        if found is None:
            raise ValueError(
                f'is not a trigger: {value!r}; write "immediate", or as "5 in 1h" or "20% in 10min"'
            )
        written, time = found[1], found[2]
    count, window = int(written), parse_duration(time)
    if not window:
        raise ValueError(f'counts within no time: {value!r}; write a time above 0, as "5 in 1h"')
    if not 1 <= count <= MOST:
        raise ValueError(f'counts to {count}: {value!r}; write 1 to {MOST}, as "5 in 1h"')
    return Trigger(count=count, window=window, share=share)


def _trigger(value: object) -> object:
    return parse_trigger(value) if isinstance(value, str) else value


class Suspend(Frozen):
    """Send nothing; mail of a campaign is held, all other mail goes by other ways if there are."""

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
    """Give up what waits, and what comes in, as undeliverable; or the very messages refused."""

    kind: Literal["bounce"] = "bounce"


class Move(Frozen):
    """Leave the path alone, and send what was refused, and its share, through ``to``.

    Where that may not be used, or none is named, any other server does.
    """

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


_SCOPES: Mapping[str, tuple[Scope, ...]] = {
    "suspend": ("path", "server", "isp", "campaign", "stream"),
    "set-rate": ("path", "server", "isp"),
    "set-connections": ("path", "server", "isp"),
    "bounce": ("isp", "campaign", "stream", "message"),
    "move": ("path",),
}
_WHY = {
    "bounce": "mail that waits is bound to a provider, not to a server",
    "campaign": "a campaign has no rate of its own; give it a stream and limit that in pacing",
    "stream": "limit a stream in pacing",
    "message": "a message is tried by itself",
    "move": "what is moved is the mail of one server to one provider",
}


class Rule(Frozen):
    """If replies match so often, do this for ``duration`` to whatever ``scope`` names.

    ``scope`` is the path (server and ISP), the server, the ISP over all servers, the campaign or
    the stream at that ISP, or the very messages that got the reply; matches are counted over the
    same.
    ``verified`` tells whether the reply's text was read in one of ``source``; the source need not
    be the provider's own.
    """

    name: str = Field(min_length=1)
    match: Match
    trigger: Annotated[Trigger, BeforeValidator(_trigger)] = Trigger()
    action: Action
    duration: Duration = 0.0
    scope: Scope = "path"
    source: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    verified: bool = False
    note: str = ""
    sample: Sample | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Rule:
        kind, scopes = self.action.kind, _SCOPES[self.action.kind]
        if self.scope not in scopes:
            why = _WHY.get(self.scope) or _WHY.get(kind, "")
            raise ValueError(
                f"scope: {kind!r} cannot be done to a {self.scope} ({why}); "
                f"write scope = {' or '.join(repr(each) for each in scopes)}"
            )
        if self.scope == "message":
            if self.duration:
                raise ValueError("duration: a message is given up at once; leave it out")
        elif not self.duration:
            raise ValueError('duration: must be above 0; write a time, as "1h"')
        return self


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
        Path of a ``.toml`` file, or a shipped name as ``"gmail"``; ``"default"`` is all shipped but
        ``"blocklists"``, which takes a server out everywhere for what one provider says.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no TOML, or says something that cannot be used.

    Examples
    --------
    >>> load_rules("gmail").rules[0].trigger
    Trigger(count=2, window=3600.0, share=0.0)
    """
    name, path = str(source), Path(source)
    if name == DEFAULT and not path.is_file():
        return _joined([load_rules(each) for each in rule_names() if each not in APART])
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
