"""Many simulations in a row: strategies compared over replications that meet the same world."""

from mstoolkit.experiment.compare import compare
from mstoolkit.experiment.comparison import Comparison
from mstoolkit.experiment.conclusions import Sensitivity
from mstoolkit.experiment.folder import check_free, staged
from mstoolkit.experiment.reduction import compare_reduced
from mstoolkit.experiment.replication import replication_seed
from mstoolkit.experiment.sensitivity import sensitivity
from mstoolkit.experiment.trial import breaks_on, follow, recovery, warm_up
from mstoolkit.experiment.validation import (
    complaints,
    ordinary_sender,
    pauses,
    placement_by_score,
    schedules,
)

__all__ = [
    "Comparison",
    "Sensitivity",
    "breaks_on",
    "check_free",
    "compare",
    "compare_reduced",
    "complaints",
    "follow",
    "ordinary_sender",
    "pauses",
    "placement_by_score",
    "recovery",
    "replication_seed",
    "schedules",
    "sensitivity",
    "staged",
    "warm_up",
]
