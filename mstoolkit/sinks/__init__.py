"""SMTP sinks on loopback: one for every server of a scenario, answered by its ISPs."""

from mstoolkit.sinks.bench import Sinks
from mstoolkit.sinks.faults import Fault, FaultKind
from mstoolkit.sinks.reception import FeedbackListener
from mstoolkit.sinks.serving import listing, serve
from mstoolkit.sinks.tally import Accepted, Count

__all__ = [
    "Accepted",
    "Count",
    "Fault",
    "FaultKind",
    "FeedbackListener",
    "Sinks",
    "listing",
    "serve",
]
