"""What is left alone, and how it comes back: servers, paths, and connections too many.

Notices go out with the other commands of the event; ends of suspensions are timers.
"""

from __future__ import annotations

from mstoolkit.config.isolation import SlowStartSpec
from mstoolkit.model import Close, Probed, Resumed, Suspended
from mstoolkit.strategy.failover import next_step, ramp, ramp_connections
from mstoolkit.strategy.outbox import IDLE_TIMEOUT, Outbox
from mstoolkit.strategy.path import Path, ServerState
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Route
from mstoolkit.strategy.timers import Timers

WIDEN_AFTER = 600.0  # s after which a path whose ISP refused a connection tries one more


class Suspensions:
    """Carries out what breakers decide.

    Parameters
    ----------
    pool : Pool
        Paths and servers.
    timers : Timers
        Where the ends of suspensions are set.
    outbox : Outbox
        Whose commands take the notices.
    slow_start : SlowStartSpec or None
        How what comes back takes its share by degrees.
    """

    def __init__(
        self, pool: Pool, timers: Timers, outbox: Outbox, slow_start: SlowStartSpec | None
    ) -> None:
        self._pool = pool
        self._timers = timers
        self._outbox = outbox
        self._slow_start = slow_start

    def path(self, path: Path, reason: str) -> None:
        """Leave a path alone until its breaker says."""
        until, path.reason = path.breaker.until, reason
        self._outbox.commands.append(Suspended(path.server.name, path.isp.name, until, reason))
        self._timers.set(until, "path", path.number)
        self._pool.recheck(path)
        self.hang_up(path)

    def server(self, server: ServerState, reason: str) -> None:
        """Leave a server alone until its breaker says."""
        until, server.reason = server.breaker.until, reason
        self._outbox.commands.append(Suspended(server.name, "", until, reason))
        self._timers.set(until, "server", server.index)
        self._pool.recheck_server(server)
        for path in server.paths:
            self.hang_up(path)

    def rest(self, server: ServerState, until: float, reason: str) -> None:
        """Leave a server alone until a time (s), whether it can be reached or not."""
        if server.breaker.hold(until):
            server.resting_until = until
            self.server(server, reason)

    def lift(self, path: Path, now: float) -> None:
        """End what rules have said of a path for a time that is over."""
        if path.rate_cap and path.rate_cap_until <= now:
            path.rate_cap = 0.0
            path.retune(now)
        if path.width_cap and path.width_cap_until <= now:
            path.width_cap = 0
            self._pool.set_width(path, path.wish)
        if path.heir and path.heir_until <= now:
            path.heir = ""
            self._pool.reweigh(path.isp.routes)

    def probe_path(self, path: Path, now: float) -> None:
        """A path's suspension is over, unless it was prolonged: let a probe through."""
        if not path.breaker.rested(now):
            return
        path.breaker.try_again()
        self._outbox.commands.append(Probed(path.server.name, path.isp.name))
        self._pool.recheck(path)

    def probe_server(self, server: ServerState, now: float) -> None:
        """A server's suspension is over, unless it was prolonged: let a probe through."""
        if server.breaker.rested(now):
            self._probe(server)

    def panic(self, route: Route, now: float) -> None:
        """A route has no server left: probe those that merely could not be reached; again later."""
        route.panicking = False
        without = route.empty_since is not None or route.spilling
        if not without or not route.queue.n + route.queue.later:
            return
        for choice in route.choices:
            told = choice.path.server.resting_until > now
            if choice.home and choice.weight > 0 and choice.path.merely_unreachable and not told:
                self._probe(choice.path.server)
        self._pool.panic_later(route)

    def _probe(self, server: ServerState) -> None:
        server.breaker.try_again()
        self._outbox.commands.append(Probed(server.name, ""))
        self._pool.recheck_server(server)

    def expire(self, path: Path, now: float) -> None:
        """The lease of a probe may be over: without word of it another one goes."""
        server, path.leased = path.server, 0
        if server.breaker.expire(now):
            for each in server.paths:
                each.overdue = each.in_use
            self._outbox.commands.append(Probed(server.name, ""))
            self._pool.recheck_server(server)
        if path.breaker.expire(now):
            path.overdue = path.in_use
            self._outbox.commands.append(Probed(server.name, path.isp.name))
            self._pool.recheck(path)
        self._outbox.watch_lease(path)  # of a probe that was renewed

    def answered(self, server: ServerState, n: int, generation: int, now: float) -> None:
        """A server could be reached, and carried `n` messages; it may be in use again."""
        if server.breaker.success(n, generation, now):
            self.resume(server, None)

    def resume(self, server: ServerState, path: Path | None) -> None:
        """The probe came through: a path, or the whole server, is in use again."""
        self._outbox.commands.append(Resumed(server.name, path.isp.name if path else ""))
        if path and path.isp.outliers is not None:
            path.isp.outliers.readmitted(path.index)
        for each in (path,) if path else server.paths:
            if each.leased:
                self._timers.cancel(each.leased)
                each.leased = 0
            self._begin(each)
            self._pool.recheck(each)

    def _begin(self, path: Path) -> None:
        """Let a path that is back begin slowly, if the policy says so."""
        now = self._pool.now
        scales = self._pool.scales
        scales.began(path.choices, now)
        path.began_at = now
        if self._slow_start:
            self.ease(path, now)
        elif scales.moves:
            self._pool.reweigh(path.isp.routes)

    def ease_on(self, path: Path, now: float) -> None:
        """It is time for more, unless the path has begun anew meanwhile."""
        if now >= path.ease_at:
            self.ease(path, now)

    def ease(self, path: Path, now: float) -> None:
        """Let a path that began slowly have as much as it may by now; all, if nothing does."""
        spec, elapsed = self._slow_start, now - path.began_at
        step = next_step(elapsed, spec) if spec else None
        path.ramp, path.ramp_cap = 1.0, 0
        if spec and step is not None:
            path.ramp = ramp(elapsed, spec)
            path.ramp_cap = ramp_connections(elapsed, path.most, spec)
        path.retune(now)
        self._pool.set_width(path, path.wish)
        self._pool.reweigh(path.isp.routes)
        if step is not None:
            path.ease_at = path.began_at + step
            self._timers.set(path.ease_at, "ease", path.number)

    def narrow(self, path: Path, now: float) -> bool:
        """Use one connection less, if some are open; try one more after a while."""
        if not self._pool.narrow(path):
            return False
        self._watch_width(path, now)
        return True

    def widen(self, path: Path, now: float) -> None:
        """Try one connection more."""
        if self._pool.widen(path):
            self._watch_width(path, now)

    def idle(self, now: float) -> None:
        """Close connections that were idle for long; look again while any is open."""
        self._outbox.watching = False
        for path in self._pool.paths:
            if path.last_used + IDLE_TIMEOUT <= now and any(path.used):
                self.hang_up(path)
        if any(any(path.used) for path in self._pool.paths):
            self._outbox.watch_idle(now)

    def hang_up(self, path: Path) -> None:
        """Close a path's idle connections."""
        for connection in self._outbox.slots.open_connections(path):
            self._outbox.commands.append(Close(connection))

    def _watch_width(self, path: Path, now: float) -> None:
        if not path.width_timer:
            path.width_timer = True
            self._timers.set(now + WIDEN_AFTER, "width", path.number)
