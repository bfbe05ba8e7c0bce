"""The `mstoolkit` command: its subcommands, and the one way in which errors come out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated

import typer

from mstoolkit.cli import (
    compare,
    demo,
    explain,
    export,
    feedback,
    init,
    isps,
    lab,
    presets,
    replay,
    rules,
    send,
    sensitivity,
    shares,
    simulate,
    sinks,
    validate,
    warmup,
)
from mstoolkit.cli.problems import explained

HELP = """
Find out which way of spreading mail over several SMTP servers works best, before sending it.

The same dispatcher runs in simulated time first and against test SMTP servers second; both write
one kind of event log, and all figures come from that.
"""

EXAMPLES = """
[bold]Where to start[/bold]

mstoolkit demo                        the whole path in two minutes

mstoolkit validate quickstart         what a scenario holds

mstoolkit compare quickstart          which of its strategies is best

mstoolkit init -o mine.toml           a scenario of your own to begin with

mstoolkit COMMAND --help              what a command does, with examples
"""

COMMANDS: tuple[ModuleType, ...] = (
    demo,
    init,
    validate,
    presets,
    compare,
    sensitivity,
    simulate,
    sinks,
    send,
    replay,
    explain,
    shares,
    feedback,
    rules,
    isps,
    warmup,
    export,
    lab,
)


def _flowing(text: str) -> str:
    """Return the paragraphs of a text, each on one line, to be wrapped where it is shown."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _aligned(text: str) -> str:
    """Return a text that is shown line by line, without the empty lines."""
    return "\b\n" + "\n".join(line for line in text.splitlines() if line)


app = typer.Typer(
    name="mstoolkit",
    help=_flowing(HELP),
    epilog=_aligned(EXAMPLES),
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
for _command in COMMANDS:
    app.command(
        _command.__name__.rpartition(".")[2],
        help=_flowing(_command.HELP),
        epilog=_aligned(_command.EXAMPLES),
    )(_command.command)


def _version(wanted: bool) -> None:
    if wanted:
        from mstoolkit import __version__

        typer.echo(f"mstoolkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None and not version:
        typer.echo(context.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status: 0, 2 (told why on stderr) or 130.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default the process's own arguments.

    Examples
    --------
    >>> run(["--version"])  # doctest: +ELLIPSIS
    mstoolkit ...
    0
    """
    try:
        status = app(args=arguments, prog_name="mstoolkit", standalone_mode=False)
    except Exception as error:
        sentence = explained(error)
        if sentence is None:
            raise
        typer.echo(f"mstoolkit: {sentence}", err=True)
        return 2
    return status if isinstance(status, int) else 0


def main() -> None:
    """Run the process's own command line and exit with its status."""
    sys.exit(run())
