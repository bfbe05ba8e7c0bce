"""`mstoolkit replay`: the recorded log through a fresh dispatcher, command for command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

HELP = """
Feed a recorded run, simulated or live, to a fresh dispatcher and check that it decides the same.

Exit status 0: every command is the same. 1: they differ; the first difference is shown.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit replay runs/interval
"""


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a run, with its manifest.json.")
    ],
    json: Json = False,
) -> None:
    """Replay a run."""
    from mstoolkit.replay import replay

    if not (folder / "manifest.json").is_file():
        refuse(
            "holds no run",
            key="DIR",
            file=str(folder),
            remedy="name a folder that simulate or send has written",
        )
    found = replay(folder)
    if json:
        difference = found.difference
        screen.emit(
            {
                "run": found.run,
                "kind": found.kind,
                "identical": found.identical,
                "events": found.events,
                "rows": found.rows,
                "recorded": found.recorded,
                "difference": None if difference is None else difference._asdict(),
            }
        )
    else:
        screen.say(str(found))
    if not found.identical:
        raise typer.Exit(1)
