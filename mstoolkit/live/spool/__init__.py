"""The durable spool: what is to be sent, what is on the wire, and how each message ended."""

from mstoolkit.live.spool.keeper import Keeper
from mstoolkit.live.spool.reading import Ambiguous, Final, ambiguous, epoch_of, finals, holds_spool
from mstoolkit.live.spool.resume import Taken, take_up, untried
from mstoolkit.live.spool.schema import Sync
from mstoolkit.live.spool.spool import Recipient, Spool

__all__ = [
    "Ambiguous",
    "Final",
    "Keeper",
    "Recipient",
    "Spool",
    "Sync",
    "Taken",
    "ambiguous",
    "epoch_of",
    "finals",
    "holds_spool",
    "take_up",
    "untried",
]
