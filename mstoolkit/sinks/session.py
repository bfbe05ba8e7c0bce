"""One SMTP session of a sink: aiosmtpd speaks, the provider model answers.

Phases: what the model says at ``connect``, ``mail`` or ``rcpt`` is said at RCPT, all else after the
final dot. The provider is asked once, at RCPT, so what is refused there costs no DATA.

The provider's own connection limit counts paths (server x ISP). A sender that knows ``XPATH`` names
the provider that a session is for, right after EHLO; for others it is known from the first RCPT.
"""

# ruff: noqa: D102, N802 - aiosmtpd's names, explained there

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from mstoolkit.isp import Verdict
from mstoolkit.model import Lot, Parcel, Reply
from mstoolkit.sinks.faults import FaultKind
from mstoolkit.sinks.reception import Reception

_EARLY = ("connect", "ehlo", "mail", "rcpt")
_PLAIN = re.compile(r"<([A-Za-z0-9._=+-]+@[A-Za-z0-9.-]+)>([ -~]*)")
_UNPRINTABLE = re.compile(r"[^ -~]")
_SHORTEST = 0.001  # s; the event loop does not wait more finely
_BUSY = Reply(421, "4.3.2", "Service not available, closing connection", "rcpt")


def spoken(reply: Reply) -> str:
    """Return a reply as it goes over the wire: one line of printable ASCII."""
    status = f"{reply.status} " if reply.status else ""
    return _UNPRINTABLE.sub(" ", f"{reply.code} {status}{reply.text}")[:510]


class Host(Protocol):
    """What a session needs of its listener."""

    def opened(self, wire: Wire) -> None: ...

    def closed(self, wire: Wire) -> None: ...


@dataclass(slots=True)
class Judged:
    """A message that the provider has judged, and the sender has not heard of yet."""

    verdict: Verdict
    parcel: Parcel
    address: str
    began: float
    until: float

    @property
    def reply(self) -> Reply:
        """What is said about it."""
        return self.verdict.replies[0][0] if self.verdict.replies else _BUSY


