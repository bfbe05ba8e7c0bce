"""Rows -> an Arrow table with the columns of the schema.

Texts are dictionary-encoded against vocabularies that live as long as the log; whatever a lot or an
attempt determines is taken down once and spread over its rows by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mstoolkit.config import Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.scenario import source_ip
from mstoolkit.eventlog.observations import Accepted, Array, FollowUp, Observations
from mstoolkit.eventlog.rows import ANSWER, ATTEMPT, FIELDS, Row
from mstoolkit.eventlog.schema import arrow_schema
from mstoolkit.eventlog.vocabulary import Vocabulary, dictionary, unique_texts
from mstoolkit.mail import classify
from mstoolkit.model import Lot, Reply

Pieces = dict[str, Array]
_CARRIED = (
    "lot", "isp", "server", "first", "token", "attempt", "n", "decided_at", "born", "cause",
    "parent", "connection", "span",
)  # fmt: skip
_INNER = ("begin", "whole")  # of answers: the range of their attempt, for whoever follows them up
_NO_LOT = -(1 << 30)
_TEXTS = ("event", "isp", "server", "category", "cause")
_INTS = ("seq", "first", "token", "attempt", "n", "parent", "connection", "slots")
_FLOATS = ("at", "latency", "decided_at", "born", "span", "until")


class Columns:
    """Turns rows of one run into Arrow tables.

    Parameters
    ----------
    scenario : Scenario
        Whose source addresses and recipients the rows speak of.
    run, strategy : str
        Written into every row.
    hashed : bool
        Write a BLAKE2b hash instead of each recipient's address.
    """

    def __init__(self, scenario: Scenario, run: str, strategy: str, hashed: bool = False) -> None:
        self._mailing = Mailing(scenario)
        self._isps = scenario.isps
        self._sources = {name: source_ip(name, s) for name, s in scenario.servers.items()}
        self._run = run
        self._strategy = strategy
        self._hashed = hashed
        self._texts = {name: Vocabulary() for name in _TEXTS}
        self._replies = Vocabulary()
        self._lots: dict[int, Lot] = {}
        self._taken = 0

    def pieces(self, rows: Sequence[Row]) -> list[Pieces]:
        """Take rows down as columns, one set for each of their forms.

        A long log is taken down bit by bit: the values that made its rows are then free, and what
        is at work stays small.
        """
        lengths = np.fromiter(map(len, rows), np.int8, len(rows))
        attempts, answers, others = (
            np.flatnonzero(lengths == form) for form in (ATTEMPT, ANSWER, len(FIELDS))
        )
        sent, answered, rest = (
            [rows[k] for k in which.tolist()] for which in (attempts, answers, others)
        )
        told, of_answer = _distinct(sent, answered)
        carried = self._attempts(told)
        of_answers = {name: carried[name][of_answer] for name in _CARRIED}
        forms = [
            ({name: column[: len(sent)] for name, column in carried.items()}, attempts),
            (self._answers(answered, of_answers), answers),
            (self._others(rest), others),
        ]
        before, self._taken = self._taken, self._taken + len(rows)
        return [{**columns, "order": positions + before} for columns, positions in forms]

    def table(self, pieces: Sequence[Pieces], follow_up: FollowUp | None = None) -> pa.Table:
        """Return the table of rows that were taken down, in order of time, then as they came.

        ``follow_up`` is asked once what was observed of all the delivered mail.
        """
        if not pieces:
            pieces = self.pieces(())
        names = [name for name in pieces[0] if name not in _INNER]
        whole = {name: np.concatenate([p[name] for p in pieces]) for name in names}
        if follow_up is not None:
            observed = self._observed(follow_up(self._accepted(pieces)))
            whole = {name: np.concatenate([c, observed[name]]) for name, c in whole.items()}
        given = np.argsort(whole.pop("order"), kind="stable")
        by_time = given[np.argsort(whole["at"][given], kind="stable")]
        return self._arrow({name: column[by_time] for name, column in whole.items()})

    # -- the three forms of rows, and observations

    def _answers(self, rows: Sequence[Row], carried: Pieces) -> Pieces:
        size = len(rows)
        seq, at, event, _, n, reply, category, latency, slots = _transposed(rows, ANSWER)
        count = np.array(n, np.int64)
        replies = self._replies.codes(reply)
        return {
            **carried,
            "seq": np.array(seq, np.int64),
            "at": np.array(at, np.float64),
            "event": self._texts["event"].codes(event),
            "n": count,
            "first": np.where(count == carried["n"], carried["first"], -1),
            "begin": carried["first"],
            "whole": carried["n"],
            "reply": replies,
            "category": self._categories(replies, category),
            "latency": np.array(latency, np.float64),
            "slots": np.array(slots, np.int64),
            "until": np.full(size, np.nan),
        }

    def _accepted(self, pieces: Sequence[Pieces]) -> Accepted:
        delivered = self._texts["event"].code("delivered")
        answers = [(p, p["event"] == delivered) for p in pieces if "whole" in p]

        def column(name: str) -> Array:
            return np.concatenate([p[name][mine] for p, mine in answers])

        return Accepted(
            self._lots,
            tuple(self._texts["server"].names),
            **{name: column(name) for name in ("lot", "server", "n", "token", "decided_at")},
            first=column("begin"),
            whole=column("whole"),
        )

    def _attempts(self, rows: Sequence[Row]) -> Pieces:
        size = len(rows)
        seq, at, sends = _transposed(rows, ATTEMPT)
        token, server, parcels, connection, fresh, slots, span = _fields(
            sends, "token", "server", "parcel", "connection", "fresh", "slots", "span"
        )
        lots, first, n, attempt, born, parent, cause = _fields(
            parcels, "lot", "first", "n", "attempt", "born", "parent", "cause"
        )
        began = np.array(at, np.float64)
        numbers = self._lot_numbers(lots)
        taken = np.array(slots, np.int64)
        return {
            "seq": np.array(seq, np.int64),
            "at": began,
            "decided_at": began,
            "event": np.full(size, self._texts["event"].code("sent"), np.int32),
            "lot": numbers,
            "isp": self._isps_of(numbers),
            "server": self._texts["server"].codes(server),
            "first": np.array(first, np.int64),
            "token": np.array(token, np.int64),
            "attempt": np.array(attempt, np.int64),
            "n": np.array(n, np.int64),
            "reply": np.full(size, -1, np.int32),
            "category": np.full(size, -1, np.int32),
            "latency": np.full(size, np.nan),
            "born": np.array(born, np.float64),
            "cause": self._texts["cause"].codes(cause),
            "parent": np.array(parent, np.int64),
            "connection": np.array(connection, np.int64),
            "slots": np.where(np.array(fresh, bool), -taken, taken),
            "span": np.array(span, np.float64),
            "until": np.full(size, np.nan),
        }

    def _others(self, rows: Sequence[Row]) -> Pieces:
        f = dict(zip(FIELDS, _transposed(rows, len(FIELDS)), strict=True))
        columns: Pieces = {name: np.array(f[name], np.int64) for name in _INTS}
        columns |= {name: np.array(f[name], np.float64) for name in _FLOATS}
        columns |= {
            name: self._texts[name].codes(f[name]) for name in ("event", "isp", "server", "cause")
        }
        columns["reply"] = self._replies.codes(f["reply"])
        columns["category"] = self._categories(columns["reply"], f["category"])
        columns["lot"] = self._lot_numbers(f["lot"])
        return columns

    def _observed(self, blocks: Sequence[Observations]) -> Pieces:
        sizes = [len(block.at) for block in blocks]
        size = sum(sizes)
        columns: Pieces = {name: np.full(size, -1, np.int64) for name in _INTS}
        columns |= {name: np.full(size, np.nan) for name in _FLOATS}
        columns["slots"] = np.zeros(size, np.int64)
        columns["reply"] = columns["cause"] = np.full(size, -1, np.int32)
        columns["order"] = np.arange(self._taken, self._taken + size)
        for name in ("event", "category"):
            values = [getattr(block, name) for block in blocks]
            columns[name] = np.repeat(self._texts[name].codes(values), sizes)
        if not blocks:
            return {**columns, **dict.fromkeys(("lot", "isp", "server"), np.zeros(0, np.int32))}
        servers = self._texts["server"]
        columns["server"] = np.concatenate(
            [servers.codes(block.servers)[block.server] for block in blocks]
        )
        for name in ("lot", "at", "first", "n", "token", "decided_at"):
            columns[name] = np.concatenate([getattr(block, name) for block in blocks])
        columns["isp"] = self._isps_of(columns["lot"])
        return columns

    # -- parts of them

    def _lot_numbers(self, lots: Sequence[Lot | None]) -> Array:
        numbers = [_NO_LOT if lot is None else lot.id for lot in lots]
        fresh = set(numbers).difference(self._lots, (_NO_LOT,))
        for number in sorted(fresh):
            lot = lots[numbers.index(number)]
            if lot is not None:
                self._lots[number] = lot
        return np.fromiter(numbers, np.int64, len(numbers))

    def _isps_of(self, lots: Array) -> Array:
        """Return the ISP of each lot number; mail goes where its lot belongs."""
        numbers, inverse = np.unique(lots, return_inverse=True)
        names = [self._lots[number].isp for number in numbers.tolist()]
        return self._texts["isp"].codes(names)[inverse]

    def _categories(self, replies: Array, reasons: Sequence[str | None]) -> Array:
        """Return the reason that comes with a row or, where it has none, its reply's category."""
        vocabulary = self._texts["category"]
        given = vocabulary.codes(reasons)
        names = [classify(reply) for reply in self._replies.names]
        codes = vocabulary.codes(["" if name == "not_bounce" else name for name in names])
        of_reply = np.append(codes, np.int32(-1))
        return np.where(given >= 0, given, of_reply[replies])

    # -- Arrow

    def _arrow(self, c: Pieces) -> pa.Table:
        size = len(c["at"])
        lots, which = self._lot_table(c["lot"])
        servers = self._texts["server"].names
        reply = c["reply"]
        replies: list[Reply] = self._replies.names
        code = np.array([r.code for r in replies] + [0], np.int32)[reply]
        message, recipient = self._messages(c, lots, which)

        def of_lot(key: str) -> pa.Array:
            return dictionary(which, [getattr(lot, key) or None for lot in lots])

        def of_reply(key: str) -> pa.Array:
            return dictionary(reply, [getattr(r, key) or None for r in replies])

        columns: dict[str, Any] = {
            **{name: c[name] for name in _INTS},
            **{name: pa.array(c[name], mask=np.isnan(c[name])) for name in _FLOATS[1:]},
            **{name: dictionary(c[name], self._texts[name].names) for name in _TEXTS},
            **{name: of_lot(name) for name in ("campaign", "stream", "segment", "list")},
            **{name: of_reply(name) for name in ("status", "phase")},
            "reply": of_reply("text"),
            "at": c["at"],
            "run": dictionary(np.zeros(size, np.int32), [self._run]),
            "strategy": dictionary(np.zeros(size, np.int32), [self._strategy]),
            "source_ip": dictionary(c["server"], [self._sources.get(s, s) for s in servers]),
            "message": message,
            "recipient": recipient,
            "code": code,
            "lot": np.maximum(c["lot"], -1).astype(np.int32),
        }
        schema = arrow_schema()
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for column, field in ((columns[field.name], field) for field in schema)
        ]
        return pa.table(arrays, schema=schema)

    def _lot_table(self, numbers: Array) -> tuple[list[Lot], Array]:
        """Return the lots by position, and each row's position, -1 where it has none."""
        lots = list(self._lots.values())
        ids = np.array([lot.id for lot in lots], np.int64)
        if not len(ids):
            return lots, np.full(len(numbers), -1, np.int32)
        order = np.argsort(ids)
        found = np.minimum(np.searchsorted(ids[order], numbers), len(ids) - 1)
        which = order[found]
        return lots, np.where(ids[which] == numbers, which, -1).astype(np.int32)

    def _messages(self, c: Pieces, lots: Sequence[Lot], which: Array) -> tuple[pa.Array, pa.Array]:
        """Return message and recipient of rows about one known message; null elsewhere."""
        known = (c["n"] == 1) & (c["first"] >= 0) & (which >= 0)
        sizes = self._mailing.sizes
        starts, total = {}, 0
        for name, size in sizes.items():
            starts[name], total = total, total + size
        start = np.array([starts.get(lot.list, -total) for lot in lots] or [-total], np.int64)
        position = np.where(known, start[which] + c["first"], -1)
        used = np.zeros(total + 1, bool)
        used[position[position >= 0]] = True
        used = used[:total]
        index = np.append(np.cumsum(used) - 1, -1)[position].astype(np.int32)
        index = np.where(position >= 0, index, -1)
        messages, people = [], []
        for name, size in sizes.items():
            here = np.flatnonzero(used[starts[name] : starts[name] + size])
            numbers = pc.cast(pa.array(here), pa.string())
            messages.append(pc.binary_join_element_wise(name, numbers, ":"))
            people.append(self._people(name, here, numbers))
        return unique_texts(index, messages), unique_texts(index, people)

    def _people(self, name: str, here: Array, numbers: pa.Array) -> pa.Array:
        domains, which = self._domains(name, here)
        ends = pa.array(domains, pa.string()).take(pa.array(which, pa.int64()))
        local = pc.binary_join_element_wise(name, numbers, "-")
        people = pc.binary_join_element_wise(local, ends, "@")
        if not self._hashed:
            return people
        return pa.array(
            [blake2b(p.encode(), digest_size=12).hexdigest() for p in people.to_pylist()]
        )

    def _domains(self, name: str, here: Array) -> tuple[list[str], Array]:
        """Return the domains in use, and which of them each of these recipients has."""
        domains: dict[str, int] = {}
        which = np.zeros(len(here), np.int64)
        for block in self._mailing.blocks:
            if block.lot.list != name:
                continue
            low, high = np.searchsorted(here, (block.first, block.first + block.n))
            own = self._isps[block.lot.isp].domains
            codes = np.array([domains.setdefault(domain, len(domains)) for domain in own])
            which[low:high] = codes[here[low:high] % len(codes)]
        return list(domains), which


def _distinct(sent: Sequence[Row], answered: Sequence[Row]) -> tuple[list[Row], Array]:
    """Return each attempt's row once, those sent first, and the position of every answer's.

    Tokens grow in the order of sending.
    """
    tokens = np.array([row[3][2].token for row in answered], np.int64)
    late = np.array([row[2].token for row in sent], np.int64)
    before = tokens < (late[0] if len(late) else 1 << 62)
    earlier, where = np.unique(tokens[before], return_index=True)
    attempts = [answered[k][3] for k in np.flatnonzero(before)[where].tolist()]
    of_answer = np.searchsorted(late, tokens)
    of_answer[before] = len(late) + np.searchsorted(earlier, tokens[before])
    return [*sent, *attempts], of_answer


def _transposed(rows: Sequence[Row], width: int) -> Sequence[tuple[Any, ...]]:
    """Return the columns of rows."""
    return tuple(zip(*rows, strict=True)) if rows else ((),) * width


def _fields(values: Sequence[Any], *names: str) -> list[list[Any]]:
    """Return several attributes of values, as columns."""
    return [list(map(attrgetter(name), values)) for name in names]
