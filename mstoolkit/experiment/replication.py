"""One simulated run of one strategy, boiled down to what a comparison keeps of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mstoolkit.analysis import (
    by,
    deferrals_over_time,
    delivered_over_time,
    outcomes,
    reputation_over_time,
    server_share_over_time,
    summary,
)
from mstoolkit.config import Scenario
from mstoolkit.model import stream_key
from mstoolkit.sim import Run, simulate
from mstoolkit.strategy import OwnParts


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is asked for: replication ``number`` of a strategy; ``logs`` where to write.

    ``own`` are the parts that were registered, which another process does not know.
    """

    scenario: Scenario
    strategy: str
    number: int
    seed: int
    batch: int
    width: float
    logs: Path | None
    own: OwnParts


@dataclass(frozen=True, slots=True)
class Replication:
    """What a worker hands back: the figures of one run and its small frames by name."""

    strategy: str
    number: int
    metrics: Mapping[str, float]
    frames: Mapping[str, pd.DataFrame]
    version: str


def replication_seed(seed: int, number: int) -> int:
    """Return the seed of a replication: the same for every strategy, so that they can be paired.

    Parameters
    ----------
    seed : int
        The comparison's seed.
    number : int
        The replication, from 0.

    Examples
    --------
    >>> replication_seed(1, 0) == replication_seed(1, 0) != replication_seed(1, 1)
    True
    """
    return stream_key(seed, "replication", number) % 2**53


def replicate(task: Task) -> Replication:
    """Run one replication; at the top of its module, so that worker processes find it."""
    task.own.register()
    run = simulate(
        task.scenario,
        task.strategy,
        seed=replication_seed(task.seed, task.number),
        batch=task.batch,
    )
    if task.logs is not None:
        run.write(task.logs / folder_name(task.strategy) / f"{task.number:03d}")
    figures = summary(run.events, costs=costs(task.scenario))
    return Replication(
        strategy=task.strategy,
        number=task.number,
        metrics={str(name): float(value) for name, value in figures.items()},
        frames=_frames(run, task.scenario, task.width),
        version=run.manifest.version,
    )


def folder_name(name: str) -> str:
    """Return a name from a file as the name of a folder that stays where it is put.

    Parameters
    ----------
    name : str
        A strategy's name; may hold anything.

    Examples
    --------
    >>> folder_name("smooth-weighted")
    'smooth-weighted'
    >>> folder_name("../a")
    '_a-4ed704ae'
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[:80]
    return name if safe == name != "" else f"{safe}-{stream_key(name) >> 32:08x}"


def costs(scenario: Scenario) -> dict[str, float]:
    """Return the price of 1,000 messages by server."""
    return {name: server.cost_per_1000 for name, server in scenario.servers.items()}


def _frames(run: Run, scenario: Scenario, width: float) -> dict[str, pd.DataFrame]:
    events, end = run.events, scenario.horizon
    return {
        "delivered": delivered_over_time(events, width, end),
        "server_share": server_share_over_time(events, width, end),
        "deferrals": deferrals_over_time(events, width, end),
        "reputation": _reputation(run.truth, width, end),
        "outcomes": outcomes(events),
        "by_isp": by(events, "isp").reset_index(),
        "by_server": by(events, "server", costs=costs(scenario)).reset_index(),
    }


def _reputation(truth: pd.DataFrame, width: float, end: float) -> pd.DataFrame:
    sampled = reputation_over_time(truth, width, end)
    return sampled.groupby(["at", "server"], as_index=False)[["reputation", "listed"]].mean()
