"""The newest rows of a live log, one line each, brought to the operating system at once.

The first line says which part the rows will become; a journal whose part is there already is spent.
A lot is written out when it is first spoken of; an answer repeats its attempt, which may stand in
an earlier part. A torn last line, as a crash leaves it, is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mstoolkit.eventlog.rows import ANSWER, ATTEMPT, Row
from mstoolkit.model import Lot, Parcel, Reply, Send

_LOT, _REPLY = 3, 10  # positions in the long form


class Header(NamedTuple):
    """What a journal is the newest part of."""

    part: int
    run: str
    strategy: str
    hashed: bool


class Journal:
    """Appends rows to a file.

    Parameters
    ----------
    path : Path
        Made anew.
    header : Header
        Its first line.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._lots: set[int] = set()
        self.begin(header)

    def begin(self, header: Header) -> None:
        """Start over: what was written has become a part."""
        self._file.seek(0)
        self._file.truncate()
        self._lots.clear()
        self._write(list(header))
        self._file.flush()

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows and hand them to the operating system."""
        for row in rows:
            if len(row) == ATTEMPT:
                self._write([*row[:2], *self._send(row[2])])
            elif len(row) == ANSWER:
                _, decided_at, send = row[3]
                self._write([*row[:3], decided_at, *row[4:], self._send(send)])
            else:
                values = list(row)
                lot = values[_LOT]
                values[_LOT] = None if lot is None else self._lot(lot)
                self._write(values)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, values: list[Any]) -> None:
        self._file.write(json.dumps(values, separators=(",", ":")) + "\n")

    def _lot(self, lot: Lot) -> int:
        if lot.id not in self._lots or lot.id < 0:
            self._lots.add(lot.id)
            self._write(
                [lot.id, lot.list, lot.campaign, lot.stream, lot.isp, lot.segment, lot.expires]
            )
        return lot.id

    def _send(self, send: Send) -> list[Any]:
        parcel = send.parcel
        return [
            send.token, send.server, send.isp, send.connection, send.fresh, send.slots, send.span,
            self._lot(parcel.lot), parcel.first, parcel.n, parcel.attempt, parcel.born,
            parcel.parent, parcel.cause,
        ]  # fmt: skip


def read_journal(path: Path) -> tuple[Header, list[Row]] | None:
    """Read a journal back; None where there is none worth reading."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    reader = _Reader()
    header: Header | None = None
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            break
        if header is None:
            header = Header(*values)
        else:
            reader.take(values)
    return (header, reader.rows) if header is not None else None


class _Reader:
    """Tells lines apart by their length, as their writer made them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._lots: dict[int, Lot] = {}

    def take(self, values: list[Any]) -> None:
        size = len(values)
        if size == 7:
            self._lots[values[0]] = Lot(*values)
        elif size == 16:
            self.rows.append((*values[:2], self._send(values[2:])))
        elif size == 10:
            seq, at, event, decided_at, n, reply, category, latency, slots, send = values
            attempt = (-1, decided_at, self._send(send))
            answer = None if reply is None else Reply(*reply)
            self.rows.append((seq, at, event, attempt, n, answer, category, latency, slots))
        else:
            lot, reply = values[_LOT], values[_REPLY]
            values[_LOT] = None if lot is None else self._lots[lot]
            values[_REPLY] = None if reply is None else Reply(*reply)
            self.rows.append(tuple(values))

    def _send(self, values: list[Any]) -> Send:
        token, server, isp, connection, fresh, slots, span, lot, *rest = values
        parcel = Parcel(self._lots[lot], *rest)
        return Send(token, server, isp, parcel, connection, fresh, slots, span)
