"""Events and commands -> rows of the log. The log is a pure function of what was handled.

Rows come in three forms, told apart by their length, so that the hot path writes little:

    attempt  (seq, at, send)
    answer   (seq, at, event, attempt, n, reply, category, latency, slots), with the attempt's row
    other    all of `FIELDS`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zlib import crc32

from mstoolkit.model import (
    Close,
    Closed,
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Finish,
    Halted,
    Lost,
    Lot,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Probed,
    Replied,
    Reply,
    Resumed,
    Send,
    Stepped,
    Suppress,
    Suspended,
    Tick,
    Withdrawn,
)

ATTEMPT, ANSWER = 3, 9  # lengths of the short forms
FIELDS = (
    "seq", "at", "event", "lot", "isp", "server", "first", "token", "attempt", "n", "reply",
    "category", "latency", "decided_at", "born", "cause", "parent", "connection", "slots", "span",
    "until",
)  # fmt: skip
_TOLD = frozenset({"delivered", "bounced"})  # outcomes of which the row of a reply or DSN tells
SPILL = 6_000  # rows that are held as they were built
NAN = float("nan")
Row = tuple[Any, ...]
Inputs = Callable[[int, Any, "list[Command]", "list[Row]"], int]


class RowBuilder:
    """Turns what was handled into rows. Open attempts are kept by token until they are answered.

    Parameters
    ----------
    spill : callable, optional
        Given the rows whenever there are many, which are forgotten then.

    Attributes
    ----------
    rows : list of tuple
        What was built so far; whoever has used them may clear them.
    """

    def __init__(self, spill: Callable[[list[Row]], None] | None = None) -> None:
        self.rows: list[Row] = []
        self._spill = spill
        self._seq = 0
        self._open: dict[int, tuple[int, float, Send]] = {}
        self._inputs: dict[type, Inputs] = {
            Enqueued: _enqueued,
            Withdrawn: _withdrawn,
            Replied: self._replied,
            ConnectionFailed: self._connection_failed,
            Closed: _closed,
            Lost: self._lost,
            Feedback: _feedback,
            PoolChanged: _pool_changed,
            PolicyChanged: _policy_changed,
            Halted: _halted,
            Tick: _tick,
        }

    @property
    def seq(self) -> int:
        """The number that the next event gets."""
        return self._seq

    @property
    def attempts(self) -> Mapping[int, tuple[int, float, Send]]:
        """Open attempts by token: number of their event, its time (s), the attempt."""
        return self._open

    def go_on(self, seq: int, attempts: Iterable[tuple[int, float, Send]]) -> None:
        """Begin with this number and these open attempts, as a log that was cut off left them."""
        self._seq = seq
        self._open = {attempt[2].token: attempt for attempt in attempts}

    def record(self, event: Event, commands: list[Command]) -> None:
        """Number one handled event, and append its rows and those of the commands it caused."""
        seq, rows, at = self._seq, self.rows, event.at
        self._seq = seq + 1
        if event.__class__ is Replied and len(event.replies) == 1 and not event.unsent:
            told = self._one_reply(seq, event, commands)
        else:
            if self._spill is not None and len(rows) >= SPILL:
                self._spill(rows)
                rows.clear()
            told = self._inputs[event.__class__](seq, event, commands, rows)
        for command in commands:
            kind = command.__class__
            if kind is Send:
                attempt = self._open[command.token] = (seq, at, command)  # type: ignore[union-attr,assignment]
                rows.append(attempt)
            elif kind is Finish and told and command.outcome in _TOLD:  # type: ignore[union-attr]
                told -= 1
            else:
                rows.append(_command_row(seq, at, command))

    def _one_reply(self, seq: int, event: Replied, commands: list[Command]) -> int:
        """Write the row of the usual answer: one reply, which a Finish repeats if it is final."""
        attempt = self._open.pop(event.token)
        reply, n = event.replies[0]
        outcome, told = "deferred", 0
        for command in commands:
            if command.__class__ is Finish and command.reply is reply:
                outcome, told = command.outcome, 1
                break
        slots = attempt[2].slots
        if event.closed:
            slots = -slots
        self.rows.append((seq, event.at, outcome, attempt, n, reply, None, event.latency, slots))
        return told

    def _replied(self, seq: int, event: Replied, commands: list[Command], rows: list[Row]) -> int:
        """Write a row for each reply; return how many Finish commands they already tell of.

        The dispatcher finishes replies in their order, so the first Finish with a reply belongs to
        the first of them that is final. Those that are not final were deferred, unless one of them
        ran out of attempts or time, which has a row of its own.
        """
        attempt = self._open.pop(event.token)
        at, latency = event.at, event.latency
        slots = -attempt[2].slots if event.closed else attempt[2].slots
        told = 0
        for reply, n in event.replies:
            outcome = "deferred"
            for command in commands:
                if command.__class__ is Finish and command.reply is reply:
                    outcome = command.outcome
                    told += 1
                    break
            rows.append((seq, at, outcome, attempt, n, reply, None, latency, slots))
        if event.unsent or not event.replies:
            category = "unsent" if event.unsent else "replied"
            rows.append((seq, at, "other", attempt, event.unsent, None, category, latency, slots))
        return told

    def _connection_failed(
        self, seq: int, event: ConnectionFailed, _: list[Command], rows: list[Row]
    ) -> int:
        attempt = self._open.pop(event.token)
        send = attempt[2]
        rows.append(
            (
                seq, event.at, "connection_failed", attempt, send.parcel.n, event.reply, None,
                event.latency, send.slots,
            )
        )  # fmt: skip
        return 0

    def _lost(self, seq: int, event: Lost, _: list[Command], rows: list[Row]) -> int:
        attempt = self._open.pop(event.token)
        send = attempt[2]
        rows.append((seq, event.at, "lost", attempt, send.parcel.n, None, None, NAN, send.slots))
        return 0


def _enqueued(seq: int, event: Enqueued, _: list[Command], rows: list[Row]) -> int:
    category = "suppressed" if event.suppressed else None
    until = event.parcel.lot.expires
    rows.append(parcel_row(seq, event.at, "enqueued", event.parcel, category=category, until=until))
    return 0


def _withdrawn(seq: int, event: Withdrawn, _: list[Command], rows: list[Row]) -> int:
    number = -1 - crc32(event.list.encode())  # no lot: a list of its own
    parcel = Parcel(Lot(number, event.list, "", "", "", "", NAN), event.first, event.n)
    rows.append(parcel_row(seq, event.at, "other", parcel, category="withdraw"))
    return 0


def _closed(seq: int, event: Closed, _: list[Command], rows: list[Row]) -> int:
    rows.append(_notice(seq, event.at, "closed", category="gone", connection=event.connection))
    return 0


def _feedback(seq: int, event: Feedback, _: list[Command], rows: list[Row]) -> int:
    rows.append(feedback_row(seq, event))
    return 1 if event.kind == "dsn" else 0


def _pool_changed(seq: int, event: PoolChanged, _: list[Command], rows: list[Row]) -> int:
    told = Reply(0, "", event.spec) if event.spec else None
    rows.append(
        _notice(seq, event.at, "changed", server=event.server, category=event.change, reply=told)
    )
    return 0


def _halted(seq: int, event: Halted, _: list[Command], rows: list[Row]) -> int:
    told = Reply(0, "", json.dumps([event.stream, event.campaign, event.reason]))
    rows.append(
        _notice(
            seq, event.at, "changed", server=event.server, isp=event.isp, category="halted",
            until=event.until, reply=told,
        )
    )  # fmt: skip
    return 0


def _policy_changed(seq: int, event: PolicyChanged, _: list[Command], rows: list[Row]) -> int:
    told = Reply(0, "", event.policy)
    rows.append(_notice(seq, event.at, "changed", category="policy", reply=told))
    return 0


def _tick(seq: int, event: Tick, _: list[Command], rows: list[Row]) -> int:
    rows.append(_notice(seq, event.at, "ticked"))
    return 0


def feedback_row(seq: int, event: Feedback, category: str | None = None) -> Row:
    """Return the row of feedback: handled, or observed only where `seq` is -1."""
    return parcel_row(
        seq,
        event.at,
        "bounced" if event.kind == "dsn" else event.kind,
        event.parcel,
        server=event.server,
        reply=event.reply,
        category=category,
        decided_at=event.decided_at,
    )


def parcel_row(
    seq: int,
    at: float,
    event: str,
    parcel: Parcel,
    *,
    server: str | None = None,
    reply: Reply | None = None,
    category: str | None = None,
    decided_at: float = NAN,
    until: float = NAN,
) -> Row:
    """Return a full row about a parcel."""
    return (
        seq, at, event, parcel.lot, parcel.lot.isp or None, server, parcel.first, -1,
        parcel.attempt, parcel.n, reply, category, NAN, decided_at, parcel.born,
        parcel.cause, parcel.parent, -1, 0, NAN, until,
    )  # fmt: skip


def _notice(
    seq: int,
    at: float,
    event: str,
    *,
    server: str | None = None,
    isp: str | None = None,
    category: str | None = None,
    connection: int = -1,
    until: float = NAN,
    reply: Reply | None = None,
) -> Row:
    return (
        seq, at, event, None, isp or None, server, -1, -1, -1, 0, reply, category, NAN, NAN, NAN,
        None, -1, connection, 0, NAN, until,
    )  # fmt: skip


def _command_row(seq: int, at: float, command: Command) -> Row:
    match command:
        case Finish():
            return parcel_row(
                seq, at, command.outcome, command.parcel,
                server=command.server or None, reply=command.reply, category=command.reason,
            )  # fmt: skip
        case Close():
            return _notice(seq, at, "closed", category="close", connection=command.connection)
        case Suspended():
            return _notice(
                seq, at, "suspended", server=command.server, isp=command.isp,
                category=command.reason, until=command.until,
            )  # fmt: skip
        case Probed():
            return _notice(
                seq, at, "resumed", server=command.server, isp=command.isp, category="probe"
            )
        case Resumed():
            return _notice(
                seq, at, "resumed", server=command.server, isp=command.isp, category="resumed"
            )
        case Stepped():
            return _notice(
                seq, at, "other", server=command.server,
                category=f"canary at {command.share:.4g}", reply=Reply(0, "", command.reason),
            )  # fmt: skip
        case Suppress():
            return parcel_row(
                seq, at, "other", command.parcel, category=f"suppress {command.reason}"
            )
        case Send():
            raise TypeError("a Send has the short form")
