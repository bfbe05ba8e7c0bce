"""Little's law on whole runs, and pacing as the provider meets it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mstoolkit.config import load_scenario
from mstoolkit.sim import Run, simulate
from mstoolkit.testing import small_scenario

pytestmark = [pytest.mark.statistical, pytest.mark.timeout(300)]
ENDS = ["delivered", "bounced", "expired", "suppressed", "withdrawn"]


def in_band(run: Run) -> pd.DataFrame:
    events = run.events
    return events[(events["seq"] >= 0) & ~(events["phase"] == "dsn")]


@pytest.mark.parametrize("batch", [1, 50])
@pytest.mark.parametrize("strategy", ["round-robin", "interval", "priority"])
def test_littles_law_holds_in_its_finite_form(strategy: str, batch: int) -> None:
    """The area under what is in the system is the sum of the times that messages were in it.

    The area comes from arrivals and ends alone, the times from what each ended message says of its
    birth: ages survive retries and the joining of parcels.
    """
    run = simulate(small_scenario(), strategy, seed=8, batch=batch)
    rows = in_band(run)
    assert run.totals["queued"] + run.totals["in_flight"] == 0
    came, went = rows[rows["event"] == "enqueued"], rows[rows["event"].isin(ENDS)]
    times = np.concatenate([came["at"], went["at"]])
    change = np.concatenate([came["n"], -went["n"]]).astype(float)
    order = np.argsort(times, kind="stable")
    level = np.cumsum(change[order])
    area = float(np.sum(level[:-1] * np.diff(times[order])))
    stayed = float(((went["at"] - went["born"]) * went["n"]).sum())
    assert level[-1] == 0.0
    assert area == pytest.approx(stayed, rel=1e-9)


@pytest.mark.parametrize("strategy", ["round-robin", "batch", "least-loaded"])
def test_every_path_keeps_its_rate_in_a_whole_run(strategy: str) -> None:
    """Exact: in no minute, wherever it begins, does a path try more than burst + rate x 60 s."""
    scenario = load_scenario("quickstart")
    run = simulate(scenario, strategy, seed=3, batch=1)
    events = run.events
    failed = set(events.loc[events["event"] == "connection_failed", "token"])
    sent = events[(events["event"] == "sent") & ~events["token"].isin(failed)]
    for (server, _), group in sent.groupby(["server", "isp"], observed=True):
        limits = scenario.servers[str(server)].limits
        assert limits.rate is not None
        assert limits.burst is not None
        at = group["at"].to_numpy()
        within = np.searchsorted(at, at + 60.0, "right") - np.arange(len(at))
        assert within.max() <= limits.burst + limits.rate * 60.0 + 1e-6


def test_smooth_weighted_shares_where_nothing_binds() -> None:
    """With free limits and no outage, a campaign is shared by weight at every ISP, to a percent."""
    base = small_scenario(3000, outages=False)
    free = {"rate": 100.0, "burst": 1000, "connections": 1000, "messages_per_connection": 1000}
    servers = {
        name: server.model_copy(
            update={"limits": server.limits.model_copy(update=free), "connections": 4000}
        )
        for name, server in base.servers.items()
    }
    scenario = base.model_copy(update={"servers": servers})
    events = simulate(scenario, "smooth-weighted", seed=1, batch=1).events
    first = events[(events["event"] == "sent") & (events["attempt"] == 0) & (events["at"] == 0.0)]
    counts = first.pivot_table(
        index="isp", columns="server", values="n", aggfunc="sum", observed=True
    )
    shares = counts.div(counts.sum(axis=1), axis=0)
    total = sum(server.weight for server in servers.values())
    for name, server in servers.items():
        assert shares[name].to_numpy() == pytest.approx(server.weight / total, abs=0.01)
