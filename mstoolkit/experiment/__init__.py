"""Many simulations in a row: strategies compared over replications that meet the same world."""

from mstoolkit.experiment.compare import compare
from mstoolkit.experiment.comparison import Comparison
from mstoolkit.experiment.folder import check_free, staged
from mstoolkit.experiment.reduction import compare_reduced
from mstoolkit.experiment.replication import replication_seed

__all__ = [
    "Comparison",
    "check_free",
    "compare",
    "compare_reduced",
    "replication_seed",
    "staged",
]
