"""Limits of more than one path: a server, an ISP, a stream, or what is kept for urgent mail.

A gate is shut while its meter lets nothing through or its connections are all in use. Those who
pass it, choices of one path or whole routes, are told when it shuts and opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from mstoolkit.config.pacing import Allowance
from mstoolkit.strategy.pacing import CalendarQuota, Meter, Metered, Together, inherit, meter_of
from mstoolkit.strategy.timers import Timers


class Guarded(Protocol):
    """What stands behind gates: how many of them are shut."""

    held: int


class Gate:
    """One limit and those it holds.

    Parameters
    ----------
    name : str
        What it limits.
    meter : Meter or None
        Messages over time.
    connections : int
        Connections at once; 0 is no limit.
    """

    __slots__ = ("connections", "in_use", "members", "meter", "name", "shut", "until")

    def __init__(self, name: str, meter: Meter | None, connections: int) -> None:
        self.name = name
        self.meter = meter
        self.connections = connections
        self.in_use = 0
        self.members: list[Guarded] = []
        self.shut = False
        self.until = 0.0  # when its meter lets something through again, as far as is known

    def admit(self, member: Guarded) -> None:
        """Let a member pass here from now on."""
        self.members.append(member)
        member.held += self.shut

    def room(self, now: float, most: int) -> int:
        """Return how many messages, up to `most`, may pass now as one parcel."""
        return self.meter.room(now, most) if self.meter else most

    def retune(self, rate: float, now: float) -> None:
        """Go on at another rate (1/s) from `now` (s) on."""
        for meter in self._meters():
            if isinstance(meter, Metered):
                meter.retune(rate, now)

    def _meters(self) -> Sequence[Meter | None]:
        return self.meter.meters if isinstance(self.meter, Together) else (self.meter,)

    def quotas(self) -> list[CalendarQuota]:
        """Return the limits by the calendar that it holds."""
        return [meter for meter in self._meters() if isinstance(meter, CalendarQuota)]

    def slots(self, most: int) -> int:
        """Return how many connections, up to `most`, may be taken."""
        return min(most, self.connections - self.in_use) if self.connections else most


class Gates:
    """All gates of a pool.

    Parameters
    ----------
    timers : Timers
        Where the time is set at which a shut gate is looked at again.
    epoch : float
        Unix time (s) of scenario time 0, for limits by the calendar.

    Attributes
    ----------
    moved : list of Guarded
        Members that were held or set free since this was last cleared.
    """

    def __init__(self, timers: Timers, epoch: float) -> None:
        self._timers = timers
        self._epoch = epoch
        self._all: dict[str, Gate] = {}
        self.moved: list[Guarded] = []

    def gate(self, name: str, allowance: Allowance | None) -> Gate | None:
        """Return a new gate, or None where nothing is limited."""
        if allowance is None:
            return None
        meter = meter_of(
            allowance.rate,
            allowance.burst,
            allowance.window,
            allowance.quota,
            self._epoch,
            allowance.own,
        )
        connections = allowance.connections or 0
        if meter is None and not connections:
            return None
        gate = self._all[name] = Gate(name, meter, connections)
        return gate

    def names(self) -> list[str]:
        """Return the names of all gates."""
        return list(self._all)

    def charge(self, gates: Iterable[Gate], n: int, slots: int, now: float, span: float) -> float:
        """Let `n` messages pass on so many new connections; return the span (s) they take.

        They leave as slowly as the slowest gate lets them, and all gates are charged for that.
        """
        if n > 1:
            for gate in gates:
                if gate.meter:
                    span = max(span, gate.meter.leaves(n, now) - now)
        for gate in gates:
            gate.in_use += slots
            if gate.meter:
                gate.meter.commit(n, now, span)
            self.look(gate, now)
        return span

    def release(self, gates: Iterable[Gate], slots: int, now: float) -> None:
        """Give connections back."""
        for gate in gates:
            gate.in_use -= slots
            if gate.shut:
                self.look(gate, now)

    def refund(
        self, gates: Iterable[Gate], n: int, charged_at: float, span: float, now: float
    ) -> None:
        """Give back messages, charged at a time (s) over a span (s), that were not sent."""
        for gate in gates:
            if gate.meter:
                gate.meter.refund(n, charged_at, span)
                self.look(gate, now)

    def wake(self, name: str, now: float) -> None:
        """Look at a gate whose time has come; it may be gone with a policy that was replaced."""
        gate = self._all.get(name)
        if gate:
            self.look(gate, now)

    def inherit(self, old: Gates, now: float) -> None:
        """Take over what gates of the same name have let through; the limits are the new ones."""
        for name, gate in self._all.items():
            before = old._all.get(name)
            if before and before.meter and gate.meter:
                inherit(gate.meter, before.meter, now)

    def look(self, gate: Gate, now: float) -> None:
        """Shut a gate or open it, as its limits say now."""
        ready = gate.meter.ready_at(now) if gate.meter else now
        full = bool(gate.connections) and gate.in_use >= gate.connections
        if ready > now and ready != gate.until:
            self._timers.set(ready, "gate", gate.name)
        gate.until = ready
        shut = ready > now or full
        if shut != gate.shut:
            gate.shut = shut
            for member in gate.members:
                member.held += 1 if shut else -1
            self.moved += gate.members

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return the state as JSON-able values."""
        return {
            name: {
                "in_use": gate.in_use,
                "shut": gate.shut,
                "until": gate.until,
                "meter": gate.meter.snapshot() if gate.meter else None,
            }
            for name, gate in self._all.items()
        }

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over a state that `snapshot` returned; the gates must be the same."""
        for name, row in state.items():
            gate = self._all[name]
            gate.in_use, gate.until = row["in_use"], row["until"]
            if gate.meter:
                gate.meter.restore(row["meter"])
            if gate.shut != row["shut"]:
                gate.shut = row["shut"]
                for member in gate.members:
                    member.held += 1 if gate.shut else -1
