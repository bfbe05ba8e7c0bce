"""What is done when a time has come: retries, ends of suspensions and limits, expiry, weighing."""

from __future__ import annotations

from collections.abc import Callable

from mstoolkit.model import Stepped
from mstoolkit.strategy.books import Books
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Route
from mstoolkit.strategy.standing import StandingOrders
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.timers import Timers


class Alarms:
    """Does what timers are set for.

    Parameters
    ----------
    timers : Timers
        What is due when.
    pool : Pool
        Routes and paths.
    outbox : Outbox
        Whose commands take the notices.
    books : Books
        Where mail ends that is too old.
    suspend : Suspensions
        Where suspensions, and what rules say of paths, end.
    standing : StandingOrders
        Where orders about mail that waits end.

    Attributes
    ----------
    weighing : bool
        Whether the next weighing is set.
    """

    def __init__(
        self,
        timers: Timers,
        pool: Pool,
        outbox: Outbox,
        books: Books,
        suspend: Suspensions,
        standing: StandingOrders,
    ) -> None:
        self._timers = timers
        self._pool = pool
        self._outbox = outbox
        self._books = books
        self.weighing = False
        paths, servers, routes = pool.paths, pool.servers, pool.routes
        self._rare: dict[str, Callable[[int, float], None]] = {
            "width": lambda number, now: suspend.widen(paths[number], now),
            "path": lambda number, now: suspend.probe_path(paths[number], now),
            "server": lambda number, now: suspend.probe_server(servers[number], now),
            "lease": lambda number, now: suspend.expire(paths[number], now),
            "ease": lambda number, now: suspend.ease_on(paths[number], now),
            "rule": lambda number, now: suspend.lift(paths[number], now),
            "order": lambda number, _: standing.look(number),
            "panic": lambda number, now: suspend.panic(routes[number], now),
            "dial": lambda number, _: outbox.slots.dial(paths[number]),
            "turn": lambda _, __: outbox.turn(),
            "idle": lambda _, now: suspend.idle(now),
            "weigh": lambda _, now: self._weigh(now),
            "shed": lambda number, _: self.shed(routes[number]),
            "expire": lambda number, _: self._expire(number),
        }

    def fire(self, now: float) -> None:
        """Do all that is due."""
        timers, pool = self._timers, self._pool
        while timers.due <= now:
            due, _, kind, argument = timers.pop()
            if kind == "pace":
                self._outbox.go_on(pool.paths[int(argument)], now)
            elif kind == "retry":
                route = pool.routes[int(argument)]
                route.queue.fall_due(due)
                pool.mark(route)
            elif kind == "gate":
                pool.wake_gate(str(argument))
            else:
                self._rare[kind](int(argument), now)

    def weigh_later(self, now: float) -> None:
        """Set the next weighing, if weights move and none is set."""
        scales = self._pool.scales
        if scales.moves and not self.weighing:
            self.weighing = True
            self._timers.set(scales.next_weighing(now), "weigh", -1)

    def weigh_again(self, now: float) -> None:
        """Weights rested while there was no mail: go on, with those that are right by now."""
        if self._pool.scales.moves and not self.weighing:
            self._pool.reweigh()
            self.weigh_later(now)

    def retry_canary(self, server: str, now: float) -> None:
        """An operator has put a server back: if it is a canary that is out, it begins anew."""
        canary = self._pool.scales.restart(server, now)
        if canary:
            self._outbox.commands.append(Stepped(server, canary.share, "restarted by an operator"))
            self._pool.reweigh()

    def shed(self, route: Route) -> None:
        """Give up what waits for servers that could not be used for too long, if so."""
        if self._pool.sheds(route):
            for _, pile in route.queue.drain():
                self._books.finish(pile.parcel(), pile.n, "expired", "no server could be used")

    def _weigh(self, now: float) -> None:
        """Look at canaries, and weigh all choices anew; again later while there is mail."""
        scales = self._pool.scales
        for name in scales.review(now):
            canary = scales.canaries[name]
            self._outbox.commands.append(Stepped(name, canary.share, canary.reason))
        self._pool.reweigh()
        self.weighing = False
        if self._outbox.flights or any(r.queue.n + r.queue.later for r in self._pool.routes):
            self.weigh_later(now)

    def _expire(self, number: int) -> None:
        """Give up what still waits of a lot."""
        lot = self._books.close(number)
        for route in self._pool.isps[lot.isp].routes:
            for pile in route.queue.take_lot(number):
                self._books.finish(pile.parcel(), pile.n, "expired", "too old")
