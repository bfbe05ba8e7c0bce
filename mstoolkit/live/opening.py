"""Opening a connection: aiosmtplib connects, greets, encrypts and logs in; then it steps aside."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from typing import cast

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from mstoolkit.config import ConfigError
from mstoolkit.config.delivery import Delivery
from mstoolkit.live.auth import AuthError, authenticate
from mstoolkit.live.envelope import Offer, read_offer
from mstoolkit.live.replies import BROKEN, GARBLED, REFUSED, TIMEOUT, NotTriedError, read_reply
from mstoolkit.live.targets import loopback
from mstoolkit.live.tls import context, untrusted
from mstoolkit.live.wire import Wire
from mstoolkit.model import Phase, Reply

HELO = "mstoolkit.invalid"
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL)


class Opening:
    """Opens one connection.

    Parameters
    ----------
    host, port
        Where the server listens.
    isp : str
        Whom the messages are for; said by XPATH to servers that know it (the sinks).
    patience : float
        Real seconds for any one step, at most.
    delivery : Delivery
        How the server is spoken to.
    """

    def __init__(self, host: str, port: int, isp: str, patience: float, delivery: Delivery) -> None:
        self._host = host
        self._port = port
        self._isp = isp
        self._patience = patience
        self._delivery = delivery
        self._phase: Phase = "connect"

    async def open(self) -> tuple[Wire, Offer]:
        """Return the connection, ready for MAIL, and what the server offers.

        Raises
        ------
        NotTriedError
            If it does not come about; the reply says why.
        ConfigError
            If this machine cannot open any more.
        """
        client = self._client()
        try:
            async with self._time(self._delivery.timeouts.connect):
                await client.connect()
            await self._greet(client)
            await self._encrypt(client)
            await self._log_in(client)
            await self._name_isp(client)
            return self._taken_over(client)
        except BaseException as error:
            client.close()
            reply = self._explained(error)
            if reply is None:
                raise
            raise NotTriedError(reply) from None

    def _client(self) -> SMTP:
        delivery = self._delivery
        try:
            trusted = context(delivery) if delivery.tls != "none" else None
        except ConfigError as error:  # it was looked at before the run, and has gone since
            raise NotTriedError(Reply(0, "", str(error), "connect")) from None
        return SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=delivery.helo or HELO,
            source_address=(delivery.source_address, 0) if delivery.source_address else None,
            timeout=None,
            use_tls=delivery.tls == "implicit",
            start_tls=False,
            tls_context=trusted,
        )

    def _time(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(min(self._patience, seconds))

    async def _greet(self, client: SMTP) -> None:
        self._phase = "ehlo"
        async with self._time(self._delivery.timeouts.ehlo):
            await client.ehlo()

    async def _encrypt(self, client: SMTP) -> None:
        wanted = self._delivery.tls
        if wanted not in {"starttls", "required"}:
            return
        if not client.supports_extension("starttls"):
            if wanted == "required":
                raise NotTriedError(_said("TLS is required, and the server does not offer it"))
            return
        async with self._time(self._delivery.timeouts.ehlo):
            await self._shake_hands(client)
        await self._greet(client)

    async def _shake_hands(self, client: SMTP) -> None:
        try:
            await client.starttls()
        except SMTPResponseException:
            raise
        except ssl.SSLError as error:
            raise NotTriedError(untrusted(error, "ehlo")) from None
        except (SMTPException, OSError):
            raise NotTriedError(_said("the TLS handshake was cut off")) from None

    async def _log_in(self, client: SMTP) -> None:
        auth = self._delivery.auth
        if auth is None:
            return
        encrypted = client.get_transport_info("sslcontext") is not None
        private = encrypted or loopback(self._host)
        async with self._time(self._delivery.timeouts.ehlo):
            await authenticate(client, auth, private=private)

    async def _name_isp(self, client: SMTP) -> None:
        if not client.supports_extension("xpath"):
            return
        async with self._time(self._delivery.timeouts.ehlo):
            path = await client.execute_command(b"XPATH", self._isp.encode())
        if path.code != 250:
            raise NotTriedError(read_reply(path.code, path.message, "connect"))

    def _taken_over(self, client: SMTP) -> tuple[Wire, Offer]:
        transport = client.transport
        if transport is None:
            raise NotTriedError(BROKEN)
        offer = read_offer(client.esmtp_extensions)
        if not self._delivery.pipelining:
            offer = offer._replace(pipelining=False)
        left = bytes(
            getattr(client.protocol, "_buffer", b"")
        )  # no public way to what came too much
        return Wire(cast(asyncio.Transport, transport), left), offer

    def _explained(self, error: BaseException) -> Reply | None:
        """Return the reply that stands for an error; None where it is not the server's."""
        if isinstance(error, NotTriedError):
            return error.reply
        if isinstance(error, AuthError):
            if error.code >= 400:
                return read_reply(error.code, error.text, "ehlo")
            return Reply(0, "", f"not logged in: {error.text}", "ehlo")
        if isinstance(error, SMTPResponseException):
            return self._turned_away(error)
        if isinstance(error, TimeoutError):
            return TIMEOUT
        if isinstance(error, SMTPException | OSError):
            return self._failed(error)
        return None

    def _turned_away(self, error: SMTPResponseException) -> Reply:
        if error.code < 400:
            return GARBLED
        return read_reply(error.code, error.message, self._phase)

    def _failed(self, error: SMTPException | OSError) -> Reply:
        cause = error if isinstance(error, OSError) and error.errno else error.__cause__
        cause = cause if isinstance(cause, OSError) else error
        if isinstance(cause, ssl.SSLError):
            return untrusted(cause, self._phase)
        if isinstance(cause, socket.gaierror):
            return Reply(0, "", f"there is no host {self._host!r}", "connect")
        if self._phase != "connect" or isinstance(error.__cause__, SMTPServerDisconnected):
            return BROKEN
        source, number = self._delivery.source_address, getattr(cause, "errno", None)
        if source and number == errno.EADDRNOTAVAIL and "bind" in str(cause):
            return Reply(0, "", f"this machine has no address {source}", "connect")
        if number in _EXHAUSTED:
            raise _exhausted(number or 0) from None
        if number in (None, errno.ECONNREFUSED):
            return REFUSED
        return Reply(0, "", f"cannot connect: {os.strerror(number)}".lower(), "connect")


def _said(text: str) -> Reply:
    return Reply(0, "", text, "ehlo")


def _exhausted(number: int) -> ConfigError:
    """Do not blame a server for what this machine ran out of."""
    return ConfigError(
        f"this machine cannot open another connection: {os.strerror(number)}",
        key="connections",
        remedy="raise the limit of open files (ulimit -n), or allow fewer connections",
    )
