"""Rows -> an Arrow table with the columns of the schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from mstoolkit.config import Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.scenario import source_ip
from mstoolkit.eventlog.rows import Row, by_field
from mstoolkit.eventlog.schema import arrow_schema
from mstoolkit.mail import classify
from mstoolkit.model import Lot, Reply


class Columns:
    """Turns rows of one run into Arrow tables; names repeat, so texts are dictionary-encoded.

    Parameters
    ----------
    scenario : Scenario
        Whose source addresses and recipients the rows speak of.
    run, strategy : str
        Written into every row.
    hashed : bool
        Write a keyed-less BLAKE2b hash instead of each recipient's address.
    """

    def __init__(
        self, scenario: Scenario, run: str, strategy: str, hashed: bool = False
    ) -> None:
        self._mailing = Mailing(scenario)
        self._sources = {name: source_ip(name, s) for name, s in scenario.servers.items()}
        self._run = run
        self._strategy = strategy
        self._hashed = hashed
        self._people: dict[str, tuple[int, pa.Array, pa.Array]] = {}

    def table(self, rows: Sequence[Row]) -> pa.Table:
        """Return the table of these rows, in their order."""
        f = by_field(rows)
        size = len(rows)
        first = np.array(f["first"], dtype=np.int64) if size else np.zeros(0, np.int64)
        n = np.array(f["n"], dtype=np.int64) if size else np.zeros(0, np.int64)
        message, recipient = self._messages(f["lot"], first, n)
        lots: Callable[[str], pa.Array] = lambda key: _mapped(f["lot"], key)  # noqa: E731
        columns: dict[str, Any] = {
            "seq": f["seq"],
            "at": f["at"],
            "event": _texts(f["event"]),
            "run": _constant(self._run, size),
            "strategy": _constant(self._strategy, size),
            "campaign": lots("campaign"),
            "stream": lots("stream"),
            "segment": lots("segment"),
            "isp": _texts(f["isp"]),
            "server": _texts(f["server"]),
            "source_ip": _texts(f["server"], self._sources),
            "message": message,
            "recipient": recipient,
            "token": f["token"],
            "attempt": f["attempt"],
            "n": n,
            **_replies(f["reply"], f["category"]),
            "latency": _nullable(f["latency"]),
            "decided_at": _nullable(f["decided_at"]),
            "list": lots("list"),
            "lot": _lot_numbers(f["lot"]),
            "first": first,
            "born": _nullable(f["born"]),
            "cause": _texts(f["cause"]),
            "parent": f["parent"],
            "connection": f["connection"],
            "slots": f["slots"],
            "span": _nullable(f["span"]),
            "until": _nullable(f["until"]),
        }
        schema = arrow_schema()
        arrays = [
            value if isinstance(value, pa.Array) else pa.array(value, type=kind)
            for value, kind in ((columns[name], schema.field(name).type) for name in schema.names)
        ]
        return pa.table(arrays, schema=schema)

    def _messages(
        self, lots: Sequence[Lot | None], first: np.ndarray, n: np.ndarray
    ) -> tuple[pa.Array, pa.Array]:
        """Return message and recipient of rows about one known message; null elsewhere."""
        known = np.flatnonzero((n == 1) & (first >= 0))
        size = len(n)
        names = list(self._mailing.sizes)
        codes = np.zeros(size, np.int64)
        mask = np.ones(size, bool)
        if not len(known):
            empty = pa.array(np.zeros(size, np.int32), mask=mask)
            nothing = pa.DictionaryArray.from_arrays(empty, pa.array([""]))
            return nothing, nothing
        offset, offsets = 0, {}
        for name in names:
            offsets[name] = offset
            offset += self._mailing.sizes[name]
        start = np.array([offsets.get(lots[k].list, -1) for k in known])  # type: ignore[union-attr]
        good = start >= 0
        codes[known[good]] = (start + first[known])[good]
        mask[known[good]] = False
        used, inverse = np.unique(codes, return_inverse=True)
        messages, people = self._texts_of(names, used)
        index = pa.array(inverse.astype(np.int32), mask=mask)
        return (
            pa.DictionaryArray.from_arrays(index, messages),
            pa.DictionaryArray.from_arrays(index, people),
        )

    def _texts_of(self, names: Sequence[str], used: np.ndarray) -> tuple[pa.Array, pa.Array]:
        position = 0
        messages: list[str] = []
        people: list[str] = []
        for name in names:
            size = self._mailing.sizes[name]
            here = used[(used >= position) & (used < position + size)] - position
            messages += [f"{name}:{index}" for index in here.tolist()]
            people += self._mailing.addresses(name, here.tolist())
            position += size
        if self._hashed:
            people = [blake2b(p.encode(), digest_size=12).hexdigest() for p in people]
        return pa.array(messages), pa.array(people)


def _constant(text: str, size: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(size, np.int32)), pa.array([text], pa.string())
    )


def _texts(values: Sequence[str | None], renamed: dict[str, str] | None = None) -> pa.Array:
    """Dictionary-encode texts; None is null."""
    codes: dict[str | None, int] = {}
    numbers = [codes.setdefault(value, len(codes)) for value in values]
    names = [None if name is None else (renamed or {}).get(name, name) for name in codes]
    return _encoded(numbers, names)


def _encoded(numbers: Sequence[int], names: Sequence[str | None]) -> pa.Array:
    index = np.array(numbers, np.int32)
    known: dict[str, int] = {}
    remap = np.array(
        [-1 if name is None else known.setdefault(name, len(known)) for name in names] or [0],
        np.int32,
    )
    index = remap[index] if len(index) else index
    return pa.DictionaryArray.from_arrays(
        pa.array(index, mask=index < 0), pa.array(list(known) or [""], pa.string())
    )


def _mapped(lots: Sequence[Lot | None], key: str) -> pa.Array:
    codes: dict[int, int] = {}
    names: list[str | None] = []
    numbers = []
    for lot in lots:
        number = codes.get(id(lot))
        if number is None:
            number = codes[id(lot)] = len(names)
            names.append((getattr(lot, key) or None) if lot is not None else None)
        numbers.append(number)
    return _encoded(numbers, names)


def _lot_numbers(lots: Sequence[Lot | None]) -> np.ndarray:
    return np.array([-1 if lot is None else lot.id for lot in lots], np.int32)


def _nullable(values: Sequence[float]) -> pa.Array:
    array = np.array(values, np.float64)
    return pa.array(array, mask=np.isnan(array))


def _replies(
    replies: Sequence[Reply | None], reasons: Sequence[str | None]
) -> dict[str, pa.Array]:
    """Return the columns that a reply gives; a reason given with the row goes before its category."""
    codes: dict[Reply | None, int] = {}
    numbers = [codes.setdefault(reply, len(codes)) for reply in replies]
    known = list(codes)
    category = [None if r is None else classify(r) for r in known]
    reason = [
        given if given is not None else category[number]
        for given, number in zip(reasons, numbers, strict=True)
    ]
    code = np.array([0 if r is None else r.code for r in known] or [0], np.int32)
    return {
        "code": pa.array(code[np.array(numbers, np.int64)]),
        "status": _encoded(numbers, [None if r is None else r.status for r in known]),
        "category": _texts([None if name in {"", "not_bounce"} else name for name in reason]),
        "reply": _encoded(numbers, [None if r is None else r.text for r in known]),
        "phase": _encoded(numbers, [None if r is None else r.phase for r in known]),
    }
