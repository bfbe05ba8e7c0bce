"""The sender: pure policies for spreading mail over several servers.

Rules of this room: no I/O, no clock, no ambient randomness, and nothing of the providers' hidden
state; it learns from replies, failures and feedback alone.
"""

from mstoolkit.strategy.dispatcher import Dispatcher
from mstoolkit.strategy.presets import rotation_of
from mstoolkit.strategy.rotation import Rotation, register_rotation, registered

__all__ = ["Dispatcher", "Rotation", "register_rotation", "registered", "rotation_of"]
