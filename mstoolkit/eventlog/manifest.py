"""What a run was: everything needed to read its log, check it and do it again."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mstoolkit.config import Policy, Scenario, content_hash


class Manifest(BaseModel):
    """Stands beside a log as ``manifest.json``.

    Times are s of scenario time; `epoch` is the Unix time of scenario time zero (0 for a
    simulation, which has no place in the calendar). `observed_until` is how far feedback was
    followed. `lagged` marks a live run that could not keep up with its clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    kind: Literal["simulated", "live", "imported"]
    strategy: str
    seed: int
    batch: int
    scenario: str
    scenario_hash: str
    policy_hash: str
    epoch: float = 0.0
    time_scale: float = 1.0
    horizon: float
    ended_at: float
    observed_until: float
    lagged: bool = False
    version: str
    python: str
    totals: dict[str, int] = {}
    notes: dict[str, Any] = {}


def package_version() -> str:
    """Return the installed version of the toolkit."""
    try:
        return version("mstoolkit")
    except PackageNotFoundError:
        return "0+checkout"


def manifest_of(
    scenario: Scenario,
    strategy: str,
    policy: Policy,
    *,
    kind: Literal["simulated", "live", "imported"],
    seed: int,
    batch: int,
    ended_at: float,
    observed_until: float,
    **more: Any,
) -> Manifest:
    """Return the manifest of a run; `more` are further fields by name."""
    return Manifest(
        run=more.pop("run", f"{scenario.name}-{strategy}-{seed}"),
        kind=kind,
        strategy=strategy,
        seed=seed,
        batch=batch,
        scenario=scenario.name,
        scenario_hash=content_hash(scenario),
        policy_hash=content_hash(policy),
        horizon=scenario.horizon,
        ended_at=ended_at,
        observed_until=observed_until,
        version=package_version(),
        python=platform.python_version(),
        **more,
    )
