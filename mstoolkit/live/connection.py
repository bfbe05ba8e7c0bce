"""One SMTP connection: MAIL, RCPT and DATA in one write where the server allows it.

The message waits for 354 (RFC 2920), and every reply carries the phase it came in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mstoolkit.config.delivery import Delivery
from mstoolkit.live.envelope import Envelope, Offer, commands, refusal, refused
from mstoolkit.live.opening import Opening
from mstoolkit.live.replies import (
    BROKEN,
    GARBLED,
    SLOW,
    NotTriedError,
    UncertainError,
    read_reply,
)
from mstoolkit.live.wire import LostError, Said, Wire
from mstoolkit.mail.lines import Content, LineError, prepared
from mstoolkit.model import Phase, Reply

__all__ = [
    "BeforeDot",
    "Connection",
    "Envelope",
    "NotTriedError",
    "UncertainError",
    "read_reply",
]

BeforeDot = Callable[[], Awaitable[object]]

_PLAIN = Delivery()
_AT_ONCE = 65536  # bytes of a message that go out in one write with the final dot
_LEAVE = 2.0  # s to wait for the answer to QUIT
_SYNTHETIC = {"slow": SLOW, "garbled": GARBLED, "unasked": GARBLED}


class Connection:
    """A connection to a server for one ISP.

    Parameters
    ----------
    host, port
        Where the server listens.
    isp : str
        Whom the messages are for; said by XPATH to servers that know it (the sinks).
    timeout : float
        Real seconds to wait for a connection, and for an attempt; the server's own timeouts count
        where they are shorter.
    delivery : Delivery, optional
        How the server is spoken to.
    """

    def __init__(
        self, host: str, port: int, isp: str, timeout: float, delivery: Delivery = _PLAIN
    ) -> None:
        self.isp = isp
        self.offer = Offer()
        self._place = (host, port)
        self._timeout = timeout
        self._delivery = delivery
        self._wire: Wire | None = None
        self._dirty = False

    @property
    def open(self) -> bool:
        """Whether it stands."""
        return self._wire is not None and self._wire.open

    async def connect(self) -> None:
        """Open the connection up to where MAIL may come.

        Raises
        ------
        NotTriedError
            If it is refused, times out or is turned away.
        """
        opening = Opening(*self._place, self.isp, self._timeout, self._delivery)
        self._wire, self.offer = await opening.open()

    async def transact(
        self, sender: str, recipient: str, letter: bytes, before_dot: BeforeDot | None = None
    ) -> Reply:
        """Send one message to one recipient and return the reply that decided.

        Parameters and errors are those of `carry`.
        """
        (reply,) = await self.carry(Envelope(sender, (recipient,)), letter, before_dot)
        return reply

    async def carry(
        self, envelope: Envelope, letter: bytes, before_dot: BeforeDot | None = None
    ) -> tuple[Reply, ...]:
        """Send one message and return the reply that decided, for each recipient.

        What a server is known not to take is refused here, with a reply of code 0.

        Parameters
        ----------
        envelope : Envelope
            From whom and for whom.
        letter : bytes
            The message, dots not doubled.
        before_dot : callable, optional
            Awaited when the server waits for the message, before its final dot goes out. What it
            raises is let out; the message was not handed over then.

        Raises
        ------
        NotTriedError
            If the connection broke before the message was handed over.
        UncertainError
            If it broke after the final dot.
        """
        try:
            content = prepared(letter, self._delivery.bare)
        except LineError as error:
            return (refused(f"message cannot be sent as it is: {error}", "5.6.0"),) * len(
                envelope.recipients
            )
        known = refusal(envelope, content, self.offer)
        if known is not None:
            return (known,) * len(envelope.recipients)
        wire = self._wire
        if wire is None:
            raise NotTriedError(BROKEN)
        attempt = _Attempt(wire, self._delivery, self._timeout, len(envelope.recipients))
        steps = commands(envelope, content, self.offer)
        try:
            if self.offer.pipelining:
                await attempt.group(steps, self._dirty)
            else:
                await attempt.singly(steps, self._dirty)
            self._dirty = attempt.dirty
            if attempt.accepted:
                await attempt.content(content, before_dot)
        except BaseException:
            self.abandon()
            raise
        if attempt.over:
            self.abandon()
        return attempt.outcome()

    async def noop(self) -> bool:
        """Keep the connection; return whether it stands."""
        if self._wire is None:
            return False
        try:
            (said,) = await self._wire.exchange(b"NOOP\r\n", 1, self._timeout)
        except LostError:
            said = Said(421, "")
        if said.code == 421:
            self.abandon()
        return self.open

    async def quit(self) -> None:
        """Take leave; whatever goes wrong, the connection is gone afterwards."""
        wire = self._wire
        if wire is None:
            return
        try:
            await wire.exchange(b"QUIT\r\n", 1, min(self._timeout, _LEAVE))
        except LostError:
            wire.abort()
        finally:
            wire.close()

    def abandon(self) -> None:
        """Close without a word."""
        if self._wire is not None:
            self._wire.abort()


class _Attempt:
    """One transaction: what each recipient met, and what the server waits for."""

    def __init__(self, wire: Wire, delivery: Delivery, patience: float, recipients: int) -> None:
        self.dirty = False
        self.over = False  # the connection is not to be used again
        self.accepted = False  # the server waits for the message
        self._wire = wire
        self._times = delivery.timeouts
        self._patience = patience
        self._replies: list[Reply | None] = [None] * recipients

    def outcome(self) -> tuple[Reply, ...]:
        """Return the reply for each recipient."""
        return tuple(BROKEN if reply is None else reply for reply in self._replies)

    # -- up to the content

    async def group(self, steps: list[bytes], reset: bool) -> None:
        """Say all in one write; a 354 for nobody gets a lone dot."""
        times, n = self._times, len(self._replies)
        data = b"".join(steps)
        if reset:
            data = b"RSET\r\n" + data
        seconds = times.mail + n * times.rcpt + times.data
        try:
            said = await self._wire.exchange(data, n + 2 + reset, min(self._patience, seconds))
        except LostError as lost:
            self._judge(lost.said[reset:] if lost.written else [], lost)
            return
        if reset:
            said = self._after_reset(said)
        go_on = self._judge(said)
        if go_on and not self.accepted:
            await self._lone_dot()

    async def singly(self, steps: list[bytes], reset: bool) -> None:
        """Say one command after the other, none in vain."""
        times, n = self._times, len(self._replies)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        seconds = [times.mail, *[times.rcpt] * n, times.data]
        said: list[Said] = []
        try:
            if reset:
                self._after_reset(await self._wire.exchange(b"RSET\r\n", 1, self._patience))
            for place, step in enumerate(steps):
                wait = min(end - loop.time(), seconds[place])
                said += await self._wire.exchange(step, 1, wait)
                if self._done(said, n):
                    break
        except LostError as lost:
            self._judge(said + lost.said if lost.written else said, lost)
            return
        self._judge(said)

    def _done(self, said: list[Said], n: int) -> bool:
        """Return whether no further command makes sense."""
        if said[-1].code == 421 or said[0].code >= 300:
            return True
        return len(said) == n + 1 and all(each.code >= 300 for each in said[1:])

    def _after_reset(self, said: list[Said]) -> list[Said]:
        if said[0].code == 421:
            raise NotTriedError(read_reply(*said[0], "connect"))
        return said[1:]

    def _judge(self, said: list[Said], lost: LostError | None = None) -> bool:
        """Take the replies to MAIL, RCPTs and DATA in; return whether the server waits for data."""
        n = len(self._replies)
        if [each.code for each in said] == [250] * (n + 1) + [354]:
            self.accepted = True
            return True
        self._check_sense(said, n)
        go_on = len(said) == n + 2 and said[-1].code == 354
        if said and said[0].code >= 300:
            self._settle(read_reply(*said[0], "mail"))
        for place, each in enumerate(said[1 : n + 1]):
            if each.code >= 300 and self._replies[place] is None:
                self._replies[place] = read_reply(*each, "rcpt")
        if len(said) == n + 2 and not go_on:
            self._settle(read_reply(*said[-1], "data"))
        ends = next((place for place, each in enumerate(said) if each.code == 421), None)
        if ends is not None:
            self.over = True
            phase: Phase = "mail" if ends == 0 else "rcpt" if ends <= n else "data"
            self._settle(read_reply(*said[ends], phase))
        elif lost is not None:
            self._broke(lost)
        self.accepted = go_on and None in self._replies
        self.dirty = not go_on
        return go_on

    def _check_sense(self, said: list[Said], n: int) -> None:
        """A 3xx but to DATA, or a 2xx to DATA, means that we do not understand each other."""
        for place, each in enumerate(said):
            if (place <= n and 300 <= each.code < 400) or (
                place == n + 1 and each.code < 400 and each.code != 354
            ):
                raise NotTriedError(GARBLED)

    def _broke(self, lost: LostError) -> None:
        """Keep what was said before the connection broke, where that is a refusal."""
        self.over = True
        if all(reply is None for reply in self._replies):
            raise NotTriedError(_why(lost))

    def _settle(self, reply: Reply) -> None:
        """Give a reply to all that have none."""
        self._replies = [reply if each is None else each for each in self._replies]

    async def _lone_dot(self) -> None:
        """End a message that nobody gets; what is said to that matters to nobody."""
        try:
            (said,) = await self._wire.exchange(b".\r\n", 1, min(self._patience, self._times.dot))
        except LostError:
            self.over = True
            return
        self.over = said.code == 421

    # -- the content

    async def content(self, content: Content, before_dot: BeforeDot | None) -> None:
        """Send the message to those who were accepted, and hear what becomes of it."""
        last = content.data + b".\r\n"
        try:
            if len(last) > _AT_ONCE:
                await self._wire.write(content.data, min(self._patience, self._times.block))
                last = b".\r\n"
            if before_dot is not None:
                await before_dot()
            wait = min(self._patience, self._times.dot)
            (said,) = await self._wire.exchange(last, 1, wait)
        except LostError as lost:
            if lost.written:
                raise UncertainError from None
            self._interrupted(lost)
            return
        if said.code < 400 and said.code >= 300:
            raise UncertainError
        self.over = said.code == 421
        self._settle(read_reply(*said, "data"))

    def _interrupted(self, lost: LostError) -> None:
        """Take a refusal for one that comes before the final dot went out."""
        self.over = True
        if not lost.said or lost.said[0].code < 400:
            raise NotTriedError(_why(lost))
        self._settle(read_reply(*lost.said[0], "data"))


def _why(lost: LostError) -> Reply:
    """Return the reply that stands for a lost connection: the server's farewell, if it said one."""
    if not lost.written and lost.said and lost.said[0].code == 421:
        return read_reply(*lost.said[0], "connect")
    return _SYNTHETIC.get(lost.reason, BROKEN)
