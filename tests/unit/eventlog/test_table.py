"""The log as a table: its schema, its order, and that it tells all of what was handled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mstoolkit.config import Breaker, Policy, Server
from mstoolkit.config.failover import Failover
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.eventlog import Recorder
from mstoolkit.eventlog.decode import events
from mstoolkit.eventlog.schema import COLUMNS, EVENTS, NAMES, arrow_schema
from mstoolkit.model import (
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
    Replied,
    Reply,
    Resumed,
    Send,
    Tick,
    Withdrawn,
)
from mstoolkit.sim import Run, simulate
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, small_scenario

SCENARIO = small_scenario()
FINAL = ("delivered", "expired", "suppressed", "withdrawn")


@pytest.fixture(scope="module", params=[1, 50], ids=["exact", "parcels"])
def run(request: pytest.FixtureRequest) -> Run:
    return simulate(SCENARIO, "smooth-weighted", seed=4, batch=request.param)


def recorder(hashed: bool = False) -> Recorder:
    return Recorder(SCENARIO, run="r", strategy="s", hashed=hashed)


def by_hand() -> Iterator[tuple[Event, list[Command]]]:
    """Yield a history with every kind of event, and what a dispatcher does about it."""
    fragile = Failover(server=Breaker(failures=1), path=Breaker(failures=1))
    policy = Policy(rotation=RoundRobinSpec(kind="round-robin"), failover=fragile)
    names = list(SCENARIO.servers)
    dispatcher = Dispatcher({name: Server() for name in names}, policy, batch=4)
    lot = Lot(0, "spring", "spring", "marketing", "gmail", "active", 7200.0)
    other = Lot(1, "spring", "spring", "marketing", "gmail", "dormant", 7200.0)
    late = Reply(550, "5.1.1", "no such user", "dsn")
    slow = Reply(421, "4.7.28", "an unusual rate of mail", "data")
    refused = Reply(0, "", "connection refused", "connect")
    crowded = Reply(421, "4.7.0", "too many connections", "connect")
    history: list[Event] = [
        Enqueued(0.0, Parcel(lot, 0, 30)),
        Enqueued(0.0, Parcel(lot, 30, 2), suppressed=True),
        Enqueued(0.5, Parcel(other, 210, 9, 0, 0.5)),
        Replied(1.0, 0, ((OK, 3), (Reply(452, "4.2.2", "mailbox full", "rcpt"), 1)), 0, 0.25),
        Replied(1.5, 1, ((OK, 2),), 2, 0.25, closed=True),
        Replied(1.75, 2, (), 4, 0.0, closed=True),
        ConnectionFailed(2.0, 3, refused, 0.5),
        ConnectionFailed(2.0, 4, crowded, 0.5),
        Lost(3.0, 5),
        Replied(3.5, 6, ((slow, 4),), 0, 0.3),
        Closed(4.0, 4096),
        Feedback(5.0, "dsn", names[0], Parcel(lot, 0, 1, 0, 0.0, 0), 0.5, late),
        Feedback(6.0, "dsn", names[0], Parcel(lot, 1, 1, 0, 0.0, 0), 0.5),
        Feedback(6.0, "complained", names[0], Parcel(lot, -1, 2, 0, 0.0, 0), 0.5),
        Feedback(6.0, "unsubscribed", names[0], Parcel(lot, 2, 1, 0, 0.0, 0), 0.5),
        Withdrawn(7.0, "spring", 25, 2),
        Withdrawn(7.0, "spring"),
        PoolChanged(8.0, names[1], "drained"),
        PoolChanged(9.0, names[1], "restored"),
        Tick(70.0),
    ]
    for event in history:
        yield event, dispatcher.handle(event)


def test_the_table_has_the_schema(run: Run) -> None:
    """Names, types and order are those of the schema, in an empty log too."""
    assert run.table.schema.equals(arrow_schema())
    assert recorder().table().schema.equals(arrow_schema())
    assert recorder().table().num_rows == 0
    assert tuple(run.events.columns) == NAMES
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    assert all(column.meaning for column in COLUMNS)


def test_events_are_known_and_texts_are_encoded(run: Run) -> None:
    """Only listed events occur; texts are dictionaries, so that a long log stays small."""
    assert set(run.events["event"]) <= set(EVENTS)
    for column in COLUMNS:
        if pa.types.is_dictionary(column.type):
            assert isinstance(run.events[column.name].dtype, pd.CategoricalDtype)


def test_rows_are_in_order(run: Run) -> None:
    """Time never falls, and what the dispatcher handled at one instant is in its order."""
    assert run.events["at"].is_monotonic_increasing
    handled = run.events[run.events["seq"] >= 0]
    assert handled["seq"].is_monotonic_increasing
    assert set(handled["seq"]) == set(range(handled["seq"].max() + 1))
    assert set(run.events.loc[run.events["seq"] < 0, "event"]) <= {
        "opened",
        "clicked",
        "complained",
    }


def test_a_run_replays_row_for_row(run: Run) -> None:
    """The inputs read back from the table make a fresh dispatcher write the same table."""
    policy = SCENARIO.strategies["smooth-weighted"]
    fresh = Dispatcher(SCENARIO.servers, policy, seed=4, batch=run.manifest.batch)
    again = Recorder(SCENARIO, run=run.manifest.run, strategy="smooth-weighted")
    for event in events(run.table):
        again.record(event, fresh.handle(event))
    handled = run.table.filter(pa.compute.greater_equal(run.table["seq"], 0))
    assert rows_of(again.table()) == rows_of(handled)
    assert fresh.totals == run.totals


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as dictionaries; missing numbers compare equal."""
    return [
        {name: None if value != value else value for name, value in row.items()}
        for row in table.to_pylist()
    ]


