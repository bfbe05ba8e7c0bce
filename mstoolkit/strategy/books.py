"""The books: every message ends once, and what is known of lots and recalls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mstoolkit.model import Finish, Lot, Outcome, Parcel, Reply, Withdrawn
from mstoolkit.strategy.outbox import Outbox
from mstoolkit.strategy.snapshot import lot_state
from mstoolkit.strategy.timers import Timers

_ENDS = ("enqueued", "delivered", "bounced", "expired", "suppressed", "withdrawn")


class Books:
    """Counts messages by where they ended, and keeps the lots that may still expire.

    Parameters
    ----------
    outbox : Outbox
        Whose commands take the ends of messages.
    timers : Timers
        Where the expiry of lots is set.

    Attributes
    ----------
    totals : dict of str to int
        Messages enqueued, and finished by how.
    lots : dict of int to Lot
        All that were ever heard of, by number.
    recalled : set of int
        Tokens of open attempts whose messages were taken back.
    """

    def __init__(self, outbox: Outbox, timers: Timers) -> None:
        self._outbox = outbox
        self._timers = timers
        self.totals = dict.fromkeys(_ENDS, 0)
        self.lots: dict[int, Lot] = {}
        self.recalled: set[int] = set()
        self._expiring: dict[int, Lot] = {}

    def open(self, lot: Lot) -> None:
        """Take note of a lot whose mail waits."""
        if lot.id not in self._expiring:
            self._expiring[lot.id] = self.lots[lot.id] = lot
            self._timers.set(lot.expires, "expire", lot.id)

    def close(self, number: int) -> Lot:
        """Return a lot that expires now."""
        return self._expiring.pop(number)

    def finish(
        self,
        parcel: Parcel,
        n: int,
        outcome: Outcome,
        reason: str,
        reply: Reply | None = None,
        server: str = "",
    ) -> None:
        """Finish `n` messages of a parcel; it is not known which, unless it is all of them."""
        self.totals[outcome] += n
        if n != parcel.n:
            parcel = Parcel(
                parcel.lot, -1, n, parcel.attempt, parcel.born, parcel.parent, parcel.cause
            )
        self._outbox.commands.append(Finish(parcel, outcome, n, reason, reply, server))

    def recall(self, event: Withdrawn) -> None:
        """Note open attempts whose messages are taken back, in case they come back."""
        for token, (_, send, *_rest) in self._outbox.flights.items():
            if _covers(event, send.parcel):
                self.recalled.add(token)

    def ends_now(self, parcel: Parcel, n: int, token: int, now: float) -> bool:
        """Finish what comes back from an attempt too old or recalled; return whether it was."""
        if parcel.lot.expires <= now:
            self.finish(parcel, n, "expired", "too old")
        elif token in self.recalled:
            self.finish(parcel, n, "withdrawn", "taken back")
        else:
            return False
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "totals": dict(self.totals),
            "lots": [lot_state(lot) for lot in self.lots.values()],
            "expiring": list(self._expiring),
            "recalled": sorted(self.recalled),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that `snapshot` returned."""
        self.totals = dict(state["totals"])
        self.lots = {row["id"]: Lot(**row) for row in state["lots"]}
        self._expiring = {number: self.lots[number] for number in state["expiring"]}
        self.recalled = set(state["recalled"])


def _covers(event: Withdrawn, parcel: Parcel) -> bool:
    """Whether all messages of a parcel are taken back; of counted ones only with their list."""
    if event.list != parcel.lot.list:
        return False
    whole = parcel.first >= event.first and parcel.first + parcel.n <= event.first + event.n
    return event.first < 0 or (parcel.first >= 0 and whole)
