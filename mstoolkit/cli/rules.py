"""`mstoolkit rules`: what reply rules there are, what they do, and which a reply would fire."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.files import text_of
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.config.peers import NotUnderstood
    from mstoolkit.config.rules import Rule, RuleSet

HELP = """
Look reply rules up: what is done about what mail servers say.

list names the shipped sets and their sources. show NAME tells what each rule of a set waits for and
does; NAME may be a file. test "REPLY" tells which rules a reply fires, as a server sends it: code,
status if it gives one, text. check FILE reads a file of yours, of KumoMTA (shaping.toml) or of
PowerMTA (smtp-pattern-list), and lists what was not understood.

A strategy names sets and files: rules = ["default", "mine.toml"].
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit rules list

mstoolkit rules show gmail

mstoolkit rules test "421 4.7.28 Gmail has detected an unusual rate of mail" --isp gmail

mstoolkit rules test "554 5.7.1 Client host blocked using zen.spamhaus.org"

mstoolkit rules check shaping.toml
"""

_ACTIONS = ("list", "show", "test", "check")
_REPLY = re.compile(r"\s*([2-5]\d\d)(?:[ -]\s*([245]\.\d+\.\d+))?(?:[ -]|$)\s*(.*)", re.DOTALL)

What = Annotated[str, typer.Argument(metavar="WHAT", help="list, show, test or check.")]
Of = Annotated[
    str | None,
    typer.Argument(metavar="[NAME|REPLY|FILE]", help="A set, a reply in quotes, or a file."),
]
Isp = Annotated[
    str | None,
    typer.Option("--isp", metavar="ISP", help="Whose reply it is; by default anybody's."),
]
Set = Annotated[
    str | None,
    typer.Option(
        "--set", metavar="NAME", help="Test against this set or file, not all that are shipped."
    ),
]


def command(
    what: What = "list", of: Of = None, isp: Isp = None, only: Set = None, json: Json = False
) -> None:
    """Look up, try out and check reply rules."""
    from mstoolkit.config.explain import suggestion

    if what not in _ACTIONS:
        refuse(f"there is no {what!r}", key="WHAT", remedy=suggestion(what, list(_ACTIONS)))
    if what == "list":
        _list(json=json)
    elif of is None:
        named = {"show": "a set, as gmail", "test": "a reply in quotes", "check": "a file"}[what]
        refuse("nothing is named", key=f"rules {what}", remedy=f"name {named}")
    elif what == "show":
        _show(of, json=json)
    elif what == "test":
        _test(of, isp, only, json=json)
    else:
        _check(Path(of), json=json)


def _list(*, json: bool) -> None:
    from mstoolkit.config.rules import APART, load_rules, rule_names

    sets = {name: load_rules(name) for name in rule_names()}
    if json:
        screen.emit(
            [
                {
                    "name": name,
                    "title": each.title,
                    "rules": len(each.rules),
                    "default": name not in APART,
                    "sources": each.sources,
                }
                for name, each in sets.items()
            ]
        )
        return
    screen.table(
        "Shipped rules",
        ("set", "rules", "default", "for"),
        [
            (name, str(len(each.rules)), "no" if name in APART else "yes", each.title)
            for name, each in sets.items()
        ],
        words=("default", "for"),
    )
    screen.table(
        "Sources",
        ("set", "source", "where"),
        [
            (name, source, where)
            for name, each in sets.items()
            for source, where in each.sources.items()
        ],
        words=("source", "where"),
    )
    screen.say('A strategy with rules = ["default"] follows all that say yes.')
    screen.say("Next: mstoolkit rules show gmail")


def _show(name: str, *, json: bool) -> None:
    from mstoolkit.config.rules import load_rules

    found = load_rules(name)
    if json:
        screen.emit(found.model_dump(mode="json"))
        return
    screen.say(f": {found.title or 'rules'}", head=name)
    _table((("", rule) for rule in found.rules), sources=True)
    for rule in found.rules:
        if rule.note:
            screen.say(f": {rule.note}", head=rule.name)
    sample = next((rule.sample for rule in found.rules if rule.sample), None)
    if sample is not None:
        line = " ".join(filter(None, (str(sample.code), sample.status, sample.text)))
        screen.say(f"Next: {shlex.join(['mstoolkit', 'rules', 'test', line])}")


def _test(line: str, isp: str | None, only: str | None, *, json: bool) -> None:
    found = _REPLY.fullmatch(line)
    if found is None:
        refuse(
            f"is no reply: {line!r}",
            key="rules test",
            remedy='begin with its code, as "421 4.7.28 text"',
        )
    code, status, text = int(found[1]), found[2] or "", found[3]
    matches = [
        (name, rule)
        for name, each in _sets(only).items()
        for rule in each.rules
        if _matches(rule, code, status, text, isp)
    ]
    if json:
        screen.emit([{"set": name, **rule.model_dump(mode="json")} for name, rule in matches])
        return
    if matches:
        screen.say(f" from {isp or 'anybody'} fires:", head=line)
        _table(matches, sources=False)
        return
    why = "accepted mail fires no rule" if code < 400 else "no rule is for it"
    screen.say(f": {why}", head=line)
    screen.say("What it means to the sender otherwise: see failover and retry, docs/strategies.md")


def _sets(only: str | None) -> dict[str, RuleSet]:
    from mstoolkit.config.rules import load_rules, rule_names

    return {name: load_rules(name) for name in ([only] if only else rule_names())}


def _matches(rule: Rule, code: int, status: str, text: str, isp: str | None) -> bool:
    """Whether a rule is for a reply, in whichever phase that comes."""
    from mstoolkit.model import Reply
    from mstoolkit.strategy.rules import Rulebook

    whose = isp or (rule.match.isp[0] if rule.match.isp else "anybody")
    phases = rule.match.phase or ("data",)
    book = Rulebook([rule])
    return any(book.matching(Reply(code, status, text, phase), whose) for phase in phases)


def _check(path: Path, *, json: bool) -> None:
    from mstoolkit.config.peers import read_kumomta, read_powermta
    from mstoolkit.config.rules import parse_rules

    text = text_of(path, remedy="name a file of rules")
    system = _system_of(text)
    unclear: tuple[NotUnderstood, ...] = ()
    if system:
        rules, unclear = (read_kumomta if system == "KumoMTA" else read_powermta)(text)
    else:
        rules = parse_rules(text, file=str(path)).rules
    if json:
        screen.emit(
            {
                "format": system or "mstoolkit",
                "rules": [rule.model_dump(mode="json") for rule in rules],
                "not_understood": [{"line": each.line, "reason": each.reason} for each in unclear],
            }
        )
        return
    counted = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    screen.say(f": {counted}, as {system or 'mstoolkit'} writes them", head=str(path))
    _table((("", rule) for rule in rules), sources=False)
    for each in unclear:
        screen.say(f"line {each.line}: {each.reason}", head="Not understood: ")
    if system and rules:
        what = system.lower()
        screen.say(f"Next: mstoolkit init --from {what} {shlex.quote(str(path))} -o mine.toml")


def _system_of(text: str) -> str:
    """Return whose rules a text holds; empty for our own, which may be broken."""
    if re.search(r"^\s*<\s*(smtp-pattern-list|domain)\b", text, re.MULTILINE | re.IGNORECASE):
        return "PowerMTA"
    own = re.search(r"^\s*(\[\[\s*rules\s*\]\]|rules\s*=)", text, re.MULTILINE)
    return "KumoMTA" if not own and re.search(r"^\s*\[\[.*automation", text, re.MULTILINE) else ""


def _table(rules: Iterable[tuple[str, Rule]], *, sources: bool) -> None:
    """Show rules, with the set of each where it has one."""
    rows = list(rules)
    named = any(name for name, _ in rows)
    columns = ["rule", "for", "when", "what follows", "for how long"]
    columns[1:1] = ["set"] if named else []
    columns += ["sources"] if sources else []
    screen.table(
        "",
        columns,
        [
            (
                rule.name,
                *([name] if named else []),
                _who(rule),
                _when(rule),
                _what(rule),
                _long(rule),
                *([", ".join(rule.source)] if sources else []),
            )
            for name, rule in rows
        ],
        words=columns[1:],
    )


def _who(rule: Rule) -> str:
    match = rule.match
    parts: list[Any] = [*match.isp, *match.code, *match.status, *match.phase]
    parts += [f"/{pattern}/" for pattern in (match.text, match.line) if pattern]
    return " ".join(map(str, parts))


def _when(rule: Rule) -> str:
    from mstoolkit.config.peers.draft import duration_text

    trigger = rule.trigger
    if trigger.share:
        return f"{100 * trigger.share:g}% of {trigger.count} in {duration_text(trigger.window)}"
    return f"{trigger.count} in {duration_text(trigger.window)}" if trigger.count > 1 else "at once"


def _what(rule: Rule) -> str:
    from mstoolkit.config.peers.draft import rate_text

    action = rule.action
    match action.kind:
        case "set-rate":
            how = f" to {rate_text(action.rate)}"
        case "set-connections":
            how = f" to {action.connections}"
        case "move":
            how = f" to {action.to or 'any other server'}"
        case _:
            how = ""
    return f"{action.kind} {rule.scope}{how}"


def _long(rule: Rule) -> str:
    from mstoolkit.config.peers.draft import duration_text

    return duration_text(rule.duration) if rule.duration else "for good"
