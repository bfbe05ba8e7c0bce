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
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from mstoolkit.isp import Verdict
from mstoolkit.model import Parcel, Reply
from mstoolkit.sinks.reception import Reception

_EARLY = ("connect", "ehlo", "mail", "rcpt")
_PLAIN = re.compile(r"<([A-Za-z0-9._=+-]+@[A-Za-z0-9.-]+)>([ -~]*)")
_UNPRINTABLE = re.compile(r"[^ -~]")
_BUSY = Reply(421, "4.3.2", "Service not available, closing connection", "rcpt")


def spoken(reply: Reply) -> str:
    """Return a reply as it goes over the wire: one line of printable ASCII."""
    status = f"{reply.status} " if reply.status else ""
    return _UNPRINTABLE.sub(" ", f"{reply.code} {status}{reply.text}")[:510]


class Host(Protocol):
    """What a session needs of its listener."""

    def opened(self, wire: Wire) -> None: ...

    def closed(self, wire: Wire) -> None: ...


class Conversation:
    """The handler behind one session; aiosmtpd calls its ``handle_`` methods."""

    def __init__(self, server: str, reception: Reception) -> None:
        self.server = server
        self.reception = reception
        self._paths: set[str] = set()
        self._carried = 0
        self._pending: tuple[Verdict, Parcel, str] | None = None

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
        self._pending = None
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
            verdict, parcel = self.reception.receive(self.server, lot, index, self._carried)
            self._carried += 1
            if not verdict.replies or verdict.replies[0][0].phase in _EARLY:
                return await self._answer(wire, verdict, parcel, address)
            self._pending = (verdict, parcel, address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def _faulty(self, kind: Any) -> bool:
        schedule, clock = self.reception.schedule, self.reception.clock
        return schedule.active(self.server, kind, clock.now()) is not None

    async def handle_DATA(self, wire: Wire, session: Session, envelope: Envelope) -> str:
        if self._pending is None:
            self.reception.tally.dropped[self.server] += 1
            return wire.cut()
        verdict, parcel, address = self._pending
        self._pending = None
        return await self._answer(wire, verdict, parcel, address)

    async def _answer(self, wire: Wire, verdict: Verdict, parcel: Parcel, address: str) -> str:
        reception = self.reception
        reply = verdict.replies[0][0] if verdict.replies else _BUSY
        isp = parcel.lot.isp
        wait = reception.seconds(self.server, isp)
        if wait:
            await asyncio.sleep(wait)
        reception.tally.replied(reception.clock.now(), self.server, isp, address, reply)
        reception.tell(self.server, parcel, verdict)
        return wire.last(reply) if verdict.closed or reply.code == 421 else spoken(reply)


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
