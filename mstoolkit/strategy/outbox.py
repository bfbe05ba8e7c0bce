"""Decisions: which waiting mail goes from where, on which slot, at what pace.

Many decisions a second are made here, so the parts that a decision needs are at hand: the pool's
lists of ready paths, the rotation, and the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mstoolkit.model import Close, Command, Parcel, Send
from mstoolkit.strategy.ordering import HomeQueue
from mstoolkit.strategy.path import Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Choice, Route, RouteKey
from mstoolkit.strategy.slots import Slots
from mstoolkit.strategy.timers import Timers

IDLE_TIMEOUT = 60.0  # s after which a path that carries nothing closes its connections
LOOK_AHEAD = 1000  # messages that are looked at in one go for one whose server is ready
Witness = Callable[[int, RouteKey], None]
Flight = tuple[Choice, Send, "list[int] | int", int, int, float]


class Outbox:
    """Sends what can be sent, and remembers it until it is answered.

    Parameters
    ----------
    timers : Timers
        Where wake-ups are set.
    batch : int
        Largest cut.

    Attributes
    ----------
    pool : Pool
        Routes and paths; set by the dispatcher.
    slots : Slots
        Connection slots of that pool; set by the dispatcher.
    commands : list of Command
        Where attempts are put; replaced at each event.
    flights : dict of int to tuple
        Open attempts by token: choice, attempt, slots taken, the generations of the server's and
        the path's breaker when it was sent, and that time (s).
    """

    pool: Pool
    slots: Slots

    def __init__(self, timers: Timers, batch: int) -> None:
        self._timers = timers
        self._batch = batch
        self._short_cut = batch == 1
        self._witness: Witness | None = None
        self.token = 0
        self.turning = False
        self.watching = False
        self.flights: dict[int, Flight] = {}
        self.commands: list[Command] = []

    def attend(self, witness: Witness) -> None:
        """Tell a witness of each decision before it is carried out: its token and its route."""
        self._witness, self._short_cut = witness, False

    def send_all(self, now: float) -> None:
        """Send whatever has a way out: urgent mail first, then who has waited longest."""
        dirty = self.pool.dirty
        while dirty:
            route = dirty.pop() if len(dirty) == 1 else self._next(dirty)
            route.dirty = False
            self._dispatch(route, now)

    @staticmethod
    def _next(dirty: list[Route]) -> Route:
        """Take the route whose turn it is off the list."""
        first = dirty[0]
        urgent = first.queue.urgent > 0
        for route in dirty:
            rushes = route.queue.urgent > 0
            if rushes > urgent or (rushes == urgent and route.served < first.served):
                first, urgent = route, rushes
        dirty.remove(first)
        return first

    def again(self, choice: Choice, taken: list[int] | int, now: float) -> bool:
        """Send the next message on the slot that has just come free, if that is the only way out.

        It is what `Pool.release` and `send_all` would come to; under load most mail goes this way.
        """
        path, route = choice.path, choice.route
        if (
            route.ready
            or route.dirty
            or path.paced
            or not (path.simple and path.clear and choice.eligible and route.lanes.n)
            or path.server.in_use >= path.server.connections
        ):
            return False
        rotation = route.rotation
        if rotation.waits and rotation.choose(route.eligible, choice.alone, now) is None:
            return False
        if rotation.commit(choice, 1, choice.alone, now):
            self.pool.mark_all()
        slot: int = taken  # type: ignore[assignment]
        used = path.used[slot]
        fresh = used >= path.per_connection
        path.used[slot] = 1 if fresh else used + 1
        self._put_on(choice, route.lanes.cut(1), slot, fresh, slot, now)
        return True

    def at_once(self, route: Route, parcel: Parcel, now: float) -> bool:
        """Send one message that has just come in, if nothing waits before it.

        It is what lining it up and `send_all` would come to.
        """
        if (
            parcel.n > 1
            or route.queue.n
            or not route.ready
            or route.homes
            or self._batch > 1
            or self.pool.dirty
            or self._witness is not None
        ):
            return False
        choice = route.rotation.choose(route.eligible, route.ready, now)
        if choice is None or choice.gates:
            return False
        if route.rotation.commit(choice, 1, route.ready, now):
            self.pool.mark_all()
        self._send(choice, parcel, now)
        return True

    def _dispatch(self, route: Route, now: float) -> None:
        if route.homes is not None:
            self._dispatch_home(route, route.homes, now)
            return
        queue, ready, rotation = route.lanes, route.ready, route.rotation
        while queue.n and ready and not route.held:
            choice = rotation.choose(route.eligible, ready, now)
            if choice is None:
                self._await_turn(now)
                return
            if self._witness is not None:
                self._witness(self.token, route.key)
            plain = self._batch == 1 and not choice.gates
            most = 1 if plain else self._most(choice, now)
            if most < 1:  # a limit that time alone has shut
                self.slots.look(choice)
                if choice.is_ready and not route.held:
                    return
                continue
            parcel, until = queue.cut(most), now
            if parcel.n > 1:
                until = choice.path.gcra.leaves(parcel.n, now)
            if rotation.commit(choice, parcel.n, ready, until):
                self.pool.mark_all()
            self._send(choice, parcel, now)

    def _dispatch_home(self, route: Route, homes: HomeQueue[Choice], now: float) -> None:
        """Send messages one by one, each by its own server."""
        while homes.n and route.ready and not route.held:
            found = homes.next_for(partial(self._home, route, now), _is_ready, LOOK_AHEAD)
            if found is not None:
                parcel, choice = found
                if self._witness is not None:
                    self._witness(self.token, route.key)
                route.rotation.commit(choice, parcel.n, route.ready, now)
                self._send(choice, parcel, now)
            elif not homes.queue.n:
                return

    def _home(self, route: Route, now: float, parcel: Parcel) -> Choice | None:
        """Return the server of a message; of one that is not known, any in its turn."""
        rotation, eligible = route.rotation, route.eligible
        if not eligible:
            return None
        if parcel.first < 0:
            return rotation.choose(eligible, eligible, now)
        return rotation.home(self.pool.key_of(parcel), eligible)

    def _most(self, choice: Choice, now: float) -> int:
        """Return the largest cut that may go this way now."""
        path = choice.path
        n = self._batch if self._batch < path.quantum else path.quantum
        if path.probing:
            for breaker in (path.breaker, path.server.breaker):
                if breaker.state == "half-open":
                    n = min(n, breaker.allowance)
        for gate in choice.gates:
            n = gate.room(now, n)
        return n

    def _send(self, choice: Choice, parcel: Parcel, now: float) -> None:
        pool, path, n = self.pool, choice.path, parcel.n
        slot, fresh, taken = self.slots.occupy(choice, n)
        self._put_on(choice, parcel, slot, fresh, taken, now)
        if path.probing:
            path.breaker.take(n, now)
            path.server.breaker.take(n, now)
            self.watch_lease(path)
            pool.recheck_probed(path)
        elif path.paced or not path.idle or not path.clear or path.connecting:
            pool.refresh(path)

    def _put_on(
        self,
        choice: Choice,
        parcel: Parcel,
        slot: int,
        fresh: bool,
        taken: list[int] | int,
        now: float,
    ) -> None:
        """Charge the pacing, hand the attempt out and remember it until it is answered."""
        path, token = choice.path, self.token
        gcra, server = path.gcra, path.server
        self.token = token + 1
        choice.route.served = token
        span = gcra.commit(parcel.n, now)
        if span > gcra.spent:
            path.paced = True
            if self._batch == 1 or choice.route.homes is not None:  # one message at a time
                path.pace_timer = True
                self._timers.set(gcra.tat, "pace", path.number)
        slots = 1 if taken is slot else len(taken)  # type: ignore[arg-type]
        if choice.gates:
            own, span = span, self.slots.charge(choice, parcel.n, slots, max(span, 0.0))
            if span > own and span > 0.0:
                gcra.stretch(now + span)
                path.paced = path.paced or gcra.ready_at(now) > now
        send = Send(
            token,
            server.name,
            path.isp.name,
            parcel,
            path.base + slot,
            fresh,
            slots,
            span if span > 1e-9 else 0.0,
        )
        self.flights[token] = (
            choice,
            send,
            taken,
            server.breaker.generation,
            path.breaker.generation,
            now,
        )
        path.last_used = now
        if self._batch == 1 and not self.watching:
            self.watch_idle(now)
        self.commands.append(send)

    def free(self, choice: Choice, taken: list[int] | int, closed: bool, now: float) -> None:
        """Use slots that have come free again, or give them back."""
        if closed or not self._short_cut or not self.again(choice, taken, now):
            self.release(choice, taken, closed, now)

    def watch_lease(self, path: Path) -> None:
        """Look again when the lease of a probe on a path is over, if it is not set already."""
        ends = [b.expires_at for b in (path.breaker, path.server.breaker) if b.expires_at]
        if ends and not path.leased:
            path.leased = self._timers.set(min(ends), "lease", path.number)

    def release(self, choice: Choice, taken: list[int] | int, closed: bool, now: float) -> None:
        """Give slots back. A path whose pacing a parcel has spent goes on when all are back.

        So pacing costs no wake-up of its own. The next parcel may begin one interval before its
        first message may leave: its messages are spread over the span that pacing gives it, so that
        none leaves too early. Among parcels, a single message's connection ends with it, too.
        """
        path = choice.path
        if self._batch > 1 and not closed and isinstance(taken, int):
            self.commands.append(Close(path.base + taken))
            closed = True
        if path.paced and not path.pace_timer and self._is_last(path, taken):
            ready = path.gcra.ready_at(now) - path.gcra.interval
            path.paced = path.pace_timer = ready > path.breaker.usable_from(now)
            if path.paced:
                self._timers.set(ready, "pace", path.number)
        self.slots.release(choice, taken, closed)

    def go_on(self, path: Path, now: float) -> None:
        """The pacing of a path is over, unless its rate was cut meanwhile."""
        ready = path.gcra.ready_at(now)
        if self._batch > 1:
            ready -= path.gcra.interval  # as for the next parcel after `release`
        path.paced = path.pace_timer = ready > now
        if path.paced:
            self._timers.set(ready, "pace", path.number)
        self.pool.refresh(path)

    def repace(self, path: Path, now: float) -> None:
        """The limits of a path have changed; what it owes is owed to the new ones."""
        if path.pace_timer or not path.paced:  # or it goes on when what is under way is back
            self.go_on(path, now)
        if path.dial:
            self.slots.dial(path)

    @staticmethod
    def _is_last(path: Path, taken: list[int] | int) -> bool:
        """Whether nothing is under way on a path but what holds the slots `taken`."""
        held = 1 if isinstance(taken, int) else len(taken)
        return len(path.idle) + held == len(path.used)

    def _await_turn(self, now: float) -> None:
        if not self.turning and self.pool.shared is not None:
            change = self.pool.shared.next_change(now)
            if change is not None:
                self.turning = True
                self._timers.set(change, "turn", -1)

    def turn(self) -> None:
        """A rotation that waits may choose otherwise now."""
        self.turning = False
        self.pool.mark_all()

    def watch_idle(self, now: float) -> None:
        """Look through the pool after a while for connections that were idle for long."""
        self.watching = True
        self._timers.set(now + IDLE_TIMEOUT / 2, "idle", -1)


def _is_ready(choice: Choice) -> bool:
    return choice.is_ready
