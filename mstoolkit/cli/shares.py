"""`mstoolkit shares`: asked against sent share, and which limit made the difference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    import pandas as pd

HELP = """
Compare the share of each ISP's mail that a server sent with the share that was asked of it.

What was asked comes from a replay of the log: the weights as they were, equal shares where the
rotation takes turns, none where it goes by load. A share has drifted if it differs by more than the
tolerance and by more than chance explains; the table names what held the server longest, or where
it sent too much, the server whose part it took and what held that one.

Exit status 0; with --alarm 3 if a share has drifted, and one line says so.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit shares runs/exact                                 hour by hour

mstoolkit shares runs/exact --window 10min -o shares.png    and in a plot

mstoolkit shares runs/exact --tolerance 10% --alarm         for a script
"""
STEPS = 6  # in a window


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run, with its manifest.json.")
    ],
    window: Annotated[
        str, typer.Option("--window", metavar="TIME", help="Length of a window.")
    ] = "1h",
    tolerance: Annotated[
        str,
        typer.Option("--tolerance", metavar="SHARE", help="Difference that is no matter."),
    ] = "5%",
    isp: Annotated[
        str | None,
        typer.Option("--isp", metavar="ISP", help="Only this ISP; the plot's is the largest."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", metavar="", help="Show all shares, not only what drifted.")
    ] = False,
    alarm: Annotated[
        bool, typer.Option("--alarm", metavar="", help="Exit with status 3 if a share has drifted.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a plot (PNG).")
    ] = None,
    json: Json = False,
) -> None:
    """Compare asked with sent shares."""
    width, least = _window(window), _tolerance(tolerance)
    if output is not None and not output.parent.is_dir():
        refuse("lies in no folder", key="--output", file=str(output), remedy="make its folder")
    found = _found(folder, width, least, isp, quiet=json)
    if output is not None:
        _draw(output, found)
    drifted = found[found["drift"].to_numpy(dtype=bool)]
    if json:
        screen.emit({"window": width, "tolerance": least, "shares": found.to_dict("records")})
    else:
        _show(found if every else drifted, width)
        _tell(found, alarm)
        if output is not None:
            screen.say(f"Plot: {output}")
    if alarm and len(drifted):
        raise typer.Exit(3)


def _found(
    folder: Path, width: float, tolerance: float, isp: str | None, *, quiet: bool
) -> pd.DataFrame:
    from mstoolkit.analysis import realised_share
    from mstoolkit.eventlog import read_log
    from mstoolkit.replay import asked_shares

    with screen.progress("replaying", quiet=quiet, delay=2.0) as show:
        asked = asked_shares(folder, width / STEPS, progress=show)
    found = realised_share(read_log(folder), asked, width, tolerance)
    if isp is None:
        return found
    known = sorted(set(found["isp"]))
    if isp not in known:
        refuse(
            f"no mail was sent to {isp!r}", key="--isp", remedy=f"there was for {', '.join(known)}"
        )
    return found[found["isp"] == isp]


def _window(text: str) -> float:
    from mstoolkit.config import parse_duration

    try:
        width = parse_duration(text)
    except ValueError as error:
        refuse(str(error), key="--window")
    if not width > 0:
        refuse("must be longer than 0", key="--window", remedy="as 1h")
    return width


def _tolerance(text: str) -> float:
    number, sign, rest = text.strip().partition("%")
    try:
        share = float(number) / (100.0 if sign else 1.0)
    except ValueError:
        share = -1.0
    if rest or not 0 <= share <= 1:
        refuse(f"is no share: {text!r}", key="--tolerance", remedy='write "5%" or 0.05')
    return share


def _show(rows: pd.DataFrame, width: float) -> None:
    if not len(rows):
        return
    screen.table(
        f"Shares by windows of {_time(width)}",
        ("from", "ISP", "server", "asked", "sent", "difference", "messages", "held by"),
        [_row(row) for row in rows.to_dict("records")],
        words=("ISP", "server", "held by"),
    )


def _row(row: dict[Any, Any]) -> tuple[str, ...]:
    asked = row["asked"] == row["asked"]  # NaN: none was
    cause = str(row["cause"])
    if row["held"] > 0:
        cause += f" ({100 * row['held']:.0f} % of the time)"
    return (
        _time(row["start"]),
        row["isp"],
        row["server"],
        f"{100 * row['asked']:.1f} %" if asked else "by load",
        f"{100 * row['sent']:.1f} %",
        f"{100 * row['difference']:+.1f}" if asked else "",
        f"{row['n']:,}",
        cause,
    )


def _tell(found: pd.DataFrame, alarm: bool) -> None:
    from mstoolkit.analysis import drifts

    if found["asked"].isna().all():
        screen.say("This rotation goes by load or by what it learns: it asks for no shares.")
    else:
        cries = alarm and bool(found["drift"].any())
        told = drifts(found)
        screen.say(f"{told[:1].upper()}{told[1:]}.", head="Alarm: " if cries else "", style="bold")


def _time(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}:{minutes:02d}"


def _draw(file: Path, found: pd.DataFrame) -> None:
    from mstoolkit import plots

    file.write_bytes(plots.rendered(plots.realised_share, found))
