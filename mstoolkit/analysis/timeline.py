"""What was done with each server, how hard each provider was tried, how much of a quota is used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mstoolkit.analysis.columns import Floats, among, codes, floats, picked

_EPS = 1e-6  # s within which times are the same


def server_timeline(events: pd.DataFrame, width: float = 30.0) -> pd.DataFrame:
    """Return what was done with each server: mail, failures, suspensions, probes.

    Parameters
    ----------
    events : DataFrame
        An event log. A parcel of many counts when it is sent.
    width : float, optional
        Width of the bins in which sent messages are counted (s).

    Returns
    -------
    DataFrame
        ``server``, ``what``, ``at`` (s), ``until`` (s), ``n``, in order of time. ``sent``:
        ``n`` messages from ``at`` to ``until``, one bin; ``failed``: connections that could not
        be opened; ``suspended``: the server as a whole is left alone, from ``at`` until it is
        probed; ``probed``; ``resumed``: it is in use again. Suspensions of single paths are left
        out.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import log_frame
    >>> log = log_frame([{"event": "sent", "at": 70.0, "n": 1, "server": "a"},
    ...                  {"event": "suspended", "at": 75.0, "server": "a", "until": 90.0}])
    >>> server_timeline(log)[["what", "at", "until"]].values.tolist()
    [['sent', 60.0, 90.0], ['suspended', 75.0, 90.0]]
    """
    parts = [_sent(events, width), _failed(events), *_states(events)]
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    order = ["at", "server", "what"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def attempts_over_time(
    events: pd.DataFrame, width: float = 60.0, end: float | None = None, isp: str | None = None
) -> pd.DataFrame:
    """Return how many messages were tried in each bin, and how many of these were throttled.

    Parameters
    ----------
    events : DataFrame
        An event log. A parcel of many counts at one time.
    width : float, optional
        Width of a bin (s).
    end : float, optional
        End of the last bin (s); by default the last attempt. What comes later is left out.
    isp : str, optional
        Only with this ISP.

    Returns
    -------
    DataFrame
        ``at`` (end of the bin, s), ``attempts`` and ``throttled`` (messages).

    Examples
    --------
    >>> from mstoolkit.analysis.examples import log_frame
    >>> log = log_frame([{"event": "sent", "at": 10.0, "n": 3},
    ...                  {"event": "deferred", "category": "throttle", "at": 70.0, "n": 1}])
    >>> attempts_over_time(log, end=120.0).values.tolist()
    [[60.0, 3.0, 0.0], [120.0, 0.0, 1.0]]
    """
    rows = picked(events, ("sent", "deferred"), "event", "isp", "category", "at", "n")
    if isp is not None:
        rows = rows[among(rows, "isp", isp)]
    sent = rows[among(rows, "event", "sent")]
    throttled = rows[among(rows, "event", "deferred") & among(rows, "category", "throttle")]
    last = float(rows["at"].max()) if len(rows) else 0.0
    bins = max(1, int(np.ceil((last if end is None else end) / width - 1e-9)))
    return pd.DataFrame(
        {
            "at": np.arange(1, bins + 1) * width,
            "attempts": _counted(sent, width, bins),
            "throttled": _counted(throttled, width, bins),
        }
    )


def quota_use(
    events: pd.DataFrame,
    what: str = "stream",
    *,
    within: float = 86_400.0,
    begins: float = 0.0,
    isp: str | None = None,
    server: str | None = None,
    width: float = 600.0,
    end: float | None = None,
) -> pd.DataFrame:
    """Return how much of a quota was used up, counted anew from the start of each window.

    Parameters
    ----------
    events : DataFrame
        An event log. What was sent counts; a connection that could not be opened gives it back.
    what : str, optional
        The text column to break down by.
    within : float, optional
        Length of a window (s); a day by default.
    begins : float, optional
        Scenario time at which a window begins (s), as the first midnight after the start.
    isp, server : str, optional
        Only with this ISP, only with this server.
    width : float, optional
        Time between two points (s).
    end : float, optional
        The last point (s); by default after the last attempt.

    Returns
    -------
    DataFrame
        ``at`` (s), the column named by `what`, ``used`` (messages since the window began). A point
        on a window's end is the end of that window: what is sent at that very time is the next's.

    Examples
    --------
    >>> from mstoolkit.analysis.examples import log_frame
    >>> one = {"event": "sent", "n": 1, "stream": "news"}
    >>> log = log_frame([{**one, "at": at} for at in (50.0, 150.0, 250.0)])
    >>> quota_use(log, within=200.0, width=100.0)[["at", "used"]].values.tolist()
    [[0.0, 0.0], [100.0, 1.0], [200.0, 2.0], [300.0, 1.0]]
    """
    columns = list(dict.fromkeys(["event", "isp", "server", what, "at", "n"]))
    rows = picked(events, ("sent", "connection_failed"), *columns)
    for column, wanted in (("isp", isp), ("server", server)):
        if wanted is not None:
            rows = rows[among(rows, column, wanted)]
    at = floats(rows, "at")
    signed = floats(rows, "n") * np.where(among(rows, "event", "sent"), 1.0, -1.0)
    last = float(at.max()) if len(at) else 0.0
    points = int(np.ceil((last if end is None else end) / width - 1e-9)) + 1
    times: Floats = np.arange(points, dtype=np.float64) * width
    since: Floats = begins + np.ceil((times - begins) / within - 1e-9) * within - within
    ends = np.abs(times - since - within) < _EPS
    group, groups = codes(rows, what)
    parts = []
    for number in sorted(np.unique(group[group >= 0]), key=lambda k: groups[k]):
        mine = group == number
        total = _until(at[mine], signed[mine], times, "right")
        used = np.where(ends, _until(at[mine], signed[mine], times, "left"), total)
        before = _until(at[mine], signed[mine], since, "left")
        parts.append(pd.DataFrame({"at": times, what: groups[number], "used": used - before}))
    frame = pd.concat(parts) if parts else pd.DataFrame({"at": [], what: [], "used": []})
    return frame.sort_values("at", kind="stable", ignore_index=True)


def _until(at: Floats, n: Floats, times: Floats, side: str) -> Floats:
    """Return how much had come at each of some times; `side` says whether they are included."""
    order = np.argsort(at, kind="stable")
    total = np.concatenate([np.zeros(1), np.cumsum(n[order])])
    return total[np.searchsorted(at[order], times, side="left" if side == "left" else "right")]


def _counted(rows: pd.DataFrame, width: float, bins: int) -> Floats:
    place = np.floor(floats(rows, "at") / width).astype(np.int64)
    inside = place < bins
    counts = np.bincount(place[inside], weights=floats(rows, "n")[inside], minlength=bins)
    return counts.astype(np.float64)


def _frame(
    server: pd.Series[str], what: str, at: Floats, until: Floats, n: Floats | float = 0.0
) -> pd.DataFrame:
    return pd.DataFrame(
        {"server": server.astype(str).array, "what": what, "at": at, "until": until, "n": n}
    )


def _sent(events: pd.DataFrame, width: float) -> pd.DataFrame:
    rows = picked(events, "sent", "server", "at", "n")
    place = np.floor(floats(rows, "at") / width) * width
    counted = (
        rows.assign(place=place)
        .groupby(["server", "place"], observed=True)["n"]
        .sum()
        .reset_index()
    )
    start = floats(counted, "place")
    return _frame(counted["server"], "sent", start, start + width, floats(counted, "n"))


def _failed(events: pd.DataFrame) -> pd.DataFrame:
    rows = picked(events, "connection_failed", "server", "at", "n")
    at = floats(rows, "at")
    return _frame(rows["server"], "failed", at, at, floats(rows, "n"))


def _states(events: pd.DataFrame) -> list[pd.DataFrame]:
    """Return suspensions, probes and resumptions of servers as a whole."""
    rows = picked(
        events, ("suspended", "resumed"), "event", "server", "isp", "category", "at", "until"
    )
    rows = rows[rows["isp"].isna() & rows["server"].notna()]
    shut = rows[among(rows, "event", "suspended")]
    back = rows[among(rows, "event", "resumed")]
    probe = among(back, "category", "probe")
    spans = [_ends(shut, back, str(name)) for name in shut["server"].astype(str).unique()]
    marks = [(back[probe], "probed"), (back[~probe], "resumed")]
    return spans + [
        _frame(some["server"], what, floats(some, "at"), floats(some, "at")) for some, what in marks
    ]


def _ends(shut: pd.DataFrame, back: pd.DataFrame, server: str) -> pd.DataFrame:
    """Return the suspensions of a server, each until it is probed, or as long as announced."""
    mine = shut[among(shut, "server", server)]
    at, until = floats(mine, "at"), floats(mine, "until")
    probed = np.append(np.sort(floats(back[among(back, "server", server)], "at")), np.inf)
    first = probed[np.searchsorted(probed, at)]
    return _frame(mine["server"], "suspended", at, np.fmin(first, until))
