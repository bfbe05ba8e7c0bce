"""Faults on demand, in scenario time: what goes wrong at which server, from when to when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from mstoolkit.config import ConfigError, Outage

FaultKind = Literal["refuse", "drop", "cut", "slow", "421"]


class Fault(NamedTuple):
    """One fault of one server.

    Parameters
    ----------
    kind : {"refuse", "drop", "cut", "slow", "421"}
        ``refuse`` closes the listening socket, ``drop`` cuts the connection after the final dot
        (nothing is accepted), ``cut`` cuts it at RCPT, ``slow`` multiplies the service time by
        ``factor``, ``421`` turns every RCPT away and closes.
    server : str
        Name of the server.
    start, end : float
        Scenario time, s; the end is not included.
    factor : float
        How many times slower, for ``slow``.
    """

    kind: FaultKind
    server: str
    start: float
    end: float
    factor: float = 10.0


class Schedule:
    """All faults of a run; a few, so that they are looked through one by one."""

    def __init__(self, servers: Iterable[str], outages: Sequence[Outage] = ()) -> None:
        self._faults: dict[str, list[Fault]] = {name: [] for name in servers}
        for outage in outages:
            end = outage.start + outage.lasts
            self.add(Fault(outage.kind, outage.server, outage.start, end))

    def add(self, fault: Fault) -> None:
        """Add a fault; unknown kinds and servers are refused."""
        if fault.kind not in get_args(FaultKind):
            known = ", ".join(get_args(FaultKind))
            raise ConfigError(f"there is no fault {fault.kind!r}", remedy=f"known are {known}")
        if fault.server not in self._faults:
            known = ", ".join(self._faults)
            raise ConfigError(f"there is no server {fault.server!r}", remedy=f"known are {known}")
        self._faults[fault.server].append(fault)

    def active(self, server: str, kind: FaultKind, now: float) -> Fault | None:
        """Return the fault of this kind that is on now."""
        for fault in self._faults[server]:
            if fault.kind == kind and fault.start <= now < fault.end:
                return fault
        return None

    def next_change(self, now: float) -> float | None:
        """Return when the next ``refuse`` begins or ends."""
        times = (
            at
            for faults in self._faults.values()
            for fault in faults
            if fault.kind == "refuse"
            for at in (fault.start, fault.end)
            if at > now
        )
        return min(times, default=None)
