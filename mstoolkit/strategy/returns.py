"""What comes back from an attempt: deferred mail waits for its next one, untried mail goes first.

Greylisted mail waits for the server that it was greylisted on, as long as that can be used: to
another address the provider would begin its wait anew.
"""

from __future__ import annotations

from mstoolkit.config import Policy
from mstoolkit.config.rules import Bounce, Move
from mstoolkit.model import Parcel, Reply, SplitMix64
from mstoolkit.strategy.books import Books
from mstoolkit.strategy.failover import ABOUT_RECIPIENT
from mstoolkit.strategy.mail_queue import Pile
from mstoolkit.strategy.outcomes import Judgement
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.retry import Backoff
from mstoolkit.strategy.route import Choice, Route
from mstoolkit.strategy.rules import Consequence
from mstoolkit.strategy.standing import StandingOrders
from mstoolkit.strategy.timers import Timers

GREYLISTED = "greylist"


class Returns:
    """Puts mail back into the queues.

    Parameters
    ----------
    pool : Pool
        Routes and their queues.
    books : Books
        Where mail ends that has no attempt or no time left.
    timers : Timers
        Where the next attempts are set.
    jitter : SplitMix64
        Stream of the jitter.
    policy : Policy
        Retry and pinning.
    standing : StandingOrders
        Who holds, or gives up, mail that waits.
    """

    def __init__(
        self,
        pool: Pool,
        books: Books,
        timers: Timers,
        jitter: SplitMix64,
        policy: Policy,
        standing: StandingOrders,
    ) -> None:
        self._pool = pool
        self._books = books
        self._standing = standing
        self._timers = timers
        self._attempts, self._hints = policy.retry.attempts, policy.retry.hints
        self._pins = policy.failover.pin
        self._backoff = Backoff(policy.retry, jitter)

    def decide(
        self,
        choice: Choice,
        parcel: Parcel,
        n: int,
        reply: Reply,
        judged: Judgement,
        fate: Consequence,
        token: int,
        now: float,
    ) -> None:
        """Do what a rule says with `n` messages that got a reply: give them up, or move them."""
        if isinstance(fate.action, Bounce):
            self._standing.give_up(parcel, n, fate.rule, reply, choice.path.server.name)
            return
        to = (fate.action.to or "") if isinstance(fate.action, Move) else ""
        self.put_off(choice, parcel, n, judged.category, token, now, judged.wait, to)

    def put_off(
        self,
        choice: Choice,
        parcel: Parcel,
        n: int,
        cause: str,
        token: int,
        now: float,
        wait: float,
        to: str = "",
    ) -> None:
        """Let `n` messages of a parcel wait for their next attempt, if they may have one.

        The provider may have asked for a `wait` (s); it gets no less. A rule may want them to go
        by the server `to`.
        """
        lot, attempt = parcel.lot, parcel.attempt + 1
        if attempt >= self._attempts:
            self._books.finish(parcel, n, "expired", "no attempts left")
            return
        if lot.expires <= now or token in self._books.recalled:
            self._books.ends_now(parcel, n, token, now)
            return
        first = parcel.first if n == parcel.n else -1
        due = self._backoff.due(parcel.attempt, now, first < 0)
        if wait and due < now + wait and self._hints:
            due = self._backoff.not_before(now + wait)
        if due > lot.expires:
            due = lot.expires
        known = cause if cause in ABOUT_RECIPIENT else parcel.cause
        route = choice.route
        if cause == GREYLISTED or route.key.pin or to:
            route = self._waiting_for(choice, cause, to)
        pile = Pile(lot, first, n, attempt, parcel.born, token, known)
        if self._standing.orders and self._standing.take(route, pile, due):
            return
        if route.queue.put_off(pile, due):
            self._timers.set(due, "retry", route.number)

    def give_back(self, choice: Choice, parcel: Parcel, n: int, token: int, now: float) -> None:
        """Put the last `n` messages of a parcel, which were not tried, back to the front."""
        first = parcel.first + parcel.n - n if parcel.first >= 0 else -1
        pile = Pile(parcel.lot, first, n, parcel.attempt, parcel.born, parcel.parent, parcel.cause)
        if pile.lot.expires <= now or token in self._books.recalled:
            self._books.ends_now(pile.parcel(), n, token, now)
            return
        if self._standing.orders and self._standing.take(choice.route, pile):
            return
        choice.route.queue.give_back(pile)
        self._pool.mark(choice.route)

    def _waiting_for(self, choice: Choice, cause: str, to: str) -> Route:
        """Return the route of mail that waits for a server; what was deferred otherwise is free.

        What a rule has moved waits for `to`, greylisted mail for the server that it was tried on.
        """
        free = choice.route.key._replace(pin="")
        pin = to if to and self._pool.router.is_home(free, to) else ""
        if not pin and self._pins and cause == GREYLISTED:
            pin = choice.path.server.name
        return self._pool.route(free._replace(pin=pin))
