"""The provider models held against published figures: an ordinary sender, curves, pauses, plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mstoolkit.config import Profile, Segment, load_profile, load_scenario
from mstoolkit.config.benchmarks import Benchmark, load_benchmarks
from mstoolkit.config.warmup import load_warmup, warmup_names
from mstoolkit.experiment.trial import follow, recovery, warm_up
from mstoolkit.sim import Run, simulate

SCENARIO, STRATEGY = "neutral", "smooth-weighted"
_PLACED = {
    "inbox-gmail": "gmail",
    "inbox-yahoo": "yahoo",
    "inbox-outlook": "outlook",
    "inbox-apple": "apple",
    "inbox-corporate": "other",
}
_TIMES = {"time-to-open": ("opened", "person"), "time-to-click": ("clicked", "person")}


class _Row(NamedTuple):
    benchmark: str
    what: str
    published: float
    found: float
    use: str


def ordinary_sender(*, seed: int = 1, batch: int = 1) -> pd.DataFrame:
    """Run the scenario ``neutral`` and hold what comes of it against published figures.

    Parameters
    ----------
    seed : int
        Of the audience.
    batch : int
        Largest parcel; opens of counted parcels are told by the hour, so 1 for times.

    Returns
    -------
    DataFrame
        A row a figure: ``benchmark`` (its name), ``what``, ``published`` and ``found`` (shares),
        ``use`` (fitted, input, held-out).
    """
    run = simulate(load_scenario(SCENARIO), STRATEGY, seed=seed, batch=batch)
    published = load_benchmarks()
    rows = [
        _Row(name, published[name].title, published[name].value or 0.0, found, published[name].use)
        for name, found in {**_placements(run), **_rates(run)}.items()
    ]
    for name, benchmark in published.items():
        if name[: -len("-2020")] in _TIMES:
            rows += _times(run, name, benchmark)
    return pd.DataFrame(rows)


def placement_by_score(profile: Profile, steps: int = 25) -> pd.DataFrame:
    """Spoil a warm sender's list step by step, and tell its score and where its mail goes.

    Returns
    -------
    DataFrame
        ``score`` (100 times the reputation) and ``inbox``, as a share of the best that there is;
        with worse lists the score falls.
    """
    placement = profile.placement
    rows = []
    for unknown in np.linspace(0.0, 0.12, steps):
        segment = Segment(share=1.0, opens=0.2, unknown=float(unknown))
        last = warm_up(profile, [4000, 4000], segment=segment, warm=1.0).iloc[-1]
        inbox = (last["inbox"] - placement.worst) / (placement.best - placement.worst)
        rows.append((100.0 * last["reputation"], inbox))
    return pd.DataFrame(rows, columns=["score", "inbox"]).sort_values("score", ignore_index=True)


def complaints(profile: Profile, rates: Sequence[float]) -> pd.DataFrame:
    """Let a warm sender have so many complaints a message, and tell where its mail goes.

    Parameters
    ----------
    profile : Profile
        Who is sent to.
    rates : sequence of float
        Complaints of those who see the mail in their inbox, as shares.

    Returns
    -------
    DataFrame
        ``complaints``, ``reputation`` and ``inbox`` after four days of 30,000 messages each.
    """
    rows = []
    for rate in rates:
        segment = Segment(share=1.0, opens=0.2, complaints=rate, unknown=0.004)
        last = warm_up(profile, [30_000] * 4, segment=segment, warm=1.0).iloc[-1]
        rows.append((rate, last["reputation"], last["inbox"]))
    return pd.DataFrame(rows, columns=["complaints", "reputation", "inbox"])


def pauses(isps: Sequence[str]) -> pd.DataFrame:
    """Push into each provider's limit, back off, and tell how long it refuses.

    Returns
    -------
    DataFrame
        ``isp``, ``published`` and ``found`` (minutes); providers without a ladder are left out.
    """
    rows = []
    for isp in isps:
        profile = load_profile(isp)
        if profile.escalation is not None:
            rung = profile.escalation.rungs[0]
            found = recovery(profile, rung.pushed + 1)
            rows.append((isp, rung.lasts / 60.0, found / 60.0))
    return pd.DataFrame(rows, columns=["isp", "published", "found"])


def schedules(isps: Sequence[str], names: Sequence[str] = ()) -> pd.DataFrame:
    """Follow published warm-up schedules from a cold address, as far as each provider lets them.

    Parameters
    ----------
    isps : sequence of str
        Shipped providers.
    names : sequence of str
        Shipped schedules; all by default.

    Returns
    -------
    DataFrame
        ``schedule``, ``isp``, ``reached`` (messages a day that were taken whole) on ``day``,
        ``breaks_on`` (a day, or missing) and ``asked`` on it.
    """
    rows = [
        (name, isp, *follow(load_profile(isp), load_warmup(name), isp))
        for name in names or warmup_names()
        for isp in isps
    ]
    columns = ["schedule", "isp", "reached", "day", "breaks_on", "asked"]
    return pd.DataFrame(rows, columns=columns).astype({"breaks_on": "Int64"})


def _placements(run: Run) -> dict[str, float]:
    placed = {isp: _placed(run, isp) for isp in run.scenario.isps}
    found = {name: placed[isp] for name, isp in _PLACED.items()}
    mean = sum(share * placed[isp] for isp, share in run.scenario.audience.isps.items())
    return {**found, "inbox-global-2025": mean, "inbox-global-2023": mean}


def _placed(run: Run, isp: str) -> float:
    """Return the inbox share of what a provider took, by when it came."""
    events, truth = run.events, run.truth
    taken = events[(events["event"] == "delivered") & (events["isp"] == isp)]
    total = shares = 0.0
    for server, reviews in truth[truth["isp"] == isp].groupby("server", observed=True):
        mail = taken[taken["server"] == server]
        row = np.searchsorted(reviews["at"].to_numpy(), mail["at"].to_numpy(), side="right") - 1
        shares += float((reviews["inbox"].to_numpy()[row] * mail["n"]).sum())
        total += float(mail["n"].sum())
    return shares / total


def _count(run: Run, event: str, category: str | None = None) -> int:
    rows = run.events[run.events["event"] == event]
    return int((rows if category is None else rows[rows["category"] == category])["n"].sum())


def _rates(run: Run) -> dict[str, float]:
    delivered, sent = run.totals["delivered"], run.totals["enqueued"]
    hard = _count(run, "bounced", "invalid_recipient")
    return {
        "open-rate": _count(run, "opened", "person") / delivered,
        "click-rate": _count(run, "clicked") / delivered,
        "unsubscribe-rate": _count(run, "unsubscribed") / delivered,
        "complaint-rate": _count(run, "complained") / delivered,
        "hard-bounce-rate": hard / sent,
        "soft-bounce-rate": (sent - delivered - hard) / sent,
    }


def _times(run: Run, name: str, benchmark: Benchmark) -> list[_Row]:
    event, category = _TIMES[name[: -len("-2020")]]
    rows = run.events[(run.events["event"] == event) & (run.events["category"] == category)]
    hours = (rows["at"] - rows["decided_at"]).to_numpy() / 3600.0
    return [
        _Row(
            name,
            f"{event.capitalize()} within {point} h of delivery, {name[-4:]}",
            share,
            float(np.average(hours <= float(point), weights=rows["n"])),
            benchmark.use,
        )
        for point, share in benchmark.points.items()
    ]
