"""Events and commands -> rows of the log. The log is a pure function of what was handled.

A row is built as a tuple in the order of `FIELDS`; texts stay objects until a batch of rows is
turned into columns. Attempts are looked up by token, so that an answer's row knows its parcel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mstoolkit.model import (
    Close,
    Closed,
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    Finish,
    Lost,
    Lot,
    Parcel,
    PoolChanged,
    Probed,
    Replied,
    Reply,
    Resumed,
    Send,
    Suppress,
    Suspended,
    Tick,
    Withdrawn,
)

FIELDS = (
    "seq",
    "at",
    "event",
    "lot",
    "isp",
    "server",
    "first",
    "token",
    "attempt",
    "n",
    "reply",
    "category",
    "latency",
    "decided_at",
    "born",
    "cause",
    "parent",
    "connection",
    "slots",
    "span",
    "until",
)
NAN = float("nan")
Row = tuple[Any, ...]
Attempted = tuple[Send, float]


class RowBuilder:
    """Turns what was handled into rows.

    Open attempts are kept by token until they are answered.
    """

    def __init__(self) -> None:
        self.open: dict[int, Attempted] = {}
        self._inputs: dict[type, Callable[[int, Any, list[Command], list[Row]], None]] = {
            Enqueued: self._enqueued,
            Withdrawn: self._withdrawn,
            Replied: self._replied,
            ConnectionFailed: self._connection_failed,
            Closed: self._closed,
            Lost: self._lost,
            Feedback: self._feedback,
            PoolChanged: self._pool_changed,
            Tick: self._tick,
        }

    def rows(self, seq: int, event: Event, commands: list[Command], rows: list[Row]) -> None:
        """Append the rows of one event and the commands it caused."""
        self._inputs[event.__class__](seq, event, commands, rows)
        at = event.at
        for command in commands:
            if command.__class__ is Send:
                self._sent(seq, at, command, rows)  # type: ignore[arg-type]
            elif command.__class__ is not Finish or not _implied(event, command):
                rows.append(_command_row(seq, at, command))

    def _sent(self, seq: int, at: float, send: Send, rows: list[Row]) -> None:
        parcel = send.parcel
        self.open[send.token] = (send, at)
        slots = -send.slots if send.fresh else send.slots
        rows.append(
            (
                seq, at, "sent", parcel.lot, send.isp, send.server, parcel.first, send.token,
                parcel.attempt, parcel.n, None, None, NAN, at, parcel.born, parcel.cause,
                parcel.parent, send.connection, slots, send.span, NAN,
            )
        )  # fmt: skip

    def _replied(self, seq: int, event: Replied, commands: list[Command], rows: list[Row]) -> None:
        send, at = self.open.pop(event.token)
        finished = {}
        for command in commands:
            if command.__class__ is Finish and command.reply is not None:  # type: ignore[union-attr]
                finished[command.reply] = command.outcome  # type: ignore[union-attr]
        slots = -send.slots if event.closed else send.slots
        parcel = send.parcel
        for reply, n in event.replies:
            first = parcel.first if n == parcel.n else -1
            rows.append(
                (
                    seq, event.at, finished.get(reply, "deferred"), parcel.lot, send.isp,
                    send.server, first, send.token, parcel.attempt, n, reply, None,
                    event.latency, at, parcel.born, parcel.cause, parcel.parent,
                    send.connection, slots, send.span, NAN,
                )
            )  # fmt: skip
        if event.unsent or not event.replies:
            category = "unsent" if event.unsent else "replied"
            rows.append(
                self._answer(
                    seq, event.at, "other", send, at, event.unsent, None, category, event.latency,
                    slots,
                )
            )  # fmt: skip

    @staticmethod
    def _answer(
        seq: int,
        now: float,
        event: str,
        send: Send,
        at: float,
        n: int,
        reply: Reply | None,
        category: str | None,
        latency: float,
        slots: int,
    ) -> Row:
        parcel = send.parcel
        return (
            seq, now, event, parcel.lot, send.isp, send.server, -1 if n != parcel.n
            else parcel.first, send.token, parcel.attempt, n, reply, category, latency, at,
            parcel.born, parcel.cause, parcel.parent, send.connection, slots, send.span, NAN,
        )  # fmt: skip

    def _enqueued(self, seq: int, event: Enqueued, _: list[Command], rows: list[Row]) -> None:
        category = "suppressed" if event.suppressed else None
        until = event.parcel.lot.expires
        rows.append(
            _parcel_row(seq, event.at, "enqueued", event.parcel, category=category, until=until)
        )

    def _withdrawn(self, seq: int, event: Withdrawn, _: list[Command], rows: list[Row]) -> None:
        lot = Lot(-1, event.list, "", "", "", "", NAN)
        parcel = Parcel(lot, event.first, event.n)
        rows.append(_parcel_row(seq, event.at, "other", parcel, category="withdraw"))

    def _connection_failed(
        self, seq: int, event: ConnectionFailed, _: list[Command], rows: list[Row]
    ) -> None:
        send, at = self.open.pop(event.token)
        rows.append(
            self._answer(
                seq, event.at, "connection_failed", send, at, send.parcel.n, event.reply, None,
                event.latency, send.slots,
            )
        )  # fmt: skip

    def _closed(self, seq: int, event: Closed, _: list[Command], rows: list[Row]) -> None:
        rows.append(_notice(seq, event.at, "closed", category="gone", connection=event.connection))

    def _lost(self, seq: int, event: Lost, _: list[Command], rows: list[Row]) -> None:
        send, at = self.open.pop(event.token)
        rows.append(
            self._answer(
                seq, event.at, "lost", send, at, send.parcel.n, None, None, NAN, send.slots
            )
        )

    def _feedback(self, seq: int, event: Feedback, _: list[Command], rows: list[Row]) -> None:
        rows.append(feedback_row(seq, event))

    def _pool_changed(
        self, seq: int, event: PoolChanged, _: list[Command], rows: list[Row]
    ) -> None:
        rows.append(
            _notice(seq, event.at, "changed", server=event.server, category=event.change)
        )

    def _tick(self, seq: int, event: Tick, _: list[Command], rows: list[Row]) -> None:
        rows.append(_notice(seq, event.at, "ticked"))


def feedback_row(seq: int, event: Feedback, category: str | None = None) -> Row:
    """Return the row of feedback: handled where `seq` is 0 or more, observed only where it is -1."""
    parcel = event.parcel
    name = "bounced" if event.kind == "dsn" else event.kind
    return (
        seq, event.at, name, parcel.lot, parcel.lot.isp, event.server, parcel.first, -1,
        parcel.attempt, parcel.n, event.reply, category, NAN, event.decided_at, parcel.born,
        parcel.cause, parcel.parent, -1, 0, NAN, NAN,
    )  # fmt: skip


def _parcel_row(
    seq: int,
    at: float,
    event: str,
    parcel: Parcel,
    *,
    server: str | None = None,
    reply: Reply | None = None,
    category: str | None = None,
    until: float = NAN,
) -> Row:
    return (
        seq, at, event, parcel.lot, parcel.lot.isp or None, server, parcel.first, -1,
        parcel.attempt, parcel.n, reply, category, NAN, NAN, parcel.born, parcel.cause,
        parcel.parent, -1, 0, NAN, until,
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
) -> Row:
    return (
        seq, at, event, None, isp, server, -1, -1, -1, 0, None, category, NAN, NAN, NAN, None, -1,
        connection, 0, NAN, until,
    )  # fmt: skip


def _implied(event: Event, command: Any) -> bool:
    """Whether a Finish needs no row of its own, because the event's row already says it."""
    if event.__class__ is Replied:
        return command.reply is not None
    return event.__class__ is Feedback and command.outcome == "bounced"


