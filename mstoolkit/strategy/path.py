"""Servers and paths as the dispatcher sees them: limits, connection slots, breakers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstoolkit.config import Limits, Policy, Server
from mstoolkit.strategy.failover import (
    Breaker,
    IsolationTimes,
    OutlierDetector,
    isolation_times_of,
    outliers_of,
)
from mstoolkit.strategy.pacing import AdaptiveRate, Gcra, Metered, adaptive_of, feedback_of

if TYPE_CHECKING:
    from mstoolkit.strategy.gates import Gate
    from mstoolkit.strategy.route import Choice, Route

STRIDE = 4096  # connection slots are numbered path x STRIDE + slot
QUANTUM = 60.0  # a paced path takes at most so many seconds of its rate in one cut


class ServerState:
    """A server of the pool."""

    __slots__ = (
        "breaker", "connections", "drained", "gate", "in_use", "index", "name", "paths",
        "reason", "resting_until", "retired", "spec",
    )  # fmt: skip

    def __init__(self, index: int, name: str, spec: Server, policy: Policy) -> None:
        self.index = index
        self.name = name
        self.spec = spec
        self.connections = spec.connections
        self.in_use = 0
        self.drained = False
        self.retired = False
        self.breaker = Breaker(policy.failover.server)
        self.reason = ""  # of the last suspension
        self.resting_until = 0.0  # because of a rule, not because it could not be reached
        self.gate: Gate | None = None
        self.paths: list[Path] = []


class IspState:
    """One ISP: the paths to it and the routes by which its mail goes."""

    __slots__ = (
        "adaptive", "breaker", "gate", "name", "number", "outlier_spec", "outliers", "paths",
        "routes",
    )  # fmt: skip

    def __init__(self, number: int, name: str, policy: Policy) -> None:
        self.number = number
        self.name = name
        self.paths: list[Path] = []
        self.routes: list[Route] = []
        self.adaptive: AdaptiveRate | None = None  # of all paths together
        self.breaker = Breaker(policy.failover.path)  # where a reply blames our domain, not a path
        self.outlier_spec = spec = policy.failover.outliers
        self.outliers: OutlierDetector | None = outliers_of(spec) if spec else None
        self.gate: Gate | None = None


class Path:
    """A server x ISP: pacing, slots and a breaker; each route to the ISP has a choice for it."""

    __slots__ = (
        "adaptive",
        "base",
        "began_at",
        "breaker",
        "burst",
        "choices",
        "clear",
        "connecting",
        "dial",
        "ease_at",
        "feedback",
        "gate",
        "gcra",
        "heir",
        "heir_until",
        "idle",
        "index",
        "is_ready",
        "isolation",
        "isp",
        "last_used",
        "leased",
        "most",
        "number",
        "open_pace",
        "open_share",
        "overdue",
        "pace_timer",
        "paced",
        "per_connection",
        "probing",
        "quantum",
        "ramp",
        "ramp_cap",
        "rate",
        "rate_cap",
        "rate_cap_until",
        "reason",
        "server",
        "simple",
        "used",
        "width",
        "width_cap",
        "width_cap_until",
        "width_timer",
        "wish",
    )

    def __init__(self, number: int, server: ServerState, isp: IspState, policy: Policy) -> None:
        spec, common = server.spec, policy.pacing
        own, general = spec.isp_limits.get(isp.name, Limits()), spec.limits
        rate = own.rate or general.rate or common.rate
        burst = own.burst or general.burst or common.burst
        connections = own.connections or general.connections or common.connections
        self.number = number
        self.base = number * STRIDE
        self.server = server
        self.isp = isp
        self.index = server.index
        self.choices: list[Choice] = []
        self.simple = False  # one route and no gates
        self.burst = burst
        self.rate = rate
        self.rate_cap = self.rate_cap_until = 0.0  # a cap of 0 is none
        self.width_cap, self.width_cap_until = 0, 0.0
        self.heir, self.heir_until = "", 0.0  # the server that has its share meanwhile
        self.gcra = Gcra(rate, burst)
        self.adaptive = adaptive_of(common.adapt, rate)
        self.quantum = max(burst, int(rate * QUANTUM), 1)
        self.per_connection = (
            own.messages_per_connection
            or general.messages_per_connection
            or common.messages_per_connection
        )
        self.idle = list(range(min(connections, STRIDE) - 1, -1, -1))
        self.used = [0] * len(self.idle)
        self.most = len(self.idle)  # connections at once; there may be more slots after a change
        dial = own.connection_rate or general.connection_rate or common.connection_rate
        self.dial = Gcra(dial, 1) if dial else None  # how often a connection may be opened
        self.connecting = False  # its pace for that is spent
        self.gate: Gate | None = None
        self.open_pace: Metered | None = None  # of mail that is not urgent
        self.open_share = 1.0
        self.feedback = feedback_of(common.feedback, len(self.idle))
        self.width = self.feedback.window if self.feedback else len(self.idle)
        self.wish = self.width  # connections that it could use but for caps
        self.width_timer = False
        self.ramp, self.ramp_cap = 1.0, 0  # of a slow start; a cap of 0 is none
        self.began_at = self.ease_at = 0.0  # when that began, and when it allows more
        outliers = policy.failover.outliers
        self.isolation: IsolationTimes | None = isolation_times_of(outliers) if outliers else None
        self.clear = self.width == len(self.idle)
        self.breaker = Breaker(policy.failover.path)
        self.reason = ""  # of the last suspension
        self.probing = False
        self.leased = 0  # number of the timer for the end of a probe's lease; 0 is none
        self.overdue = 0  # connections whose messages had no answer within the lease of a probe
        self.paced = False
        self.pace_timer = False
        self.is_ready = False
        self.last_used = 0.0

    @property
    def in_use(self) -> int:
        """Number of connections that carry messages."""
        return len(self.used) - len(self.idle)

    @property
    def may_connect(self) -> bool:
        """Whether an idle slot can be used although no connection may be opened now."""
        if not self.connecting:
            return True
        return any(0 < self.used[slot] < self.per_connection for slot in self.idle)

    @property
    def usable(self) -> bool:
        """Whether the path may be used in principle."""
        server = self.server
        return not (server.drained or server.breaker.shut or self.breaker.shut)

    @property
    def is_last(self) -> bool:
        """Whether some mail has no other way to the ISP, nor may look for one."""
        return any(
            choice.route.exhausted != "spill" and choice.route.eligible == [choice]
            for choice in self.choices
        )

    @property
    def merely_unreachable(self) -> bool:
        """Whether all that stands against the path is that its server could not be reached."""
        unreachable = self.server.breaker.state == "open"
        return unreachable and not (self.server.drained or self.breaker.shut)

    def retune(self, now: float) -> None:
        """Send from now on as fast as the limit, what was learned and the rules let it."""
        rate = (self.adaptive.rate if self.adaptive else self.rate) * self.ramp
        if self.rate_cap and self.rate_cap < rate:
            rate = self.rate_cap
        self.gcra.retune(rate, now)
        if self.open_pace:
            self.open_pace.retune(rate * self.open_share, now)
        self.quantum = max(self.burst, int(rate * QUANTUM), 1)