def test_every_kind_of_event_comes_back() -> None:
    """Record, table, decode: the same events, field for field, and in the same order."""
    log, history = recorder(), list(by_hand())
    for event, commands in history:
        log.record(event, commands)
    assert list(events(log.table())) == [event for event, _ in history]
    assert {type(event) for event, _ in history} == {
        Enqueued, Withdrawn, Replied, ConnectionFailed, Closed, Lost, Feedback, PoolChanged, Tick,
    }  # fmt: skip


def test_withdrawals_of_two_lists_come_back() -> None:
    """Which list was withdrawn is in the log, whatever else was."""
    log = recorder()
    history = [Withdrawn(7.0, "spring"), Withdrawn(8.0, "autumn", 3, 2), Withdrawn(9.0, "spring")]
    for event in history:
        log.record(event, [])
    assert list(events(log.table())) == history


def test_the_order_of_rows_does_not_matter_to_decoding() -> None:
    """Only `seq` says what was handled when."""
    log = recorder()
    for event, commands in by_hand():
        log.record(event, commands)
    table = log.table()
    seqs = table["seq"].to_numpy()
    shuffled = np.lexsort((np.arange(len(seqs)), -seqs))
    assert list(events(table.take(shuffled))) == list(events(table))


def test_commands_have_rows() -> None:
    """Every command is in the log: as a row of its own, or in the row of the reply it is about."""
    log, kinds = recorder(), Counter[str]()
    for event, commands in by_hand():
        log.record(event, commands)
        kinds.update(type(command).__name__ for command in commands)
    frame = log.frame()
    assert (frame["event"] == "sent").sum() == kinds["Send"]
    assert (frame["event"] == "suspended").sum() == kinds["Suspended"] > 0
    assert (frame["event"] == "resumed").sum() == kinds["Probed"] + kinds["Resumed"] > 0
    assert frame["category"].astype(object).str.startswith("suppress ").sum() == kinds["Suppress"]
    ends = frame["event"].isin(["delivered", "bounced", *FINAL[1:]])
    assert ends.sum() == kinds["Finish"]
    assert (frame["category"] == "close").sum() == kinds["Close"]


def test_conservation_from_the_rows(run: Run) -> None:
    """What the rows say of each outcome is what the dispatcher counted, DSNs reversed."""
    frame, totals = run.events, run.totals
    handled = frame[frame["seq"] >= 0]
    n = handled.groupby("event", observed=True)["n"].sum()
    late = handled.loc[(handled["event"] == "bounced") & (handled["phase"] == "dsn"), "n"].sum()
    assert n["enqueued"] == totals["enqueued"] == SCENARIO.audience.size
    assert n["delivered"] - late == totals["delivered"]
    assert n["bounced"] == totals["bounced"]
    assert n.get("expired", 0) == totals["expired"]
    assert n["suppressed"] == totals["suppressed"]
    left = totals["queued"] + totals["in_flight"]
    assert sum(totals.values()) == 2 * totals["enqueued"]
    ended = sum(n.get(name, 0) for name in FINAL) + n["bounced"] - late
    assert ended + left == n["enqueued"]


def test_each_lot_is_conserved(run: Run) -> None:
    """Lot by lot: enqueued is what ended plus what is left, and nothing ends that never came."""
    handled = run.events[run.events["seq"] >= 0]
    late = (handled["event"] == "bounced") & (handled["phase"] == "dsn")
    came = handled[handled["event"] == "enqueued"].groupby("lot")["n"].sum()
    ended = handled[handled["event"].isin([*FINAL, "bounced"]) & ~late].groupby("lot")["n"].sum()
    left = came.sub(ended, fill_value=0)
    assert (left >= 0).all()
    assert left.sum() == run.totals["queued"] + run.totals["in_flight"]


