"""The SimPy driver: servers, connections, outages, retries and delayed feedback in virtual time."""

from mstoolkit.sim.run import Run, simulate

__all__ = ["Run", "simulate"]
