"""The same scenario simulated and sent: the same people meet the same answers.

Tolerances. Where no limit is touched, what a recipient is and does is keyed, so at least 99 % of
the messages must end the same way and the mix of replies agree to 1 percentage point. Where limits
bind and a server is away, the order of messages in real time decides who is throttled: final states
may differ for 2 %, the mix by 10 points (seen: at most 4 on an idle machine, 8 on one with three
busy loops on two cores). The strained pair goes at half the time scale, so that it does not lag.
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
SEED = 3


def both(
    scenario: Scenario, folder: Path, scale: float = 120.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the logs of the live run and of the exact simulation."""

    async def run() -> Path:
        async with Sinks(scenario, seed=SEED, time_scale=scale, any_port=True) as sinks:
            done = await send(
                scenario, "smooth-weighted", out=folder, seed=SEED, time_scale=scale, sinks=sinks
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
    ("more", "scale", "same", "tolerance"),
    [("", 120.0, 0.99, 0.01), (STRAIN, 60.0, 0.98, 0.1)],
    ids=["free", "strained"],
)
def test_sim_and_live_agree(
    more: str, scale: float, same: float, tolerance: float, tmp_path: Path
) -> None:
    """Final states message by message, and the mix of replies, within the stated tolerance."""
    live, sim = both(parse_scenario(BENCH + more), tmp_path / "run", scale)
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
