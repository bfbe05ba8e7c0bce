"""`mstoolkit init`: a scenario file to begin with, blank or read from a mail server's own files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.files import text_of, write_new
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse
from mstoolkit.cli.systems import known_system

if TYPE_CHECKING:
    from mstoolkit.config.peers import Found, System

HELP = """
Write a scenario file to begin with.

Alone it copies the commented quickstart. With --from it reads what you send with today: pools,
source addresses, weights, limits, retry times and reply rules of KumoMTA (sources.toml,
shaping.toml, queues.toml, init.lua), PowerMTA (config) or Postfix (main.cf, master.cf).

What was not understood, or has no counterpart, is listed with file and line, here and at the head
of the scenario. Audience and campaign are the quickstart's: put your own in their place.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit init -o mine.toml

mstoolkit init --from kumomta sources.toml shaping.toml queues.toml -o mine.toml

mstoolkit init --from powermta config --pool bulk -o mine.toml

mstoolkit init --from postfix main.cf master.cf -o mine.toml --force
"""

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="Configuration files, in the order they are read in."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="SYSTEM", help="Whose they are: kumomta, powermta or postfix."),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="The scenario file to write.")
]
Pool = Annotated[
    str | None,
    typer.Option(
        "--pool",
        metavar="NAME",
        help="The pool to carry over; by default the one mail is sent to, or the largest.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", metavar="", help="Write over a file that is there already.")
]


def command(
    files: Files = None,
    system: From = None,
    out: Out = Path("scenario.toml"),
    pool: Pool = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a scenario."""
    if system is None:
        _starter(files or [], pool, out, force=force, json=json)
    else:
        _imported(known_system(system, "--from"), files or [], pool, out, force=force, json=json)


def _starter(files: list[Path], pool: str | None, out: Path, *, force: bool, json: bool) -> None:
    from mstoolkit.config.peers import starter_text

    if files or pool is not None:
        refuse(
            "is missing",
            key="--from",
            remedy="say whose files they are: kumomta, powermta or postfix",
        )
    write_new({out: starter_text()}, force=force)
    if json:
        screen.emit({"scenario": str(out), "from": None, "servers": {}, "not_carried_over": []})
        return
    screen.say(f"Written: {out}, the quickstart scenario with its comments")
    _next(out)


def _imported(
    system: System, files: list[Path], pool: str | None, out: Path, *, force: bool, json: bool
) -> None:
    from mstoolkit.config import parse_scenario
    from mstoolkit.config.peers import Text, read_files, scenario_text

    if not files:
        refuse(f"is missing for --from {system}", key="FILE", remedy=_WANTED[system])
    texts = [Text(str(path), text_of(path, remedy=_WANTED[system])) for path in files]
    found = read_files(system, texts, pool=pool)
    text = scenario_text(found, [each.name for each in texts])
    parse_scenario(text, file=str(out))
    write_new({out: text}, force=force)
    if json:
        screen.emit(_document(found, out))
        return
    _show(found)
    screen.say(f"Written: {out}")
    _next(out)


_WANTED = {
    "kumomta": "give sources.toml, shaping.toml, queues.toml or init.lua",
    "powermta": "give PowerMTA's config",
    "postfix": "give main.cf and master.cf",
}


def _show(found: Found) -> None:
    from mstoolkit.config.peers import told

    screen.table(
        "Servers",
        ("server", "source", "weight"),
        [
            (name, server.source_ip or "-", f"{server.weight:g}")
            for name, server in found.servers.items()
        ],
        words=("source",),
    )
    screen.say(f"Rotation: {found.policy.rotation.kind}")
    lines = told(found.notes)
    screen.say("Not understood, or not carried over:" if lines else "Everything was carried over.")
    for line in lines:
        screen.say(f"  {line}")


def _document(found: Found, out: Path) -> dict[str, Any]:
    return {
        "scenario": str(out),
        "from": found.system,
        "servers": {
            name: {"source_ip": server.source_ip, "weight": server.weight}
            for name, server in found.servers.items()
        },
        "not_carried_over": [note._asdict() for note in found.notes],
    }


def _next(out: Path) -> None:
    screen.say(f"Next:    {shlex.join(['mstoolkit', 'validate', str(out)])}")
