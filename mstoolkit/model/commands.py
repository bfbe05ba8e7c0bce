"""What the sender wants done. Drivers carry commands out and never decide for themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mstoolkit.model.parcel import Parcel
from mstoolkit.model.reply import Reply

Outcome = Literal["delivered", "bounced", "expired", "suppressed", "withdrawn"]


@dataclass(slots=True)
class Send:
    """Carry this parcel to its ISP from this server, on this connection slot.

    ``token`` is answered exactly once. ``fresh`` asks for a new connection on the slot (the driver
    ends an older one first). ``slots`` is how many connections a parcel of many takes at once, all
    of its own and over with it; ``connection`` is one of them. ``span`` is the time (s) over which
    the parcel's messages are spread by pacing; 0 means as fast as the slots allow.
    """

    token: int
    server: str
    isp: str
    parcel: Parcel
    connection: int
    fresh: bool = False
    slots: int = 1
    span: float = 0.0


@dataclass(slots=True)
class Close:
    """End a connection slot."""

    connection: int


@dataclass(slots=True)
class Finish:
    """The only way a message ends; a later one for the same message (a DSN) reverses it."""

    parcel: Parcel
    outcome: Outcome
    n: int
    reason: str
    reply: Reply | None = None
    server: str = ""


@dataclass(slots=True)
class Suppress:
    """Never mail these recipients again; the driver keeps the list."""

    parcel: Parcel
    reason: str


@dataclass(slots=True)
class Suspended:
    """Notice: a server (``isp`` empty) or a path is left alone until ``until``."""

    server: str
    isp: str
    until: float
    reason: str


@dataclass(slots=True)
class Probed:
    """Notice: a suspension is over and a few messages test the way."""

    server: str
    isp: str


@dataclass(slots=True)
class Resumed:
    """Notice: the probe came through; the server or path is in full use again."""

    server: str
    isp: str


@dataclass(slots=True)
class Stepped:
    """Notice: a server on trial has another share of the mail now, and why."""

    server: str
    share: float
    reason: str


Command = Send | Close | Finish | Suppress | Suspended | Probed | Resumed | Stepped
