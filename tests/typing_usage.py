"""The public API as a user would write it; type-checked, never run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import assert_type

import pandas as pd
from matplotlib.axes import Axes

import mstoolkit as ms


def compared() -> None:
    """A comparison from a shipped scenario, with frames and axes."""
    scenario = ms.load_scenario("quickstart")
    assert_type(scenario, ms.Scenario)
    result = ms.compare(scenario, ["batch", "interval"], replications=5, seed=1, batch=100)
    assert_type(result, ms.Comparison)
    assert_type(result.summary, pd.DataFrame)
    assert_type(result.winner.strategy, str)
    assert_type(ms.plots.ranking(result.summary, result.comparison), Axes)
    result.write(Path("results"))


def own_policy() -> None:
    """A policy built in Python stands beside those of the file."""
    policy = ms.Policy.model_validate({"rotation": {"kind": "interval", "every": "5min"}})
    ms.compare("quickstart", {"mine": policy}, replications=2)


def simulated() -> None:
    """A single run and its figures."""
    run = ms.simulate(ms.load_scenario("quickstart"), "batch", seed=3, batch=1)
    assert_type(run, ms.Run)
    figures = ms.summary(run.events, costs={"mta-1": 0.1})
    assert_type(float(figures["delivery_rate"]), float)
    assert_type(ms.by(run.events, "isp"), pd.DataFrame)
    assert_type(ms.METRICS["delivery_rate"].unit, str)


def stored(folder: Path) -> None:
    """What lies on disk is read back and replayed."""
    assert_type(ms.read_log(folder), pd.DataFrame)
    assert_type(ms.read_truth(folder), pd.DataFrame | None)
    assert_type(ms.read_manifest(folder), ms.Manifest)
    assert_type(ms.replay.replay(folder).identical, bool)


async def sent() -> ms.LiveRun:
    """Real SMTP to sinks in the same process."""
    scenario = ms.load_scenario("quickstart")
    async with ms.Sinks(scenario, time_scale=60, any_port=True) as sinks:
        return await ms.send(
            scenario, "batch", out="runs/live", time_scale=60, limit=100, sinks=sinks
        )


def driven() -> None:
    """The sans-IO dispatcher, driven by hand."""
    scenario = ms.load_scenario("quickstart")
    dispatcher = ms.Dispatcher(scenario.servers, scenario.strategies["batch"], seed=1)
    assert_type(dispatcher.next_wakeup(), float | None)
    asyncio.run(sent())


def refused() -> str:
    """The one error that a user's file can cause."""
    try:
        ms.load_scenario("nowhere.toml")
    except ms.ConfigError as error:
        return f"{error.file}: {error.key}: {error.problem}; {error.remedy}"
    return ""
