"""Detectors of outliers, and the length of isolation, as a file names them."""

from __future__ import annotations

from mstoolkit.config.isolation import ConsecutiveSpec, EnvoySpec, OutlierSpec
from mstoolkit.strategy.failover.outliers.base import OutlierDetector
from mstoolkit.strategy.failover.outliers.consecutive import ConsecutiveFailures
from mstoolkit.strategy.failover.outliers.envoy import EnvoyOutliers
from mstoolkit.strategy.failover.outliers.robust import RobustOutliers
from mstoolkit.strategy.failover.outliers.times import IsolationTimes


def outliers_of(spec: OutlierSpec) -> OutlierDetector:
    """Return a detector for the servers of a pool at one ISP.

    Parameters
    ----------
    spec : OutlierSpec
        Which one, and its figures.

    Examples
    --------
    >>> outliers_of(ConsecutiveSpec(kind="consecutive")).outliers([0, 1], [], 2, now=0.0)
    []
    """
    if isinstance(spec, EnvoySpec):
        return EnvoyOutliers(spec)
    if isinstance(spec, ConsecutiveSpec):
        return ConsecutiveFailures(spec.failures, spec.required, spec.window)
    return RobustOutliers(spec)


def isolation_times_of(spec: OutlierSpec) -> IsolationTimes:
    """Return how long one server stays isolated; each server and ISP has its own.

    Parameters
    ----------
    spec : OutlierSpec
        Base time and longest; Envoy's ends at ticks of its interval.

    Examples
    --------
    >>> isolation_times_of(ConsecutiveSpec(kind="consecutive")).isolate(now=0.0)
    5.0
    """
    if isinstance(spec, EnvoySpec):
        return IsolationTimes(spec.base, spec.longest, spec.interval, at_tick=True)
    return IsolationTimes(spec.base, spec.longest, spec.base)