def _command_row(seq: int, at: float, command: Command) -> Row:
    match command:
        case Finish():
            return _parcel_row(
                seq, at, command.outcome, command.parcel,
                server=command.server or None, reply=command.reply, category=command.reason,
            )  # fmt: skip
        case Close():
            return _notice(seq, at, "closed", category="close", connection=command.connection)
        case Suspended():
            return _notice(
                seq, at, "suspended", server=command.server, isp=command.isp or None,
                category=command.reason, until=command.until,
            )  # fmt: skip
        case Probed():
            return _notice(
                seq, at, "resumed", server=command.server, isp=command.isp or None,
                category="probe",
            )  # fmt: skip
        case Resumed():
            return _notice(
                seq, at, "resumed", server=command.server, isp=command.isp or None,
                category="resumed",
            )  # fmt: skip
        case Suppress():
            return _parcel_row(
                seq, at, "other", command.parcel, category=f"suppress {command.reason}"
            )
        case Send():
            raise TypeError("a Send is not a notice")


def by_field(rows: Iterable[Row]) -> dict[str, tuple[Any, ...]]:
    """Return the rows as one tuple a field."""
    columns = list(zip(*rows, strict=True))
    if not columns:
        return dict.fromkeys(FIELDS, ())
    return dict(zip(FIELDS, columns, strict=True))
