"""The columns of the event log, typed once and documented from here.

One row an event. ``seq`` numbers what the dispatcher handled; rows with one ``seq`` are one event
and the commands it caused, so that a log replays. Rows with ``seq`` -1 (opens, clicks, and other
news the dispatcher was not told) are observations.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

EVENTS = (
    "enqueued",
    "sent",
    "relayed",
    "delivered",
    "deferred",
    "bounced",
    "expired",
    "suppressed",
    "withdrawn",
    "connection_failed",
    "closed",
    "lost",
    "suspended",
    "resumed",
    "complained",
    "opened",
    "clicked",
    "unsubscribed",
    "changed",
    "ticked",
    "other",
)


class Column(NamedTuple):
    """A column: its name, its Arrow type and what it means."""

    name: str
    type: pa.DataType
    meaning: str


_TEXT = pa.dictionary(pa.int32(), pa.string())

COLUMNS = (
    Column("seq", pa.int64(), "number of the event that the dispatcher handled; -1: observed only"),
    Column("at", pa.float64(), "scenario time, s; of a parcel of many: its end"),
    Column("event", _TEXT, "one of EVENTS"),
    Column("run", _TEXT, "name of the run"),
    Column("strategy", _TEXT, "name of the strategy"),
    Column("campaign", _TEXT, "campaign"),
    Column("stream", _TEXT, "stream (marketing, transactional ...)"),
    Column("segment", _TEXT, "engagement segment"),
    Column("isp", _TEXT, "mailbox provider"),
    Column("server", _TEXT, "sending server"),
    Column("source_ip", _TEXT, "address the provider saw"),
    Column("message", _TEXT, "list:position of a single message; null for counted parcels"),
    Column("recipient", _TEXT, "address (or its hash) of a single message; null otherwise"),
    Column("token", pa.int64(), "attempt's token; -1 where none"),
    Column("attempt", pa.int32(), "attempts made before this one; -1 where none"),
    Column("n", pa.int64(), "number of messages"),
    Column("code", pa.int32(), "reply code; 0 where there was no reply"),
    Column("status", _TEXT, "enhanced status code"),
    Column("category", _TEXT, "category of the reply, or the reason of a notice"),
    Column("reply", _TEXT, "text of the reply"),
    Column("latency", pa.float64(), "s that one message took; null where not measured"),
    Column("decided_at", pa.float64(), "scenario time at which the attempt was sent; null if none"),
    Column("list", _TEXT, "recipient list"),
    Column("lot", pa.int32(), "number of the lot; -1 where none"),
    Column("first", pa.int64(), "position of the first message in the list; -1: counted"),
    Column("born", pa.float64(), "scenario time at which the messages were enqueued"),
    Column("cause", _TEXT, "category of the deferral before this attempt; empty for fresh mail"),
    Column("parent", pa.int64(), "token of the attempt that left these over; -1: fresh"),
    Column("connection", pa.int64(), "connection slot; -1 where none"),
    Column("slots", pa.int32(), "connections taken; negative: opened anew for this attempt"),
    Column("span", pa.float64(), "s over which the messages were spread"),
    Column("until", pa.float64(), "end of a suspension, expiry of enqueued mail; null otherwise"),
    Column("phase", _TEXT, "phase of the session in which the reply came"),
)

NAMES = tuple(column.name for column in COLUMNS)


def arrow_schema() -> pa.Schema:
    """Return the Arrow schema of the log."""
    return pa.schema([(column.name, column.type) for column in COLUMNS])
