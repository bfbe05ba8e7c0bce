"""Values that every room shares: replies, parcels, events, commands and named random streams.

Rules of this room: standard library only; no clock, no ambient randomness, no I/O.
"""

from mstoolkit.model.commands import (
    Close,
    Command,
    Finish,
    Outcome,
    Probed,
    Resumed,
    Send,
    Stepped,
    Suppress,
    Suspended,
)
from mstoolkit.model.events import (
    Closed,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    FeedbackKind,
    Halted,
    Lost,
    PolicyChanged,
    PoolChanged,
    Replied,
    Tick,
    Withdrawn,
)
from mstoolkit.model.parcel import Lot, Parcel
from mstoolkit.model.random import SplitMix64, stream_key
from mstoolkit.model.reply import Phase, Reply

__all__ = [
    "Close",
    "Closed",
    "Command",
    "ConnectionFailed",
    "Enqueued",
    "Event",
    "Feedback",
    "FeedbackKind",
    "Finish",
    "Halted",
    "Lost",
    "Lot",
    "Outcome",
    "Parcel",
    "Phase",
    "PolicyChanged",
    "PoolChanged",
    "Probed",
    "Replied",
    "Reply",
    "Resumed",
    "Send",
    "SplitMix64",
    "Stepped",
    "Suppress",
    "Suspended",
    "Tick",
    "Withdrawn",
    "stream_key",
]
