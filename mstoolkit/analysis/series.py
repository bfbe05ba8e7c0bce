"""What happened over time, in bins of equal width, and how the messages of each ISP ended."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from mstoolkit.analysis.columns import Floats, Ints, codes, floats, picked
from mstoolkit.analysis.tally import tally

OUTCOMES = ("delivered", "bounced", "expired", "suppressed", "withdrawn", "queued")


def delivered_over_time(
    events: pd.DataFrame, width: float = 600.0, end: float | None = None
) -> pd.DataFrame:
    """Return the messages delivered in each bin and until its end.

    Parameters
    ----------
    events : DataFrame
        An event log. A parcel of many counts as spread evenly over its span.
    width : float, optional
        Width of a bin (s).
    end : float, optional
        End of the last bin (s); by default the last delivery. What comes later is left out.

    Returns
    -------
    DataFrame
        ``at`` (end of the bin, s), ``delivered`` (messages in the bin), ``total`` (messages until
        ``at``), ``share`` (``total`` / enqueued, 0 .. 1). Deliveries that a DSN reversed later
        count: they are taken back in `summary`, not here.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> delivered_over_time(small_log(), 200.0)[["at", "delivered"]].values.tolist()
    [[200.0, 78.0], [400.0, 13.0]]
    """
    rows = picked(events, "delivered", "at", "n", "span")
    table = _binned(rows, np.zeros(len(rows), dtype=np.int64), 1, width, end)[0]
    enqueued = float(picked(events, "enqueued", "n")["n"].sum())
    total = np.cumsum(table)
    share = total / enqueued if enqueued else np.full(len(total), np.nan)
    return pd.DataFrame(
        {"at": _ends(table, width), "delivered": table, "total": total, "share": share}
    )


def server_share_over_time(
    events: pd.DataFrame, width: float = 600.0, end: float | None = None
) -> pd.DataFrame:
    """Return the messages that each server delivered in each bin, and its share of them.

    Parameters
    ----------
    events : DataFrame
        An event log. A parcel of many counts as spread evenly over its span.
    width : float, optional
        Width of a bin (s).
    end : float, optional
        End of the last bin (s); by default the last delivery.

    Returns
    -------
    DataFrame
        ``at`` (end of the bin, s), ``server``, ``delivered`` (messages), ``share`` (0 .. 1; NaN in
        a bin without deliveries).

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> server_share_over_time(small_log(), 200.0)["share"].round(2).tolist()
    [0.9, 0.1, 0.0, 1.0]
    """
    return _shares(events, "delivered", "server", "delivered", width, end)


def deferrals_over_time(
    events: pd.DataFrame, width: float = 600.0, end: float | None = None, what: str = "isp"
) -> pd.DataFrame:
    """Return the attempts put off in each bin, by ISP or another column.

    Parameters
    ----------
    events : DataFrame
        An event log.
    width : float, optional
        Width of a bin (s).
    end : float, optional
        End of the last bin (s); by default the last deferral.
    what : {"isp", "server", "category"}, optional
        The text column to break down by.

    Returns
    -------
    DataFrame
        ``at`` (end of the bin, s), the column named by `what`, ``deferred`` (messages), ``share``
        (of the bin's deferrals, 0 .. 1).

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> deferrals_over_time(small_log())[["at", "isp", "deferred"]].values.tolist()
    [[600.0, 'yahoo', 20.0]]
    """
    return _shares(events, "deferred", what, "deferred", width, end)


def outcomes(events: pd.DataFrame, what: str = "isp") -> pd.DataFrame:
    """Return how the messages of each ISP ended.

    Parameters
    ----------
    events : DataFrame
        An event log.
    what : {"isp", "segment", "campaign", "stream"}, optional
        The text column to break down by.

    Returns
    -------
    DataFrame
        The column named by `what`, ``outcome`` (delivered, bounced, expired, suppressed, withdrawn
        or queued, the last word counts), ``n`` (messages), ``share`` (of the group's enqueued
        messages, 0 .. 1).

    Examples
    --------
    >>> from mstoolkit.analysis.examples import small_log
    >>> found = outcomes(small_log())
    >>> found[found["outcome"] == "delivered"][["isp", "n"]].values.tolist()
    [['gmail', 57], ['yahoo', 33]]
    """
    counts, groups = tally(events, what)
    ends = {
        "delivered": counts["delivered"] - counts["reversed"],
        "bounced": counts["bounced"] + counts["reversed"],
        "expired": counts["expired"],
        "suppressed": counts["suppressed"],
        "withdrawn": counts["withdrawn"],
    }
    ends["queued"] = counts["enqueued"] - sum(ends.values())
    keep = [k for k in np.argsort(groups, kind="stable") if counts["enqueued"][k] > 0]
    rows = [
        (groups[k], outcome, round(ends[outcome][k]), ends[outcome][k] / counts["enqueued"][k])
        for k in keep
        for outcome in OUTCOMES
    ]
    return pd.DataFrame(rows, columns=[what, "outcome", "n", "share"])


def reputation_over_time(
    truth: pd.DataFrame, width: float = 600.0, end: float | None = None
) -> pd.DataFrame:
    """Return the hidden reputation of each path at regular times.

    Parameters
    ----------
    truth : DataFrame
        The truth table of a simulated run: ``at`` (s), ``server``, ``isp``, ``reputation``
        (0 .. 1), ``listed`` (on the provider's blocklist). Between two rows a path stays as it was.
    width : float, optional
        Time between two points (s).
    end : float, optional
        The last point (s); by default the last row.

    Returns
    -------
    DataFrame
        ``at`` (s), ``server``, ``isp``, ``reputation`` (0 .. 1), ``listed`` (0 or 1).

    Examples
    --------
    >>> truth = pd.DataFrame({"at": [0.0, 700.0], "server": ["a", "a"], "isp": ["gmail", "gmail"],
    ...                       "reputation": [1.0, 0.5], "listed": [False, False]})
    >>> reputation_over_time(truth)["reputation"].tolist()
    [1.0, 1.0, 0.5]
    """
    at = floats(truth, "at")
    last = (float(at.max()) if len(at) else 0.0) if end is None else end
    times = np.arange(int(np.ceil(last / width - 1e-9)) + 1, dtype=np.float64) * width
    server, servers = codes(truth, "server")
    isp, isps = codes(truth, "isp")
    path = np.where((server >= 0) & (isp >= 0), server * len(isps) + isp, -1)
    order = np.lexsort((at, path))
    starts = np.searchsorted(path[order], np.arange(len(servers) * len(isps) + 1))
    rows: list[Ints] = [np.zeros(0, dtype=np.int64)]
    when: list[Floats] = [np.zeros(0)]
    for low, high in pairwise(starts):
        held = np.searchsorted(at[order[low:high]], times, side="right") - 1
        rows.append(order[low:high][held[held >= 0]])
        when.append(times[held >= 0])
    row = np.concatenate(rows)
    frame = pd.DataFrame(
        {
            "at": np.concatenate(when),
            "server": np.array([*servers, ""], dtype=object)[server[row]],
            "isp": np.array([*isps, ""], dtype=object)[isp[row]],
            "reputation": floats(truth, "reputation")[row],
            "listed": floats(truth, "listed")[row],
        }
    )
    return frame.sort_values(["at", "server", "isp"], ignore_index=True)


def _shares(
    events: pd.DataFrame,
    event: str,
    what: str,
    column: str,
    width: float,
    end: float | None,
) -> pd.DataFrame:
    rows = picked(events, event, what, "at", "n", "span")
    group, groups = codes(rows, what)
    table = _binned(rows, group, len(groups), width, end)
    keep = [k for k in np.argsort(groups, kind="stable") if table[k].sum() > 0]
    table = table[keep]
    whole = table.sum(axis=0)
    share = np.divide(table, whole, out=np.full(table.shape, np.nan), where=whole > 0)
    return pd.DataFrame(
        {
            "at": np.repeat(_ends(whole, width), len(keep)),
            what: [groups[k] for k in keep] * len(whole),
            column: table.T.ravel(),
            "share": share.T.ravel(),
        }
    )


def _ends(table: Floats, width: float) -> Floats:
    return np.arange(1, len(table) + 1, dtype=np.float64) * width


def _binned(
    rows: pd.DataFrame, group: Ints, groups: int, width: float, end: float | None
) -> Floats:
    """Count messages by group and bin; a bin holds what came after its start, until its end."""
    at = floats(rows, "at")
    last = float(at.max()) if len(at) else 0.0
    bins = max(1, int(np.ceil((last if end is None else end) / width - 1e-9)))
    weight = floats(rows, "n")
    span = np.where(weight > 1, np.nan_to_num(floats(rows, "span")), 0.0)
    start = np.maximum(at - span, 0.0)
    start = np.where(at - start > 1e-9, start, at)
    high = np.clip(np.ceil(at / width - 1e-9).astype(np.int64) - 1, 0, None)
    low = np.where(at > start, np.minimum(np.floor(start / width).astype(np.int64), high), high)
    table = np.zeros(groups * bins)
    for step in range(int((high - low).max()) + 1 if len(at) else 0):
        place = low + step
        inside = np.minimum(at, (place + 1) * width) - np.maximum(start, place * width)
        part = np.where(high > low, inside / np.where(at > start, at - start, 1.0), 1.0)
        use = (place <= high) & (place < bins) & (group >= 0)
        cell = group[use] * bins + place[use]
        table += np.bincount(cell, weights=(weight * part)[use], minlength=groups * bins)
    return table.reshape(groups, bins)
