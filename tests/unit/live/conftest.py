"""An SMTP server that follows a script, so that what a connection meets is exactly known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

import pytest

GOOD = {
    "": "220 ready",
    "EHLO": "250 hello",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 taken",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 bye",
}


class Scripted:
    """Says what the script has for a verb ("" is the banner, "." the final dot); "cut" hangs up."""

    def __init__(self, script: Mapping[str, str]) -> None:
        self.script = {**GOOD, **script}
        self.verbs: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.address = ("127.0.0.1", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if not await self._say("", writer):
                return
            while line := await reader.readline():
                verb = line.decode().split()[0].upper()
                self.verbs.append(line.decode().strip())
                if not await self._say(verb, writer):
                    return
                if verb == "DATA" and self.script["DATA"].startswith("354"):
                    self.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
                    if not await self._say(".", writer):
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _say(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        answer = self.script.get(verb, "500 what?")
        if answer == "cut":
            writer.transport.abort()
            return False
        if answer != "silence":
            writer.write(answer.replace("\n", "\r\n").encode() + b"\r\n")
            await writer.drain()
        return not answer.startswith(("421", "221"))


Start = Callable[..., Coroutine[Any, Any, Scripted]]


@pytest.fixture
async def scripted() -> AsyncIterator[Start]:
    """Start scripted servers on free ports of loopback."""
    servers: list[asyncio.Server] = []

    async def start(script: Mapping[str, str] | None = None) -> Scripted:
        one = Scripted(script or {})
        server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
        servers.append(server)
        one.address = server.sockets[0].getsockname()[:2]
        return one

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()
