"""What happens to the sender. Every event carries `at`, in seconds of scenario time.

Immutable by contract: built once by a driver, handed to the dispatcher, written to the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mstoolkit.model.parcel import Parcel
from mstoolkit.model.reply import Reply

FeedbackKind = Literal["dsn", "complained", "unsubscribed", "opened", "clicked"]


@dataclass(slots=True)
class Enqueued:
    """Mail arrives: a parcel of a lot; ``suppressed`` where the driver's list forbids it."""

    at: float
    parcel: Parcel
    suppressed: bool = False


@dataclass(slots=True)
class Withdrawn:
    """Mail of a list is taken back (complaint, cancelled campaign); ``first`` -1: all of it."""

    at: float
    list: str
    first: int = -1
    n: int = 1


@dataclass(slots=True)
class Replied:
    """An attempt is over: how many messages met which reply, and how many were never tried.

    ``replies`` holds ``(reply, n)`` pairs in the order of the parcel; ``unsent`` messages at the
    end cost no attempt. ``closed`` tells that the receiver closed the connection. ``latency`` is
    the mean time (s) that one message took.
    """

    at: float
    token: int
    replies: tuple[tuple[Reply, int], ...]
    unsent: int = 0
    latency: float = 0.0
    closed: bool = False


@dataclass(slots=True)
class ConnectionFailed:
    """No connection could be opened, so nothing of the parcel was tried and no attempt is used."""

    at: float
    token: int
    reply: Reply
    latency: float = 0.0


@dataclass(slots=True)
class Closed:
    """A connection slot is gone between two messages (idle timeout, restart at the other end)."""

    at: float
    connection: int


@dataclass(slots=True)
class Lost:
    """Nobody knows what became of an attempt: lost after the final dot, or its lease is over."""

    at: float
    token: int


@dataclass(slots=True)
class Feedback:
    """Late news of messages that were accepted at ``decided_at`` by path (server, ISP)."""

    at: float
    kind: FeedbackKind
    server: str
    parcel: Parcel
    decided_at: float
    reply: Reply | None = None


@dataclass(slots=True)
class PoolChanged:
    """An operator took a server out (``drained``), put it back (``restored``), or changed the pool.

    ``spec`` describes a server that is added or edited, as JSON in the units of a dump. A server
    that is removed finishes what is on the wire; its waiting mail goes by others.
    """

    at: float
    server: str
    change: Literal["drained", "restored", "added", "edited", "removed"]
    spec: str = ""


@dataclass(slots=True)
class Halted:
    """An operator lets something rest until a time (s), and then it goes on by itself.

    Named are a ``server``, a path (server and ``isp``), an ISP over all servers, or the mail of a
    ``stream`` or ``campaign``, at one ISP or at all.
    """

    at: float
    until: float
    server: str = ""
    isp: str = ""
    stream: str = ""
    campaign: str = ""
    reason: str = "operator"


@dataclass(slots=True)
class PolicyChanged:
    """The whole policy is replaced by another one, as JSON in the units of a dump."""

    at: float
    policy: str


@dataclass(slots=True)
class Tick:
    """Time has come: fired at or after the dispatcher's `next_wakeup()`."""

    at: float


Event = (
    Enqueued
    | Withdrawn
    | Replied
    | ConnectionFailed
    | Closed
    | Lost
    | Feedback
    | PoolChanged
    | PolicyChanged
    | Halted
    | Tick
)
