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
    Finish,
    Lost,
    Lot,
    Outcome,
    Parcel,
    PoolChanged,
    Replied,
    Reply,
    SplitMix64,
    Suppress,
    Tick,
    Withdrawn,
    stream_key,
)
from mstoolkit.strategy import snapshot
from mstoolkit.strategy.failover import ABOUT_RECIPIENT
from mstoolkit.strategy.lessons import Lessons
from mstoolkit.strategy.mail_queue import Pile
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.strategy.outcomes import judge
from mstoolkit.strategy.path import IspState, Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.retry import Backoff
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.timers import Timers


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
        self, servers: Mapping[str, Server], policy: Policy, *, seed: int = 0, batch: int = 1
    ) -> None:
        self._policy = policy
        self._pool = Pool(servers, policy)
        self._jitter = SplitMix64(stream_key(seed, "retry"))
        self._backoff = Backoff(policy.retry, self._jitter)
        self.timers = Timers()
        self._outbox = Outbox(self._pool, self.timers, batch)
        self._suspend = Suspensions(self._pool, self.timers, self._outbox)
        self._lessons = Lessons(self._pool, self._suspend, self.timers, policy.rules)
        pacing = policy.pacing
        self._learns = bool(policy.rules or pacing.adapt or pacing.feedback)
        self._flights = self._outbox.flights
        self._lots: dict[int, Lot] = {}
        self._all_lots: dict[int, Lot] = {}
        self._now = 0.0
        self._answered = -1
        self._recalled: set[int] = set()
        shared = self._pool.shared
        self._counts_load = shared is not None and shared.counts_load
        self._totals = dict.fromkeys(
            ("enqueued", "delivered", "bounced", "expired", "suppressed", "withdrawn"), 0
        )
        self._out: list[Command] = []
        self._on: dict[type, Callable[[Any], None]] = {
            Enqueued: self._enqueued,
            Withdrawn: self._withdrawn,
            Replied: self._replied,
            ConnectionFailed: self._connection_failed,
            Closed: self._closed,
            Lost: self._lost,
            Feedback: self._feedback,
            PoolChanged: self._pool_changed,
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
            If an answer's token is not open, or a name is not in the pool.
        ValueError
            If time runs backwards.
        """
        now = event.at
        if now < self._now:
            raise ValueError(f"time runs backwards: {now} after {self._now}")
        self._now = now
        out: list[Command] = []
        self._out = self._outbox.commands = out
        if self.timers.due <= now:
            self._fire(now)
        self._on[event.__class__](event)
        if self._pool.dirty:
            self._outbox.send_all(now)
        return out

    def next_wakeup(self) -> float | None:
        """Return when (s) a `Tick` is wanted, later than the last event; None if never."""
        due = self.timers.due
        return None if due == float("inf") else due

    @property
    def totals(self) -> dict[str, int]:
        """Messages by where they are now: finished, queued or in flight."""
        queued = sum(isp.queue.n + isp.queue.later for isp in self._pool.isps.values())
        flying = sum(send.parcel.n for _, send, *_ in self._flights.values())
        return {**self._totals, "queued": queued, "in_flight": flying}

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON-able values."""
        return {
            "version": snapshot.VERSION,
            "now": self._now,
            "token": self._outbox.token,
            "answered": self._answered,
            "turning": self._outbox.turning,
            "watching": self._outbox.watching,
            "totals": dict(self._totals),
            "jitter": str(self._jitter.state),
            "timers": [list(timer) for timer in self.timers.snapshot()],
            "lots": [snapshot.lot_state(lot) for lot in self._all_lots.values()],
            "expiring": list(self._lots),
            "pool": snapshot.pool_state(self._pool),
            "flights": [
                [path.number, snapshot.send_state(send), taken, *rest]
                for path, send, taken, *rest in self._flights.values()
            ],
            "recalled": sorted(self._recalled),
            "rules": self._lessons.rulebook.snapshot() if self._lessons.rulebook else None,
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
        lots = {row["id"]: Lot(**row) for row in state["lots"]}
        self._all_lots = lots
        self._lots = {number: lots[number] for number in state["expiring"]}
        self._now, self._answered = state["now"], state["answered"]
        self._outbox.token, self._outbox.turning = state["token"], state["turning"]
        self._outbox.watching = state["watching"]
        self._totals = dict(state["totals"])
        self._jitter.state = int(state["jitter"])
        self.timers.restore([tuple(timer) for timer in state["timers"]])
        snapshot.restore_pool(self._pool, state["pool"], lots)
        self._recalled = set(state["recalled"])
        if self._lessons.rulebook:
            self._lessons.rulebook.restore(state["rules"])
        for number, row, taken, server_generation, generation, sent_at in state["flights"]:
            send = snapshot.send_from(row, lots)
            self._flights[send.token] = (
                self._pool.paths[number], send, taken, server_generation, generation, sent_at,
            )  # fmt: skip

    # -- events

    def _enqueued(self, event: Enqueued) -> None:
        parcel = event.parcel
        lot = parcel.lot
        self._totals["enqueued"] += parcel.n
        if event.suppressed:
            self._finish(parcel, parcel.n, "suppressed", "suppression list")
            return
        if lot.expires <= event.at:
            self._finish(parcel, parcel.n, "expired", "too old when it arrived")
            return
        if lot.id not in self._lots:
            self._lots[lot.id] = self._all_lots[lot.id] = lot
            self.timers.set(lot.expires, "expire", lot.id)
        isp = self._pool.isp(lot.isp)
        isp.queue.add(
            Pile(
                lot,
                parcel.first,
                parcel.n,
                parcel.attempt,
                parcel.born,
                parcel.parent,
                parcel.cause,
            )
        )
        self._pool.mark(isp)

    def _withdrawn(self, event: Withdrawn) -> None:
        for isp in self._pool.isps.values():
            for pile in isp.queue.take_range(event.list, event.first, event.n):
                self._finish(pile.parcel(), pile.n, "withdrawn", "taken back")
        for token, (_, send, *_rest) in self._flights.items():
            if _covers(event, send.parcel):
                self._recalled.add(token)

    def _replied(self, event: Replied) -> None:
        path, send, taken, server_generation, generation, sent_at = self._flights.pop(event.token)
        self._answered = event.token
        server = path.server
        parcel = send.parcel
        if self._counts_load:
            path.isp.rotation.settle(path.index, parcel.n)
        tried = parcel.n - event.unsent
        if event.unsent:
            self._give_back(path, parcel, event.unsent, server_generation, generation, sent_at)
        if server.breaker.troubled and server.breaker.success(
            max(tried, 1), server_generation, event.at
        ):
            self._suspend.resume(server, None)
        for reply, n in event.replies:
            outcome, category, blames_path, wait = judge(reply)
            if blames_path or path.breaker.troubled:
                self._lessons.weigh(path, n, category, generation, blames_path, event.at)
            if self._learns:
                self._lessons.learn(path, reply, n, sent_at, event.at)
            if outcome == "deferred":
                self._put_off(path.isp, parcel, n, category, wait)
            else:
                self._finish(parcel, n, outcome, category, reply, server.name)
        if event.closed or not self._outbox.again(path, taken, event.at):
            self._outbox.release(path, taken, event.closed, event.at)
        if path.probing:
            self._pool.recheck_probed(path)

    def _put_off(
        self, isp: IspState, parcel: Parcel, n: int, cause: str, wait: float = 0.0
    ) -> None:
        """Let `n` messages of a parcel wait for their next attempt, if they may have one.

        The provider may have asked for a `wait` (s); it gets no less.
        """
        lot, now, attempt = parcel.lot, self._now, parcel.attempt + 1
        if attempt >= self._policy.retry.attempts:
            self._finish(parcel, n, "expired", "no attempts left")
            return
        if lot.expires <= now:
            self._finish(parcel, n, "expired", "too old")
            return
        if self._answered in self._recalled:
            self._finish(parcel, n, "withdrawn", "taken back")
            return
        first = parcel.first if n == parcel.n else -1
        due = self._backoff.due(parcel.attempt, now, first < 0)
        if due < now + wait and self._policy.retry.hints:
            due = self._backoff.not_before(now + wait)
        if due > lot.expires:
            due = lot.expires
        known = cause if cause in ABOUT_RECIPIENT else parcel.cause
        pile = Pile(lot, first, n, attempt, parcel.born, self._answered, known)
        if isp.queue.put_off(pile, due):
            self.timers.set(due, "retry", isp.name)

    def _connection_failed(self, event: ConnectionFailed) -> None:
        path, send, taken, server_generation, generation, sent_at = self._flights.pop(event.token)
        self._answered = event.token
        self._outbox.release(path, taken, True, event.at)
        path.isp.rotation.settle(path.index, send.parcel.n)
        parcel = send.parcel
        self._give_back(path, parcel, parcel.n, server_generation, generation, sent_at)
        self._lessons.refused(path, event.reply, server_generation, generation, event.at)
        if path.probing:
            self._pool.recheck_probed(path)

    def _closed(self, event: Closed) -> None:
        path, slot = self._pool.path_of_connection(event.connection)
        path.used[slot] = 0

    def _lost(self, event: Lost) -> None:
        path, send, taken, server_generation, generation, _ = self._flights.pop(event.token)
        self._outbox.release(path, taken, True, event.at)
        path.isp.rotation.settle(path.index, send.parcel.n)
        self._answered = event.token
        self._put_off(path.isp, send.parcel, send.parcel.n, "network")
        path.breaker.give_back(send.parcel.n, generation)
        if path.server.breaker.failure(1, server_generation, event.at):
            self._suspend.server(path.server, "network")
        if path.probing:
            self._pool.recheck_probed(path)

    def _feedback(self, event: Feedback) -> None:
        parcel = event.parcel
        if event.kind == "dsn":
            reason = classify(event.reply) if event.reply else "other"
            self._totals["delivered"] -= parcel.n
            self._finish(parcel, parcel.n, "bounced", reason, event.reply, event.server)
        elif event.kind in {"complained", "unsubscribed"}:
            self._out.append(Suppress(parcel, event.kind))

    def _pool_changed(self, event: PoolChanged) -> None:
        server = self._pool.by_name[event.server]
        server.drained = event.change == "drained"
        self._pool.recheck_server(server)
        if server.drained:
            for path in server.paths:
                self._suspend.hang_up(path)

    def _tick(self, event: Tick) -> None:
        """Nothing: timers that are due fire before any event is looked at."""

    # -- timers

    def _fire(self, now: float) -> None:
        timers, pool = self.timers, self._pool
        while timers.due <= now:
            due, _, kind, argument = timers.pop()
            if kind == "pace":
                self._outbox.go_on(pool.paths[int(argument)], now)
            elif kind == "retry":
                isp = pool.isps[str(argument)]
                isp.queue.fall_due(due)
                pool.mark(isp)
            elif kind == "turn":
                self._outbox.turning = False
                pool.mark_all()
            else:
                self._fire_rare(kind, int(argument), now)

    def _fire_rare(self, kind: str, argument: int, now: float) -> None:
        pool = self._pool
        if kind == "width":
            self._suspend.widen(pool.paths[argument], now)
        elif kind == "path":
            self._suspend.probe_path(pool.paths[argument], now)
        elif kind == "server":
            self._suspend.probe_server(pool.servers[argument], now)
        elif kind == "rule":
            self._lessons.lift(pool.paths[argument], now)
        elif kind == "expire":
            lot = self._lots.pop(argument)
            for pile in pool.isps[lot.isp].queue.take_lot(lot.id):
                self._finish(pile.parcel(), pile.n, "expired", "too old")
        else:
            self._suspend.idle(now)

    # -- consequences

    def _finish(
        self,
        parcel: Parcel,
        n: int,
        outcome: Outcome,
        reason: str,
        reply: Reply | None = None,
        server: str = "",
    ) -> None:
        """Finish `n` messages of a parcel; it is not known which, unless it is all of them."""
        self._totals[outcome] += n
        if n != parcel.n:
            parcel = Parcel(
                parcel.lot, -1, n, parcel.attempt, parcel.born, parcel.parent, parcel.cause
            )
        self._out.append(Finish(parcel, outcome, n, reason, reply, server))

    def _give_back(
        self,
        path: Path,
        parcel: Parcel,
        n: int,
        server_generation: int,
        generation: int,
        sent_at: float,
    ) -> None:
        """Put the last `n` messages of a parcel, which were not tried, back to the front."""
        path.gcra.refund(n, sent_at)
        path.breaker.give_back(n, generation)
        path.server.breaker.give_back(n, server_generation)
        first = parcel.first + parcel.n - n if parcel.first >= 0 else -1
        pile = Pile(parcel.lot, first, n, parcel.attempt, parcel.born, parcel.parent, parcel.cause)
        if pile.lot.expires <= self._now:
            self._finish(pile.parcel(), pile.n, "expired", "too old")
            return
        if self._answered in self._recalled:
            self._finish(pile.parcel(), pile.n, "withdrawn", "taken back")
            return
        path.isp.queue.give_back(pile)
        self._pool.mark(path.isp)


def _covers(event: Withdrawn, parcel: Parcel) -> bool:
    """Whether all messages of a parcel are taken back; of counted ones only with their list."""
    if event.list != parcel.lot.list:
        return False
    whole = parcel.first >= event.first and parcel.first + parcel.n <= event.first + event.n
    return event.first < 0 or (parcel.first >= 0 and whole)
