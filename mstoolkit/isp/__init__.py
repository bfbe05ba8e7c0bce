"""The mailbox provider: a pure state machine that judges source IPs and answers what they send.

Rules of this room: no clock, no I/O; time comes with every call, draws are keyed by who and what.
The sender never sees what is in here but through replies and feedback.
"""

from mstoolkit.isp.attempt import Attempt, News, Verdict
from mstoolkit.isp.draws import Draws
from mstoolkit.isp.gates import Credentials
from mstoolkit.isp.provider import Provider
from mstoolkit.isp.standing import Truth
from mstoolkit.isp.world import providers

__all__ = [
    "Attempt",
    "Credentials",
    "Draws",
    "News",
    "Provider",
    "Truth",
    "Verdict",
    "providers",
]
