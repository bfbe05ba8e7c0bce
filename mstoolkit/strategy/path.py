"""Servers and paths as the dispatcher sees them: limits, connection slots, breakers."""

from __future__ import annotations

from mstoolkit.config import Limits, Policy, Server
from mstoolkit.strategy.failover import Breaker
from mstoolkit.strategy.mail_queue import MailQueue
from mstoolkit.strategy.pacing import Gcra, adaptive_of, feedback_of
from mstoolkit.strategy.rotation import Rotation

STRIDE = 4096  # connection slots are numbered path x STRIDE + slot
QUANTUM = 60.0  # a paced path takes at most so many seconds of its rate in one cut


class ServerState:
    """A server of the pool."""

    __slots__ = ("breaker", "connections", "drained", "in_use", "index", "name", "paths", "spec")

    def __init__(self, index: int, name: str, spec: Server, policy: Policy) -> None:
        self.index = index
        self.name = name
        self.spec = spec
        self.connections = spec.connections
        self.in_use = 0
        self.drained = False
        self.breaker = Breaker(policy.failover.server)
        self.paths: list[Path] = []


class IspState:
    """One ISP: its waiting mail, and the paths to it that may be used and that could send now."""

    __slots__ = ("dirty", "eligible", "name", "paths", "queue", "ready", "rotation")

    def __init__(self, name: str, rotation: Rotation) -> None:
        self.name = name
        self.rotation = rotation
        self.queue = MailQueue()
        self.paths: list[Path] = []
        self.eligible: list[Path] = []
        self.ready: list[Path] = []
        self.dirty = False


class Path:
    """A server x ISP: a candidate of the rotation, with pacing, slots and a breaker of its own."""

    __slots__ = (
        "adaptive",
        "alone",
        "base",
        "breaker",
        "burst",
        "clear",
        "eligible",
        "feedback",
        "gcra",
        "idle",
        "index",
        "is_ready",
        "isp",
        "last_used",
        "number",
        "pace_timer",
        "paced",
        "per_connection",
        "probing",
        "quantum",
        "rate",
        "rate_cap",
        "rate_cap_until",
        "server",
        "tier",
        "used",
        "weight",
        "width",
        "width_cap",
        "width_cap_until",
        "width_timer",
    )

    def __init__(
        self, number: int, server: ServerState, isp: IspState, policy: Policy, weight: float
    ) -> None:
        spec, common = server.spec, policy.pacing
        own, general = spec.isp_limits.get(isp.name, Limits()), spec.limits
        rate = own.rate or general.rate or common.rate
        burst = own.burst or general.burst or common.burst
        connections = own.connections or general.connections or common.connections
        self.number = number
        self.base = number * STRIDE
        self.alone = (self,)
        self.server = server
        self.isp = isp
        self.index = server.index
        self.tier = spec.priority
        self.weight = weight
        self.burst = burst
        self.rate = rate
        self.rate_cap = self.rate_cap_until = 0.0  # a cap of 0 is none
        self.width_cap, self.width_cap_until = 0, 0.0
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
        self.feedback = feedback_of(common.feedback, len(self.idle))
        self.width = self.feedback.window if self.feedback else len(self.idle)
        self.width_timer = False
        self.clear = self.width == len(self.idle)
        self.breaker = Breaker(policy.failover.path)
        self.eligible = False
        self.probing = False
        self.paced = False
        self.pace_timer = False
        self.is_ready = False
        self.last_used = 0.0

    @property
    def usable(self) -> bool:
        """Whether the path may be used in principle."""
        server = self.server
        barred = server.drained or server.breaker.shut or self.breaker.shut
        return self.weight > 0 and not barred

    def retune(self, now: float) -> None:
        """Send from now on as fast as the limit, what was learned and the rules let it."""
        rate = self.adaptive.rate if self.adaptive else self.rate
        if self.rate_cap and self.rate_cap < rate:
            rate = self.rate_cap
        self.gcra.retune(rate, now)
        self.quantum = max(self.burst, int(rate * QUANTUM), 1)
