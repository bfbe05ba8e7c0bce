"""Little's law on a log: the same sum of times found in two ways, so that a wrong log is told.

Over a finite time [0, T] the law is an identity (Stidham 1974, El-Taha and Stidham 1999): the area
under the number of messages in the system is the sum of the times that they were in it. The area
comes from arrivals and ends alone, in order of time; a message arrives when it is born, which in a
live run is a little before it is handled. The times come from what each end says of its
birth. How many are left comes once from the ends and once from the attempts: what went out less
what came back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

ENDS = ("delivered", "bounced", "expired", "suppressed", "withdrawn")
_PLAIN = ("seq", "at", "token", "n", "lot", "born")
_NAMED = ("event", "phase")
NEEDED = (*_PLAIN, *_NAMED)
_BACK = ("deferred", "connection_failed", "lost", "other")  # of an attempt: it is queued again
_CAME, _WENT, _SENT, _CAME_BACK = range(4)
_PRECISION = 1e-9
Array = NDArray[Any]


class Named(NamedTuple):
    """A column of texts: those that there are, and which of them each row has (-1: none)."""

    names: Sequence[str]
    codes: Array


def littles_law(events: pd.DataFrame) -> pd.DataFrame:
    """Check Little's law lot by lot, from the first row of a log to its last end.

    Parameters
    ----------
    events : DataFrame
        The event log of one run, or its columns `NEEDED`.

    Returns
    -------
    DataFrame
        One row a lot: ``lot``, ``area`` under the number in the system, ``stayed`` (the times in
        the system of what ended), ``waited_low`` and ``waited_high`` (those of what did not end,
        which are equal unless mail of several births waits, whose ages are then means), all in
        message seconds; ``open`` (messages that did not end) and ``ok``: the sums agree, as many
        ended as the attempts say, none ended before it came, and time never runs backwards.

    Examples
    --------
    >>> events = pd.DataFrame({"seq": 0, "at": [0.0, 4.0], "event": ["enqueued", "delivered"],
    ...     "token": -1, "n": [2, 1], "lot": 0, "born": 0.0, "phase": ["", ""]})
    >>> littles_law(events).values.tolist()
    [[0, 8.0, 4.0, 4.0, 4.0, 1, True]]
    """
    plain = {name: events[name].to_numpy() for name in _PLAIN}
    return pd.DataFrame(_balance(plain, *(_named(events[name]) for name in _NAMED)))


def _balance(columns: Mapping[str, Array], event: Named, phase: Named) -> dict[str, Array]:
    """Return the columns of `littles_law`."""
    kind = _kinds(columns, event, phase)
    rows = np.flatnonzero(kind >= 0)
    kind, at, n, token, born, seq = (
        kind[rows],
        *(columns[name][rows] for name in ("at", "n", "token", "born", "seq")),
    )
    lots, lot = np.unique(columns["lot"][rows], return_inverse=True)
    came, went = kind == _CAME, kind == _WENT
    end = at[came | went].max(initial=0.0)

    def by_lot(weights: Array, mine: Array) -> Array:
        return np.bincount(lot[mine], weights=weights[mine], minlength=len(lots))

    when = np.where(came, born, at)
    area, level, lowest = _area(lot, when, np.where(came, n, -n), np.flatnonzero(came | went), end)
    left = by_lot(n, came) - by_lot(n, went & (token < 0)) - _by_attempts(kind, lot, token, n)
    stayed = by_lot((at - born) * n, went)
    first, last = np.full(len(lots), end), np.zeros(len(lots))
    np.minimum.at(first, lot[came], born[came])
    np.maximum.at(last, lot[came], born[came])
    low, high = level * (end - last), level * (end - first)
    slack = _PRECISION * (1.0 + by_lot(n, came) * end)
    within = (stayed + low <= area + slack) & (area <= stayed + high + slack)
    within[_backwards(lot, at, seq)] = False
    return {
        "lot": lots,
        "area": area,
        "stayed": stayed,
        "waited_low": low,
        "waited_high": high,
        "open": level.astype(np.int64),
        "ok": within & (level == left) & (lowest >= 0),
    }


def check_balance(table: pa.Table, totals: Mapping[str, int] | None = None) -> None:
    """Raise if the log of a finished run contradicts itself, or the dispatcher's books.

    Parameters
    ----------
    table : pyarrow.Table
        The event log.
    totals : mapping of str to int, optional
        The dispatcher's messages by where they are; what is ``"queued"`` and ``"in_flight"`` must
        be what the log has not seen end.

    Raises
    ------
    RuntimeError
        If Little's law does not hold, attempts and ends differ, or another number is left.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.sim import simulate
    >>> run = simulate(load_scenario("quickstart"), "interval", batch=500)
    >>> check_balance(run.table, run.totals)
    """
    plain = {name: table[name].to_numpy() for name in _PLAIN}
    found = _balance(plain, *(_stored(table[name]) for name in _NAMED))
    if not found["ok"].all():
        lots = ", ".join(map(str, found["lot"][~found["ok"]].tolist()))
        raise RuntimeError(
            "the log contradicts itself, please report this: times in the system do not add up to"
            f" the numbers in it, or ends to attempts, in lot {lots}"
        )
    left = int(found["open"].sum())
    if totals is not None and left != totals["queued"] + totals["in_flight"]:
        raise RuntimeError(
            f"the log contradicts the books, please report this: {left:,} messages have no end,"
            f" {totals['queued']:,} are queued and {totals['in_flight']:,} in flight"
        )


def _kinds(columns: Mapping[str, Array], event: Named, phase: Named) -> Array:
    """Return what each row is to the balance; -1 where it is nothing."""
    kind = _code(
        event,
        {
            "enqueued": _CAME,
            **dict.fromkeys(ENDS, _WENT),
            "sent": _SENT,
            **dict.fromkeys(_BACK, _CAME_BACK),
        },
    )
    kind[(kind == _CAME_BACK) & (columns["token"] < 0)] = -1  # notices
    kind[(_code(phase, {"dsn": 0}) == 0) | (columns["seq"] < 0) | (columns["lot"] < 0)] = -1
    return kind


def _code(column: Named, table: dict[str, int]) -> Array:
    known = [table.get(name, -1) for name in column.names]
    return np.asarray(np.array([*known, -1], np.int64)[column.codes])


def _named(column: pd.Series[Any]) -> Named:
    values: Any = column.array
    if not isinstance(values, pd.Categorical):
        values = pd.Categorical(values)
    return Named(list(values.categories), values.codes)


def _stored(column: pa.ChunkedArray) -> Named:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.unify_dictionaries().combine_chunks()
    codes = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Named(whole.dictionary.to_pylist(), codes)


def _backwards(lot: Array, at: Array, seq: Array) -> Array:
    """Return the lots of rows that are dated before what was handled before them, or after it.

    An end's own word is all there is on its time, but its neighbours bound it.
    """
    order = np.argsort(seq, kind="stable")
    early = np.flatnonzero(np.diff(at[order]) < 0)
    return lot[order[np.concatenate((early, early + 1))]]


def _area(
    lot: Array, at: Array, change: Array, rows: Array, end: float
) -> tuple[Array, Array, Array]:
    """Return for each lot the area under its level, the level at the end, and the lowest."""
    size = int(lot.max(initial=-1)) + 1
    if not len(rows):
        return np.zeros(size), np.zeros(size), np.zeros(size)
    # At one instant what comes is counted before what goes.
    order = rows[np.lexsort((-change[rows], at[rows], lot[rows]))]
    mine, when = lot[order], at[order]
    starts = np.flatnonzero(np.diff(mine, prepend=-1))
    ends = np.append(starts[1:], len(mine)) - 1
    level = np.cumsum(change[order]).astype(np.float64)
    before = np.concatenate(([0.0], level[ends[:-1]]))
    level -= np.repeat(before, np.diff(np.append(starts, len(mine))))
    following = np.append(when[1:], end)
    following[ends] = end
    area = np.bincount(mine, weights=level * (following - when), minlength=size)
    last, lowest = np.zeros(size), np.zeros(size)
    last[mine[ends]] = level[ends]
    lowest[mine[starts]] = np.minimum.reduceat(level, starts)
    return area, last, lowest


def _by_attempts(kind: Array, lot: Array, token: Array, n: Array) -> Array:
    """Return how many of each lot ended by an attempt: what it took out less what came back."""
    sent = np.flatnonzero(kind == _SENT)
    told = np.flatnonzero((token >= 0) & (kind != _SENT))
    size = int(token.max(initial=-1)) + 1
    answered = np.bincount(token[told], minlength=size) > 0
    back = told[kind[told] == _CAME_BACK]
    returned = np.bincount(token[back], weights=n[back], minlength=size)
    ended = np.where(answered[token[sent]], n[sent] - returned[token[sent]], 0.0)
    return np.bincount(lot[sent], weights=ended, minlength=int(lot.max(initial=-1)) + 1)
