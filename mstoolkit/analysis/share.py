"""Asked against sent: whether servers got the shares that were asked of them, and if not, why.

The rule. A share has drifted if it differs from what was asked by more than the tolerance, *and* by
more than chance explains: were every message dealt to a server by a fair draw with the asked
shares, a difference as large would come up, anywhere in the table, in one table of a hundred. (An
exact two-sided binomial test for each share, with Bonferroni's correction as refined by Tarone:
shares of so few messages that they could not alarm whatever happened are not counted.) Parcels and
batches are dealt as a whole, so that they count as one draw each. Rotations that keep count are
closer to their shares than draws are, so that the rule is slow to cry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from mstoolkit.analysis.columns import Floats, Ints, floats, picked
from mstoolkit.config import parse_duration

ALARM = 0.01  # chance of a false alarm among all the shares of a table
_PLACE = ["start", "isp"]
_PATH = [*_PLACE, "server"]


def realised_share(
    events: pd.DataFrame,
    asked: pd.DataFrame,
    window: str | float = "1h",
    tolerance: float = 0.05,
) -> pd.DataFrame:
    """Compare the share that each server sent of an ISP's mail with the share asked of it.

    Parameters
    ----------
    events : DataFrame
        The event log. Attempts count when they were decided, retries included.
    asked : DataFrame
        As of `replay.asked_shares`, in steps no longer than the window: ``start`` (s), ``isp``,
        ``server``, ``asked`` (0 .. 1), ``reason``, ``held`` (fraction of the step), ``grain``.
        Steps count as much as was sent in them.
    window : str or float, optional
        Length of a window, as ``"1h"`` or in s.
    tolerance : float, optional
        Difference (of shares, 0 .. 1) that is no matter.

    Returns
    -------
    DataFrame
        ``start`` of the window (s), ``isp``, ``server``, ``asked``, ``sent`` (shares of the
        messages, 0 .. 1), ``difference`` (sent less asked), ``n`` (messages that all servers sent
        in the window), ``chance`` (of a difference as large by fair draws), ``drift``, and for a
        drift ``cause`` (what held the server longest; where it sent more than asked, the server
        that sent less and what held that one) and ``held`` (fraction of the time in which it did).
        Windows without mail are left out.

    Notes
    -----
    The number of draws is (sum n)^2 / (sum n^2) over the attempts, as of Kish, *Survey Sampling*
    (1965), and at most the number of batches. Tarone, "A modified Bonferroni method for discrete
    data" (Biometrics 46, 1990).

    Examples
    --------
    >>> from mstoolkit.analysis.examples import log_frame
    >>> rows = [{"event": "sent", "server": "a", "isp": "gmail", "at": float(k)} for k in range(90)]
    >>> rows += [{"event": "sent", "server": "b", "isp": "gmail"} for k in range(10)]
    >>> asked = pd.DataFrame({"start": 0.0, "isp": "gmail", "server": ["a", "b", "b"], "asked": 0.5,
    ...     "reason": ["", "", "rate limit"], "held": [1.0, 0.1, 0.9], "grain": 1})
    >>> found = realised_share(log_frame(rows), asked)
    >>> found[["server", "sent", "drift", "cause"]].values.tolist()
    [['a', 0.9, True, 'b: rate limit'], ['b', 0.1, True, 'rate limit']]
    """
    width = parse_duration(window) if isinstance(window, str) else float(window)
    sent = _sent(events, asked, width)
    shares = _shares(sent, asked, width)
    if not len(shares):
        return shares.assign(chance=np.nan, drift=False, cause="", held=np.nan)
    shares["chance"] = _chance(shares)
    off = shares["difference"].abs() > tolerance
    shares["drift"] = off & (shares["chance"] < ALARM / _tests(shares))
    shares["cause"], shares["held"] = _causes(shares, _held(sent, asked, width))
    return shares.drop(columns="draws")


def drifts(shares: pd.DataFrame) -> str:
    """Return one line that tells of the drifts in what `realised_share` found.

    Parameters
    ----------
    shares : DataFrame
        ``isp``, ``server``, ``asked``, ``sent``, ``difference``, ``drift``, ``cause``, ``held``.

    Examples
    --------
    >>> drifts(pd.DataFrame({"isp": ["gmail"], "server": ["a"], "asked": [0.5], "sent": [0.2],
    ...     "difference": [-0.3], "drift": [True], "cause": ["rate limit"], "held": [0.9]}))
    '1 of 1 shares drifted; most: a sent 20.0 % of gmail, not 50.0 % (rate limit, 90 % of the time)'
    """
    drifted = shares[shares["drift"].to_numpy(dtype=bool)]
    if not len(drifted):
        return f"none of {len(shares)} shares drifted"
    worst = drifted.iloc[int(np.argmax(drifted["difference"].abs().to_numpy()))]
    share = f"{100 * worst['sent']:.1f} % of {worst['isp']}, not {100 * worst['asked']:.1f} %"
    cause = str(worst["cause"])
    if worst["held"] > 0:
        cause += f", {100 * worst['held']:.0f} % of the time"
    return (
        f"{len(drifted)} of {len(shares)} shares drifted; most: {worst['server']} sent {share} "
        f"({cause})"
    )


def _sent(events: pd.DataFrame, asked: pd.DataFrame, width: float) -> pd.DataFrame:
    """Return the attempts with their window and their step of the asked shares."""
    rows = picked(events, "sent", "at", "isp", "server", "n")
    at = floats(rows, "at")
    steps = np.unique(floats(asked, "start")) if len(asked) else np.zeros(1)
    step = steps[np.clip(np.searchsorted(steps, at, side="right") - 1, 0, None)]
    return pd.DataFrame(
        {
            "start": np.floor(at / width) * width,
            "step": step,
            "isp": rows["isp"].astype(str).to_numpy(),
            "server": rows["server"].astype(str).to_numpy(),
            "n": rows["n"].to_numpy(),
        }
    )


def _shares(sent: pd.DataFrame, asked: pd.DataFrame, width: float) -> pd.DataFrame:
    squares = sent.assign(draws=sent["n"].astype(float) ** 2)
    whole = squares.groupby(_PLACE)[["n", "draws"]].sum()
    whole["draws"] = whole["n"].astype(float) ** 2 / whole["draws"]
    known = asked.drop_duplicates(["start", "isp", "server"])
    wanted = _weighted(sent, known, "asked", ["server"])
    grain = float(asked["grain"].max()) if len(asked) else 1.0
    got = sent.groupby(_PATH)["n"].sum().rename("got")
    frame = pd.concat([wanted, got], axis=1).reset_index().merge(whole.reset_index(), on=_PLACE)
    answered = frame.groupby(_PLACE)["asked"].transform("count") > 0
    frame["asked"] = frame["asked"].where(frame["asked"].notna() | ~answered, 0.0)
    frame["sent"] = frame["got"].fillna(0.0) / frame["n"]
    frame["difference"] = frame["sent"] - frame["asked"]
    frame["draws"] = np.minimum(frame["draws"], np.maximum(1.0, frame["n"] / grain))
    columns = [*_PATH, "asked", "sent", "difference", "n", "draws"]
    found: pd.DataFrame = frame[columns]
    return found.sort_values(_PATH, ignore_index=True)


def _weighted(sent: pd.DataFrame, steps: pd.DataFrame, value: str, by: list[str]) -> pd.Series:
    """Return means of a column over a window's steps, by what was sent to the ISP in each."""
    traffic = sent.groupby([*_PLACE, "step"], as_index=False)["n"].sum()
    steps = steps.rename(columns={"start": "step"})[["step", "isp", *by, value]]
    joined = traffic.merge(steps.astype({"step": float}), on=["step", "isp"])
    joined["part"] = joined[value] * joined["n"]
    whole = traffic.groupby(_PLACE)["n"].sum()
    sums = joined.groupby([*_PLACE, *by])["part"].sum(min_count=1)
    mean: pd.Series = sums / whole.reindex(sums.index.droplevel(by)).to_numpy()
    mean.name = value
    return mean


