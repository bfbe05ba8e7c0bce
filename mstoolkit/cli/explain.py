"""`mstoolkit explain`: why this server and not that one, told from a replay of the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.replay import Explanation

HELP = """
Tell why a message went by the servers it went by, or how a path stood at a time.

The recorded log is fed to a fresh dispatcher, which decides the same again and is looked at just
before each attempt: which servers could be used, their weights, what the rotation says, and what
stood against each of the others and until when.

A server is ready (it could send now), waits (it may be used, but something holds it) or is out
(suspended, drained, of weight 0). The mark > stands at the chosen one. Soft blocks are those that
a policy that panics does not wait for.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit explain runs/exact spring:17                        as in the log

mstoolkit explain runs/exact spring-17@googlemail.com         by its recipient

mstoolkit explain runs/exact --path mta-2/gmail --at 30min    a path then
"""


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run, with its manifest.json.")
    ],
    message: Annotated[
        str | None, typer.Argument(metavar="[MESSAGE]", help="LIST:NUMBER, or an address.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(
            "--path", metavar="SERVER/ISP", help="Instead of a message: a path, with --at."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help='Time since the start, as 90s or "2h 5min".'),
    ] = None,
    json: Json = False,
) -> None:
    """Explain a message or a path."""
    from mstoolkit.replay import explain

    _check(message, path, at)
    with screen.progress("replaying", quiet=json, delay=2.0) as show:
        found = explain(folder, message, path=path, at=at, progress=show)
    if json:
        screen.emit(_document(found))
    else:
        screen.say(str(found))


def _check(message: str | None, path: str | None, at: str | None) -> None:
    if message is None and path is None:
        refuse(
            "nothing was asked",
            key="MESSAGE",
            remedy="name a message, as spring:17, or a path with --path mta-1/gmail --at 2h",
        )
    if message is not None and path is not None:
        refuse("a message and a path were asked", key="--path", remedy="leave one of them out")
    if path is not None and at is None:
        refuse("a path stands differently at each time", key="--path", remedy="add --at, as 2h")
    if message is not None and at is not None:
        refuse("a message has its own times", key="--at", remedy="leave it out")


def _document(found: Explanation) -> dict[str, Any]:
    return {
        "run": found.run,
        "subject": found.subject,
        "rotation": found.rotation,
        "notes": list(found.notes),
        "moments": [
            {
                "attempt": moment.attempt,
                "at": moment.at,
                "chosen": moment.chosen or None,
                "n": moment.n,
                "outcomes": list(moment.outcomes),
                "waiting": moment.situation.waiting,
                "later": moment.situation.later,
                "rotation": moment.situation.rotation,
                "standings": [
                    {
                        **row._asdict(),
                        "score": dict(row.score),
                        "blocks": [block._asdict() for block in row.blocks],
                    }
                    for row in moment.situation.standings
                ],
            }
            for moment in found.moments
        ],
    }
