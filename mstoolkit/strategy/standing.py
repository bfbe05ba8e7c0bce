"""Standing orders about mail that waits: a campaign's is held, or all of an ISP's is given up.

Held mail lies in its queue as mail that is due when the order ends, so that it is counted, taken
back and outlived like any other, and holds up nothing. An order that is prolonged puts it off once
more when its first end has come. Messages under way are left to finish; what comes back from them
waits, and so falls under the order.

The log takes the first ends after an answer for those that the answer speaks of. So what is given
up ends after them, and with a copy of the reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mstoolkit.model import Parcel, Reply, Suspended
from mstoolkit.strategy.books import Books
from mstoolkit.strategy.mail_queue import Pile
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Route
from mstoolkit.strategy.timers import Timers

Kind = Literal["hold", "bounce"]
Key = tuple[Kind, str, str, str]


@dataclass(slots=True)
class Order:
    """What is to be done with mail that waits for an ISP.

    Parameters
    ----------
    kind : {"hold", "bounce"}
        What is done.
    isp : str
        Where the mail goes; empty if that does not matter.
    campaign : str
        Whose mail it is; empty if all campaigns' is meant.
    stream : str
        Of which stream it is; empty if that of all is meant.
    rule : str
        Which rule says so.
    reply : Reply
        What was said that the rule is for.
    until : float
        When it ends (s).
    due : float
        When it is looked at again (s): held mail is put off until then.
    number : int
        Of its timer.
    """

    kind: Kind
    isp: str
    campaign: str
    stream: str
    rule: str
    reply: Reply
    until: float
    due: float
    number: int

    def meant(self, pile: Pile) -> Pile | None:
        """Return a pile if it falls under the order; the ISP is that of the queue."""
        lot = pile.lot
        falls = self.campaign in ("", lot.campaign) and self.stream in ("", lot.stream)
        return pile if falls else None


class StandingOrders:
    """Keeps orders, and carries them out on what waits and on what comes in.

    Parameters
    ----------
    pool : Pool
        Routes and their queues.
    books : Books
        Where mail ends that is given up.
    outbox : Outbox
        Whose commands take the notices.
    timers : Timers
        Where the ends of orders are set.

    Attributes
    ----------
    orders : dict
        Orders in force, by kind, ISP and campaign.
    given_up : list
        What has been given up, and is finished with `settle`: parcel, number, rule, reply, server.
    """

    def __init__(self, pool: Pool, books: Books, outbox: Outbox, timers: Timers) -> None:
        self._pool = pool
        self._books = books
        self._outbox = outbox
        self._timers = timers
        self.orders: dict[Key, Order] = {}
        self.given_up: list[tuple[Parcel, int, str, Reply, str]] = []
        self._given = 0

    def give(
        self,
        kind: Kind,
        isp: str,
        campaign: str,
        stream: str,
        rule: str,
        reply: Reply,
        until: float,
    ) -> None:
        """Give an order until a time (s), or prolong it."""
        key: Key = (kind, isp, campaign, stream)
        order = self.orders.get(key)
        if order is not None:
            order.until = max(order.until, until)
            return
        self._given += 1
        order = Order(kind, isp, campaign, stream, rule, reply, until, until, self._given)
        self.orders[key] = order
        self._timers.set(until, "order", order.number)
        if kind == "hold":
            reason = f"{rule} (campaign {campaign})" if campaign else f"{rule} (stream {stream})"
            self._outbox.commands.append(Suspended("", isp, until, reason))
        self._apply(order)

    def give_up(self, parcel: Parcel, n: int, rule: str, reply: Reply, server: str = "") -> None:
        """Give up `n` messages of a parcel because of a rule and what was said."""
        self.given_up.append((parcel, n, rule, Reply(*reply), server))

    def settle(self) -> None:
        """Finish what has been given up."""
        for parcel, n, rule, reply, server in self.given_up:
            self._books.finish(parcel, n, "bounced", rule, reply, server)
        self.given_up.clear()

    def take(self, route: Route, pile: Pile, due: float = 0.0) -> bool:
        """Give up or hold mail that is about to wait, if an order says so; return whether it did.

        Parameters
        ----------
        route : Route
            Where it would wait.
        pile : Pile
            The mail.
        due : float, optional
            When (s) it would go at the earliest.
        """
        orders = [
            order
            for order in self.orders.values()
            if order.isp in ("", pile.lot.isp) and order.meant(pile)
        ]
        for order in orders:
            if order.kind == "bounce":
                self.give_up(pile.parcel(), pile.n, order.rule, order.reply)
                return True
        if orders:
            self._put_off(route, pile, max(due, *(order.due for order in orders)))
        return bool(orders)

    def look(self, number: int) -> None:
        """An order ends, unless it was prolonged; mail that it held falls due by itself."""
        order = next(each for each in self.orders.values() if each.number == number)
        if order.until <= order.due:
            del self.orders[order.kind, order.isp, order.campaign, order.stream]
            return
        order.due = order.until
        self._timers.set(order.due, "order", number)
        if order.kind == "hold":
            self._apply(order)

    def take_over(self, old: StandingOrders) -> None:
        """Go on with the orders of a setup that was replaced."""
        self.orders, self._given = old.orders, old._given

    def _apply(self, order: Order) -> None:
        """Carry an order out on what waits now."""
        routes = self._pool.isp(order.isp).routes if order.isp else self._pool.routes
        for route in routes:
            for due, pile in route.queue.take(order.meant):
                if order.kind == "bounce":
                    self.give_up(pile.parcel(), pile.n, order.rule, order.reply)
                else:
                    self._put_off(route, pile, max(due, order.due))

    def _put_off(self, route: Route, pile: Pile, due: float) -> None:
        if route.queue.put_off(pile, due):
            self._timers.set(due, "retry", route.number)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        rows = [{**asdict(each), "reply": list(each.reply)} for each in self.orders.values()]
        return {"given": self._given, "orders": rows}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        self._given = state["given"]
        rows: Sequence[dict[str, Any]] = state["orders"]
        orders = [Order(**{**row, "reply": Reply(*row["reply"])}) for row in rows]
        self.orders = {(each.kind, each.isp, each.campaign, each.stream): each for each in orders}