def test_every_attempt_is_answered_once(run: Run) -> None:
    """Tokens of attempts and of answers are the same, but for what is in flight at the end."""
    frame = run.events[run.events["seq"] >= 0]
    sent = frame[frame["event"] == "sent"].set_index("token")
    answered = frame[(frame["token"] >= 0) & (frame["event"] != "sent")]
    total = answered.groupby("token")["n"].sum()
    assert sent.index.is_unique
    assert set(total.index) <= set(sent.index)
    assert (total == sent.loc[total.index, "n"]).all()
    assert answered.groupby("token")["seq"].nunique().eq(1).all()


def test_single_messages_are_named() -> None:
    """Message and recipient are given for one known message, and null for counted ones."""
    exact = simulate(SCENARIO, "round-robin", seed=4, batch=1).events
    rows = exact[exact["event"] == "delivered"]
    assert rows["message"].notna().all()
    assert (rows["n"] == 1).all()
    row = rows.iloc[0]
    assert row["message"] == f"spring:{row['first']}"
    assert str(row["recipient"]).startswith(f"spring-{row['first']}@")
    parcels = simulate(SCENARIO, "round-robin", seed=4, batch=50).events
    assert parcels.loc[parcels["n"] > 1, "message"].isna().all()
    assert parcels.loc[parcels["n"] > 1, "recipient"].isna().all()


def test_recipients_can_be_hashed() -> None:
    """With hashes no address is in the log, like addresses are alike, and messages are named."""
    plain, hashed = recorder(), recorder(hashed=True)
    lot = Lot(0, "spring", "spring", "marketing", "gmail", "active", 7200.0)
    for log in (plain, hashed):
        for k in (0, 1, 0):
            log.record(Enqueued(0.0, Parcel(lot, k, 1)), [])
    texts = hashed.frame()["recipient"].astype(object).tolist()
    assert texts[0] == texts[2] != texts[1]
    assert not any("@" in text for text in texts)
    assert plain.frame()["recipient"].astype(object).tolist()[0].startswith("spring-0@")
    assert hashed.frame()["message"].tolist() == plain.frame()["message"].tolist()


def test_replies_keep_their_codes_and_texts(run: Run) -> None:
    """Codes, status, text and category of a refusal are those of the provider's profile."""
    frame = run.events
    bounced = frame[(frame["event"] == "bounced") & (frame["isp"] == "yahoo")]
    unknown = SCENARIO.isps["yahoo"].replies.unknown
    rows = bounced[bounced["reply"] == unknown.text]
    assert len(rows)
    assert set(rows["code"]) == {unknown.code}
    assert set(rows["status"]) == {unknown.status}
    assert set(rows["category"]) == {"invalid_recipient"}
    assert set(frame.loc[frame["event"] == "delivered", "code"]) == {250}


def test_sent_rows_hold_what_was_sent() -> None:
    """Server, address, slot, attempt and parent of each Send are in its row."""
    log, sends = recorder(), []
    for event, commands in by_hand():
        log.record(event, commands)
        sends += [command for command in commands if isinstance(command, Send)]
    rows = log.frame()
    rows = rows[rows["event"] == "sent"]
    for send, (_, row) in zip(sends, rows.iterrows(), strict=True):
        assert (row["token"], row["server"], row["isp"]) == (send.token, send.server, send.isp)
        assert (row["first"], row["n"]) == (send.parcel.first, send.parcel.n)
        assert (row["attempt"], row["parent"]) == (send.parcel.attempt, send.parcel.parent)
        assert row["slots"] == (-send.slots if send.fresh else send.slots)
        assert row["connection"] == send.connection
        assert row["source_ip"] == SCENARIO.servers[send.server].source_ip


def test_notices_and_expiries_before_an_answer_do_not_hide_it() -> None:
    """What comes first in an event's commands changes neither the answer's row nor its count."""
    lot = Lot(0, "spring", "spring", "marketing", "gmail", "active", 7200.0)
    one, old = Parcel(lot, 0, 1), Parcel(lot, 1, 1)
    server = next(iter(SCENARIO.servers))
    book = recorder()
    book.record(Enqueued(0.0, Parcel(lot, 0, 2)), [Send(0, server, "gmail", one, 0)])
    book.record(
        Replied(1.0, 0, ((OK, 1),)),
        [
            Resumed(server, ""),
            Finish(old, "expired", 1, "too old"),
            Finish(one, "delivered", 1, "", OK, server),
        ],
    )
    frame = book.frame()
    told = frame[frame["seq"] == 1].set_index("event")
    assert sorted(told.index) == ["delivered", "expired", "resumed"]
    assert told.loc["delivered", "token"] == 0
    assert (told.loc["delivered", "n"], told.loc["expired", "n"]) == (1, 1)
