"""Speed of the connection layer against a bare aiosmtplib loop, as a ratio within one run.

Both send the same 2 kB messages over 8 connections to one sink, in turn: Postfix's ``smtp-sink``
where it is installed, else a small sink in another process. The floor is on CPU time of this
process, which does not depend on who else uses the machine. The rate by the clock, of which the
sink and the rest of the machine take their part, is printed beside it and has no floor.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import io
import os
import pstats
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiosmtplib import SMTP

from mstoolkit.live.connection import Connection

CONNECTIONS = 8
PAIRS = 7
MESSAGES = 4000
HEADER = b"From: <me@a.example>\r\nTo: <you@b.example>\r\nSubject: speed\r\n\r\n"
MESSAGE = HEADER + (b"0123456789" * 7 + b"\r\n") * 27
SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

PLAIN_SINK = """
import asyncio, sys
class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest, self.content = transport, b"", False
        transport.write(b"220 ready\\r\\n")
    def data_received(self, data):
        *lines, self.rest = (self.rest + data).split(b"\\r\\n")
        said = []
        for line in lines:
            if self.content:
                if line == b".":
                    self.content = False
                    said.append(b"250 2.0.0 Ok")
                continue
            verb = line[:4].upper()
            self.content = verb == b"DATA"
            said.append({b"EHLO": b"250-sink\\r\\n250 PIPELINING", b"DATA": b"354 go",
                         b"QUIT": b"221 bye"}.get(verb, b"250 2.1.0 Ok"))
        if said:
            self.transport.write(b"\\r\\n".join(said) + b"\\r\\n")
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = (
        [SINK, *user, f"127.0.0.1:{number}", "100"]
        if SINK
        else [sys.executable, "-c", PLAIN_SINK, str(number)]
    )
    print(f"\nsink: {'smtp-sink' if SINK else 'asyncio'}")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as sink:
        try:
            _await_sink(number)
            yield number
        finally:
            sink.terminate()


def _await_sink(number: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)):
            return
        time.sleep(0.05)
    raise RuntimeError("the sink does not start")


async def ours(port: int, left: Iterator[int]) -> None:
    connection = Connection("127.0.0.1", port, "any", 30.0)
    await connection.connect()
    for _ in left:
        reply = await connection.transact("me@a.example", "you@b.example", MESSAGE)
        assert reply.positive
    await connection.quit()


async def bare(port: int, left: Iterator[int]) -> None:
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for _ in left:
            await client.sendmail("me@a.example", ["you@b.example"], MESSAGE)


Client = Callable[[int, Iterator[int]], Awaitable[None]]


def sent(client: Client, port: int) -> tuple[float, float]:
    """Send all messages, and return CPU seconds of this process and seconds by the clock."""

    async def together() -> None:
        left = iter(range(MESSAGES))
        await asyncio.gather(*(client(port, left) for _ in range(CONNECTIONS)))

    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(together())
    return time.process_time() - cpu, time.perf_counter() - wall


def test_three_times_a_bare_aiosmtplib_loop(port: int) -> None:
    """At least 3 times as many messages for the same CPU time."""
    sent(ours, port), sent(bare, port)
    pairs = [(sent(bare, port), sent(ours, port)) for _ in range(PAIRS)]
    cpu = statistics.median(slow[0] / fast[0] for slow, fast in pairs)
    wall = statistics.median(slow[1] / fast[1] for slow, fast in pairs)
    rates = [statistics.median(MESSAGES / pair[k][1] for pair in pairs) for k in (0, 1)]
    print(f"messages a second: aiosmtplib {rates[0]:.0f}, ours {rates[1]:.0f} ({wall:.2f} times)")
    print(f"for the same CPU time: {cpu:.2f} times (floor 3)")
    assert cpu >= 3.0


def test_where_the_time_goes(port: int) -> None:
    """The profile, printed: sockets and the event loop take more than all that is ours."""
    profile = cProfile.Profile()
    profile.enable()
    sent(ours, port)
    profile.disable()
    text = io.StringIO()
    stats = pstats.Stats(profile, stream=text)
    stats.sort_stats("tottime").print_stats(14)
    print(text.getvalue())
    assert stats.total_calls > 0  # type: ignore[attr-defined]
