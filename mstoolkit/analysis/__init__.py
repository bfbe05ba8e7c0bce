"""Frame in, frame out: what a log says, in figures with units, and which strategy is better.

Rules of this room: it reads event logs and truth tables and nothing else; no driver, no strategy
and no provider is imported here.
"""

from mstoolkit.analysis.balance import conservation
from mstoolkit.analysis.comparison import paired_differences, summarise
from mstoolkit.analysis.latency import makespan, queue_time, queue_time_by
from mstoolkit.analysis.metrics import METRICS, Metric, by, summary
from mstoolkit.analysis.postmaster import postmaster_daily, postmaster_reputation, snds_daily
from mstoolkit.analysis.series import (
    deferrals_over_time,
    delivered_over_time,
    outcomes,
    reputation_over_time,
    server_share_over_time,
)
from mstoolkit.analysis.share import drifts, realised_share
from mstoolkit.analysis.timeline import attempts_over_time, quota_use, server_timeline
from mstoolkit.analysis.verdict import Winner, winner
from mstoolkit.eventlog import littles_law

__all__ = [
    "METRICS",
    "Metric",
    "Winner",
    "attempts_over_time",
    "by",
    "conservation",
    "deferrals_over_time",
    "delivered_over_time",
    "drifts",
    "littles_law",
    "makespan",
    "outcomes",
    "paired_differences",
    "postmaster_daily",
    "postmaster_reputation",
    "queue_time",
    "queue_time_by",
    "quota_use",
    "realised_share",
    "reputation_over_time",
    "server_share_over_time",
    "server_timeline",
    "snds_daily",
    "summarise",
    "summary",
    "winner",
]
