"""Changes while mail is under way: a changed pool is a new one that takes over the old one's state.

Paths keep their numbers, slots, limits' debts, breakers and what was learned of them; open attempts
stay valid; waiting mail is bound to the routes anew. Rotations begin anew, as their scores belong
to the pool that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mstoolkit.config import ConfigError, Policy, Server, parsed
from mstoolkit.model import Lot, PolicyChanged, PoolChanged
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.strategy.pacing import AdaptiveRate
from mstoolkit.strategy.path import IspState, Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Route, RouteKey
from mstoolkit.strategy.snapshot import path_state, restore_path
from mstoolkit.strategy.timers import Timers

_SET_ANEW = frozenset({"retry", "shed", "panic", "pace", "dial", "gate", "turn"})


class Setup:
    """Which servers and which policy a dispatcher works with.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool, in its order of declaration.
    policy : Policy
        The strategy.

    Attributes
    ----------
    retired : set of str
        Servers that were removed; their numbers are not given away.
    changed : bool
        Whether this is another setup than the one that it began with.
    """

    def __init__(self, servers: Mapping[str, Server], policy: Policy) -> None:
        self.servers = dict(servers)
        self.policy = policy
        self.retired: set[str] = set()
        self.changed = False

    def after(self, event: PoolChanged | PolicyChanged) -> Setup:
        """Return the setup as it is after a change; this one stays as it was.

        Raises
        ------
        ConfigError
            If a server's name is taken, or not known, or a description cannot be used.
        """
        new = Setup(self.servers, self.policy)
        new.retired = set(self.retired)
        new.changed = self.changed
        if isinstance(event, PolicyChanged):
            new.policy = parsed(Policy, event.policy, key="policy")
            new.changed = True
        else:
            new._change(event)
        return new

    def _change(self, event: PoolChanged) -> None:
        name, there = event.server, event.server in self.servers
        there = there and name not in self.retired
        if event.change == "added" and there:
            raise ConfigError(
                f"there is a server {name!r} already", key="server", remedy="edit it instead"
            )
        if event.change != "added" and not there:
            known = ", ".join(each for each in self.servers if each not in self.retired)
            raise ConfigError(
                f"there is no server {name!r}", key="server", remedy=f"known are {known}"
            )
        if event.change in {"drained", "restored"}:
            return
        if event.change == "removed":
            self.retired.add(name)
        else:
            self.servers[name] = parsed(Server, event.spec, key=f"servers.{name}")
            self.retired.discard(name)
        self.changed = True

    def snapshot(self) -> dict[str, Any] | None:
        """Return the setup as JSON-able values, or None if it is the original one."""
        if not self.changed:
            return None
        return {
            "servers": {name: spec.model_dump_json() for name, spec in self.servers.items()},
            "retired": sorted(self.retired),
            "policy": self.policy.model_dump_json(),
        }

    def restore(self, state: Mapping[str, Any] | None) -> bool:
        """Take over a setup that `snapshot` returned; return whether it is another one."""
        if state is None:
            return False
        self.servers = {
            name: Server.model_validate_json(spec) for name, spec in state["servers"].items()
        }
        self.retired = set(state["retired"])
        self.policy = Policy.model_validate_json(state["policy"])
        self.changed = True
        return True


def take_over(pool: Pool, old: Pool, outbox: Outbox, timers: Timers) -> None:
    """Bring a fresh pool into the state of the one that it replaces.

    Parameters
    ----------
    pool : Pool
        Fresh, with the servers of the old one in their order, and perhaps more.
    old : Pool
        Not to be used any more.
    outbox : Outbox
        Whose open attempts are bound to the new pool.
    timers : Timers
        Whose timers for routes and limits are set anew.
    """
    pool.now = old.now
    timers.drop(_SET_ANEW)
    outbox.turning = False
    for server in old.servers:
        fresh = pool.by_name[server.name]
        fresh.in_use, fresh.drained = server.in_use, server.drained or fresh.drained
        fresh.resting_until = server.resting_until
        fresh.breaker.inherit(server.breaker)
        fresh.reason = server.reason
    for path in old.paths:
        _move_path(pool.path(path.server.name, path.isp.name), path, pool.now)
    for name, isp in old.isps.items():
        _move_isp(pool.isp(name), isp)
    pool.scales.inherit(old.scales, old.now)
    pool.fence.gates.inherit(old.fence.gates, old.now)
    for isp in pool.isps.values():
        pool.fence.retune(isp, old.now)
    for route in old.routes:
        _rebind(pool, route, timers)
    _rebind_flights(pool, outbox)
    for path in pool.paths:
        pool.recheck(path)
    for path in pool.paths:
        outbox.repace(path, pool.now)
    for name in pool.fence.gates.names():
        pool.wake_gate(name)
    pool.mark_all()


def _move_path(path: Path, old: Path, now: float) -> None:
    """Take over what a path has in use, owes and has learned; its limits are the new ones."""
    state, fresh = path_state(old), path_state(path)
    before, after = len(old.used), max(path.most, len(old.used))
    state["idle"] = [*range(after - 1, before - 1, -1), *state["idle"]]
    state["used"] = [*state["used"], *[0] * (after - before)]
    state["breaker"] = fresh["breaker"]
    for part in ("adaptive", "feedback", "dial", "isolation"):
        if type(getattr(path, part)) is not type(getattr(old, part)):
            state[part] = fresh[part]  # of another kind: it begins anew
    state["connecting"] = False  # until its pace says so
    narrowed = old.wish < old.most
    state["wish"] = wish = min(path.wish, old.wish) if narrowed else path.wish
    state["width"] = min(wish, old.width_cap or wish, old.ramp_cap or wish)
    restore_path(path, state)
    path.breaker.inherit(old.breaker)
    _keep_rate(path.adaptive, old.adaptive)
    path.retune(now)
    path.gcra.inherit(old.gcra, now)
    if path.dial and old.dial:
        path.dial.inherit(old.dial, now)


def _keep_rate(rate: AdaptiveRate | None, old: AdaptiveRate | None) -> None:
    """Let a rate go on from what was learned, if it learns in the same way."""
    if rate and old and type(rate) is type(old):
        rate.inherit(old)


def _move_isp(isp: IspState, old: IspState) -> None:
    """Take over what an ISP holds against our domain, and how servers did that are unchanged."""
    isp.breaker.inherit(old.breaker)
    _keep_rate(isp.adaptive, old.adaptive)
    if isp.outliers is None or old.outliers is None or isp.outlier_spec != old.outlier_spec:
        return
    isp.outliers.restore(old.outliers.snapshot())
    for path, before in zip(isp.paths, old.paths, strict=False):
        if path.server.spec != before.server.spec:
            isp.outliers.readmitted(path.index)


def _rebind(pool: Pool, old: Route, timers: Timers) -> None:
    """Put the mail of a route into the routes that it belongs to now."""
    for due, pile in old.queue.drain():
        key = _key_now(pool, pile.lot, old.key.pin)
        route = pool.route(key)
        if not due:
            (route.lanes.line_up if pile.attempt else route.lanes.add)(pile)
        elif route.queue.put_off(pile, due):
            timers.set(due, "retry", route.number)


def _key_now(pool: Pool, lot: Lot, pin: str) -> RouteKey:
    """Return the route of a lot's mail; it waits for a server only while that may carry it."""
    key, server = pool.router.key(lot), pool.by_name.get(pin)
    if server is None or server.retired or not pool.router.may_use(key, pin):
        return key
    return key._replace(pin=pin)


def _rebind_flights(pool: Pool, outbox: Outbox) -> None:
    """Let open attempts belong to the choices that stand for their paths now."""
    for token, (choice, send, taken, *rest) in list(outbox.flights.items()):
        route = pool.route(_key_now(pool, send.parcel.lot, choice.route.key.pin))
        path = pool.paths[choice.path.number]
        fresh = pool.choice(route.number, path.index)
        outbox.flights[token] = (fresh, send, taken, *rest)  # type: ignore[assignment]
        slots = 1 if isinstance(taken, int) else len(taken)
        for gate in fresh.gates:
            gate.in_use += slots
        if route.rotation.counts_load:
            route.rotation.commit(fresh, send.parcel.n, fresh.alone, pool.now)
