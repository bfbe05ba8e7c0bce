"""Queues with known answers, Little's law on whole runs, and pacing as the provider meets it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mstoolkit.config import load_scenario
from mstoolkit.eventlog import check_balance
from mstoolkit.sim import simulate
from mstoolkit.testing import small_scenario
from tests.statistical.queues import (
    MEAN_SERVICE,
    Floats,
    erlang_c,
    mean_wait,
    recursion,
    waits,
)

pytestmark = [pytest.mark.statistical, pytest.mark.timeout(300)]
LOADS = [(c, rho) for c in (1, 2, 5) for rho in (0.3, 0.6, 0.8)]
REPLICATIONS, MESSAGES, WARM_UP = 8, 2500, 500


def mail(c: int, rho: float, seed: int, n: int) -> tuple[Floats, Floats]:
    """Return Poisson arrivals and exponential service times (s) that load c connections by rho."""
    rng = np.random.default_rng([seed, c, round(100 * rho)])
    gaps = rng.exponential(MEAN_SERVICE / (c * rho), n)
    return np.cumsum(gaps), rng.exponential(MEAN_SERVICE, n)


def interval(means: Floats) -> tuple[float, float]:
    """Return the 99 % interval of the mean of independent replications (Student)."""
    half = stats.t.ppf(0.995, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return means.mean() - half, means.mean() + half


@pytest.mark.parametrize(("c", "rho"), LOADS)
def test_waits_are_those_of_the_recursion(c: int, rho: float) -> None:
    """Exact, message by message: first come, first served, and no connection idle meanwhile."""
    arrivals, services = mail(c, rho, 0, 1000)
    found = waits(c, arrivals, services)
    assert found == pytest.approx(recursion(c, arrivals, services), abs=1e-5)


@pytest.mark.parametrize(("c", "rho"), LOADS)
def test_waits_are_those_of_erlang(c: int, rho: float) -> None:
    """M/M/c: how many wait and how long, in the 99 % interval, which is narrow enough to tell."""
    runs = np.array(
        [
            waits(c, *mail(c, rho, seed, MESSAGES))[WARM_UP:] / MEAN_SERVICE
            for seed in range(1, REPLICATIONS + 1)
        ]
    )
    for means, expected in (
        (runs.mean(axis=1), mean_wait(c, rho)),
        ((runs > 1e-6).mean(axis=1), erlang_c(c, rho)),
    ):
        low, high = interval(means)
        assert low <= expected <= high
        assert (high - low) / 2 <= 0.4 * expected


@pytest.mark.parametrize(
    ("c", "rho", "waiting", "wait"),
    [(1, 0.5, 1 / 2, 1.0), (2, 0.5, 1 / 3, 1 / 3), (2, 0.8, 32 / 45, 16 / 9)],
)
def test_the_formula_by_hand(c: int, rho: float, waiting: float, wait: float) -> None:
    """M/M/1: rho and rho / (1 - rho); M/M/2: 2 rho^2 / (1 + rho) and rho^2 / (1 - rho^2)."""
    assert erlang_c(c, rho) == pytest.approx(waiting)
    assert mean_wait(c, rho) == pytest.approx(wait)


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("strategy", sorted(load_scenario("quickstart").strategies))
def test_littles_law_holds_in_its_finite_form(strategy: str, batch: int) -> None:
    """On whole runs of the quickstart, lot by lot, and what is left is what the books say."""
    run = simulate(load_scenario("quickstart"), strategy, seed=8, batch=batch)
    check_balance(run.table, run.totals)


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
