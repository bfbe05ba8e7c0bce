"""Asked shares: steps, weights, what held whom, and that a replay tells them of any rotation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mstoolkit.analysis import realised_share
from mstoolkit.config import ConfigError, Outage, Scenario, load_scenario
from mstoolkit.config.rotation import LeastLoadedSpec
from mstoolkit.config.routing import RouteSpec
from mstoolkit.replay import asked_shares
from mstoolkit.sim import simulate

BENCH = Path(__file__).parents[2] / "data" / "bench.toml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(BENCH)


def part(frame: pd.DataFrame, server: str, reason: str = "", isp: str = "gmail") -> pd.DataFrame:
    return frame[(frame["server"] == server) & (frame["reason"] == reason) & (frame["isp"] == isp)]


def test_an_outage_is_what_held_the_server(scenario: Scenario) -> None:
    """Its share is still asked, and its suspension is what explains the drift of all others."""
    down = Outage(server="one", start=0.0, lasts=3600.0)
    run = simulate(
        scenario.model_copy(update={"outages": (down,)}), "smooth-weighted", seed=2, batch=1
    )
    asked = asked_shares(run, "2min")
    assert part(asked, "one")["asked"].tolist() == pytest.approx([0.5] * len(part(asked, "one")))
    held = part(asked, "one", "server suspended: network")
    assert held["held"].max() > 0.4
    found = realised_share(run.events, asked, "10min").query("start == 0 and isp == 'gmail'")
    one, _, two = found.to_dict("records")
    assert one["sent"] < 0.05
    assert one["drift"]
    assert one["cause"].startswith("server ")
    assert two["cause"].startswith("one: server ")


def test_fractions_are_parts_of_the_step(scenario: Scenario) -> None:
    """What a server is held by, and what it is free, are each within 0 .. 1 and cover the step."""
    run = simulate(scenario, "round-robin", seed=2, batch=20)
    asked = asked_shares(run, 60.0, looks=10)
    assert asked["held"].between(0.0, 1.0 + 1e-9).all()
    whole = asked.groupby(["start", "isp", "server"])["held"].sum()
    assert (whole >= 1.0 - 1e-9).all()
    assert (asked["start"] % 60.0 == 0).all()
    assert part(asked, "two")["asked"].tolist() == pytest.approx([1 / 3] * len(part(asked, "two")))


def test_who_goes_by_load_asks_for_nothing(scenario: Scenario) -> None:
    """There is nothing to drift from then."""
    policy = scenario.strategies["round-robin"]
    loaded = policy.model_copy(update={"rotation": LeastLoadedSpec(kind="least-loaded")})
    changed = scenario.model_copy(update={"strategies": {"mine": loaded}})
    run = simulate(changed, "mine", seed=2, batch=1)
    asked = asked_shares(run)
    assert asked["asked"].isna().all()
    assert not realised_share(run.events, asked)["drift"].any()


def test_each_route_asks_as_much_as_it_sends(scenario: Scenario) -> None:
    """Of an ISP whose segments have servers of their own, the shares of both are mixed."""
    policy = scenario.strategies["smooth-weighted"]
    own = RouteSpec(segments=("dormant",), servers=("three",), exclusive=True)
    changed = scenario.model_copy(
        update={"strategies": {"mine": policy.model_copy(update={"routes": (own,)})}}
    )
    run = simulate(changed, "mine", seed=2, batch=1)
    asked = asked_shares(run, "1h")
    sent = run.events[(run.events["event"] == "sent") & (run.events["isp"] == "gmail")]
    dormant = (sent["segment"] == "dormant").mean()
    assert part(asked, "three")["asked"].iloc[0] == pytest.approx(dormant)
    assert part(asked, "one")["asked"].iloc[0] == pytest.approx((1 - dormant) * 3 / 5)


def test_steps_must_be_longer_than_nothing(scenario: Scenario) -> None:
    """The error names the argument."""
    run = simulate(scenario, "round-robin", seed=2, batch=50)
    with pytest.raises(ConfigError, match="above 0"):
        asked_shares(run, 0.0)
