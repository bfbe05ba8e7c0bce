"""The pool: which paths each route may use, which could send now, and their connection slots.

Decisions are many and changes are few: a route's `eligible` and `ready` lists are kept, and touched
only by what changes them. A choice is *eligible* unless it is drained, weightless, suspended or
spare; it is *ready* if besides its path has a free slot and its pacing lets it send.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter

from mstoolkit.config import Policy, Server
from mstoolkit.model import Lot, Parcel
from mstoolkit.strategy.fence import Fence
from mstoolkit.strategy.path import STRIDE, IspState, Path, ServerState
from mstoolkit.strategy.presets import rotation_of
from mstoolkit.strategy.rotation import MANY, Crowd, Rotation
from mstoolkit.strategy.route import Choice, Route, RouteKey, Router
from mstoolkit.strategy.scales import Scales
from mstoolkit.strategy.timers import Timers

_by_index = attrgetter("index")


class Pool:
    """Servers, ISPs, the paths between them and the routes that use them.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool, in its order of declaration.
    policy : Policy
        Rotation, routes, weighting, default limits and breakers.
    timers : Timers
        Where the end of a route's patience is set.
    epoch : float
        Unix time (s) of scenario time 0.
    retired : collection of str
        Servers that were removed from the pool; their numbers are not given away.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        policy: Policy,
        timers: Timers,
        epoch: float = 0.0,
        retired: Collection[str] = (),
    ) -> None:
        self._policy = policy
        self.timers = timers
        self.servers = [
            ServerState(index, name, spec, policy)
            for index, (name, spec) in enumerate(servers.items())
        ]
        self._large = len(self.servers) > MANY
        self.by_name = {server.name: server for server in self.servers}
        self.fence = Fence(policy.pacing, timers, epoch)
        for server in self.servers:
            server.retired = server.drained = server.name in retired
            self.fence.enclose_server(server)
        self.scales = Scales(policy, servers, epoch, self.fence.left)
        self.router = Router(policy, self.by_name, by_stream=self.fence.by_stream)
        self.isps: dict[str, IspState] = {}
        self.paths: list[Path] = []
        self.routes: list[Route] = []
        self._by_ends: dict[tuple[str, str], Path] = {}
        self._by_key: dict[RouteKey, Route] = {}
        self.by_lot: dict[int, Route] = {}
        self.dirty: list[Route] = []
        self.now = 0.0
        first = self._rotation()
        self.shared = first if first.scope == "pool" else None
        self.learns = first.learns
        self._keyed_by = getattr(policy.rotation, "key", "recipient")

    def isp(self, name: str) -> IspState:
        """Return the state of an ISP with the paths to it, made when it is first heard of."""
        known = self.isps.get(name)
        if known is None or len(known.paths) < len(self.servers):
            for server in self.servers:
                known = self.path(server.name, name).isp
        assert known is not None  # a pool has servers
        return known

    def path(self, server: str, isp: str) -> Path:
        """Return the path from a server to an ISP, made when it is first needed."""
        at = self.isps.get(isp)
        if at is None:
            at = self.isps[isp] = IspState(len(self.isps), isp, self._policy)
            self.fence.enclose_isp(at)
        path = self._by_ends.get((server, isp))
        if path is None:
            path = Path(len(self.paths), self.by_name[server], at, self._policy)
            self._by_ends[server, isp] = path
            self.fence.enclose_path(path)
            for where in (self.paths, at.paths, path.server.paths):
                where.append(path)
            self.recheck(path)
        return path

    def route(self, key: RouteKey) -> Route:
        """Return a route, made when it is first needed."""
        known = self._by_key.get(key)
        if known is not None:
            return known
        isp, router = self.isp(key.isp), self.router
        rotation = self.shared or self._rotation(key)
        route = Route(
            len(self.routes), key, isp, rotation, router.exhausted(key), self._policy.ordering
        )
        if self._large:
            route.ready = Crowd(len(self.servers))
        for path in isp.paths:
            if path.server.retired:
                continue
            home, spare = (
                look(key, path.server.name) for look in (router.is_home, router.is_spare)
            )
            if home or (spare and route.exhausted == "spill"):
                choice = Choice(path, route, home)
                route.choices.append(choice)
                path.choices.append(choice)
        self.fence.admit(route)
        for choice in route.choices:
            path = choice.path
            plain = len(path.choices) == 1 and path.dial is None
            path.simple = plain and not choice.gates and route.homes is None
        self.scales.weigh(route.choices, self.now)
        self._by_key[key] = route
        self.routes.append(route)
        isp.routes.append(route)
        for choice in route.choices:
            for gate in choice.gates:
                self.fence.gates.look(gate, self.now)
            self.recheck(choice.path)
        self._settle(route)
        return route

    def route_of(self, lot: Lot) -> Route:
        """Return the route of a lot's mail."""
        route = self.by_lot.get(lot.id)
        if route is None:
            route = self.by_lot[lot.id] = self.route(self.router.key(lot))
        return route

    def chooser(self, route: Route) -> Rotation:
        """Return the rotation that learns from a route's mail; pinned mail is that of another."""
        key = route.key
        return self.route(key._replace(pin="")).rotation if key.pin else route.rotation

    def key_of(self, parcel: Parcel) -> str:
        """Return the key by which a message keeps its server; it is one that is known.

        A recipient is known by list and position, a sender by the campaign that he runs.
        """
        lot = parcel.lot
        match self._keyed_by:
            case "domain":
                return lot.isp
            case "sender":
                return lot.campaign
            case "message":
                return f"{lot.campaign}/{lot.list}/{parcel.first}"
            case _:
                return f"{lot.list}/{parcel.first}"

    def panic_later(self, route: Route) -> None:
        """Look again after a while at a route that has no server left, if the policy panics."""
        pause = self._policy.failover.panic
        if pause and not route.panicking:
            route.panicking = True
            self.timers.set(self.now + pause, "panic", route.number)

    def sheds(self, route: Route) -> bool:
        """Whether a route gives its mail up: for too long none of its servers could be used."""
        since, failover = route.empty_since, self._policy.failover
        if since is None or route.exhausted != "shed":
            return False
        return self.now >= since + failover.shed_after

    def _rotation(self, key: RouteKey | None = None) -> Rotation:
        """Return a new rotation for a route, or for the whole pool; others' servers have tier 0."""
        tiers = [
            server.spec.priority if key is None or self.router.is_home(key, server.name) else 0
            for server in self.servers
        ]
        return rotation_of(self._policy.rotation, list(self.by_name), len(self.routes), tiers)

    def choice(self, route: int, index: int) -> Choice:
        """Return how a route takes a server, by their numbers, whether it still does or not."""
        at = self.routes[route]
        known = next((choice for choice in at.choices if choice.index == index), None)
        if known is None:
            known = Choice(self.path(self.servers[index].name, at.isp.name), at, home=False)
            self.fence.enclose(known)
        return known

    def path_of_connection(self, connection: int) -> tuple[Path, int]:
        """Return the path and the slot of a connection number."""
        number, slot = divmod(connection, STRIDE)
        return self.paths[number], slot

    # -- what has a way out

    def mark(self, route: Route) -> None:
        """Note that a route's mail may have a new way out."""
        if not route.dirty and route.queue.n and not route.held:
            route.dirty = True
            self.dirty.append(route)

    def mark_all(self) -> None:
        """Note that every route's mail may have a new way out."""
        for route in self.routes:
            self.mark(route)

    def refresh(self, path: Path) -> None:
        """Bring `ready` up to date after a slot, the pacing or eligibility of a path changed.

        A probe goes one message at a time, on one connection, besides those that were given up.
        """
        server = path.server
        path.is_ready = able = (
            not path.paced
            and bool(path.idle)
            and server.in_use < server.connections
            and (path.clear or path.in_use < (1 + path.overdue if path.probing else path.width))
            and (path.dial is None or path.may_connect)
        )
        for choice in path.choices:
            ready = able and choice.eligible and not choice.held
            if ready == choice.is_ready:
                continue
            choice.is_ready = ready
            route = choice.route
            if not ready:
                if self._large:
                    _remove(route.ready, choice)
                else:
                    route.ready.remove(choice)
                continue
            _insert(route.ready, choice)
            if not route.dirty and route.queue.n and not route.held:
                route.dirty = True
                self.dirty.append(route)

    def recheck(self, path: Path) -> None:
        """Bring `eligible` up to date after a breaker, a drain or a probe changed."""
        path.probing = path.breaker.state == "half-open" or path.server.breaker.state == "half-open"
        path.clear = not path.probing and path.width == len(path.used)
        usable = path.usable
        for choice in path.choices:
            if self._judge(choice, usable) or choice.route.spilling:
                self._settle(choice.route)
        self.refresh(path)

    def _judge(self, choice: Choice, usable: bool) -> bool:
        """Bring a choice's eligibility up to date; return whether it changed."""
        route = choice.route
        usable = usable and choice.weight > 0 and (choice.home or route.spilling)
        if usable == choice.eligible:
            return False
        choice.eligible = usable
        if route.homes is not None:  # theirs is gone, or there is one for messages without
            route.homes.release(None if usable else choice)
        (_insert if usable else _remove)(route.eligible, choice)
        self.mark(route)
        return True

    def _settle(self, route: Route) -> None:
        """Let a route that has lost its last way out spill, and end that when one is back."""
        if route.eligible and route.exhausted != "spill":
            route.empty_since = None
            return
        spilling = route.exhausted == "spill" and not any(
            c.home and c.weight > 0 and c.path.usable for c in route.choices
        )
        if spilling != route.spilling:
            route.spilling = spilling
            for choice in route.choices:
                if self._judge(choice, choice.path.usable):
                    self.refresh(choice.path)
        if route.eligible:
            route.empty_since = None
        elif route.empty_since is None:
            route.empty_since, failover = self.now, self._policy.failover
            if route.exhausted == "shed":
                self.timers.set(self.now + failover.shed_after, "shed", route.number)
            self.panic_later(route)

    def recheck_server(self, server: ServerState) -> None:
        """Bring all paths of a server up to date."""
        for path in server.paths:
            self.recheck(path)

    def recheck_probed(self, path: Path) -> None:
        """Bring what a probe may have changed up to date: its path, or all of its server."""
        if path.server.breaker.troubled:
            self.recheck_server(path.server)
        else:
            self.recheck(path)

    # -- slots

    def reweigh(self, routes: Iterable[Route] | None = None) -> None:
        """Weigh the choices of routes anew, or of all of them."""
        for route in self.routes if routes is None else routes:
            before = sum(choice.weight for choice in route.choices)
            crossed = self.scales.weigh(route.choices, self.now)
            after = sum(choice.weight for choice in route.choices)
            if before and after and before != after and self.shared is None:
                route.rotation.rescale(after / before)
            if crossed:
                for choice in route.choices:
                    self.recheck(choice.path)
            if isinstance(route.ready, Crowd):
                route.ready.weigh()

    def narrow(self, path: Path) -> bool:
        """The ISP admits no further connection: get along with those open, if there are any."""
        opened = sum(1 for used in path.used if used)
        if not opened:
            return False
        self.set_width(path, opened)
        return True

    def set_width(self, path: Path, width: int) -> None:
        """Let a path use so many of its connections, unless a rule or a slow start allows fewer."""
        path.wish = width
        for cap in (path.width_cap, path.ramp_cap):
            if cap and cap < width:
                width = cap
        if width != path.width:
            path.width = width
            self.recheck(path)

    def widen(self, path: Path) -> bool:
        """Try one connection more; return whether there are more to try later."""
        path.width_timer = False
        self.set_width(path, min(path.wish + 1, path.most))
        return path.wish < path.most

    def wake_gate(self, name: str) -> None:
        """Look at a gate whose time has come."""
        self.fence.gates.wake(name, self.now)
        self.settle_gates()

    def settle_gates(self) -> None:
        """Bring up to date whatever gates that shut or opened hold or set free."""
        moved = self.fence.gates.moved
        while moved:
            member = moved.pop()
            if isinstance(member, Choice):
                self.refresh(member.path)
            elif isinstance(member, Route):
                self.mark(member)

    def refresh_server(self, server: ServerState) -> None:
        """Bring `ready` up to date after a server's connections were used up or came free."""
        for path in server.paths:
            self.refresh(path)


def _insert(choices: list[Choice], choice: Choice) -> None:
    if isinstance(choices, Crowd):
        choices.enter(choice)
    elif not choices or choices[-1].index < choice.index:
        choices.append(choice)
    else:
        insort(choices, choice, key=_by_index)


def _remove(choices: list[Choice], choice: Choice) -> None:
    if isinstance(choices, Crowd):
        choices.leave(choice)
    elif len(choices) < 16:
        choices.remove(choice)
    else:
        del choices[bisect_left(choices, choice.index, key=_by_index)]
