"""A connection slot: does what it is given, one by one, and answers each token once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from mstoolkit.live.clock import RunClock
from mstoolkit.live.connection import Connection, NotTriedError, UncertainError
from mstoolkit.live.lateness import Watch
from mstoolkit.live.letters import Letters
from mstoolkit.model import ConnectionFailed, Lost, Replied, Send

Answer = Replied | ConnectionFailed | Lost


class Office(Protocol):
    """What slots share."""

    clock: RunClock
    letters: Letters
    watch: Watch
    targets: Mapping[str, tuple[str, int]]
    patience: float

    def answer(self, event: Answer, /) -> None:
        """Take the answer to a token."""

    async def on_wire(self, send: Send, /) -> None:
        """Make it safe that the final dot of an attempt is about to go out."""


class Slot:
    """One connection slot with its own task."""

    def __init__(self, office: Office) -> None:
        self._office = office
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
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
            if self._connection is not None:
                await self._connection.quit()
        finally:
            if self._connection is not None:
                self._connection.abandon()

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
        before_dot = partial(self._office.on_wire, send)
        letter = letters.letter(send.parcel, clock.epoch + begun)
        recipient = letters.recipient(send.parcel)
        connection, reused = await self._connected(send)
        try:
            reply = await connection.transact(letters.sender, recipient, letter, before_dot)
        except NotTriedError:
            if not reused:
                raise
            connection = await self._opened(send)  # it was closed while it lay idle
            reply = await connection.transact(letters.sender, recipient, letter, before_dot)
        closed = reply.code == 421 or not connection.open
        if closed:
            connection.abandon()
        return Replied(0.0, send.token, ((reply, 1),), 0, clock.now() - begun, closed)

    async def _connected(self, send: Send) -> tuple[Connection, bool]:
        current = self._connection
        if current is not None and current.open:
            if not send.fresh and self._path == (send.server, send.isp):
                return current, True
            await current.quit()
        return await self._opened(send), False

    async def _opened(self, send: Send) -> Connection:
        host, port = self._office.targets[send.server]
        connection = Connection(host, port, send.isp, self._office.patience)
        self._connection, self._path = connection, (send.server, send.isp)
        await connection.connect()
        return connection
