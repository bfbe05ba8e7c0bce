"""Asked against sent: a drift is told with its cause, and noise is not taken for one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mstoolkit.analysis import drifts, realised_share

SHARES = {"a": 0.5, "b": 0.3, "c": 0.2}


def asked(
    shares: dict[str, float] = SHARES,
    *held: tuple[str, str, float],
    start: float = 0.0,
    isp: str = "gmail",
    grain: int = 1,
) -> pd.DataFrame:
    """Return the asked shares of one step; `held` are server, reason and fraction."""
    rows = [(start, isp, name, share, "", 1.0, grain) for name, share in shares.items()]
    rows += [(start, isp, name, shares[name], reason, part, grain) for name, reason, part in held]
    columns = ["start", "isp", "server", "asked", "reason", "held", "grain"]
    return pd.DataFrame(rows, columns=columns)


def log(counts: dict[str, int], at: float = 0.0, isp: str = "gmail", n: int = 1) -> pd.DataFrame:
    """Return a log in which servers sent so many messages, in parcels of `n`."""
    servers = [name for name, count in counts.items() for _ in range(count // n)]
    return pd.DataFrame({"event": "sent", "isp": isp, "at": at, "n": n, "server": servers})


def of(frame: pd.DataFrame, server: str) -> pd.Series:
    return frame[frame["server"] == server].iloc[0]


def test_shares_that_are_kept_are_no_drift() -> None:
    """Sent as asked: no difference, and chance explains all of it."""
    found = realised_share(log({"a": 500, "b": 300, "c": 200}), asked())
    assert found["sent"].tolist() == [0.5, 0.3, 0.2]
    assert found["difference"].abs().max() < 1e-12
    assert not found["drift"].any()
    assert found["chance"].min() > 0.9
    assert found["n"].tolist() == [1000, 1000, 1000]
    assert (found["cause"] == "").all()


def test_a_drift_has_the_reason_that_held_longest() -> None:
    """Who sent too little was held by its longest block; who sent too much profits by another."""
    held = (("c", "rate limit", 0.2), ("c", "path suspended: throttle", 0.7), ("a", "drained", 0.1))
    found = realised_share(log({"a": 620, "b": 350, "c": 30}), asked(SHARES, *held))
    assert of(found, "c")["cause"] == "path suspended: throttle"
    assert of(found, "c")["held"] == pytest.approx(0.7)
    assert of(found, "a")["cause"] == "c: path suspended: throttle"
    assert of(found, "a")["held"] == pytest.approx(0.7)
    assert found["drift"].tolist() == [True, False, True]


def test_a_drift_that_no_limit_explains_is_told_so() -> None:
    """Where nothing held anyone the rotation itself is to be asked."""
    found = realised_share(log({"a": 200, "b": 300, "c": 500}), asked())
    assert of(found, "a")["cause"] == "no limit"
    assert of(found, "c")["cause"] == "no limit"


def test_within_the_tolerance_nothing_drifts() -> None:
    """However sure it is, a difference that is no matter is none."""
    counts = {"a": 54_000, "b": 30_000, "c": 16_000}
    assert not realised_share(log(counts, n=1), asked())["drift"].any()
    assert realised_share(log(counts, n=1), asked(), tolerance=0.03)["drift"].any()


@pytest.mark.parametrize("counts", [{"a": 3}, {"c": 2}, {"a": 1, "c": 4}])
def test_few_messages_prove_nothing(counts: dict[str, int]) -> None:
    """Three messages by one server of three are far from its share and still no drift."""
    found = realised_share(log(counts), asked())
    assert found["difference"].abs().max() > 0.3
    assert not found["drift"].any()


@pytest.mark.statistical
def test_fair_draws_hardly_ever_cry() -> None:
    """Of 60 tables of fair draws, of 18 shares each, no more than chance allows have a drift."""
    draws = np.random.default_rng(7)
    cries = 0
    for _ in range(60):
        events, wanted = [], []  # of one table
        for hour in range(6):
            n = int(draws.integers(5, 200))
            counts = dict(zip(SHARES, draws.multinomial(n, list(SHARES.values())), strict=True))
            events.append(log({name: int(k) for name, k in counts.items()}, at=3600.0 * hour))
            wanted.append(asked(start=3600.0 * hour))
        found = realised_share(pd.concat(events), pd.concat(wanted), tolerance=0.0)
        cries += bool(found["drift"].any())
    assert cries <= 3  # 0.6 are expected of tests at 1 %; 4 or more have a chance of 0.3 %


def test_parcels_count_as_one_draw() -> None:
    """Ten parcels of a hundred are ten draws: seven instead of five of them prove nothing."""
    counts = {"a": 700, "b": 200, "c": 100}
    assert realised_share(log(counts), asked())["drift"].any()
    assert not realised_share(log(counts, n=100), asked())["drift"].any()


def test_batches_count_as_one_draw() -> None:
    """So do batches of single messages, which a rotation deals as a whole."""
    counts = {"a": 700, "b": 200, "c": 100}
    assert not realised_share(log(counts), asked(grain=100))["drift"].any()


def test_windows_and_isps_are_apart() -> None:
    """Each window and ISP has its own shares; windows without mail are left out."""
    events = pd.concat(
        [log({"a": 100}), log({"b": 100}, at=3600.0), log({"c": 50}, at=7300.0, isp="yahoo")]
    )
    wanted = pd.concat(
        [asked(start=0.0), asked(start=3600.0), asked(start=7200.0, isp="yahoo")],
        ignore_index=True,
    )
    found = realised_share(events, wanted)
    sums = found.groupby(["start", "isp"])["sent"].sum()
    assert sums.index.tolist() == [(0.0, "gmail"), (3600.0, "gmail"), (7200.0, "yahoo")]
    assert sums.tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_steps_count_as_much_as_was_sent_in_them() -> None:
    """Weights that changed amid a window are asked in proportion to its mail."""
    events = pd.concat([log({"a": 90, "b": 0}), log({"a": 0, "b": 10}, at=600.0)])
    wanted = pd.concat([asked({"a": 1.0, "b": 0.0}), asked({"a": 0.0, "b": 1.0}, start=600.0)])
    found = realised_share(events, wanted)
    assert found["asked"].tolist() == pytest.approx([0.9, 0.1])
    assert not found["drift"].any()


def test_a_server_that_was_asked_for_nothing_and_sent_has_drifted() -> None:
    """A spare that takes over is shown with what held those it stands in for."""
    wanted = asked({"a": 1.0}, ("a", "server suspended: network", 0.9))
    found = realised_share(log({"a": 10, "spare": 90}), wanted)
    assert of(found, "spare")["asked"] == 0.0
    assert of(found, "spare")["cause"] == "a: server suspended: network"


def test_who_goes_by_load_does_not_drift() -> None:
    """Where no shares are asked, those sent are still told."""
    found = realised_share(log({"a": 100}), asked({"a": np.nan, "b": np.nan}))
    assert found["sent"].tolist() == [1.0, 0.0]
    assert not found["drift"].any()
    assert found["asked"].isna().all()


@pytest.mark.parametrize("wanted", [asked(), asked({})])
def test_no_mail_is_no_drift(wanted: pd.DataFrame) -> None:
    """An empty log gives an empty table with its columns, in words too."""
    found = realised_share(log({}), wanted)
    assert found.empty
    assert {"drift", "cause", "held", "chance"} <= set(found.columns)
    assert drifts(found) == "none of 0 shares drifted"


def test_drifts_in_one_line() -> None:
    """The largest one is named with server, ISP, shares and cause."""
    found = realised_share(
        log({"a": 490, "b": 490, "c": 20}), asked(SHARES, ("c", "rate limit", 0.955))
    )
    assert drifts(found) == (
        "2 of 3 shares drifted; most: b sent 49.0 % of gmail, not 30.0 % "
        "(c: rate limit, 96 % of the time)"
    )
