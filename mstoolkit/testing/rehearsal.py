"""A driver of a few lines: answers of your own, virtual time, and the sender's promises checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import TypeVar

from mstoolkit.config import Policy, Server
from mstoolkit.model import Command, Event, Replied, Reply, Send, SplitMix64, Tick, stream_key
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing.checks import BrokenPromiseError, Promises

Answer = Callable[[float, Send], Event | None]
C = TypeVar("C", bound=Command)
OK = Reply(250, "2.0.0", "OK", "data")


def accepting(latency: float = 0.5) -> Answer:
    """Return an answer that accepts everything after `latency` s."""

    def answer(now: float, send: Send) -> Event:
        return Replied(now + latency, send.token, ((OK, send.parcel.n),), 0, latency)

    return answer


def partly(
    shares: Mapping[str, float], refusal: Reply, *, latency: float = 0.5, seed: int = 0
) -> Answer:
    """Return an answer that accepts a share of what each server sends, by chance.

    Parameters
    ----------
    shares : mapping of str to float
        Shares by server, 0 to 1; it is looked at anew each time. Of others all is accepted.
    refusal : Reply
        What the rest gets.
    latency : float, optional
        Time of an answer after its last message has left, s.
    seed : int, optional
        Names the stream of chance.
    """
    draws = SplitMix64(stream_key(seed, "answers"))

    def answer(now: float, send: Send) -> Event:
        n, share = send.parcel.n, shares.get(send.server, 1.0)
        good = sum(draws.uniform() < share for _ in range(n))
        replies = tuple((reply, k) for reply, k in ((OK, good), (refusal, n - good)) if k)
        return Replied(now + send.span + latency, send.token, replies, 0, latency)

    return answer


class Rehearsal:
    """Carries a dispatcher through virtual time.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool.
    policy : Policy
        The strategy.
    answer : callable, optional
        ``answer(now, send)`` returns the event that ends an attempt, dated `now` or later; None
        leaves it open until it is told by hand. Everything is accepted by default.
    seed : int
        Seed of the dispatcher.
    batch : int
        Largest cut.
    epoch : float
        Unix time (s) of scenario time 0.

    Attributes
    ----------
    dispatcher : Dispatcher
    now : float
        Time of the last event, s.
    log : list of (Event, list of Command)
        All that happened.

    Raises
    ------
    BrokenPromiseError
        At any step after which a promise of the sender does not hold: see
        `mstoolkit.testing.checks.Promises`; besides, the books balance and no due work is left.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> from mstoolkit.config.mailing import Mailing
    >>> scenario = load_scenario("quickstart")
    >>> play = Rehearsal(scenario.servers, scenario.strategies["batch"])
    >>> caused = [play.tell(event) for event in Mailing(scenario).arrivals(limit=100)]
    >>> play.run(600.0)
    >>> play.totals["delivered"]
    100
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        policy: Policy,
        answer: Answer | None = None,
        *,
        seed: int = 0,
        batch: int = 1,
        epoch: float = 0.0,
    ) -> None:
        self.dispatcher = Dispatcher(servers, policy, seed=seed, batch=batch, epoch=epoch)
        self.answer = answer or accepting()
        self.now = 0.0
        self.log: list[tuple[Event, list[Command]]] = []
        self._promises = Promises(servers, policy)
        self._due: list[tuple[float, int, Event]] = []
        self._order = 0

    @property
    def totals(self) -> dict[str, int]:
        """Messages by where they are now."""
        return self.dispatcher.totals

    @property
    def open(self) -> dict[int, Send]:
        """Attempts that are not answered yet, by token."""
        return self._promises.open

    def all(self, kind: type[C]) -> list[tuple[float, C]]:
        """Return all commands of a kind with their times (s)."""
        return [
            (event.at, command)
            for event, commands in self.log
            for command in commands
            if isinstance(command, kind)
        ]

    def tell(self, event: Event) -> list[Command]:
        """Hand over an event now, carry out what it causes, and check."""
        self._promises.event(event)
        commands = self.dispatcher.handle(event)
        self.now = event.at
        self.log.append((event, commands))
        self._promises.commands(commands)
        self._check()
        for command in commands:
            if isinstance(command, Send):
                answer = self.answer(event.at, command)
                if answer is not None:
                    self.later(answer)
        return commands

    def later(self, event: Event) -> None:
        """Hand over an event when its time has come."""
        self._order += 1
        heappush(self._due, (event.at, self._order, event))

    def run(self, until: float) -> None:
        """Let time pass until `until` (s), with what is due then."""
        while True:
            wake = self.dispatcher.next_wakeup()
            due = self._due[0][0] if self._due else float("inf")
            if min(due, float("inf") if wake is None else wake) > until:
                return
            if wake is not None and wake < due:
                self.tell(Tick(wake))
            else:
                self.tell(heappop(self._due)[2])

    def _check(self) -> None:
        totals = self.totals
        placed = sum(totals.values()) - totals["enqueued"]
        if placed != totals["enqueued"]:
            raise BrokenPromiseError(f"the books do not balance: {totals}")
        flying = sum(send.parcel.n for send in self.open.values())
        if flying != totals["in_flight"]:
            raise BrokenPromiseError(f"{flying} messages are under way, not {totals['in_flight']}")
        wake = self.dispatcher.next_wakeup()
        if wake is not None and wake <= self.now:
            raise BrokenPromiseError(f"due work was left behind: {wake} at {self.now}")
