"""One figure a function: ``(frame, *, ax=None) -> Axes``. The only room that knows matplotlib."""

from mstoolkit.plots.delivered import delivered_over_time
from mstoolkit.plots.feedback import postmaster_daily, snds_daily
from mstoolkit.plots.outcomes import outcomes_by_isp
from mstoolkit.plots.published import against_published, memories, placement_curve
from mstoolkit.plots.ranking import differences, ranking
from mstoolkit.plots.rates import attempt_rates, quota_use
from mstoolkit.plots.realised import realised_share
from mstoolkit.plots.reputation import reputation_over_time
from mstoolkit.plots.sequences import sequences, share_errors
from mstoolkit.plots.shares import deferrals_over_time, server_share_over_time
from mstoolkit.plots.style import rendered
from mstoolkit.plots.timeline import server_timeline
from mstoolkit.plots.tornado import tornado, tornado_size

__all__ = [
    "against_published",
    "attempt_rates",
    "deferrals_over_time",
    "delivered_over_time",
    "differences",
    "memories",
    "outcomes_by_isp",
    "placement_curve",
    "postmaster_daily",
    "quota_use",
    "ranking",
    "realised_share",
    "rendered",
    "reputation_over_time",
    "sequences",
    "server_share_over_time",
    "server_timeline",
    "share_errors",
    "snds_daily",
    "tornado",
    "tornado_size",
]
