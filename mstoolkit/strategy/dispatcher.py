"""The sender: a pure state machine that turns events into commands.

Rules of this file: it never waits, reads no clock and opens nothing; `at` of the events is the only
time. Every token is answered once, by `Replied`, `ConnectionFailed` or `Lost`. `Finish` is the only
way a message ends. `handle` leaves no due work behind, so `next_wakeup()` is later than the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mstoolkit.config import Policy, Server
from mstoolkit.mail import classify
from mstoolkit.model import (
    Closed,
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    FeedbackKind,
    Lost,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Replied,
    SplitMix64,
    Suppress,
    Tick,
    Withdrawn,
    stream_key,
)
from mstoolkit.strategy import snapshot
from mstoolkit.strategy.alarms import Alarms
from mstoolkit.strategy.books import Books
from mstoolkit.strategy.changes import Setup, take_over
from mstoolkit.strategy.failover import blame
from mstoolkit.strategy.lessons import Lessons
from mstoolkit.strategy.mail_queue import Pile
from mstoolkit.strategy.obedience import Obedience
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.strategy.outcomes import judge
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.returns import Returns
from mstoolkit.strategy.route import Choice
from mstoolkit.strategy.slots import Slots
from mstoolkit.strategy.standing import StandingOrders
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.timers import Timers
from mstoolkit.strategy.weighting import OutcomeKind

_HEARD: dict[FeedbackKind, OutcomeKind] = {
    "dsn": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
_CHANGES = frozenset({PoolChanged, PolicyChanged})


class Dispatcher:
    """Decides what is sent from where and when.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool, in its order of declaration.
    policy : Policy
        Rotation, weighting, limits, failover and retry.
    seed : int
        Names the streams of whatever is drawn (jitter).
    batch : int
        Largest cut: 1 sends single messages (live, exact simulation), more trades detail for speed.
    epoch : float
        Unix time (s) of scenario time 0, for limits by the calendar.

    Attributes
    ----------
    timers : Timers
        `timers.due` is what `next_wakeup` returns, or infinity; for drivers in a hurry.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.config.mailing import Mailing
    >>> scenario = load_scenario("quickstart")
    >>> dispatcher = Dispatcher(scenario.servers, scenario.strategies["round-robin"])
    >>> commands = dispatcher.handle(Mailing(scenario).arrivals()[0])
    >>> commands[0].server, commands[0].isp, commands[0].parcel.n
    ('mta-1', 'gmail', 1)
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        policy: Policy,
        *,
        seed: int = 0,
        batch: int = 1,
        epoch: float = 0.0,
    ) -> None:
        self.timers = Timers()
        self._epoch = epoch
        self._setup = Setup(servers, policy)
        self._jitter = SplitMix64(stream_key(seed, "retry"))
        self._outbox = Outbox(self.timers, batch)
        self._books = Books(self._outbox, self.timers)
        self._flights = self._outbox.flights
        self._now = 0.0
        self._answered = -1
        self._out: list[Command] = []
        self._furnish()
        self._on: dict[type, Callable[[Any], None]] = {
            Enqueued: self._enqueued,
            Withdrawn: self._withdrawn,
            Replied: self._replied,
            ConnectionFailed: self._connection_failed,
            Closed: self._closed,
            Lost: self._lost,
            Feedback: self._feedback,
            PoolChanged: self._pool_changed,
            PolicyChanged: self._policy_changed,
            Tick: self._tick,
        }

    def _furnish(self) -> None:
        """Make the pool, and what works on it, of the setup as it is now."""
        setup, timers, outbox = self._setup, self.timers, self._outbox
        policy, pacing = setup.policy, setup.policy.pacing
        self._pool = Pool(setup.servers, policy, timers, self._epoch, setup.retired)
        outbox.pool, outbox.slots = self._pool, Slots(self._pool, timers)
        self._standing = StandingOrders(self._pool, self._books, outbox, timers)
        self._returns = Returns(
            self._pool, self._books, timers, self._jitter, policy, self._standing
        )
        slow_start = policy.failover.slow_start
        self._suspend = Suspensions(self._pool, timers, outbox, slow_start)
        rules = policy.rules
        self._obey = (
            Obedience(rules, self._pool, self._suspend, self._standing, timers) if rules else None
        )
        self._lessons = Lessons(self._pool, self._suspend, self._obey)
        self._learns = bool(
            rules
            or pacing.adapt
            or any(allowance.adapt for allowance in pacing.isps.values())
            or pacing.feedback
            or policy.failover.outliers
            or self._pool.scales.learns
            or self._pool.learns
        )
        self._weighs = self._pool.scales.moves
        shared = self._pool.shared
        self._counts_load = shared is not None and shared.counts_load
        self._alarms = Alarms(
            timers, self._pool, outbox, self._books, self._suspend, self._standing
        )

    def _refurnish(self) -> None:
        """Go on with a setup that has changed."""
        old, weighing, standing = self._pool, self._alarms.weighing, self._standing
        self._furnish()
        self._standing.take_over(standing)
        self._alarms.weighing = weighing
        take_over(self._pool, old, self._outbox, self.timers)

    def handle(self, event: Event) -> list[Command]:
        """Take an event and return what is to be done about it, in order.

        Parameters
        ----------
        event : Event
            Its `at` (s) is not earlier than that of the event before.

        Raises
        ------
        KeyError
            If an answer's token is not open.
        ConfigError
            If a change of the pool or the policy cannot be carried out; nothing has happened then.
        ValueError
            If time runs backwards.
        """
        now = event.at
        if now < self._now:
            raise ValueError(f"time runs backwards: {now} after {self._now}")
        if event.__class__ in _CHANGES:
            self._prepare(event)
        self._now = self._pool.now = now
        out: list[Command] = []
        self._out = self._outbox.commands = out
        if self.timers.due <= now:
            self._alarms.fire(now)
        self._on[event.__class__](event)
        if self._standing.given_up:
            self._standing.settle()
        if self._pool.dirty:
            self._outbox.send_all(now)
        return out

    def _prepare(self, event: Any) -> None:
        """Take over the setup after a change, if a pool can be made of it."""
        setup = self._setup.after(event)
        Pool(setup.servers, setup.policy, Timers(), self._epoch, setup.retired)
        self._setup = setup

    def next_wakeup(self) -> float | None:
        """Return when (s) a `Tick` is wanted, later than the last event; None if never."""
        due = self.timers.due
        return None if due == float("inf") else due

    @property
    def totals(self) -> dict[str, int]:
        """Messages by where they are now: finished, queued or in flight."""
        queued = sum(route.queue.n + route.queue.later for route in self._pool.routes)
        flying = sum(send.parcel.n for _, send, *_ in self._flights.values())
        return {**self._books.totals, "queued": queued, "in_flight": flying}

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON-able values."""
        return {
            "version": snapshot.VERSION,
            "setup": self._setup.snapshot(),
            "now": self._now,
            "token": self._outbox.token,
            "answered": self._answered,
            "turning": self._outbox.turning,
            "watching": self._outbox.watching,
            "books": self._books.snapshot(),
            "jitter": str(self._jitter.state),
            "timers": [list(timer) for timer in self.timers.snapshot()],
            "pool": snapshot.pool_state(self._pool),
            "flights": [
                [choice.route.number, choice.index, snapshot.send_state(send), taken, *rest]
                for choice, send, taken, *rest in self._flights.values()
            ],
            "weighing": self._alarms.weighing,
            "rules": self._obey.book.snapshot() if self._obey else None,
            "standing": self._standing.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned; the dispatcher must be fresh.

        Raises
        ------
        ValueError
            If the state is of another version of the toolkit.
        """
        if state["version"] != snapshot.VERSION:
            raise ValueError(f"state of version {state['version']}, not {snapshot.VERSION}")
        if self._setup.restore(state["setup"]):
            self._furnish()
        self._books.restore(state["books"])
        lots = self._books.lots
        self._now, self._answered = state["now"], state["answered"]
        self._outbox.token, self._outbox.turning = state["token"], state["turning"]
        self._outbox.watching = state["watching"]
        self._jitter.state = int(state["jitter"])
        snapshot.restore_pool(self._pool, state["pool"], lots)
        self.timers.restore([tuple(timer) for timer in state["timers"]])
        self._alarms.weighing = state["weighing"]
        if self._obey:
            self._obey.book.restore(state["rules"])
        self._standing.restore(state["standing"])
        for route, index, row, taken, server_generation, generation, sent_at in state["flights"]:
            send = snapshot.send_from(row, lots)
            choice = self._pool.choice(route, index)
            self._flights[send.token] = (
                choice, send, taken, server_generation, generation, sent_at,
            )  # fmt: skip

    # -- events

    def _enqueued(self, event: Enqueued) -> None:
        parcel = event.parcel
        lot, books = parcel.lot, self._books
        books.totals["enqueued"] += parcel.n
        if event.suppressed:
            books.finish(parcel, parcel.n, "suppressed", "suppression list")
            return
        if lot.expires <= event.at:
            books.finish(parcel, parcel.n, "expired", "too old when it arrived")
            return
        if self._weighs and not self._alarms.weighing:
            self._alarms.weigh_later(event.at)
        route = self._pool.by_lot.get(lot.id)
        if route is None:
            books.open(lot)
            route = self._pool.route_of(lot)
        pile = Pile(
            lot,
            parcel.first,
            parcel.n,
            parcel.attempt,
            parcel.born,
            parcel.parent,
            parcel.cause,
        )
        if self._standing.orders and self._standing.take(route, pile):
            return
        route.queue.add(pile)
        self._pool.mark(route)
        if route.empty_since is not None:
            self._alarms.shed(route)

    def _withdrawn(self, event: Withdrawn) -> None:
        for route in self._pool.routes:
            for pile in route.queue.take_range(event.list, event.first, event.n):
                self._books.finish(pile.parcel(), pile.n, "withdrawn", "taken back")
        self._books.recall(event)

    def _replied(self, event: Replied) -> None:
        choice, send, taken, server_generation, generation, sent_at = self._flights.pop(event.token)
        path = choice.path
        self._answered = event.token
        server = path.server
        parcel = send.parcel
        if self._counts_load:
            choice.route.rotation.settle(path.index, parcel.n)
        tried = parcel.n - event.unsent
        if event.unsent:
            self._give_back(
                choice, parcel, event.unsent, server_generation, generation, sent_at, send.span
            )
        if server.breaker.troubled and server.breaker.success(
            max(tried, 1), server_generation, event.at
        ):
            self._suspend.resume(server, None)
        for reply, n in event.replies:
            judged, fate = judge(reply), None
            outcome, category, blames, _ = judged
            if blames != "nobody" or path.breaker.troubled:
                self._lessons.weigh(path, n, judged, generation, event.at)
            if self._learns:
                fate = self._lessons.learn(
                    choice, judged, reply, parcel.lot, n, event.latency, sent_at, event.at
                )
            if outcome == "deferred":
                self._returns.defer(choice, parcel, n, reply, judged, fate, event.token, event.at)
            else:
                self._books.finish(parcel, n, outcome, category, reply, server.name)
        if event.closed or not self._outbox.again(choice, taken, event.at):
            self._outbox.release(choice, taken, event.closed, event.at)
        if path.probing:
            self._pool.recheck_probed(path)

    def _connection_failed(self, event: ConnectionFailed) -> None:
        choice, send, taken, server_generation, generation, sent_at = self._flights.pop(event.token)
        path = choice.path
        self._answered = event.token
        self._outbox.release(choice, taken, True, event.at)
        choice.route.rotation.settle(path.index, send.parcel.n)
        parcel = send.parcel
        self._give_back(choice, parcel, parcel.n, server_generation, generation, sent_at, send.span)
        self._lessons.refused(
            path, event.reply, parcel.lot, server_generation, generation, event.at
        )
        if path.probing:
            self._pool.recheck_probed(path)

    def _closed(self, event: Closed) -> None:
        path, slot = self._pool.path_of_connection(event.connection)
        path.used[slot] = 0
        if path.connecting:
            self._pool.refresh(path)  # it may have been ready because of that connection only

    def _lost(self, event: Lost) -> None:
        choice, send, taken, server_generation, generation, _ = self._flights.pop(event.token)
        path = choice.path
        self._outbox.release(choice, taken, True, event.at)
        choice.route.rotation.settle(path.index, send.parcel.n)
        self._answered = event.token
        self._returns.put_off(
            choice, send.parcel, send.parcel.n, "network", event.token, event.at, 0.0
        )
        path.breaker.give_back(send.parcel.n, generation)
        if path.server.breaker.failure(1, server_generation, event.at):
            self._suspend.server(path.server, "network")
        if path.probing:
            self._pool.recheck_probed(path)

    def _feedback(self, event: Feedback) -> None:
        parcel, blamed = event.parcel, False
        if event.kind == "dsn":
            reason = classify(event.reply) if event.reply else "other"
            blamed = blame(reason, event.reply.text if event.reply else "") != "nobody"
            self._books.totals["delivered"] -= parcel.n
            self._books.finish(parcel, parcel.n, "bounced", reason, event.reply, event.server)
        elif event.kind in {"complained", "unsubscribed"}:
            self._out.append(Suppress(parcel, event.kind))
        kind = _HEARD.get(event.kind)
        if kind and self._learns and event.server in self._pool.by_name:
            route = self._pool.route_of(parcel.lot)
            choice = self._pool.choice(route.number, self._pool.by_name[event.server].index)
            self._lessons.hear(choice, kind, parcel.n, blamed, event.decided_at, event.at)

    def _pool_changed(self, event: PoolChanged) -> None:
        if event.change not in {"drained", "restored"}:
            self._refurnish()
        server = self._pool.by_name[event.server]
        if event.change != "edited":  # which neither drains nor restores
            server.drained = event.change in {"drained", "removed"}
        self._pool.recheck_server(server)
        if server.drained:
            for path in server.paths:
                self._suspend.hang_up(path)

    def _policy_changed(self, event: PolicyChanged) -> None:
        self._refurnish()

    def _tick(self, event: Tick) -> None:
        """Nothing: timers that are due fire before any event is looked at."""

    # -- consequences

    def _give_back(
        self,
        choice: Choice,
        parcel: Parcel,
        n: int,
        server_generation: int,
        generation: int,
        sent_at: float,
        span: float,
    ) -> None:
        """Put the last `n` messages of a parcel, which were not tried, back to the front."""
        path = choice.path
        path.gcra.refund(n, sent_at)
        if choice.gates:
            self._outbox.slots.refund(choice, n, sent_at, span)
        path.breaker.give_back(n, generation)
        path.server.breaker.give_back(n, server_generation)
        self._returns.give_back(choice, parcel, n, self._answered, self._now)
