"""The sender: pure policies for spreading mail over several servers.

Rules of this room: no I/O, no clock, no ambient randomness, and nothing of the providers' hidden
state; it learns from replies, failures and feedback alone.
"""

from mstoolkit.strategy.dispatcher import Dispatcher
from mstoolkit.strategy.own import OwnParts, own_parts
from mstoolkit.strategy.pacing import Meter, register_meter
from mstoolkit.strategy.presets import rotation_of
from mstoolkit.strategy.rotation import Candidate, Rotation, register_rotation
from mstoolkit.strategy.weighting import Outcome, Weighed, Weigher, register_weigher

__all__ = [
    "Candidate",
    "Dispatcher",
    "Meter",
    "Outcome",
    "OwnParts",
    "Rotation",
    "Weighed",
    "Weigher",
    "own_parts",
    "register_meter",
    "register_rotation",
    "register_weigher",
    "rotation_of",
]
