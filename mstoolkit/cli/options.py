"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScenarioName = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO", help="A scenario file (.toml), or a shipped one by name: quickstart."
    ),
]
StrategyName = Annotated[
    str,
    typer.Option(
        "--strategy",
        "-s",
        metavar="STRATEGY",
        help="One of the scenario's strategies, or preset:NAME.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", metavar="S", min=0, help="Same seed and scenario: the same run, event for event."
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        "--batch",
        metavar="N",
        min=1,
        help="Largest parcel, in messages. 1 is exact; 100 is over ten times faster.",
    ),
]
TimeScale = Annotated[
    float,
    typer.Option(
        "--time-scale",
        metavar="X",
        min=0.0,
        help="Scenario seconds in a real second: 600 lets an hour pass in 6 seconds.",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="New folder for the log and its manifest.")
]
Report = Annotated[
    bool,
    typer.Option(
        "--report/--no-report", metavar="", help="Write report.html and plots; takes 1 or 2 s."
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", metavar="", help="Print the result as one JSON document, and nothing else."
    ),
]
