"""The figures of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstoolkit.cli import screen

if TYPE_CHECKING:
    import pandas as pd

    from mstoolkit.config import Scenario


def measured(events: pd.DataFrame, scenario: Scenario) -> dict[str, float]:
    """Return the metrics of a run by name, in their units."""
    from mstoolkit.analysis import summary

    costs = {name: server.cost_per_1000 for name, server in scenario.servers.items()}
    return {str(name): float(value) for name, value in summary(events, costs=costs).items()}


def show(title: str, values: dict[str, float]) -> None:
    """Print metrics with their units and meanings."""
    from mstoolkit.analysis import METRICS

    screen.table(
        title,
        ("metric", "value", "meaning"),
        [
            (METRICS[name].title, METRICS[name].text(value), METRICS[name].meaning)
            for name, value in values.items()
        ],
        words=("meaning",),
    )
