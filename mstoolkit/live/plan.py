"""What a live run will do, checked before anything is opened."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mstoolkit.config import ConfigError, Policy, Scenario, content_hash
from mstoolkit.config.mailing import Mailing
from mstoolkit.eventlog import Manifest, manifest_of
from mstoolkit.live.letters import Letters
from mstoolkit.live.ready import check_deliveries
from mstoolkit.live.spool import Spool, holds_spool
from mstoolkit.live.targets import targets

_CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Plan:
    """A live run that can be done: everything that a user could get wrong was looked at."""

    scenario: Scenario
    strategy: str
    policy: Policy
    seed: int
    scale: float
    limit: int | None
    folder: Path
    mailing: Mailing
    letters: Letters
    where: Mapping[str, tuple[str, int]]

    @property
    def run(self) -> str:
        """The run's name."""
        return run_name(self.strategy, self.seed)

    @property
    def stored(self) -> Scenario:
        """The scenario as stored with the log: it holds the policy, so that the log replays."""
        if self.scenario.strategies.get(self.strategy) == self.policy:
            return self.scenario
        strategies = {**self.scenario.strategies, self.strategy: self.policy}
        return self.scenario.model_copy(update={"strategies": strategies})

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same when the run is taken up."""
        return {
            "scenario": content_hash(self.scenario),
            "strategy": self.strategy,
            "policy": content_hash(self.policy),
            "seed": self.seed,
            "time-scale": self.scale,
            "limit": self.limit,
        }

    def manifest(self, epoch: float) -> Manifest:
        """Return the manifest as it is when the run begins."""
        return manifest_of(
            self.scenario,
            self.strategy,
            self.policy,
            kind="live",
            seed=self.seed,
            batch=1,
            ended_at=0.0,
            observed_until=0.0,
            run=self.run,
            epoch=epoch,
            time_scale=self.scale,
        )


def run_name(strategy: str, seed: int) -> str:
    """Return the name of a live run.

    Examples
    --------
    >>> run_name("round-robin", 7)
    'live-round-robin-7'
    """
    return f"live-{strategy}-{seed}"


def planned(
    scenario: Scenario,
    strategy: str | Policy,
    out: str | Path,
    *,
    seed: int,
    time_scale: float,
    limit: int | None,
    addresses: Mapping[str, tuple[str, int]],
    allow_hosts: Collection[str],
) -> Plan:
    """Check what is asked for.

    Raises
    ------
    ConfigError
        If it cannot be done.
    """
    name, policy = _policy(scenario, strategy)
    _check_numbers(time_scale, limit)
    folder = Path(out)
    if not holds_spool(folder):
        _check_vacant(folder)
    mailing = Mailing(scenario)
    letters = Letters(scenario, mailing, run_name(name, seed))
    where = targets(scenario, addresses, allow_hosts)
    check_deliveries(scenario.servers)
    return Plan(scenario, name, policy, seed, time_scale, limit, folder, mailing, letters, where)


def check_same(plan: Plan, spool: Spool) -> None:
    """Refuse to take a run up with another command than the one that began it.

    Raises
    ------
    ConfigError
        If it is another one, or the run is done.
    """
    began = spool.meta["identity"]
    for key, value in plan.identity.items():
        if began.get(key) != value:
            was, now = (_shown(each) for each in (began.get(key), value))
            raise ConfigError(
                f"the run in this folder was begun with another {key} ({was}, not {now})",
                file=str(plan.folder),
                key=key,
                remedy="give the command that began it, or name a new or empty folder",
            )
    if spool.meta.get("finished"):
        raise ConfigError(
            "the output folder holds another run, which is done",
            file=str(plan.folder),
            remedy="name a new or empty folder",
        )


def _shown(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) < 40 else text[:12]


def _policy(scenario: Scenario, strategy: str | Policy) -> tuple[str, Policy]:
    if isinstance(strategy, Policy):
        for name, policy in scenario.strategies.items():
            if policy == strategy:
                return name, strategy
        return _CUSTOM, strategy
    if strategy not in scenario.strategies:
        raise ConfigError(
            f"there is no strategy {strategy!r} in {scenario.name!r}",
            key="strategies",
            remedy=f"known are {', '.join(scenario.strategies)}",
        )
    return strategy, scenario.strategies[strategy]


def _check_numbers(time_scale: float, limit: int | None) -> None:
    if not (time_scale > 0 and math.isfinite(time_scale)):
        raise ConfigError(
            f"must be a positive number, got {time_scale}",
            key="time-scale",
            remedy="use 1 for real time, 60 for a minute a second",
        )
    if limit is not None and limit < 1:
        raise ConfigError(
            f"must be at least 1, got {limit}", key="limit", remedy="leave it out to send all"
        )


def _check_vacant(folder: Path) -> None:
    """Ask before anything is made."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        held = "another run" if (folder / "manifest.json").exists() else "something else"
        raise ConfigError(
            f"the output folder holds {held}", file=str(folder), remedy="name a new or empty folder"
        )
