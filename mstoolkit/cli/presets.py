"""`mstoolkit presets`: policies that behave as other mail servers do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.choices import known_preset
from mstoolkit.cli.options import Json

if TYPE_CHECKING:
    from mstoolkit.config import Preset

HELP = """
List the policies that behave as other mail servers do, or show one.

Compare what you send with today with something better: mstoolkit compare mine.toml --with postfix.
Each preset says where its behaviour was read and what it simplifies. With a name, the policy is
printed as a table that can be pasted into a scenario; there a strategy may also say
preset = "postfix" and replace parts.

Limits that a scenario states for its servers go before those of a preset, as before those of any
strategy.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit presets

mstoolkit presets postfix

mstoolkit presets kumomta > kumomta.toml

mstoolkit compare quickstart --with postfix,kumomta
"""

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A preset to show; all are listed without.")
]


def command(name: Name = None, json: Json = False) -> None:
    """List presets, or show one."""
    from mstoolkit.config import load_preset, policy_names

    if name is not None:
        _show(load_preset(known_preset(name, "NAME")), json)
        return
    presets = [load_preset(each) for each in policy_names()]
    if json:
        screen.emit([_summary(each) for each in presets])
        return
    screen.table(
        "Presets",
        ("name", "system", "source"),
        [(each.name, each.title, _first(each.source)) for each in presets],
        words=("system", "source"),
    )
    screen.say(f"Next: {shlex.join(['mstoolkit', 'presets', presets[0].name])}")


def _show(preset: Preset, json: bool) -> None:
    from mstoolkit.config import load_policy

    if json:
        policy = load_policy(preset.name).model_dump(mode="json")
        screen.emit({**_summary(preset), "policy": policy})
        return
    typer.echo(preset.toml(), nl=False)


def _summary(preset: Preset) -> dict[str, Any]:
    return {key: value for key, value in preset._asdict().items() if key != "parts"}


def _first(source: tuple[str, ...]) -> str:
    """Return the head of the first source: where it is, without the files."""
    return source[0].partition(": ")[0]
