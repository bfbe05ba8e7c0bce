"""Outliers: servers that do worse at one ISP than their peers there, or than they used to.

There is one detector an ISP. It looks at outcomes only; who is isolated, and until when, is carried
out elsewhere, by breakers. Mean and standard deviation, as Envoy takes them, do not work for pools
of 2 to 10 servers: with k equally bad ones of n the distance is sqrt((n - k) / k) deviations
*however bad they are*, so that two bad of six are never told. The default is therefore `robust`.
"""

from mstoolkit.strategy.failover.outliers.base import Outlier, OutlierDetector
from mstoolkit.strategy.failover.outliers.consecutive import ConsecutiveFailures
from mstoolkit.strategy.failover.outliers.envoy import EnvoyOutliers
from mstoolkit.strategy.failover.outliers.presets import isolation_times_of, outliers_of
from mstoolkit.strategy.failover.outliers.robust import RobustOutliers
from mstoolkit.strategy.failover.outliers.times import IsolationTimes

__all__ = [
    "ConsecutiveFailures",
    "EnvoyOutliers",
    "IsolationTimes",
    "Outlier",
    "OutlierDetector",
    "RobustOutliers",
    "isolation_times_of",
    "outliers_of",
]
