"""`mstoolkit warmup`: how others warm up new source addresses, day by day."""

from __future__ import annotations

import csv
import io
import shlex
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mstoolkit.cli import screen
from mstoolkit.cli.options import Json
from mstoolkit.cli.problems import refuse

if TYPE_CHECKING:
    from mstoolkit.config.warmup import Schedule
    from mstoolkit.config.warmup_rules import Rule

HELP = """
Look up published warm-up schedules: how much a new source address may send on which day.

list names them with their days, the last volume, what it counts, and the source. show NAME tells
the volume of each day, what comes afterwards, what the source wants watched, its misprints and what
is assumed. NAME may be a file. Days count from 0, the first day of sending. Volumes
are as the source counts them: messages a day, an hour, or shares of what a warm address sends. A
schedule by ISP has a column for each.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit warmup list

mstoolkit warmup show sendgrid-automated

mstoolkit warmup show responsys --days 10

mstoolkit warmup show braze-moderate --format csv > braze.csv
"""

ALL = "all"
ENDLESS = 30  # days shown of a schedule without an end
_ACTIONS = ("list", "show")


class Form(StrEnum):
    """How a schedule is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


What = Annotated[str, typer.Argument(metavar="WHAT", help="list or show.")]
Of = Annotated[
    str | None, typer.Argument(metavar="[NAME|FILE]", help="A shipped schedule, or a file.")
]
Days = Annotated[
    int | None,
    typer.Option(
        "--days",
        metavar="N",
        min=1,
        max=3650,
        help="So many days; by default to the end of the schedule, or 30 if it has none.",
    ),
]
Format = Annotated[
    Form, typer.Option("--format", metavar="FORM", help="table, csv or json, for show.")
]


def command(
    what: What = "list",
    of: Of = None,
    days: Days = None,
    form: Format = Form.TABLE,
    json: Json = False,
) -> None:
    """Look up warm-up schedules."""
    from mstoolkit.config.explain import suggestion

    if what not in _ACTIONS:
        refuse(f"there is no {what!r}", key="WHAT", remedy=suggestion(what, list(_ACTIONS)))
    if json and form is Form.CSV:
        refuse("cannot go with --format csv", key="--json", remedy="leave one of them out")
    form = Form.JSON if json else form
    if what == "list":
        if of is not None or days is not None or form is Form.CSV:
            refuse("shows all", key="warmup list", remedy="write warmup show NAME for one")
        _list(json=form is Form.JSON)
    elif of is None:
        refuse("nothing is named", key="warmup show", remedy="name a schedule, as sparkpost")
    else:
        _show(of, days, form)


def _list(*, json: bool) -> None:
    from mstoolkit.config.warmup import load_warmup, warmup_names

    found = {name: load_warmup(name) for name in warmup_names()}
    if json:
        screen.emit([_about(name, each) for name, each in found.items()])
        return
    screen.table(
        "Warm-up schedules",
        ("name", "schedule", "days", "last volume", "unit", "source"),
        [
            (
                name,
                each.title if each.verified else f"{each.title} (not verified)",
                "no end" if each.length is None else str(each.length),
                _last(each),
                each.unit,
                each.source[0],
            )
            for name, each in found.items()
        ],
        words=("schedule", "unit", "source"),
    )
    screen.say("Where ISPs differ, the last volume is from the lowest to the highest.")
    screen.say("Next: mstoolkit warmup show sendgrid-automated")


def _show(name: str, days: int | None, form: Form) -> None:
    from mstoolkit.config.warmup import load_warmup

    schedule = load_warmup(name)
    rows = [_row(schedule, day) for day in range(days or schedule.length or ENDLESS)]
    columns = [isp or ALL for isp in schedule.rules]
    if form is Form.CSV:
        typer.echo(_csv(columns, rows), nl=False)
        return
    if form is Form.JSON:
        volumes = [
            {"day": day, **dict(zip(columns, row, strict=True))} for day, row in enumerate(rows)
        ]
        screen.emit({**_about(name, schedule), "volumes": volumes})
        return
    screen.say(f": {schedule.title}", head=name)
    screen.table(
        f"{schedule.unit[0].upper()}{schedule.unit[1:]}",
        ("day", *columns),
        [(str(day), *(_text(each, schedule) for each in row)) for day, row in enumerate(rows)],
    )
    _tell(name, schedule)


def _row(schedule: Schedule, day: int) -> list[float | None]:
    """Return the figures of a day, one for each rule, as the source counts them."""
    from mstoolkit.config.warmup import volume

    found = [volume(schedule, day, isp, full=1.0) for isp in schedule.rules]
    times = 24.0 if schedule.per == "hour" and not schedule.in_shares else 1.0
    return [None if each is None else round(each / times, 6) for each in found]


def _last(schedule: Schedule) -> str:
    """Return the figures of the last day, from the lowest to the highest."""
    if schedule.length is None:
        return "grows on"
    figures = [each for each in _row(schedule, schedule.length - 1) if each is not None]
    ends = dict.fromkeys(_text(each, schedule) for each in (min(figures), max(figures)))
    return " - ".join(ends)


def _text(figure: float | None, schedule: Schedule) -> str:
    if figure is None:
        return "no limit"
    return f"{100 * figure:g} %" if schedule.in_shares else f"{figure:,.0f}"


def _csv(columns: list[str], rows: list[list[float | None]]) -> str:
    """Return rows as CSV; no limit is an empty field."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["day", *columns])
    for day, row in enumerate(rows):
        lines.writerow([day, *("" if each is None else f"{each:.12g}" for each in row)])
    return text.getvalue()


def _about(name: str, schedule: Schedule) -> dict[str, Any]:
    told = schedule.model_dump(mode="json", exclude={"rule", "isps", "addresses"})
    return {"name": name, **told, "days": schedule.length, "unit": schedule.unit}


def _tell(name: str, schedule: Schedule) -> None:
    """Tell what a table of volumes does not."""
    ends: dict[str, list[str]] = {}
    for isp, rule in schedule.rules.items():
        ends.setdefault(_after(rule), []).append(isp)
    for end, isps in ends.items():
        whose = f" ({', '.join(isps)})" if len(ends) > 1 else ""
        screen.say(end, head=f"Afterwards{whose}: ")
    for guard, share in schedule.guards.model_dump(exclude_none=True).items():
        screen.say(f"{100 * share:g} %", head=f"Guard {guard}: ")
    if schedule.addresses:
        wanted = [f"{count} for {volume:,.0f}" for volume, count in schedule.addresses]
        screen.say(f"{'; '.join(wanted)} messages/day", head="Addresses: ")
    for note in schedule.notes:
        screen.say(note, head="Note: ")
    if schedule.assumed:
        screen.say(", ".join(schedule.assumed), head="Assumed: ")
    for source in schedule.source:
        screen.say(source, head="Source: " if schedule.verified else "Source, not verified: ")
    screen.say(f"Next: {shlex.join(['mstoolkit', 'warmup', 'show', name])} --format csv")


def _after(rule: Rule) -> str:
    """Return what comes after the days of a rule, in words."""
    from mstoolkit.config.warmup_rules import DAY, Free, Geometric, Grow, Growth, Level

    if isinstance(rule, Growth | Geometric):
        return "it grows on"
    match rule.then:
        case Free():
            return "no limit"
        case Level():
            return f"{rule.then.volume:,.0f} messages/day"
        case Grow():
            return f"{rule.then.factor:g} times as much after each {rule.then.every / DAY:g} d"
        case _:
            return "the last volume stays"
