"""Everything that a live run writes down: event log and spool, and when the two are squared."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from mstoolkit.config import ConfigError
from mstoolkit.eventlog import LogWriter, Manifest
from mstoolkit.live.spool.codec import send_values
from mstoolkit.live.spool.spool import Spool
from mstoolkit.live.spool.trouble import AGAIN
from mstoolkit.model import (
    Close,
    Closed,
    Command,
    ConnectionFailed,
    Event,
    Feedback,
    Lost,
    PoolChanged,
    Replied,
    Send,
)

SNAPSHOT_ROWS = 50_000  # rows of the log after which it gets a part, and the spool a snapshot


class Decided(Protocol):
    """A dispatcher, as far as it is kept."""

    def snapshot(self) -> dict[str, Any]:
        """Return its state."""


class Keeper:
    """Keeps what the dispatcher is told and decides, so that the run can be taken up anywhere.

    The spool has what came since the last snapshot; the log's finished parts have all before it.
    Its journal repeats the spool for readers, and is made anew when a run is taken up.

    Parameters
    ----------
    spool : Spool
        Open.
    writer : LogWriter
        That makes no parts by itself.
    dispatcher : Decided
        Whose state is kept now and then.
    connections : iterable of int
        Connection slots that the dispatcher takes for open.
    drained : iterable of str
        Servers that are taken out.
    """

    def __init__(
        self,
        spool: Spool,
        writer: LogWriter,
        dispatcher: Decided,
        *,
        connections: Iterable[int] = (),
        drained: Iterable[str] = (),
    ) -> None:
        self._spool = spool
        self._writer = writer
        self._dispatcher = dispatcher
        self._connections = dict.fromkeys(connections)
        self._drained = dict.fromkeys(drained)

    @property
    def connections(self) -> tuple[int, ...]:
        """Connection slots that the dispatcher takes for open, and that carry nothing."""
        busy = {send.connection for _, _, send in self._writer.attempts.values()}
        return tuple(number for number in self._connections if number not in busy)

    @property
    def flying(self) -> dict[int, Send]:
        """Open attempts by token."""
        return {token: send for token, (_, _, send) in self._writer.attempts.items()}

    @property
    def stopped(self) -> tuple[str, ...]:
        """Servers that were taken out because the run ended before it was done."""
        return tuple(self._spool.meta.get("stopped", ()))

    def record(self, event: Event, commands: list[Command]) -> None:
        """Write down a handled event and its commands.

        Raises
        ------
        ConfigError
            If an earlier record could not be made safe.
        """
        self.replayed(event, commands)
        self._spool.record(event, commands)
        if event.__class__ is PoolChanged:
            self._put_back(event)
        if self._writer.rows >= SNAPSHOT_ROWS:
            self.snapshot()

    def replayed(self, event: Event, commands: list[Command]) -> None:
        """Write into the log what the spool has already."""
        self._follow(event)
        try:
            self._writer.record(event, commands)
        except OSError as error:
            raise self._unwritten(error) from None
        for command in commands:
            kind = command.__class__
            if kind is Send:
                self._connections[command.connection] = None  # type: ignore[union-attr]
            elif kind is Close:
                self._connections.pop(command.connection, None)  # type: ignore[union-attr]

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Write down what the dispatcher is not told.

        News may come from anywhere; where it cannot be kept, the next record says why.
        """
        with suppress(ConfigError):
            self.observed(event, category)
            self._spool.observe(event, category)

    def observed(self, event: Feedback, category: str | None) -> None:
        """Write into the log what the spool has already."""
        try:
            self._writer.observe(event, category)
        except OSError as error:
            raise self._unwritten(error) from None

    async def on_wire(self, send: Send) -> None:
        """Wait until it is safe that a final dot is about to go out."""
        await self._spool.on_wire(send)

    def stopping(self, servers: Iterable[str]) -> None:
        """Note which servers are about to be taken out, so that they are put back on resuming."""
        self._spool.note("stopped", [name for name in servers if name not in self._drained])

    def snapshot(self) -> None:
        """Make a part of the log, and keep the state in place of the events up to now."""
        try:
            begun = self._writer.roll()
        except OSError as error:
            raise self._unwritten(error) from None
        self._spool.snapshot(
            {
                "dispatcher": self._dispatcher.snapshot(),
                "parts": begun.parts,
                "seq": begun.seq,
                "attempts": [[seq, at, send_values(send)] for seq, at, send in begun.attempts],
                "connections": list(self._connections),
                "drained": list(self._drained),
            }
        )

    async def close(self, manifest: Manifest) -> None:
        """End in good order: the log is whole, and the spool knows whether all is done.

        Raises
        ------
        ConfigError
            If the spool cannot be written.
        """
        self.snapshot()
        await self._spool.safe()
        self._writer.close(manifest)
        if not manifest.notes.get("interrupted"):
            self._spool.note("finished", True)
            await self._spool.safe()
        self._spool.close()

    def abandon(self) -> None:
        """Leave everything as a kill would; the run can be taken up."""
        self._writer.abandon()
        self._spool.close()

    def _unwritten(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"the event log cannot be written: {error.strerror or error}",
            file=str(self._writer.folder),
            remedy=f"make room {AGAIN}",
        )

    def _follow(self, event: Event) -> None:
        """Keep up with which connections the dispatcher takes for open, and who is out."""
        kind = event.__class__
        if kind is Closed:
            self._connections.pop(event.connection, None)  # type: ignore[union-attr]
        elif kind is PoolChanged:
            if event.change in ("drained", "removed"):  # type: ignore[union-attr]
                self._drained[event.server] = None  # type: ignore[union-attr]
            elif event.change in ("restored", "added"):  # type: ignore[union-attr]
                self._drained.pop(event.server, None)  # type: ignore[union-attr]
        elif kind in (ConnectionFailed, Lost) or (kind is Replied and event.closed):  # type: ignore[union-attr]
            _, _, send = self._writer.attempts[event.token]  # type: ignore[union-attr]
            self._connections.pop(send.connection, None)

    def _put_back(self, event: PoolChanged) -> None:
        left = self.stopped
        if event.change == "restored" and event.server in left:
            self._spool.note("stopped", [name for name in left if name != event.server])
