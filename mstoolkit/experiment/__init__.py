"""Many simulations in a row: strategies compared over replications that meet the same world."""

from mstoolkit.experiment.compare import compare
from mstoolkit.experiment.comparison import Comparison
from mstoolkit.experiment.conclusions import Sensitivity
from mstoolkit.experiment.folder import check_free, staged
from mstoolkit.experiment.reduction import compare_reduced
from mstoolkit.experiment.replication import replication_seed
from mstoolkit.experiment.sensitivity import sensitivity

__all__ = [
    "Comparison",
    "Sensitivity",
    "check_free",
    "compare",
    "compare_reduced",
    "replication_seed",
    "sensitivity",
    "staged",
]
