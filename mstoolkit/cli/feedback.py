"""`mstoolkit feedback`: a run by days, as two providers would show it to the sender."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    import pandas as pd

HELP = """
Show a run day by day, as a sender would see it at the provider.

The form postmaster is that of Google Postmaster Tools: the spam rate that recipients reported, the
errors of delivery by their kind, and whether authentication was in order. The form snds is that of
Microsoft's SNDS: for each source IP the messages, the filter's result, complaints and hits of spam
traps. Both leave out what is too little to be told. Any provider's mail can be put into either.

The placement of mail comes from the hidden state that a run keeps beside its log.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit feedback runs/exact                               as Gmail shows it

mstoolkit feedback runs/exact --form snds                   as Outlook.com does

mstoolkit feedback runs/exact --isp yahoo -o yahoo.png      another ISP, and in a plot
"""

FORMS = {"postmaster": "gmail", "snds": "outlook"}
"""The forms, and whose mail they show where nothing is said."""
_ERRORS = {
    "throttled": "throttled",
    "blocked": "blocked",
    "dns_auth": "DNS, auth.",
    "mailbox": "mailbox",
    "other_errors": "other",
}
_DEMANDS = {
    "spf": "SPF",
    "dkim": "DKIM",
    "dmarc": "DMARC",
    "tls": "TLS",
    "ptr": "PTR",
    "one_click": "one-click",
}


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run, with its manifest.json.")
    ],
    form: Annotated[
        str, typer.Option("--form", metavar="FORM", help="postmaster or snds.")
    ] = "postmaster",
    isp: Annotated[
        str | None,
        typer.Option("--isp", metavar="ISP", help="By default gmail, or outlook for snds."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a plot (PNG).")
    ] = None,
    json: Json = False,
) -> None:
    """Show a run's days in a provider's form."""
    if form not in FORMS:
        refuse(f"there is no {form!r}", key="--form", remedy=f"write {' or '.join(FORMS)}")
    if output is not None and not output.parent.is_dir():
        refuse("lies in no folder", key="--output", file=str(output), remedy="make its folder")
    found = _found(folder, form, isp or FORMS[form])
    if output is not None:
        _draw(output, form, found)
    if json:
        screen.emit({"form": form, "days": found.to_dict("records")})
        return
    if form == "postmaster":
        _show_postmaster(found)
    else:
        _show_snds(found, isp or FORMS[form])
    if output is not None:
        screen.say(f"Plot: {output}")


def _found(folder: Path, form: str, isp: str) -> pd.DataFrame:
    from mstoolkit.analysis import postmaster_daily, snds_daily
    from mstoolkit.eventlog import read_log, read_truth, stored_scenario

    events, truth = read_log(folder), read_truth(folder)
    if truth is None:
        refuse(
            "keeps no hidden state of the providers",
            file=str(folder),
            remedy="simulate it, or send it to the sinks of this toolkit",
        )
    known = sorted(set(truth["isp"]))
    if isp not in known:
        refuse(
            f"no mail was sent to {isp!r}", key="--isp", remedy=f"there was for {', '.join(known)}"
        )
    events, truth = events[events["isp"] == isp], truth[truth["isp"] == isp]
    if form == "postmaster":
        return postmaster_daily(events, truth, stored_scenario(folder))
    return snds_daily(events, truth)


def _show_postmaster(found: pd.DataFrame) -> None:
    rows = found.to_dict("records")
    if not rows:
        screen.say("No mail was answered.")
        return
    first = rows[0]
    screen.table(
        f"{first['domain']} at {first['isp']}, by day, as Google Postmaster Tools show it",
        ("day", "tried", "delivered", "inbox", "spam", "complaints", "spam rate",
         *_ERRORS.values()),
        [_postmaster_row(row) for row in rows],
    )  # fmt: skip
    screen.table(
        "Compliance",
        ("day", *_DEMANDS.values()),
        [(str(row["day"]), *(str(row[name]) for name in _DEMANDS)) for row in rows],
        words=_DEMANDS.values(),
    )
    if found["spam_rate"].isna().any():
        screen.say("A spam rate is hidden where too little mail was placed in the inbox.")


def _postmaster_row(row: dict[Any, Any]) -> tuple[str, ...]:
    rate = row["spam_rate"]
    return (
        str(row["day"]),
        *(f"{row[name]:,.0f}" for name in ("tried", "delivered", "inbox", "spam", "complaints")),
        "hidden" if math.isnan(rate) else f"{100 * rate:.2f} %",
        *(f"{100 * row[name]:.1f} %" for name in _ERRORS),
    )


def _show_snds(found: pd.DataFrame, isp: str) -> None:
    if not len(found):
        screen.say("On no day did a source IP send enough to be shown.")
        return
    screen.table(
        f"Source IPs at {isp}, by day, as Microsoft SNDS shows them",
        ("source IP", "day", "messages", "filter result", "taken for spam", "complaint rate",
         "trap hits"),
        [_snds_row(row) for row in found.to_dict("records")],
        words=("filter result",),
    )  # fmt: skip


def _snds_row(row: dict[Any, Any]) -> tuple[str, ...]:
    return (
        row["source_ip"],
        str(row["day"]),
        f"{row['messages']:,}",
        row["filter_result"],
        f"{100 * row['verdicts']:.1f} %",
        f"{100 * row['complaint_rate']:.2f} %",
        f"{row['trap_hits']:,}",
    )


def _draw(file: Path, form: str, found: pd.DataFrame) -> None:
    from mstoolkit import plots

    draw = plots.postmaster_daily if form == "postmaster" else plots.snds_daily
    file.write_bytes(plots.rendered(draw, found))
