"""What a dispatcher works with: its parts, how they are set up, taken down and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mstoolkit.config import Policy, Server
from mstoolkit.model import SplitMix64, stream_key
from mstoolkit.strategy import snapshot
from mstoolkit.strategy.alarms import Alarms
from mstoolkit.strategy.books import Books
from mstoolkit.strategy.changes import Setup, take_over
from mstoolkit.strategy.explain import Situation, Standing, situation_of, situations, standings
from mstoolkit.strategy.lessons import Lessons
from mstoolkit.strategy.obedience import Obedience
from mstoolkit.strategy.outbox import Outbox, Witness
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.returns import Returns
from mstoolkit.strategy.route import RouteKey
from mstoolkit.strategy.slots import Slots
from mstoolkit.strategy.standing import StandingOrders
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.timers import Timers


class Works:
    """The parts of a dispatcher; see `Dispatcher` for what it is given.

    Attributes
    ----------
    timers : Timers
        What is due when.
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
        self._answered = -1
        self._furnish()

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
        self._alarms.weigh_again(self._pool.now)

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

    def attend(self, witness: Witness) -> None:
        """Have ``witness(token, route)`` called before each decision is carried out.

        What it then asks of `situation` is what the decision was made from.
        """
        self._outbox.attend(witness)

    def situation(self, route: RouteKey, at: float | None = None) -> Situation:
        """Return how things stand in one route at a time (s), by default that of the last event."""
        return situation_of(self._pool, route, self._pool.now if at is None else at)

    def situations(self, isp: str | None = None, at: float | None = None) -> list[Situation]:
        """Return how things stand in each route, or in those to one ISP; see `situation`."""
        return situations(self._pool, self._pool.now if at is None else at, isp)

    def standings(self, isp: str | None = None, at: float | None = None) -> list[Standing]:
        """Return how each server stands in each route, and what stands against it."""
        return standings(self._pool, self._pool.now if at is None else at, isp)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON-able values."""
        return {
            "version": snapshot.VERSION,
            "setup": self._setup.snapshot(),
            "now": self._pool.now,
            "token": self._outbox.token,
            "answered": self._answered,
            "turning": self._outbox.turning,
            "watching": self._outbox.watching,
            "books": self._books.snapshot(),
            "jitter": str(self._jitter.state),
            "timers": [list(timer) for timer in self.timers.snapshot()],
            "last_timer": self.timers.last,
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
        self._pool.now, self._answered = state["now"], state["answered"]
        self._outbox.token, self._outbox.turning = state["token"], state["turning"]
        self._outbox.watching = state["watching"]
        self._jitter.state = int(state["jitter"])
        snapshot.restore_pool(self._pool, state["pool"], lots)
        self.timers.restore([tuple(timer) for timer in state["timers"]], state["last_timer"])
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
