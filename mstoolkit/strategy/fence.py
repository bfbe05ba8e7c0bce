"""Which gates mail passes: those of its server, its path, its ISP and its stream.

What is kept for urgent mail is a second, lower gate beside each limit, which only the rest passes.
"""

from __future__ import annotations

from mstoolkit.config import Limits, Pacing
from mstoolkit.config.pacing import Allowance
from mstoolkit.strategy.gates import Gate, Gates
from mstoolkit.strategy.mail_queue import URGENT
from mstoolkit.strategy.pacing import Metered, adaptive_of
from mstoolkit.strategy.path import IspState, Path, ServerState
from mstoolkit.strategy.route import Choice, Route
from mstoolkit.strategy.timers import Timers
from mstoolkit.strategy.weighting import Weighed


class Fence:
    """Puts gates around servers, paths, ISPs and streams.

    Parameters
    ----------
    pacing : Pacing
        Limits as the policy states them.
    timers : Timers
        Where the time is set at which a shut gate is looked at again.
    epoch : float
        Unix time (s) of scenario time 0.
    """

    def __init__(self, pacing: Pacing, timers: Timers, epoch: float) -> None:
        self._pacing = pacing
        self._open_share = 1.0 - pacing.reserve
        self.gates = Gates(timers, epoch)
        self.by_stream = bool(pacing.reserve or pacing.streams)
        self._streams = {
            name: self.gates.gate(f"stream {name}", allowance)
            for name, allowance in pacing.streams.items()
        }
        self._others: dict[str, Gate | None] = {}

    def enclose_server(self, server: ServerState) -> None:
        """Make the gates of a server as a whole."""
        allowance = server.spec.total or self._pacing.servers
        server.gate = self._pair(f"server {server.name}", allowance)

    def enclose_isp(self, isp: IspState) -> None:
        """Make the gates of an ISP over all servers."""
        named = self._pacing.isps
        allowance = named.get(isp.name) or named.get("*")
        isp.gate = self._pair(f"isp {isp.name}", allowance)
        if allowance and allowance.rate:
            isp.adaptive = adaptive_of(allowance.adapt, allowance.rate)

    def retune(self, isp: IspState, now: float) -> None:
        """Let the gates of an ISP follow the rate that was learned for all paths together."""
        if isp.adaptive is None:
            return
        rate, other = isp.adaptive.rate, self._others.get(f"isp {isp.name}")
        for gate, share in ((isp.gate, 1.0), (other, self._open_share)):
            if gate:
                gate.retune(rate * share, now)
                self.gates.look(gate, now)

    def enclose_path(self, path: Path) -> None:
        """Make the gates of a path besides its rate."""
        own = path.server.spec.isp_limits.get(path.isp.name, Limits())
        general, common = path.server.spec.limits, self._pacing
        name = f"{path.server.name} to {path.isp.name}"
        path.gate = self.gates.gate(
            name,
            Allowance(
                window=own.window or general.window or common.window,
                quota=own.quota or general.quota or common.quota,
                own=own.own or general.own or common.own,
            ),
        )
        if self._pacing.reserve:
            limits = Allowance(rate=path.rate, burst=path.burst, connections=len(path.used))
            self._others[name] = gate = self.gates.gate(f"{name}, not urgent", self._less(limits))
            if gate and isinstance(gate.meter, Metered):
                path.open_pace, path.open_share = gate.meter, self._open_share

    def admit(self, route: Route) -> None:
        """Let a route, and its choices, pass the gates that are theirs."""
        urgent = route.key.stream == URGENT
        found = [route.isp.gate, self._streams.get(route.key.stream)]
        if not urgent:
            found.append(self._others.get(f"isp {route.isp.name}"))
        route.gates = tuple(gate for gate in found if gate)
        for gate in route.gates:
            gate.admit(route)
        for choice in route.choices:
            own = self._around(choice)
            choice.gates = own + route.gates
            for gate in own:
                gate.admit(choice)

    def enclose(self, choice: Choice) -> None:
        """Tell a choice its gates, for an attempt that its route would not make any more."""
        choice.gates = self._around(choice) + choice.route.gates

    def left(self, path: Weighed, now: float) -> float:
        """Return the share, 0 to 1, that a path has left of its quotas, its server's included."""
        assert isinstance(path, Choice)
        gates = (path.path.gate, path.path.server.gate)
        shares = [meter.share_left(now) for gate in gates if gate for meter in gate.quotas()]
        return min(shares, default=1.0)

    def _around(self, choice: Choice) -> tuple[Gate, ...]:
        """Return the gates of a choice's server and path."""
        server, path = choice.path.server, choice.path
        gates = [server.gate, path.gate]
        if choice.route.key.stream != URGENT:
            gates.append(self._others.get(f"server {server.name}"))
            gates.append(self._others.get(f"{server.name} to {path.isp.name}"))
        return tuple(gate for gate in gates if gate)

    def _pair(self, name: str, allowance: Allowance | None) -> Gate | None:
        """Make a gate, and a lower one beside it if something is kept for urgent mail."""
        if allowance and self._pacing.reserve:
            self._others[name] = self.gates.gate(f"{name}, not urgent", self._less(allowance))
        return self.gates.gate(name, allowance)

    def _less(self, allowance: Allowance) -> Allowance:
        """Return what is left of an allowance for mail that is not urgent."""
        share = self._open_share
        return Allowance(
            rate=allowance.rate * share if allowance.rate else None,
            burst=max(1, int(allowance.burst * share)),
            window=tuple(w.model_copy(update={"n": _part(w.n, share)}) for w in allowance.window),
            quota=tuple(q.model_copy(update={"n": _part(q.n, share)}) for q in allowance.quota),
            own=allowance.own,
            connections=_part(allowance.connections, share) if allowance.connections else None,
        )


def _part(n: int, share: float) -> int:
    return max(1, int(n * share))
