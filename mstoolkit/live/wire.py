"""A transport taken over: commands in groups, replies parsed as they come, one timer for all waits.

What nobody asked for is never taken for an answer: it ends the connection.
"""

from __future__ import annotations

import asyncio
import math
from functools import lru_cache
from typing import NamedTuple

LONGEST_LINE = 2048  # RFC 5321 asks for 512; servers that explain themselves need more
LONGEST_REPLY = 32768
_ROOM = 8192
_CHUNK = 65536
_CODES = {b"%d" % code: code for code in range(200, 600)}


class Said(NamedTuple):
    """A reply as it came: its code, and its lines joined by line feeds."""

    code: int
    text: str


class GarbledError(ValueError):
    """What came is no SMTP reply, or has no end."""


class LostError(Exception):
    """The connection cannot be used any more.

    Parameters
    ----------
    reason : {"closed", "slow", "garbled", "unasked"}
        It was closed, silent for too long, spoke no SMTP, or spoke out of turn.
    said : list of Said
        The replies that came before that.
    written : bool
        Whether anything of the last write may have reached the server.
    """

    def __init__(self, reason: str, said: list[Said], written: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said
        self.written = written


class ReplyParser:
    r"""Takes bytes as they come and gives whole replies; what is kept is bounded.

    Examples
    --------
    >>> parser = ReplyParser()
    >>> parser.feed(b"250-a.example\r\n250 SI"), parser.feed(b"ZE\r\n")
    ([], [Said(code=250, text='a.example\nSIZE')])
    """

    __slots__ = ("_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def amid(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes and return the replies that they complete.

        Raises
        ------
        GarbledError
            If a line is no reply line, or a line or reply is too long.
        """
        if not self.amid and (whole := _usual(data)):
            return list(whole)
        return self._fed(data)

    def _fed(self, data: bytes) -> list[Said]:
        lines = (self._rest + data if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE:
            raise GarbledError("the line has no end")
        found = []
        for line in lines:
            code = self._take(line)
            if code:
                text = b"\n".join(self._lines) if len(self._lines) > 1 else self._lines[0]
                found.append(Said(code, text.decode("utf-8", "replace")))
                self._lines, self._size = [], 0
        return found

    def _take(self, line: bytes) -> int:
        """Keep a line; return the reply's code where it is the last one."""
        code, mark = _CODES.get(line[:3], 0), line[3:4].rstrip()
        self._size += len(line)
        if not code or len(line) > LONGEST_LINE or self._size > LONGEST_REPLY:
            raise GarbledError("not a reply" if not code else "the reply is too long")
        self._lines.append(line[4:].strip())
        if mark == b"-":
            return 0
        if mark:
            raise GarbledError("not a reply")
        return code


@lru_cache(maxsize=256)
def _usual(data: bytes) -> tuple[Said, ...]:
    """Return the replies that bytes are; none where they are no whole ones. Most come again."""
    parser = ReplyParser()
    try:
        said = parser._fed(data)
    except GarbledError:
        return ()
    return () if parser.amid else tuple(said)


class Wire(asyncio.BufferedProtocol):
    """A connection that was opened by somebody else, from here on driven directly.

    Parameters
    ----------
    transport : asyncio.Transport
        Open, with no reply outstanding.
    left : bytes, optional
        What had come already, and nobody asked for.
    """

    def __init__(self, transport: asyncio.Transport, left: bytes = b"") -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._room = bytearray(_ROOM)
        self._view = memoryview(self._room)
        self._parser = ReplyParser()
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = 0
        self._said: list[Said] = []
        self._reason = "closed" if transport.is_closing() else ""
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._full: asyncio.Future[None] | None = None
        transport.set_protocol(self)
        if left:
            self._take(left)

    @property
    def open(self) -> bool:
        """Whether it stands, as far as anybody knows."""
        return not self._reason

    # -- what the connection does with it

    def check(self) -> None:
        """Raise `LostError` where the connection is gone, or the server spoke out of turn."""
        if self._reason or self._said or self._parser.amid:
            raise self._lost(written=False)

    async def exchange(self, data: bytes, wanted: int, seconds: float) -> list[Said]:
        """Write, and wait for so many replies; fewer come back where one is a 421.

        Parameters
        ----------
        data : bytes
            One or more commands, or the end of a message.
        wanted : int
            How many replies they call for.
        seconds : float
            Time for all of them.

        Raises
        ------
        LostError
            If they do not come, with those that did.
        """
        self.check()
        self._wanted = wanted
        self._waiter = waiter = self._loop.create_future()
        try:
            self._transport.write(data)
            self._expect(seconds)
            await waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None
            self._deadline = math.inf
        if self._reason and not self._enough():
            raise self._lost(written=True)
        said, self._said = self._said[:wanted], self._said[wanted:]
        return said

    async def write(self, data: bytes, seconds: float) -> None:
        """Write something large, no faster than it is taken off our hands.

        Parameters
        ----------
        data : bytes
            What calls for no reply.
        seconds : float
            Time for each part of it.

        Raises
        ------
        LostError
            If the connection ends or stalls, or the server says something.
        """
        view = memoryview(data)
        for start in range(0, len(data), _CHUNK):
            self.check()
            self._transport.write(bytes(view[start : start + _CHUNK]))
            if self._full is not None:
                try:
                    async with asyncio.timeout(seconds):
                        await self._full
                except TimeoutError:
                    self._reason = self._reason or "slow"
        self.check()

    def close(self) -> None:
        """Close when what was written has gone out."""
        self._end("closed")
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._end("closed")
        self._transport.abort()

    # -- what the event loop says

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take the bytes that came."""
        self._take(bytes(self._view[:nbytes]))

    def eof_received(self) -> None:
        """Take it that nothing more will come; the transport closes itself."""
        self._end("closed")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take it that the connection is gone."""
        self._end("closed")

    def pause_writing(self) -> None:
        """Stop writing for a while."""
        self._full = self._loop.create_future()

    def resume_writing(self) -> None:
        """Go on writing."""
        full, self._full = self._full, None
        if full is not None and not full.done():
            full.set_result(None)

    # -- inside

    def _take(self, data: bytes) -> None:
        try:
            self._said += self._parser.feed(data)
        except GarbledError:
            self._end("garbled")
            return
        if self._waiter is None or len(self._said) > self._wanted:
            self._reason = self._reason or "unasked"
            self._wake()
            self.resume_writing()
        elif self._enough():
            if self._parser.amid:
                self._reason = self._reason or "unasked"
            self._wake()

    def _enough(self) -> bool:
        said = self._said
        return len(said) >= self._wanted or (bool(said) and said[-1].code == 421)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()
        self.resume_writing()

    def _lost(self, written: bool) -> LostError:
        said, self._said = self._said, []
        self._reason = self._reason or "unasked"
        return LostError(self._reason, said, written)

    def _expect(self, seconds: float) -> None:
        """Set the deadline; the timer is moved only when it would come too late."""
        self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._overdue)

    def _overdue(self) -> None:
        self._timer = None
        if self._deadline > self._loop.time():
            if self._deadline < math.inf:
                self._timer = self._loop.call_at(self._deadline, self._overdue)
            return
        self._end("slow")
