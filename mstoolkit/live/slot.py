"""A connection slot: does what it is given, one by one, and answers each token once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol

from mstoolkit.config.delivery import Delivery
from mstoolkit.live.clock import RunClock
from mstoolkit.live.connection import Connection, Envelope, NotTriedError, UncertainError
from mstoolkit.live.lateness import Watch
from mstoolkit.live.letters import Letters
from mstoolkit.live.signing import signed
from mstoolkit.model import ConnectionFailed, Lost, Replied, Reply, Send

Answer = Replied | ConnectionFailed | Lost
OnWire = Callable[[Send], Awaitable[object]]

_PLAIN = Delivery()


class Office(Protocol):
    """What slots share."""

    clock: RunClock
    letters: Letters
    watch: Watch
    targets: Mapping[str, tuple[str, int]]
    patience: float

    def answer(self, event: Answer, /) -> None:
        """Take the answer to a token."""


class Slot:
    """One connection slot with its own task.

    Parameters
    ----------
    office : Office
        What it shares with the others.
    deliveries : mapping of str to Delivery, optional
        How each server is spoken to; plainly where it is not in there.
    on_wire : callable, optional
        Awaited with the job before its message's final dot goes out. It may be asked twice for one
        job: once more where a connection that had lain idle turned out to be dead.
    """

    def __init__(
        self,
        office: Office,
        deliveries: Mapping[str, Delivery] | None = None,
        on_wire: OnWire | None = None,
    ) -> None:
        self._office = office
        self._deliveries = deliveries or {}
        self._on_wire = on_wire
        self._jobs: deque[tuple[Send, float]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._connection: Connection | None = None
        self._path = ("", "")

    def put(self, send: Send, at: float) -> None:
        """Hand over a job that was decided at scenario time `at`."""
        self._jobs.append((send, at))
        self._wake()

    def end(self) -> None:
        """Quit when the jobs are done."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self) -> None:
        """Carry out jobs until told to end."""
        try:
            while True:
                while self._jobs:
                    await self._carry(*self._jobs.popleft())
                if self._ended:
                    break
                await self._idle()
            if self._connection is not None:
                await self._connection.quit()
        finally:
            if self._connection is not None:
                self._connection.abandon()

    async def _idle(self) -> None:
        """Wait for a job, and keep the connection meanwhile where that is wished."""
        self._waiter = asyncio.get_running_loop().create_future()
        every = self._delivery(self._path[0]).noop_after
        while every and self._connection is not None and self._connection.open:
            await asyncio.wait((self._waiter,), timeout=every)
            if self._waiter.done():
                return
            await self._connection.noop()
        await self._waiter

    def _delivery(self, server: str) -> Delivery:
        return self._deliveries.get(server, _PLAIN)

    async def _carry(self, send: Send, decided: float) -> None:
        """Answer with `Lost` whatever goes wrong in ways nobody thought of, then let it out."""
        clock, watch = self._office.clock, self._office.watch
        begun = clock.now()
        watch.commands.add(max(0.0, begun - decided))
        answer: Answer = Lost(0.0, send.token)
        try:
            answer = await self._attempt(send, begun)
        except UncertainError:
            pass
        except NotTriedError as error:
            answer = ConnectionFailed(0.0, send.token, error.reply, clock.now() - begun)
        finally:
            watch.exchange.add(clock.now() - begun)
            self._office.answer(answer)

    async def _attempt(self, send: Send, begun: float) -> Replied:
        letters, clock = self._office.letters, self._office.clock
        letter = letters.letter(send.parcel, clock.epoch + begun)
        recipient = letters.recipient(send.parcel)
        delivery = self._delivery(send.server)
        if delivery.dkim:
            letter = signed(letter, delivery.dkim)
        envelope = Envelope(letters.sender, (recipient,), ret=delivery.ret, notify=delivery.notify)
        connection, reused = await self._connected(send)
        try:
            reply = await self._handed_over(connection, send, envelope, letter)
        except NotTriedError:
            if not reused:
                raise
            connection = await self._opened(send)  # it was closed while it lay idle
            reply = await self._handed_over(connection, send, envelope, letter)
        closed = reply.code == 421 or not connection.open
        if closed:
            connection.abandon()
        return Replied(0.0, send.token, ((reply, 1),), 0, clock.now() - begun, closed)

    async def _handed_over(
        self, connection: Connection, send: Send, envelope: Envelope, letter: bytes
    ) -> Reply:
        before_dot = partial(self._on_wire, send) if self._on_wire is not None else None
        (reply,) = await connection.carry(envelope, letter, before_dot)
        return reply

    async def _connected(self, send: Send) -> tuple[Connection, bool]:
        current = self._connection
        if current is not None and current.open:
            if not send.fresh and self._path == (send.server, send.isp):
                return current, True
            await current.quit()
        return await self._opened(send), False

    async def _opened(self, send: Send) -> Connection:
        host, port = self._office.targets[send.server]
        delivery = self._delivery(send.server)
        connection = Connection(host, port, send.isp, self._office.patience, delivery)
        self._connection, self._path = connection, (send.server, send.isp)
        await connection.connect()
        return connection
