"""The template engine: everything is escaped, pictures are embedded."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from mstoolkit.analysis import METRICS
from mstoolkit.config import Scenario


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: its file name without ending, what it shows in words, and its PNG."""

    name: str
    caption: str
    png: bytes

    @property
    def source(self) -> str:
        """The picture as a data address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts: its heads, its rows, and which columns are numbers (set to the right)."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[bool]


def page(template: str, **values: Any) -> str:
    """Return a filled template of this package.

    Parameters
    ----------
    template : str
        Name of the file in ``templates``.
    **values : Any
        What it shows; texts are escaped.

    Examples
    --------
    >>> "&lt;b&gt;" in page("base.html.j2", title="<b>")
    True
    """
    environment = Environment(
        loader=PackageLoader("mstoolkit.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)


def breakdown_table(frame: pd.DataFrame, name: str, columns: Mapping[str, str]) -> Table:
    """Return a breakdown (as of `analysis.by`, or a mean of several) as a table of texts.

    Parameters
    ----------
    frame : DataFrame
        One row a group, indexed by its name.
    name : str
        Head of the first column.
    columns : mapping of str to str
        Columns to show and their heads; shares are shown in percent.

    Examples
    --------
    >>> frame = pd.DataFrame({"share": [0.5], "delivered": [1200.0]}, index=["gmail"])
    >>> breakdown_table(frame, "ISP", {"delivered": "delivered", "share": "share"}).rows
    [['gmail', '1,200', '50.00 %']]
    """
    rows = [
        [str(group), *(_cell(column, row[column]) for column in columns)]
        for group, row in frame.iterrows()
    ]
    return Table([name, *columns.values()], rows, [False, *(True for _ in columns)])


def _cell(column: str, value: float) -> str:
    if math.isnan(value):
        return "–"
    if column == "share" or column.endswith("_rate"):
        return METRICS["delivery_rate"].text(float(value))
    if column == "cost":
        return f"{value:,.2f}"
    metric = METRICS.get(column)
    if metric is not None and metric.unit == "s":
        return metric.text(float(value))
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:,.1f}"


def assumptions(scenario: Scenario) -> dict[str, Any]:
    """Return what the providers' profiles assume and where their figures come from.

    ``common`` are the keys that all of them assume; each of ``isps`` has its further ones.

    Parameters
    ----------
    scenario : Scenario
        The scenario with its profiles.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> [isp["name"] for isp in assumptions(load_scenario("quickstart"))["isps"]][:2]
    ['gmail', 'yahoo']
    """
    assumed = [profile.assumed for profile in scenario.isps.values()]
    common = [key for key in assumed[0] if all(key in keys for keys in assumed)]
    isps = [
        {
            "name": name,
            "title": profile.title,
            "share": f"{100 * scenario.audience.isps.get(name, 0.0):.3g} %",
            "assumed": [key for key in profile.assumed if key not in common],
            "sources": dict(profile.source),
        }
        for name, profile in scenario.isps.items()
    ]
    return {"common": common, "isps": isps}


def setting(scenario: Scenario) -> list[tuple[str, str]]:
    """Return the scenario in a few lines: what was asked and of which world.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> dict(setting(load_scenario("quickstart")))["Horizon"]
    '8 h; feedback is followed 72 h longer'
    """
    hours = f"{scenario.horizon / 3600:g} h"
    lines = [
        ("Scenario", f"{scenario.name}: {scenario.description}".rstrip(": ")),
        ("Audience", f"{scenario.audience.size:,} recipients at {len(scenario.isps)} ISPs"),
        ("Servers", ", ".join(scenario.servers)),
        ("Campaigns", ", ".join(scenario.campaigns)),
        ("Horizon", f"{hours}; feedback is followed {scenario.follow / 3600:g} h longer"),
    ]
    outages = [
        f"{outage.server} from {outage.start / 60:g} to {(outage.start + outage.lasts) / 60:g} min"
        for outage in scenario.outages
    ]
    return [*lines, ("Outages", "; ".join(outages) or "none")]
