"""Routes: the mail that goes to one ISP by the same servers, and the choice it has among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mstoolkit.config import ConfigError, Policy, Server
from mstoolkit.config.failover import Exhausted
from mstoolkit.config.ordering import Ordering
from mstoolkit.model import Lot
from mstoolkit.strategy.gates import Gate
from mstoolkit.strategy.mail_queue import MailQueue
from mstoolkit.strategy.ordering import HomeQueue, queue_of
from mstoolkit.strategy.path import IspState, Path
from mstoolkit.strategy.rotation import Rotation


class RouteKey(NamedTuple):
    """What mail of one route has in common.

    Parameters
    ----------
    isp : str
        Where it goes.
    rule : int
        Number of the policy's route that it fits, or -1.
    stream : str
        Its stream where streams are told apart, else empty.
    pin : str
        The server that it waits for, or empty.
    """

    isp: str
    rule: int = -1
    stream: str = ""
    pin: str = ""


class Choice:
    """A path as one route may take it: a candidate of the route's rotation.

    ``home`` paths are the route's own; others are taken only when it spills. ``gates`` are all that
    its mail passes, the route's included.
    """

    __slots__ = (
        "alone",
        "eligible",
        "gates",
        "held",
        "home",
        "index",
        "is_ready",
        "path",
        "route",
        "tier",
        "weight",
    )

    def __init__(self, path: Path, route: Route, home: bool) -> None:
        self.path = path
        self.route = route
        self.home = home
        self.index = path.index
        self.tier = path.server.spec.priority
        self.weight = 0.0
        self.eligible = False
        self.is_ready = False
        self.alone = (self,)
        self.gates: tuple[Gate, ...] = ()
        self.held = 0  # by so many of the gates that are its path's

    @property
    def number(self) -> int:
        """Number of the path."""
        return self.path.number

    @property
    def isp_name(self) -> str:
        """Name of the ISP."""
        return self.path.isp.name

    @property
    def stream(self) -> str:
        """The route's stream; empty where streams are not told apart."""
        return self.route.key.stream

    @property
    def spec(self) -> Server:
        """The server as the scenario describes it."""
        return self.path.server.spec


class Route:
    """Mail that waits for one ISP, and the choices that may be used and that could send now.

    ``lanes`` is the mail in the policy's order, ``homes`` the front of it where each message has a
    server of its own, and ``queue`` the one that mail goes through.

    ``served`` tells when it last sent, in tokens, so that of several routes that want the same
    slot each has its turn.
    """

    __slots__ = (
        "choices",
        "dirty",
        "eligible",
        "empty_since",
        "exhausted",
        "gates",
        "held",
        "homes",
        "isp",
        "key",
        "lanes",
        "number",
        "panicking",
        "queue",
        "ready",
        "rotation",
        "served",
        "spilling",
    )

    def __init__(
        self,
        number: int,
        key: RouteKey,
        isp: IspState,
        rotation: Rotation,
        exhausted: Exhausted,
        ordering: Ordering,
    ) -> None:
        self.number = number
        self.key = key
        self.isp = isp
        self.rotation = rotation
        self.exhausted = exhausted
        queue = queue_of(ordering)
        self.homes: HomeQueue[Choice] | None = HomeQueue(queue) if rotation.keyed else None
        self.queue: MailQueue | HomeQueue[Choice] = self.homes or queue
        self.lanes = queue
        self.choices: list[Choice] = []
        self.eligible: list[Choice] = []
        self.ready: list[Choice] = []
        self.spilling = False
        self.panicking = False  # a timer is set to look again
        self.gates: tuple[Gate, ...] = ()
        self.held = 0  # by so many of them
        self.empty_since: float | None = None
        self.dirty = False
        self.served = -1


class Router:
    """Tells which route mail takes, and by which servers.

    Parameters
    ----------
    policy : Policy
        Its routes and what they say of servers.
    servers : iterable of str
        Names of the pool.
    by_stream : bool
        Whether streams are told apart, because limits or weights differ between them.

    Raises
    ------
    ConfigError
        If a route names a server that is not in the pool.
    """

    def __init__(self, policy: Policy, servers: Iterable[str], by_stream: bool) -> None:
        self._rules = policy.routes
        self._otherwise = policy.failover.exhausted
        self._by_stream = by_stream
        self._exclusive = frozenset(
            name for rule in self._rules if rule.exclusive for name in rule.servers
        )
        known = list(servers)
        for number, rule in enumerate(self._rules):
            for name in rule.servers:
                if name not in known:
                    raise ConfigError(
                        f"there is no server {name!r} in the pool",
                        key=f"routes.{number}.servers",
                        remedy=f"known are {', '.join(known)}",
                    )

    def key(self, lot: Lot) -> RouteKey:
        """Return the route of a lot's mail."""
        return RouteKey(lot.isp, self._rule(lot), lot.stream if self._by_stream else "")

    def exhausted(self, key: RouteKey) -> Exhausted:
        """Return what becomes of a route's mail while none of its servers can be used."""
        if key.pin:
            return "spill"
        own = self._rules[key.rule].exhausted if key.rule >= 0 else None
        return own or self._otherwise

    def is_home(self, key: RouteKey, server: str) -> bool:
        """Whether a server is one that the route uses as long as it can."""
        return server == key.pin if key.pin else self._serves(key, server)

    def is_spare(self, key: RouteKey, server: str) -> bool:
        """Whether a server is one that the route may spill to."""
        return self._serves(key if key.pin else RouteKey(key.isp), server)

    def may_use(self, key: RouteKey, server: str) -> bool:
        """Whether a route uses a server, as its own or when it spills."""
        spills = self.exhausted(key) == "spill" and self.is_spare(key, server)
        return self.is_home(key, server) or spills

    def _serves(self, key: RouteKey, server: str) -> bool:
        if key.rule >= 0:
            return server in self._rules[key.rule].servers
        return server not in self._exclusive

    def _rule(self, lot: Lot) -> int:
        for number, rule in enumerate(self._rules):
            asked = (
                (lot.isp, rule.isps),
                (lot.stream, rule.streams),
                (lot.segment, rule.segments),
                (lot.campaign, rule.campaigns),
            )
            if all(not names or value in names for value, names in asked):
                return number
        return -1