def _chance(shares: pd.DataFrame) -> Floats:
    """Return how often fair draws differ from the asked share by as much, either way."""
    draws: Ints = np.maximum(1, np.rint(floats(shares, "draws"))).astype(np.int64)
    asked = floats(shares, "asked")
    hits = np.rint(floats(shares, "sent") * draws)
    low = special.bdtr(hits, draws, asked)
    high = np.where(hits > 0, special.bdtrc(hits - 1, draws, asked), 1.0)
    return np.asarray(np.minimum(1.0, 2.0 * np.minimum(low, high)), dtype=np.float64)


def _tests(shares: pd.DataFrame) -> int:
    """Return by how many the chance of a false alarm is divided: shares that can alarm at all."""
    draws, asked = floats(shares, "draws"), floats(shares, "asked")
    least = 2.0 * np.minimum(asked, 1.0 - asked) ** draws  # chance of the rarest outcome
    count = 1
    while np.count_nonzero(least < ALARM / count) > count:
        count += 1
    return count


def _held(sent: pd.DataFrame, asked: pd.DataFrame, width: float) -> pd.DataFrame:
    """Return what held each server longest in each window, and for which part of the time."""
    reasons = asked[asked["reason"] != ""]
    if not len(reasons):
        return pd.DataFrame(columns=[*_PATH, "reason", "held"])
    held = _weighted(sent, reasons, "held", ["server", "reason"]).reset_index()
    held = held.sort_values([*_PATH, "held"], ascending=[True, True, True, False])
    return held.drop_duplicates(_PATH)


def _causes(shares: pd.DataFrame, held: pd.DataFrame) -> tuple[Any, Any]:
    """Return the cause of each drift and for which part of the time it held."""
    frame = shares.merge(held, on=_PATH, how="left")
    reason = frame["reason"].fillna("").to_numpy(dtype=object)
    part = np.nan_to_num(floats(frame, "held"))
    difference = np.nan_to_num(floats(frame, "difference"))
    frame["lack"] = np.maximum(0.0, -difference) * part
    worst: Ints = frame.groupby(_PLACE)["lack"].transform("idxmax").to_numpy()
    more = difference > 0
    other = more & (frame["lack"].to_numpy()[worst] > 0)
    named = frame["server"].to_numpy(dtype=object)[worst] + ": " + reason[worst]
    cause = np.where(other, named, np.where(more, "", reason))
    drift = frame["drift"].to_numpy()
    return (
        np.where(drift, np.where(cause == "", "no limit", cause), ""),
        np.where(drift, np.where(other, part[worst], np.where(more, 0.0, part)), np.nan),
    )
