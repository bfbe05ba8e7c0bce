"""The shipped scenario: where it lands, and that parcels agree with single messages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from scipy import stats

from mstoolkit.analysis import summary
from mstoolkit.config import load_scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.sim import simulate

SCENARIO = load_scenario("quickstart")
SEEDS = range(1, 7)
pytestmark = [pytest.mark.statistical, pytest.mark.timeout(300)]

# Percentage points; for deferrals: per 100 messages.
MARGINS = {"delivered": 0.1, "bounced": 0.1, "opened": 0.1, "expired": 0.1, "deferrals": 2.0}


def figures(strategy: str, seed: int, batch: int) -> dict[str, float]:
    """Return shares of one run, in percent of what was enqueued."""
    run = simulate(SCENARIO, strategy, seed=seed, batch=batch)
    events, totals = run.events, run.totals
    n = events.groupby(["event", "category"], observed=True, dropna=False)["n"].sum()
    share = 100.0 / totals["enqueued"]
    return {
        "delivered": share * totals["delivered"],
        "bounced": share * totals["bounced"],
        "expired": share * totals["expired"],
        "opened": share * float(n["opened"]["person"]),
        "deferrals": share * float(n["deferred"].sum()),
    }


def many(strategy: str, batch: int) -> pd.DataFrame:
    """Return the figures of all seeds, one row each."""
    jobs = (delayed(figures)(strategy, seed, batch) for seed in SEEDS)
    return pd.DataFrame(Parallel(n_jobs=1)(jobs))


def test_rotating_every_ten_minutes_lands_where_it_is_documented() -> None:
    """Delivery 95 % give or take 1, bounce 2 % ± 0.5, open 20 % ± 1.5: the mean over five seeds."""
    runs = [simulate(SCENARIO, "interval", seed=seed, batch=100) for seed in range(5)]
    mean = pd.DataFrame([summary(run.events) for run in runs]).mean()
    assert mean["delivery_rate"] == pytest.approx(0.95, abs=0.01)
    assert mean["bounce_rate"] == pytest.approx(0.02, abs=0.005)
    assert mean["open_rate"] == pytest.approx(0.20, abs=0.015)


@pytest.mark.parametrize("strategy", ["interval", "smooth-weighted"])
def test_parcels_agree_with_single_messages(strategy: str) -> None:
    """The 90 % interval of the paired difference lies inside each margin (TOST at 5 %)."""
    exact, outside = many(strategy, 1), {}
    for batch in (10, 100, 1000):
        parcels = many(strategy, batch)
        for metric, margin in MARGINS.items():
            differences = (parcels[metric] - exact[metric]).to_numpy()
            half = stats.t.ppf(0.95, len(differences) - 1) * stats.sem(differences)
            mean = float(np.mean(differences))
            if abs(mean) + half >= margin:
                outside[batch, metric] = f"{mean:+.3f} ± {half:.3f}, margin {margin}"
    assert not outside


@pytest.mark.parametrize("batch", [1, 100])
def test_unknown_users_are_as_many_as_the_audience_holds(batch: int) -> None:
    """In band, the share of unknown users is each segment's, within binomial bounds."""
    events = simulate(SCENARIO, "round-robin", seed=11, batch=batch).events
    unknown = events[
        (events["event"] == "bounced")
        & (events["category"] == "invalid_recipient")
        & (events["phase"] == "rcpt")
    ]
    found = unknown.groupby("segment", observed=True)["n"].sum()
    sizes: dict[str, int] = {}
    for block in Mailing(SCENARIO).blocks:
        mailed = block.n - block.suppressed
        sizes[block.lot.segment] = sizes.get(block.lot.segment, 0) + mailed
    for name, segment in SCENARIO.audience.segments.items():
        low, high = stats.binom.interval(0.9999, sizes[name], segment.unknown)
        assert low <= found[name] <= high, f"{name}: {found[name]} not in {low}..{high}"


def test_opens_come_with_the_stated_delays() -> None:
    """Quantiles of the time from acceptance to opening are those of the log-normal, cut at 72 h."""
    events = simulate(SCENARIO, "round-robin", seed=12, batch=1).events
    opened = events[(events["event"] == "opened") & (events["category"] == "person")]
    gmail = opened[opened["isp"] == "gmail"]
    delays = (gmail["at"] - gmail["decided_at"]).to_numpy()
    engagement = SCENARIO.isps["gmail"].engagement
    law = stats.lognorm(engagement.open_sigma, scale=engagement.open_median)
    early = delays[delays <= 72 * 3600.0]
    assert len(early) > 3000
    expected = law.ppf(np.array([0.25, 0.5, 0.75]) * law.cdf(72 * 3600.0))
    observed = np.quantile(early, [0.25, 0.5, 0.75])
    assert np.log(observed) == pytest.approx(np.log(expected), abs=0.12)
