"""The listening socket of one server: really closed while the server refuses, and opened again."""

from __future__ import annotations

import asyncio
import errno

from mstoolkit.config import ConfigError
from mstoolkit.sinks.reception import Reception
from mstoolkit.sinks.session import Conversation, Wire

_BACKLOG = 256


class Listener:
    """One server's sink on loopback.

    Parameters
    ----------
    server : str
        Name of the scenario server.
    port : int
        Where to listen; 0 picks a free one, which is kept when the socket is opened again.
    """

    def __init__(self, server: str, host: str, port: int, reception: Reception) -> None:
        self.server = server
        self.host = host
        self.port = port
        self._reception = reception
        self._socket: asyncio.Server | None = None
        self._wires: set[Wire] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    @property
    def open(self) -> bool:
        """Whether it listens."""
        return self._socket is not None

    async def listen(self) -> None:
        """Open the socket."""
        loop = asyncio.get_running_loop()

        def session() -> Wire:
            return Wire(Conversation(self.server, self._reception), self, loop)

        try:
            self._socket = await loop.create_server(session, self.host, self.port, backlog=_BACKLOG)
        except OSError as error:
            raise _unusable(self, error) from None
        self.port = self._socket.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Close the socket; sessions end after the transaction that is under way."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for wire in list(self._wires):
            wire.leave()

    def end(self) -> None:
        """Close the socket and every session."""
        self.refuse()
        for wire in list(self._wires):
            wire.cut()

    def opened(self, wire: Wire) -> None:
        """Count a session in."""
        self._wires.add(wire)
        self.empty.clear()
        self._reception.tally.connections[self.server] += 1

    def closed(self, wire: Wire) -> None:
        """Count a session out."""
        self._wires.discard(wire)
        if not self._wires:
            self.empty.set()


def _unusable(listener: Listener, error: OSError) -> ConfigError:
    key = f"servers.{listener.server}.port"
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {listener.port} is in use",
            key=key,
            remedy="end the program that listens there, or give another port (0 picks a free one)",
        )
    return ConfigError(
        f"cannot listen on {listener.host}:{listener.port}: {error.strerror}", key=key
    )
