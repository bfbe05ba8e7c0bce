"""Counts of messages by what happened to them: one pass over the log, no group-by on text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mstoolkit.analysis.columns import Flags, Floats, Ints, among, codes, floats

OPEN_WINDOW = 72 * 3600.0

KINDS = (
    "enqueued",
    "delivered",
    "deferred",
    "bounced",
    "reversed",
    "expired",
    "suppressed",
    "withdrawn",
    "complained",
    "unsubscribed",
    "opened",
    "machine_opened",
    "clicked",
    "connection_failed",
    "suspended",
    "lost",
)

_PER_ROW = ("connection_failed", "suspended")


def tally(events: pd.DataFrame, by: str | None = None) -> tuple[dict[str, Floats], list[str]]:
    """Count messages by kind and, where asked, by the values of a text column.

    Parameters
    ----------
    events : DataFrame
        An event log.
    by : str, optional
        A text column: ``"isp"``, ``"server"``, ``"segment"``, ``"campaign"`` or ``"stream"``.

    Returns
    -------
    counts : dict of ndarray
        For each of `KINDS` the messages (``connection_failed`` and ``suspended``: the times), one
        number a group. ``bounced`` is in band; ``reversed`` are DSNs that undo a delivery;
        ``opened`` and ``clicked`` are those of persons within 72 h.
    groups : list of str
        The groups; ``[""]`` without `by`.

    Examples
    --------
    >>> events = pd.DataFrame({"event": ["enqueued"], "n": [5], "phase": [None]})
    >>> counts, _ = tally(events)
    >>> counts["enqueued"]
    array([5.])
    """
    kind = kinds(events)
    weight = floats(events, "n")
    for name in _PER_ROW:
        weight[kind == KINDS.index(name)] = 1.0
    group, groups = _groups(events, by)
    use = (kind >= 0) & (group >= 0)
    cell = kind[use] * len(groups) + group[use]
    flat = np.bincount(cell, weights=weight[use], minlength=len(KINDS) * len(groups))
    table = flat.astype(np.float64).reshape(len(KINDS), len(groups))
    return dict(zip(KINDS, table, strict=True)), groups


def kinds(events: pd.DataFrame) -> Ints:
    """Return the position in `KINDS` of each row of a log; -1 for rows that count no message.

    Parameters
    ----------
    events : DataFrame
        An event log.

    Examples
    --------
    >>> events = pd.DataFrame({"event": ["sent", "bounced"], "phase": [None, "dsn"]})
    >>> [KINDS[kind] if kind >= 0 else None for kind in kinds(events)]
    [None, 'reversed']
    """
    event, names = codes(events, "event")
    known = [KINDS.index(name) if name in KINDS else -1 for name in names]
    kind = np.array([*known, -1], dtype=np.int64)[event]
    bounced = np.flatnonzero(kind == KINDS.index("bounced"))
    dsn = bounced[among(events[["phase"]].iloc[bounced], "phase", "dsn")]
    kind[dsn] = KINDS.index("reversed")
    for name in ("opened", "clicked"):
        _sort_engagement(events, kind, name)
    return kind


def _groups(events: pd.DataFrame, by: str | None) -> tuple[Ints, list[str]]:
    if by is None:
        return np.zeros(len(events), dtype=np.int64), [""]
    return codes(events, by)


def _sort_engagement(events: pd.DataFrame, kind: Ints, name: str) -> None:
    rows = np.flatnonzero(kind == KINDS.index(name))
    if not len(rows):
        return
    some = events[["at", "decided_at", "category", "first", "lot", "n"]].iloc[rows]
    machine = among(some, "category", "machine")
    late = floats(some, "at") - floats(some, "decided_at") > OPEN_WINDOW
    drop = late | _repeated(some, machine)
    kind[rows[machine]] = KINDS.index("machine_opened") if name == "opened" else -1
    kind[rows[drop]] = -1


def _repeated(rows: pd.DataFrame, machine: Flags) -> Flags:
    first = rows["first"].to_numpy()
    known = (first >= 0) & (rows["n"].to_numpy() == 1)
    if not known.any():
        return np.zeros(len(rows), dtype=np.bool_)
    keys = pd.DataFrame({"lot": rows["lot"].to_numpy(), "first": first, "machine": machine})
    repeated: Flags = keys.duplicated().to_numpy() & known
    return repeated
