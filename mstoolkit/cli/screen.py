"""What goes where: results to stdout, progress and asides to stderr; JSON alone on stdout."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return a console on stdout; it leaves colours out where NO_COLOR or a pipe asks for that."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(text: str, *, head: str = "", style: str = "") -> None:
    """Print a line for a person on stdout, as it is: names and paths may hold brackets.

    The head stands before it in bold; the style is that of the text.
    """
    from rich.text import Text

    console().print(Text.assemble((head, "bold"), (text, style)))


def aside(text: str) -> None:
    """Print a line on stderr, so that stdout holds results only."""
    typer.echo(text, err=True)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Collection[str] = (),
    best: str = "",
) -> None:
    """Print a table; the first column and those of ``words`` are text, the others are figures.

    The row whose first cell is ``best`` stands out.
    A terminal wraps what does not fit; in a pipe nothing is wrapped or cut.
    """
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=Text(title), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for number, column in enumerate(columns):
        left = not number or column in words
        drawn.add_column(column, justify="left" if left else "right", header_style="bold dim")
    for first, *others in rows:
        name = Text(first, style="bold green" if first == best else "")
        drawn.add_row(name, *map(Text, others))
    shown = console()
    if not shown.is_terminal:
        shown.width = 1000
        shown.width = shown.measure(drawn).maximum
    shown.print(drawn, soft_wrap=False)
    shown.print()


def emit(document: Any, *, lines: bool = False) -> None:
    """Print a JSON document on stdout; with ``lines`` on one line, at once, as JSON lines want it.

    Numbers that JSON does not know (NaN, infinity) become null.
    """
    text = json.dumps(_plain(document), indent=None if lines else 2, allow_nan=False)
    typer.echo(text)
    if lines:
        sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if type(value).__name__ == "NAType":  # pandas, which need not be imported for this
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@contextmanager
def progress(
    what: str, *, quiet: bool = False, delay: float = 0.0
) -> Iterator[Callable[[float], None]]:
    """Show a bar on stderr where that is a terminal; yields what sets the share that is done.

    What is over within ``delay`` s has none.
    """
    from tqdm import tqdm

    begun, bars = monotonic(), []

    def begin() -> None:
        form = "{desc} {percentage:3.0f}% {bar} {elapsed}"
        hidden = True if quiet else None
        bars.append(tqdm(total=1.0, desc=what, bar_format=form, disable=hidden, leave=False))

    def show(share: float) -> None:
        if not bars and monotonic() - begun >= delay:
            begin()
        for bar in bars:
            bar.n = min(1.0, share)
            bar.refresh()

    if delay <= 0:
        begin()
    try:
        yield show
    finally:
        for bar in bars:
            bar.close()
