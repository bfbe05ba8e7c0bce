"""One SMTP connection, its verbs driven singly so that a reply carries the phase it came in."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPConnectResponseError, SMTPException
from aiosmtplib.response import SMTPResponse

from mstoolkit.config import ConfigError
from mstoolkit.model import Phase, Reply

_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_DOT = re.compile(rb"(?m)^\.")
_HELO = "mstoolkit.invalid"
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL)
_BROKEN = (SMTPException, OSError, TimeoutError)
BeforeDot = Callable[[], Awaitable[None]]

REFUSED = Reply(0, "", "connection refused", "connect")
TIMEOUT = Reply(0, "", "connection timed out", "connect")
BROKEN = Reply(0, "", "connection lost before the message was sent", "connect")


class NotTriedError(Exception):
    """The message was not handed over; `reply` tells why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class UncertainError(Exception):
    """The connection was lost after the final dot, before the reply."""


@lru_cache(maxsize=4096)
def read_reply(code: int, message: str, phase: Phase) -> Reply:
    r"""Take the enhanced status out of a reply's text; several lines become one.

    Examples
    --------
    >>> reply = read_reply(550, "5.1.1 No such\n5.1.1 user", "rcpt")
    >>> reply.status, reply.text
    ('5.1.1', 'No such user')
    """
    status, texts = "", []
    for line in message.split("\n"):
        match = _STATUS.match(line)
        status = status or (match[1] if match else "")
        texts.append(line[match.end() :] if match else line)
    return Reply(code, status, " ".join(texts).strip(), phase)


def _check_ours(error: Exception) -> None:
    """Do not blame a server for what this machine ran out of."""
    cause = error if isinstance(error, OSError) and error.errno else error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    if number in _EXHAUSTED:
        raise ConfigError(
            f"this machine cannot open another connection: {os.strerror(number or 0)}",
            key="connections",
            remedy="raise the limit of open files (ulimit -n), or allow fewer connections",
        ) from None


class Connection:
    """A connection to a server for one ISP.

    Parameters
    ----------
    host, port
        Where the server listens.
    isp : str
        Whom the messages are for; said by XPATH to servers that know it (the sinks).
    timeout : float
        Real seconds to wait for a connection, and for an attempt.
    """

    def __init__(self, host: str, port: int, isp: str, timeout: float) -> None:
        self.isp = isp
        self._timeout = timeout
        self._dirty = False
        self._client = SMTP(
            hostname=host, port=port, local_hostname=_HELO, timeout=None, start_tls=False
        )

    @property
    def open(self) -> bool:
        """Whether it stands."""
        return self._client.is_connected

    async def connect(self) -> None:
        """Open the connection up to EHLO.

        Raises
        ------
        NotTriedError
            If it is refused, times out or is turned away.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.connect()
                await self._hello()
        except NotTriedError:
            self.abandon()
            raise
        except SMTPConnectResponseError as error:
            self.abandon()
            raise NotTriedError(read_reply(error.code, error.message, "connect")) from None
        except TimeoutError:
            self.abandon()
            raise NotTriedError(TIMEOUT) from None
        except (SMTPException, OSError) as error:
            self.abandon()
            _check_ours(error)
            raise NotTriedError(REFUSED) from None

    async def _hello(self) -> None:
        greeting = await self._client.execute_command(b"EHLO", _HELO.encode())
        if greeting.code != 250:
            raise NotTriedError(read_reply(greeting.code, greeting.message, "ehlo"))
        if "XPATH" in greeting.message.split("\n"):
            path = await self._client.execute_command(b"XPATH", self.isp.encode())
            if path.code != 250:
                raise NotTriedError(read_reply(path.code, path.message, "connect"))

    async def transact(
        self,
        sender: str,
        recipient: str,
        letter: bytes,
        before_dot: BeforeDot | None = None,
    ) -> Reply:
        """Send one message and return the reply that decided.

        `before_dot` is awaited after the server's 354; if it fails, no dot goes out.

        Raises
        ------
        NotTriedError
            If the connection broke before the message was handed over.
        UncertainError
            If it broke after the final dot.
        """
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._envelope(sender, recipient)
        except _BROKEN:
            self.abandon()
            raise NotTriedError(BROKEN) from None
        if reply is not None:
            return reply
        await self._leave(before_dot)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._content(letter)
        except _BROKEN:
            self.abandon()
            raise UncertainError from None

    async def _envelope(self, sender: str, recipient: str) -> Reply | None:
        execute = self._client.execute_command
        if self._dirty:
            await execute(b"RSET")
            self._dirty = False
        response = await execute(b"MAIL", f"FROM:<{sender}>".encode("ascii"))
        if response.code >= 300:
            return self._refused(response, "mail")
        response = await execute(b"RCPT", f"TO:<{recipient}>".encode("ascii"))
        if response.code >= 300:
            return self._refused(response, "rcpt")
        response = await execute(b"DATA")
        if response.code != 354:
            return self._refused(response, "data")
        return None

    def _refused(self, response: SMTPResponse, phase: Phase) -> Reply:
        self._dirty = True
        return read_reply(response.code, response.message, phase)

    async def _leave(self, before_dot: BeforeDot | None) -> None:
        """Ask for leave to send the final dot; the letter goes with it, in one write."""
        try:
            if before_dot is not None:
                await before_dot()
        except BaseException:
            self.abandon()
            raise
        if not self.open:
            self.abandon()
            raise NotTriedError(BROKEN)

    async def _content(self, letter: bytes) -> Reply:
        protocol = self._client.protocol
        if protocol is None:
            raise ConnectionResetError
        protocol.write(_DOT.sub(b"..", letter) + b".\r\n")
        response = await protocol.read_response()
        if response.code == 421:
            self.abandon()
        return read_reply(response.code, response.message, "data")

    async def quit(self) -> None:
        """Take leave; whatever goes wrong, the connection is gone afterwards."""
        try:
            async with asyncio.timeout(min(self._timeout, 2.0)):
                await self._client.quit()
        except _BROKEN:
            pass
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without a word."""
        self._client.close()
