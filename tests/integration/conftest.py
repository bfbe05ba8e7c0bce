"""A small deployment whose sinks run in the test's own event loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mstoolkit.config import Policy, Scenario, load_scenario
from mstoolkit.live import LiveRun, send
from mstoolkit.sinks import Sinks

BENCH = Path(__file__).parents[1] / "data" / "bench.toml"


@pytest.fixture(scope="session")
def bench() -> Scenario:
    """Three servers, three ISPs, 600 recipients; sent in a few minutes of scenario time."""
    return load_scenario(BENCH)


@pytest.fixture
def through_sinks(bench: Scenario, tmp_path: Path) -> Callable[..., Any]:
    """Send through sinks at a scale, after `before(sinks)`; return the run and the sinks."""

    async def run(
        *,
        scenario: Scenario = bench,
        scale: float = 120.0,
        strategy: str | Policy = "smooth-weighted",
        before: Callable[[Sinks], None] | None = None,
        **options: Any,
    ) -> tuple[LiveRun, Sinks]:
        async with Sinks(scenario, time_scale=scale, any_port=True) as sinks:
            if before is not None:
                before(sinks)
            options.setdefault("out", tmp_path / "run")
            done = await send(scenario, strategy, time_scale=scale, sinks=sinks, **options)
        return done, sinks

    return run