class Conversation:
    """The handler behind one session; aiosmtpd calls its ``handle_`` methods."""

    def __init__(self, server: str, reception: Reception) -> None:
        self.server = server
        self.reception = reception
        self._paths: set[str] = set()
        self._carried = 0
        self._judged: Judged | None = None

    def path(self, isp: str) -> Reply | None:
        """Open this session's path to a provider, or return the reply by which it refuses."""
        if isp in self._paths:
            return None
        reply = self.reception.connect(self.server, isp)
        if not reply.positive:
            return reply
        self._paths.add(isp)
        return None

    def ended(self) -> None:
        """Give back what the session held."""
        self._forget()
        for isp in sorted(self._paths):
            self.reception.disconnect(self.server, isp)
        self._paths.clear()

    async def handle_EHLO(
        self, wire: Wire, session: Session, envelope: Envelope, name: str, replies: list[str]
    ) -> list[str]:
        session.host_name = name
        return [*replies[:-1], "250-XCLOCK", "250-XPATH", replies[-1]]

    async def handle_RCPT(
        self, wire: Wire, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._forget()
        if not self.reception.clock.started():
            return "451 4.3.0 No clock yet: send XCLOCK first, or serve at time scale 1"
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient a message"
        if self._faulty("cut"):
            return wire.cut()
        if self._faulty("421"):
            return wire.last(_BUSY)
        return await self._addressed(wire, envelope, address)

    async def _addressed(self, wire: Wire, envelope: Envelope, address: str) -> str:
        try:
            lot, index = self.reception.mailing.locate(address)
        except KeyError:
            return "550 5.1.1 No such user here"
        refused = self.path(lot.isp)
        if refused:
            return wire.last(refused)
        if not self._faulty("drop"):
            judged = self._judge(lot, index, address)
            if judged.reply.phase in _EARLY:
                return await self._answer(wire)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def _judge(self, lot: Lot, index: int, address: str) -> Judged:
        reception, server = self.reception, self.server
        began = reception.clock.now()
        verdict, parcel = reception.receive(server, lot, index, self._carried)
        reception.begin(server)
        takes = reception.seconds(server, parcel, fresh=not self._carried)
        until = asyncio.get_running_loop().time() + takes
        self._carried += 1
        self._judged = Judged(verdict, parcel, address, began, until)
        return self._judged

    def _forget(self) -> Judged | None:
        judged, self._judged = self._judged, None
        if judged is not None:
            self.reception.end(self.server)
        return judged

    def _faulty(self, kind: FaultKind) -> bool:
        schedule, clock = self.reception.schedule, self.reception.clock
        return schedule.active(self.server, kind, clock.now()) is not None

    async def handle_DATA(self, wire: Wire, session: Session, envelope: Envelope) -> str:
        if self._judged is None:
            self.reception.tally.dropped[self.server] += 1
            return wire.cut()
        return await self._answer(wire)

    async def _answer(self, wire: Wire) -> str:
        """Say what the provider decided, when its time has passed."""
        if self._judged is not None:
            wait = self._judged.until - asyncio.get_running_loop().time()
            if wait >= _SHORTEST:
                await asyncio.sleep(wait)
        judged = self._forget()
        if judged is None:
            return wire.cut()
        reply, parcel, server = judged.reply, judged.parcel, self.server
        now, isp = self.reception.clock.now(), parcel.lot.isp
        self.reception.tally.replied(now, server, isp, judged.address, reply)
        self.reception.tell(server, parcel, judged.verdict, judged.began)
        return wire.last(reply) if judged.verdict.closed or reply.code == 421 else spoken(reply)


class Wire(SMTP):
    """aiosmtpd's session with two verbs of the bench, and ways to end it that real servers have."""

    def __init__(self, talk: Conversation, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(talk, hostname="sink.invalid", ident="mstoolkit sink", loop=loop)
        self._talk = talk
        self._host = host
        self._last = False
        self._leaving = False
        self._cut = False

    @property
    def busy(self) -> bool:
        """Whether a mail transaction is under way."""
        return bool(self.envelope and self.envelope.mail_from)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._host.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._host.closed(self)
        self._talk.ended()
        super().connection_lost(error)

    def last(self, reply: Reply) -> str:
        """Say this and close."""
        self._last = True
        return spoken(reply)

    def cut(self) -> str:
        """Close without a word."""
        self._cut = True
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        return ""

    def leave(self) -> None:
        """Close now, or after the transaction that is under way."""
        self._leaving = True
        if not self.busy and self.transport is not None:
            self.transport.close()

    async def push(self, status: Any) -> None:
        if self._cut:
            return
        await super().push(status)
        over = self._last or (self._leaving and not self.busy)
        if over and self.transport is not None:
            self.transport.close()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        plain = _PLAIN.fullmatch(arg)
        if plain:
            return plain[1], plain[2]
        return super()._getaddr(arg)

    @syntax("XCLOCK epoch scale scenario-hash")
    async def smtp_XCLOCK(self, arg: str | None) -> None:
        try:
            epoch, scale, scenario_hash = (arg or "").split()
            clock = self._talk.reception.clock
            wrong = clock.agree(float(epoch), float(scale), scenario_hash)
        except ValueError:
            await self.push("501 5.5.4 Syntax: XCLOCK epoch scale scenario-hash")
            return
        await self.push(f"554 5.5.4 {wrong}" if wrong else "250 2.0.0 Clock agreed")

    @syntax("XPATH isp")
    async def smtp_XPATH(self, arg: str | None) -> None:
        if not arg or not self._talk.reception.knows(arg):
            await self.push("501 5.5.4 Syntax: XPATH isp")
            return
        refused = self._talk.path(arg)
        await self.push(self.last(refused) if refused else "250 2.0.0 Path open")
