"""The same scenario simulated and sent: the same people meet the same answers.

Tolerances. Where no limit is touched, what a recipient is and does is keyed, so at least 99 % of
the messages must end the same way. Where limits bind and a server is away, the order of messages in
real time decides who is throttled: final states may differ for 2 %, the shares of deferrals among
all attempts by 8 percentage points (ten pairs of runs: at most 4).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pandas as pd
import pytest

from mstoolkit.config import Scenario, parse_scenario
from mstoolkit.eventlog import read_log
from mstoolkit.live import send
from mstoolkit.sim import simulate
from mstoolkit.sinks import Sinks

BENCH = (Path(__file__).parents[1] / "data" / "bench.toml").read_text(encoding="utf-8")
STRAIN = """
[isps.gmail.rate]
cautious = "6/min"
ceiling = "20/min"
window = "30s"

[isps.yahoo]
connections = 2

[[outages]]
server = "one"
start = "60s"
lasts = "60s"
"""
SCALE = 120.0
SEED = 3


def both(scenario: Scenario, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the logs of the live run and of the exact simulation."""

    async def run() -> Path:
        async with Sinks(scenario, seed=SEED, time_scale=SCALE, any_port=True) as sinks:
            done = await send(
                scenario, "smooth-weighted", out=folder, seed=SEED, time_scale=SCALE, sinks=sinks
            )
        return done.folder

    live = read_log(asyncio.run(run()))
    return live, simulate(scenario, "smooth-weighted", seed=SEED, batch=1).events


def fates(log: pd.DataFrame) -> pd.Series:
    """Return how each message ended, by message."""
    ends = log[log["event"].isin(["delivered", "bounced", "expired"]) & (log["seq"] >= 0)]
    return ends.groupby("message", observed=True)["event"].last().astype(str)


def mix(log: pd.DataFrame) -> pd.Series:
    """Return the share of each event among all attempts that were answered."""
    answers = log[log["event"].isin(["delivered", "deferred", "bounced"]) & (log["token"] >= 0)]
    return answers["event"].astype(str).value_counts(normalize=True)


@pytest.mark.parametrize(
    ("more", "same", "tolerance"),
    [("", 0.99, 0.01), (STRAIN, 0.98, 0.08)],
    ids=["free", "strained"],
)
def test_sim_and_live_agree(more: str, same: float, tolerance: float, tmp_path: Path) -> None:
    """Final states message by message, and the mix of replies, within the stated tolerance."""
    live, sim = both(parse_scenario(BENCH + more), tmp_path / "run")
    one, other = fates(live).align(fates(sim))
    assert (one == other).mean() >= same
    difference = mix(live).sub(mix(sim), fill_value=0.0).abs()
    assert difference.max() <= tolerance
    assert len(difference) == 3


def test_the_same_people_open(tmp_path: Path) -> None:
    """Opens hang on recipient and placement, so most messages are opened in both or in neither."""
    live, sim = both(parse_scenario(BENCH), tmp_path / "run")

    def openers(log: pd.DataFrame) -> set[str]:
        hit = log[(log["event"] == "opened") & (log["category"] == "person")]
        return set(hit["message"].astype(str))

    one, other = openers(live), openers(sim)
    assert len(one) > 50
    assert len(one ^ other) <= 0.1 * len(one | other)
