"""Simulate one strategy on one scenario: the log, the truth behind it, and a check of the books."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import pandas as pd
import pyarrow as pa

from mstoolkit.config import ConfigError, Policy, Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.scenario import source_ip
from mstoolkit.eventlog import (
    Manifest,
    Recorder,
    check_balance,
    frame_of,
    manifest_of,
    write_log,
)
from mstoolkit.isp import Draws, Provider, Truth, providers
from mstoolkit.model import Event
from mstoolkit.sim.driver import Driver
from mstoolkit.sim.engagement import openings
from mstoolkit.strategy import Dispatcher


@dataclass(frozen=True)
class Run:
    """A finished simulation.

    Attributes
    ----------
    scenario : Scenario
    strategy : str
        Name of the strategy in the scenario.
    seed, batch : int
        As they were given.
    table : pyarrow.Table
        The event log.
    providers : dict of str to Provider
        With the hidden state they ended in; `truth` tells how it came to that.
    totals : dict of str to int
        Messages by where they ended.
    """

    scenario: Scenario
    strategy: str
    seed: int
    batch: int
    table: pa.Table
    providers: dict[str, Provider]
    totals: dict[str, int]

    @cached_property
    def manifest(self) -> Manifest:
        """What the run was, to check it and do it again."""
        scenario = self.scenario
        return manifest_of(
            scenario,
            self.strategy,
            scenario.strategies[self.strategy],
            kind="simulated",
            seed=self.seed,
            epoch=scenario.epoch,
            batch=self.batch,
            ended_at=scenario.horizon,
            observed_until=scenario.horizon + scenario.follow,
            totals=self.totals,
        )

    @cached_property
    def events(self) -> pd.DataFrame:
        """The event log as a frame; see `eventlog.schema.COLUMNS`."""
        return frame_of(self.table)

    @cached_property
    def truth(self) -> pd.DataFrame:
        """The hidden state of each path at each review of its provider, for analysis only.

        Columns: at (s), source_ip, server, isp, reputation (0..1), warmth (0..1), rate
        (messages/s), listed, inbox and spam (shares).
        """
        reviews = [row for _, isp in sorted(self.providers.items()) for row in isp.truth()]
        frame = pd.DataFrame(reviews, columns=list(Truth._fields))
        servers = {source_ip(name, s): name for name, s in self.scenario.servers.items()}
        frame.insert(2, "server", frame["source_ip"].map(servers))
        return frame

    def write(self, folder: str | Path) -> Path:
        """Write log, truth, scenario and manifest into a new or empty folder."""
        path = Path(folder)
        write_log(path, self.table, self.manifest, self.scenario, self.truth)
        return path


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A run makes many small values and few cycles: collecting would only cost time.

    As a decorator it lasts until what the run worked with is gone.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_no_garbage_collection()
def simulate(
    scenario: Scenario,
    strategy: str | Policy,
    *,
    seed: int = 0,
    batch: int = 100,
    progress: Callable[[float], None] | None = None,
) -> Run:
    """Run a strategy on a scenario in simulated time.

    Parameters
    ----------
    scenario : Scenario
        Servers, audience, providers, campaigns, outages.
    strategy : str or Policy
        A strategy of the scenario by name, or a policy of your own.
    seed : int
        Same seed, same audience and outages, whatever the strategy.
    batch : int
        Largest parcel; 1 is the exact mode, 100 is about ten times as fast.
    progress : callable, optional
        Called with the share (0..1) of the horizon that is over.

    Returns
    -------
    Run

    Raises
    ------
    ConfigError
        If the scenario has no such strategy, or `batch` is less than 1.
    RuntimeError
        If the books do not balance, which is a defect of the toolkit.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> run = simulate(load_scenario("quickstart"), "interval", seed=1, batch=500)
    >>> run.totals["enqueued"]
    50000
    """
    name, policy = _policy_of(scenario, strategy)
    if scenario.strategies.get(name) is not policy:
        scenario = scenario.model_copy(update={"strategies": {**scenario.strategies, name: policy}})
    if batch < 1:
        raise ConfigError(f"must be at least 1, got {batch}", key="batch", remedy="1 is exact")
    dispatcher = Dispatcher(scenario.servers, policy, seed=seed, batch=batch, epoch=scenario.epoch)
    recorder = Recorder(scenario, run=f"{scenario.name}-{name}-{seed}", strategy=name)
    world, draws = providers(scenario), Draws(scenario, seed)
    driver = Driver(scenario, dispatcher, world, draws, recorder)
    driver.run(cast("list[Event]", Mailing(scenario).arrivals()), progress)
    totals = dispatcher.totals
    _check_books(totals)
    until = scenario.horizon + scenario.follow
    table = recorder.table(lambda accepted: openings(accepted, scenario, world, draws, until))
    check_balance(table, totals)
    return Run(scenario, name, seed, batch, table, world, totals)


def _policy_of(scenario: Scenario, strategy: str | Policy) -> tuple[str, Policy]:
    if isinstance(strategy, Policy):
        return next(
            (k for k, p in scenario.strategies.items() if p is strategy), "custom"
        ), strategy
    if strategy not in scenario.strategies:
        raise ConfigError(
            f"there is no strategy {strategy!r} in scenario {scenario.name!r}",
            key="strategies",
            remedy=f"known are {', '.join(scenario.strategies)}",
        )
    return strategy, scenario.strategies[strategy]


def _check_books(totals: dict[str, int]) -> None:
    """Every enqueued message is in exactly one place."""
    placed = sum(n for where, n in totals.items() if where != "enqueued")
    if placed != totals["enqueued"]:
        raise RuntimeError(f"messages were lost or made up, please report this: {totals}")
