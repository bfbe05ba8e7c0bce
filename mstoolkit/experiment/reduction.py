"""A strategy beside what another system makes of it, each on its own form of the pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from mstoolkit.analysis import paired_differences, summarise, winner
from mstoolkit.config import ConfigError, Policy, Scenario, Server
from mstoolkit.experiment.compare import compare
from mstoolkit.experiment.comparison import Comparison


def compare_reduced(
    scenario: Scenario,
    strategy: str,
    reduced: Policy,
    servers: Mapping[str, Server],
    *,
    label: str,
    replications: int = 20,
    seed: int = 0,
    batch: int = 100,
    jobs: int | None = None,
    metric: str = "delivery_rate",
    progress: bool = True,
    source: str | None = None,
) -> Comparison:
    """Simulate a strategy and its reduced form, and compare them in pairs.

    The reduced form may see other limits and weights of the same servers. Audience, providers and
    outages are keyed by the seed alone, so replication r of both meets the same world.

    Parameters
    ----------
    scenario : Scenario
        The servers as they are.
    strategy : str
        One of its strategies.
    reduced : Policy
        What is left of the strategy.
    servers : mapping of str to Server
        The servers as the reduced form has them, by the same names.
    label : str
        Name of the reduced form in the result.
    replications, seed, batch, jobs, metric, progress, source
        As in `compare`.

    Returns
    -------
    Comparison
        Its scenario holds both policies, and the servers as they are.

    Raises
    ------
    ConfigError
        If an argument cannot be used, or the scenario has a strategy called `label` already.
    """
    if label in scenario.strategies:
        raise ConfigError(
            f"{label!r} is a strategy of the scenario", key="label", remedy="give another name"
        )

    def run(whole: Scenario, name: str) -> Comparison:
        return compare(
            whole,
            [name],
            replications=replications,
            seed=seed,
            batch=batch,
            jobs=jobs,
            metric=metric,
            progress=progress,
            source=source,
        )

    other = scenario.model_copy(update={"servers": dict(servers), "strategies": {label: reduced}})
    full, less = run(scenario, strategy), run(other, label)
    runs = pd.concat([full.runs, less.runs], ignore_index=True)
    policies = {**full.scenario.strategies, label: reduced}
    return replace(
        full,
        scenario=full.scenario.model_copy(update={"strategies": policies}),
        strategies=(strategy, label),
        summary=summarise(runs, confidence=full.confidence),
        comparison=paired_differences(runs, metric=metric, confidence=full.confidence),
        runs=runs,
        series={
            name: pd.concat([frame, less.series[name]], ignore_index=True)
            for name, frame in full.series.items()
        },
        winner=winner(runs, metric=metric, confidence=full.confidence),
    )
