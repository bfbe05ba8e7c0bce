"""Rows -> the events that a dispatcher handled, so that a log replays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isnan
from typing import Any, cast

import pyarrow as pa

from mstoolkit.model import (
    Closed,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    FeedbackKind,
    Halted,
    Lost,
    Lot,
    Parcel,
    Phase,
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Tick,
    Withdrawn,
)

_ANSWERS = frozenset({"delivered", "deferred", "bounced"})
_NEWS = frozenset({"complained", "unsubscribed"})
_NEEDED = (
    "seq", "at", "event", "isp", "server", "token", "attempt", "n", "code", "status", "category",
    "reply", "phase", "latency", "decided_at", "list", "lot", "first", "born", "cause", "parent",
    "connection", "slots", "until", "campaign", "stream", "segment",
)  # fmt: skip


def events(table: pa.Table) -> Iterator[Event]:
    """Yield the inputs of the run whose log this is, in the order in which they were handled.

    Parameters
    ----------
    table : pyarrow.Table
        The log, all rows.
    """
    columns = table.select(list(_NEEDED)).to_pydict()
    size = table.num_rows
    order = [k for k in range(size) if columns["seq"][k] >= 0]
    order.sort(key=lambda k: columns["seq"][k])
    decoder = _Decoder(columns)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and columns["seq"][order[end]] == columns["seq"][order[start]]:
            end += 1
        yield decoder.event(order[start:end])
        start = end


class _Decoder:
    """Reads one event at a time from the columns of a log."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self._c = columns
        self._lots: dict[int, Lot] = {}

    def event(self, rows: list[int]) -> Event:
        c, k = self._c, rows[0]
        at, name, category = c["at"][k], c["event"][k], c["category"][k]
        if name == "enqueued":
            return Enqueued(at, self._parcel(k), category == "suppressed")
        if name == "ticked":
            return Tick(at)
        if name == "connection_failed":
            return ConnectionFailed(at, c["token"][k], self._reply(k), c["latency"][k] or 0.0)
        if name == "lost":
            return Lost(at, c["token"][k])
        if name == "closed":
            return Closed(at, c["connection"][k])
        if name == "changed":
            return self._changed(k, at, category)
        if name in _NEWS or (name == "bounced" and c["token"][k] < 0):
            return self._feedback(k, name, at)
        if name == "other" and category == "withdraw":
            return Withdrawn(at, c["list"][k], c["first"][k], c["n"][k])
        return self._replied(rows)

    def _changed(self, k: int, at: float, what: Any) -> PoolChanged | PolicyChanged | Halted:
        c = self._c
        text = c["reply"][k] or ""
        if what == "policy":
            return PolicyChanged(at, text)
        if what == "halted":
            server, isp = c["server"][k] or "", c["isp"][k] or ""
            return Halted(at, c["until"][k], server, isp, *json.loads(text))
        return PoolChanged(at, c["server"][k], what, text)

    def _replied(self, rows: list[int]) -> Replied:
        c, k = self._c, rows[0]
        token = c["token"][k]
        mine = [r for r in rows if c["token"][r] == token and c["event"][r] != "sent"]
        replies = tuple((self._reply(r), c["n"][r]) for r in mine if c["event"][r] in _ANSWERS)
        unsent = sum(c["n"][r] for r in mine if c["category"][r] == "unsent")
        closed = c["slots"][k] < 0
        return Replied(c["at"][k], token, replies, unsent, c["latency"][k] or 0.0, closed)

    def _feedback(self, k: int, name: str, at: float) -> Feedback:
        c = self._c
        kind = cast("FeedbackKind", "dsn" if name == "bounced" else name)
        reply = self._reply(k) if c["code"][k] or c["reply"][k] is not None else None
        return Feedback(at, kind, c["server"][k], self._parcel(k), c["decided_at"][k], reply)

    def _reply(self, k: int) -> Reply:
        c = self._c
        phase: Phase = c["phase"][k] or "data"
        return Reply(c["code"][k], c["status"][k] or "", c["reply"][k] or "", phase)

    def _parcel(self, k: int) -> Parcel:
        c = self._c
        number = c["lot"][k]
        lot = self._lots.get(number)
        if lot is None:
            until = c["until"][k]
            expires = until if until is not None and not isnan(until) else float("inf")
            lot = Lot(
                number, c["list"][k], c["campaign"][k], c["stream"][k], c["isp"][k],
                c["segment"][k], expires,
            )  # fmt: skip
            self._lots[number] = lot
        return Parcel(
            lot, c["first"][k], c["n"][k], c["attempt"][k], c["born"][k], c["parent"][k],
            c["cause"][k] or "",
        )  # fmt: skip
