"""Lots and parcels: mail that is alike to the strategy, and the cuts it is sent in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Lot:
    """A stock of like mail: one campaign, stream, ISP and segment, in one recipient list.

    Parameters
    ----------
    id : int
        Number of the lot within the run, from 0.
    list : str
        Name of the recipient list that only the driver can open.
    campaign, stream, isp, segment : str
        What the strategy may know of these messages.
    expires : float
        Scenario time (s) after which what is still queued is given up.
    """

    id: int
    list: str
    campaign: str
    stream: str
    isp: str
    segment: str
    expires: float


@dataclass(slots=True)
class Parcel:
    """``n`` messages of a lot: the range ``first .. first + n - 1`` of its list, or a mere count.

    Immutable by contract (slots and a test stand for ``frozen``, which costs three times as much
    to build on the hot path).

    Parameters
    ----------
    lot : Lot
        What the messages have in common.
    first : int
        Position of the first message in the list; -1 where outcomes were counted, not assigned,
        so that it is no longer known which messages these are.
    n : int
        Number of messages.
    attempt : int
        How many attempts were made before; 0 for fresh mail.
    born : float
        Scenario time (s) at which the messages were enqueued (mean, where parcels were joined).
    parent : int
        Token of the attempt that left these messages over; -1 for fresh mail.
    cause : str
        Category of the last deferral that was about the recipients (a full mailbox, greylisting);
        empty if there was none. Counted messages of different causes are not alike.
    """

    lot: Lot
    first: int
    n: int
    attempt: int = 0
    born: float = 0.0
    parent: int = -1
    cause: str = ""

    def head(self, n: int) -> Parcel:
        """Return the first `n` messages."""
        return Parcel(self.lot, self.first, n, self.attempt, self.born, self.parent, self.cause)
