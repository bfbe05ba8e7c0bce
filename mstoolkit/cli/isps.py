"""`mstoolkit isps`: which mailbox providers there are, and where their figures come from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.files import text_of
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.config import Profile
    from mstoolkit.config.figures import Figure

HELP = r"""
Look mailbox providers up: how each of them answers, and how far its figures can be trusted.

list names the shipped profiles with their domains, mail exchangers, connections from one source IP
(of a cold or disliked address to a warm one), whether complaints are reported back (FBL), and who
hosts them. show NAME tells each figure with its unit and where it was read, or that it is assumed:
nobody has published it, so vary it before a conclusion rests on it. NAME may be a file.

A scenario names a profile by its share, as audience.isps.orange = 0.1, and changes single figures
in a table \[isps.orange]. For a profile of your own write a file that begins with
extends = "orange" and says what differs; or copy a whole one with --toml. A scenario takes it with
\[isps.orange] profile = "mine.toml".
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit isps list

mstoolkit isps show orange

mstoolkit isps show mine.toml

mstoolkit isps show orange --toml > mine.toml
"""

_ACTIONS = ("list", "show")

What = Annotated[str, typer.Argument(metavar="WHAT", help="list or show.")]
Of = Annotated[
    str | None, typer.Argument(metavar="[NAME|FILE]", help="A shipped profile, or a file.")
]
Toml = Annotated[bool, typer.Option("--toml", help="Print the file itself, to copy and change.")]


def command(what: What = "list", of: Of = None, toml: Toml = False, json: Json = False) -> None:
    """Look up mailbox providers."""
    from mstoolkit.config.explain import suggestion

    if what not in _ACTIONS:
        refuse(f"there is no {what!r}", key="WHAT", remedy=suggestion(what, list(_ACTIONS)))
    if what == "list":
        if of is not None or toml:
            refuse("shows all providers", key="isps list", remedy="write isps show NAME for one")
        _list(json=json)
    elif of is None:
        refuse("nothing is named", key="isps show", remedy="name a provider, as gmail")
    elif toml:
        if json:
            refuse("cannot go with --json", key="--toml", remedy="leave one of them out")
        typer.echo(_file(of), nl=False)
    else:
        _show(of, _loaded(of), json=json)


def _list(*, json: bool) -> None:
    from mstoolkit.config import isp_names, load_profile

    profiles = {name: load_profile(name) for name in isp_names()}
    if json:
        screen.emit([_summary(name, profile) for name, profile in profiles.items()])
        return
    screen.table(
        "Mailbox providers",
        ("name", "provider", "domains", "MX", "connections", "FBL", "hosted by"),
        [
            (
                name,
                profile.title,
                _few(profile.domains),
                _few(profile.mx_suffixes),
                _span(profile),
                "yes" if profile.feedback_loop else "no",
                f"{profile.hosted_by} {profile.hosted_since}".strip(),
            )
            for name, profile in profiles.items()
        ],
        words=("provider", "domains", "MX", "FBL", "hosted by"),
    )
    screen.say("Connections are those from one source IP, of a cold address to a warm one.")
    screen.say("Next: mstoolkit isps show gmail")


def _show(name: str, profile: Profile, *, json: bool) -> None:
    from mstoolkit.config.figures import figures

    found = figures(profile)
    if json:
        listed = [each._asdict() for each in found]
        screen.emit({**_summary(name, profile), "figures": listed})
        return
    screen.say(f": {profile.title}", head=name)
    parts = (
        ("Figures", [each for each in found if not each.key.startswith("replies.")]),
        ("Replies", [each for each in found if each.key.startswith("replies.")]),
    )
    for title, rows in parts:
        screen.table(
            title,
            ("key", "value", "where it comes from"),
            [(each.key, _text(each), each.source or each.standing) for each in rows],
            words=("value", "where it comes from"),
        )
    assumed = sum(each.standing != "verified" for each in found)
    screen.say(
        f"{assumed} of {len(found)} figures are assumed; the others were read in the source that "
        "is named, which need not be the provider's own."
    )
    screen.say(f"Next: {shlex.join(['mstoolkit', 'isps', 'show', name, '--toml'])} > mine.toml")


def _loaded(name: str) -> Profile:
    _check(name)
    from mstoolkit.config import load_profile

    return load_profile(name)


def _file(name: str) -> str:
    """Return the text of a profile's file, if it can be used."""
    from mstoolkit.config import data_text

    _loaded(name)
    if name.endswith(".toml"):
        return text_of(Path(name), remedy="name a profile")
    return data_text("isps", name)


def _check(name: str) -> None:
    """Refuse a name that is neither shipped nor a file."""
    from mstoolkit.config import isp_names
    from mstoolkit.config.explain import offer

    if name.endswith(".toml"):
        if not Path(name).exists():
            refuse("there is no such file", file=name, remedy="name a shipped profile or a file")
    elif name not in isp_names():
        remedy = offer(name, isp_names())
        refuse(f"there is no provider {name!r}", key="NAME", remedy=remedy)


def _summary(name: str, profile: Profile) -> dict[str, Any]:
    return {
        "name": name,
        "title": profile.title,
        "domains": profile.domains,
        "mx_suffixes": profile.mx_suffixes,
        "connections": profile.connections.model_dump(),
        "messages_per_connection": profile.messages_per_connection,
        "feedback_loop": profile.feedback_loop,
        "hosted_by": profile.hosted_by,
        "hosted_since": profile.hosted_since,
    }


def _few(names: tuple[str, ...]) -> str:
    """Return the first names, and how many more there are."""
    more = f" +{len(names) - 2}" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def _span(profile: Profile) -> str:
    limit = profile.connections
    if limit.cautious == limit.ceiling:
        return str(limit.ceiling)
    return f"{limit.cautious}-{limit.ceiling}"


def _text(figure: Figure) -> str:
    """Return a figure as a file states it."""
    from mstoolkit.config.peers.draft import rate_text

    value = figure.value
    if figure.key == "escalation.rungs":
        return " -> ".join(_rung(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    match figure.unit:
        case "s":
            return _long(value)
        case "1/s":
            return rate_text(value)
        case "":
            return f"{value:g}" if isinstance(value, float) else str(value)
        case unit:
            return f"{value:g} {unit}"


def _rung(rung: dict[str, Any]) -> str:
    whose = " of its network" if rung["scope"] == "network" else ""
    return f"{rung['reply']}{whose} {_long(rung['lasts'])} after {rung['pushed']}"


def _long(seconds: float) -> str:
    from mstoolkit.config.peers.draft import duration_text

    days = seconds / 86400.0
    return f"{days:g}d" if days > 1 and days.is_integer() else duration_text(seconds)
