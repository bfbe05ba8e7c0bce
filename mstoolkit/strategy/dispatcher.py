"""The sender: a pure state machine that turns events into commands.

Rules of this file: it never waits, reads no clock and opens nothing; `at` of the events is the only
time. Every token is answered once, by `Replied`, `ConnectionFailed` or `Lost`. `Finish` is the only
way a message ends. `handle` leaves no due work behind, so `next_wakeup()` is later than the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mstoolkit.config import ConfigError, Policy, Server
from mstoolkit.mail import classify
from mstoolkit.model import (
    Closed,
    Command,
    ConnectionFailed,
    Enqueued,
    Event,
    Feedback,
    FeedbackKind,
    Halted,
    Lost,
    Parcel,
    PolicyChanged,
    PoolChanged,
    Replied,
    Reply,
    Suppress,
    Tick,
    Withdrawn,
)
from mstoolkit.strategy.failover import blame
from mstoolkit.strategy.mail_queue import Pile
from mstoolkit.strategy.outcomes import judge
from mstoolkit.strategy.route import Choice
from mstoolkit.strategy.weighting import OutcomeKind
from mstoolkit.strategy.works import Works

_HEARD: dict[FeedbackKind, OutcomeKind] = {
    "dsn": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
_CHECKED = frozenset({PoolChanged, PolicyChanged, Halted})  # before anything happens


class Dispatcher(Works):
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
        super().__init__(servers, policy, seed=seed, batch=batch, epoch=epoch)
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
            Halted: self._halted,
            Tick: self._tick,
        }

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
        if now < self._pool.now:
            raise ValueError(f"time runs backwards: {now} after {self._pool.now}")
        if event.__class__ in _CHECKED:
            self._check(event)
        pool, outbox = self._pool, self._outbox
        pool.now = now
        commands: list[Command] = []
        outbox.commands = commands
        if self.timers.due <= now:
            self._alarms.fire(now)
        self._on[event.__class__](event)
        if self._standing.given_up:
            self._standing.settle()
        if self._pool.dirty:
            outbox.send_all(now)
        return commands

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
            self._alarms.weigh_again(event.at)
        route = self._pool.by_lot.get(lot.id)
        if route is None:
            books.open(lot)
            route = self._pool.route_of(lot)
        orders = self._standing.orders
        if not orders and self._outbox.at_once(route, parcel, event.at):
            return
        pile = Pile(
            lot,
            parcel.first,
            parcel.n,
            parcel.attempt,
            parcel.born,
            parcel.parent,
            parcel.cause,
        )
        if orders and self._standing.take(route, pile):
            return
        route.queue.add(pile)
        self._pool.mark(route)
        if route.empty_since is not None or route.spilling:
            self._pool.panic_later(route)
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
        if server.breaker.troubled:
            self._suspend.answered(server, max(tried, 1), server_generation, event.at)
        for reply, n in event.replies:
            judged, fate = judge(reply), None
            outcome, category, blames, wait = judged
            if blames != "nobody" or path.breaker.troubled or path.isp.breaker.troubled:
                self._lessons.weigh(path, n, judged, generation, event.at)
            if self._learns:
                fate = self._lessons.learn(
                    choice, judged, reply, parcel.lot, n, event.latency, sent_at, event.at
                )
            if outcome != "deferred":
                self._books.finish(parcel, n, outcome, category, reply, server.name)
            elif fate is None:
                self._returns.put_off(choice, parcel, n, category, event.token, event.at, wait)
            else:
                self._returns.decide(choice, parcel, n, reply, judged, fate, event.token, event.at)
        self._outbox.free(choice, taken, event.closed, event.at)
        if path.probing:
            self._pool.recheck_probed(path)

    def _connection_failed(self, event: ConnectionFailed) -> None:
        choice, send, taken, server_generation, generation, sent_at = self._flights.pop(event.token)
        path = choice.path
        self._answered = event.token
        self._outbox.release(choice, taken, True, event.at)
        choice.route.rotation.settle(path.index, send.parcel.n)
        parcel = send.parcel
        self._give_back(
            choice, parcel, parcel.n, server_generation, generation, sent_at, send.span, kept=1
        )  # else a connection that is refused at once would be tried again at once
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
            blamed = blame(reason, event.reply.text if event.reply else "") == "path"
            self._books.totals["delivered"] -= parcel.n
            self._books.finish(parcel, parcel.n, "bounced", reason, event.reply, event.server)
        elif event.kind in {"complained", "unsubscribed"}:
            self._outbox.commands.append(Suppress(parcel, event.kind))
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
        if event.change == "restored":
            self._alarms.retry_canary(server.name, event.at)
        if server.drained:
            for path in server.paths:
                self._suspend.hang_up(path)

    def _policy_changed(self, event: PolicyChanged) -> None:
        self._refurnish()

    def _halted(self, event: Halted) -> None:
        if event.stream or event.campaign:
            said = Reply(0, "", event.reason)
            self._standing.give(
                "hold", event.isp, event.campaign, event.stream, event.reason, said, event.until
            )
            return
        if event.server and not event.isp:
            server = self._pool.by_name[event.server]
            self._suspend.rest(server, event.until, event.reason)
            return
        for path in self._pool.isp(event.isp).paths:
            if event.server in ("", path.server.name) and path.breaker.hold(event.until):
                self._suspend.path(path, event.reason)

    def _check(self, event: Any) -> None:
        """Refuse a change that cannot be made, and a halt of nothing or of no server there is."""
        if not isinstance(event, Halted):
            self._prepare(event)
            return
        if not event.server + event.isp + event.stream + event.campaign:
            raise ConfigError(
                "names nothing", key="halted", remedy="name a server, ISP, stream or campaign"
            )
        if event.server and event.server not in self._pool.by_name:
            raise ConfigError(
                f"there is no server {event.server!r}",
                key="server",
                remedy=f"known are {', '.join(self._pool.by_name)}",
            )

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
        kept: int = 0,
    ) -> None:
        """Put the last `n` messages of a parcel, which were not tried, back to the front.

        The path's pace is charged for `kept` of them all the same.
        """
        path = choice.path
        path.gcra.refund(n - kept, sent_at)
        if choice.gates:
            self._outbox.slots.refund(choice, n, sent_at, span)
        path.breaker.give_back(n, generation)
        path.server.breaker.give_back(n, server_generation)
        self._returns.give_back(choice, parcel, n, self._answered, self._pool.now)
