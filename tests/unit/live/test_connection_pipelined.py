"""PIPELINING: MAIL, RCPT and DATA in one write, and what can go wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from mstoolkit.config.delivery import Delivery, Timeouts
from mstoolkit.live.connection import Connection, Envelope, NotTriedError, UncertainError
from mstoolkit.model import Reply

LETTER = b"Subject: x\r\n\r\n.dot\r\nend\r\n"
LARGE = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 8_000
TAKEN = "250 2.0.0 taken"
Start = Callable[..., Coroutine[Any, Any, Any]]


class Grouped:
    """Says nothing until DATA has come, then all its replies at once; an answer of "cut" hangs up.

    Each transaction is a group of replies and, where the last of them is a 354, an answer to what
    comes after it: the message or a lone dot.
    """

    def __init__(self, *transactions: tuple[str, str], offer: str = "PIPELINING") -> None:
        self.transactions = list(transactions)
        self.offer = offer
        self.groups: list[list[str]] = []
        self.bodies: list[bytes] = []
        self.left = b""
        self.quit = False
        self.heard = asyncio.Event()
        self.closed = asyncio.Event()
        self.address = ("127.0.0.1", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except ConnectionError:
            pass
        except asyncio.IncompleteReadError as error:
            self.left = error.partial
        finally:
            writer.close()
            self.closed.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.readline()
        writer.write(f"250-hello\r\n250 {self.offer}\r\n".encode())
        for replies, answer in self.transactions:
            group = (await reader.readuntil(b"DATA\r\n")).decode()
            self.groups.append(group.split("\r\n")[:-1])
            self.heard.set()
            if not self._say(replies, writer):
                return
            if replies.rpartition("\n")[2].startswith("354"):
                self.bodies.append(await self._body(reader))
                if not self._say(answer, writer):
                    return
        self.quit = await reader.readline() == b"QUIT\r\n"
        writer.write(b"221 bye\r\n")

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while not (body == b".\r\n" or body.endswith(b"\r\n.\r\n")):
            line = await reader.readline()
            if not line:
                raise asyncio.IncompleteReadError(body, None)
            body += line
        return body

    def _say(self, text: str, writer: asyncio.StreamWriter) -> bool:
        *lines, last = text.split("\n")
        said = [*lines, *([last] if last != "cut" else [])]
        writer.write("".join(f"{line}\r\n" for line in said).encode())
        return last != "cut"


@pytest.fixture
async def grouped() -> AsyncIterator[Start]:
    """Start servers that answer in groups, and connect to them."""
    servers: list[asyncio.Server] = []

    async def start(
        *transactions: tuple[str, str], offer: str = "PIPELINING", **delivery: Any
    ) -> tuple[Grouped, Connection]:
        one = Grouped(*transactions, offer=offer)
        server = await asyncio.start_server(one.serve, "127.0.0.1", 0, limit=2**22)
        servers.append(server)
        one.address = server.sockets[0].getsockname()[:2]
        connection = Connection(*one.address, "gmail", 5.0, Delivery(**delivery))
        await connection.connect()
        return one, connection

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def place(server: Any) -> tuple[str, int]:
    host, port = server.address
    return str(host), int(port)


async def sent(connection: Connection, *recipients: str, letter: bytes = LETTER) -> list[Reply]:
    envelope = Envelope("me@a.example", recipients or ("you@b.example",))
    return list(await connection.carry(envelope, letter))


def group(*codes: int) -> str:
    return "\n".join(f"{code} {str(code)[0]}.0.0 said {code}" for code in codes)


def reply(code: int, phase: Any) -> Reply:
    return Reply(code, f"{str(code)[0]}.0.0", f"said {code}", phase)


async def test_the_envelope_goes_out_in_one_write_and_the_message_waits(grouped: Start) -> None:
    """A server that is silent until DATA has come gets all of it; the message comes after 354."""
    server, connection = await grouped((group(250, 250, 354), TAKEN), (group(250, 250, 354), TAKEN))
    for _ in range(2):
        assert await sent(connection) == [Reply(250, "2.0.0", "taken", "data")]
    await connection.quit()
    await server.closed.wait()
    assert server.groups == [["MAIL FROM:<me@a.example>", "RCPT TO:<you@b.example>", "DATA"]] * 2
    assert server.bodies == [b"Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n"] * 2
    assert server.quit


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (group(451, 503, 503), reply(451, "mail")),
        (group(250, 550, 503), reply(550, "rcpt")),
        (group(250, 450, 554), reply(450, "rcpt")),
        (group(250, 250, 554), reply(554, "data")),
        (group(250, 250, 451), reply(451, "data")),
    ],
)
async def test_a_refusal_in_a_group_carries_its_phase(
    grouped: Start, replies: str, expected: Reply
) -> None:
    """What came of one refusal is no news; the next group begins with RSET and goes through."""
    server, connection = await grouped((replies, ""), (group(250, 250, 250, 354), TAKEN))
    assert await sent(connection) == [expected]
    assert (await sent(connection))[0].positive
    assert server.groups[1][0] == "RSET"
    assert len(server.bodies) == 1
    await connection.quit()


@pytest.mark.parametrize("replies", [group(250, 550, 354), group(550, 550, 354)])
@pytest.mark.parametrize("answer", ["554 5.5.1 no valid recipients", TAKEN])
async def test_a_354_for_nobody_gets_a_lone_dot(grouped: Start, replies: str, answer: str) -> None:
    """RFC 2920, 3.1: an empty message; its answer, even a 250, delivers nothing to anybody."""
    server, connection = await grouped((replies, answer), (group(250, 250, 354), TAKEN))
    assert [each.code for each in await sent(connection)] == [550]
    assert (await sent(connection))[0].positive
    assert server.bodies[0] == b".\r\n"
    assert server.groups[1][0].startswith("MAIL")
    await connection.quit()


async def test_each_recipient_has_its_own_outcome(grouped: Start) -> None:
    """Of five, two are refused at RCPT, and the message's reply is that of the other three."""
    server, connection = await grouped(
        (group(250, 250, 550, 251, 452, 250, 354), "451 4.0.0 said 451")
    )
    outcome = await sent(connection, *(f"{name}@b.example" for name in "abcde"))
    accepted = reply(451, "data")
    assert outcome == [accepted, reply(550, "rcpt"), accepted, reply(452, "rcpt"), accepted]
    assert len(server.groups[0]) == 7
    await connection.quit()


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (group(421) + "\ncut", [reply(421, "mail")] * 2),
        (group(421), [reply(421, "mail")] * 2),
        (group(421, 503, 503, 503), [reply(421, "mail")] * 2),
        (group(250, 421) + "\ncut", [reply(421, "rcpt")] * 2),
        (group(250, 550, 421) + "\ncut", [reply(550, "rcpt"), reply(421, "rcpt")]),
        (group(250, 250, 250, 421) + "\ncut", [reply(421, "data")] * 2),
        (group(250, 550, 250) + "\ncut", None),
    ],
)
async def test_a_421_anywhere_ends_the_session_and_is_kept(
    grouped: Start, replies: str, expected: list[Reply] | None
) -> None:
    """Those who were refused before keep their reply; a connection that just ends says nothing."""
    _, connection = await grouped((replies, ""))
    outcome = await sent(connection, "a@b.example", "b@b.example")
    if expected is None:
        lost = Reply(0, "", "connection lost before the message was sent", "connect")
        expected = [reply(550, "rcpt"), lost]
    assert outcome == expected
    assert not connection.open


@pytest.mark.parametrize("replies", ["cut", group(250) + "\ncut", group(250, 250) + "\ncut"])
async def test_a_connection_lost_within_the_group_tried_nothing(
    grouped: Start, replies: str
) -> None:
    """Without a refusal nothing is known but that no message went out."""
    _, connection = await grouped((replies, ""))
    with pytest.raises(NotTriedError, match="connection lost"):
        await sent(connection)
    assert not connection.open


@pytest.mark.parametrize(
    "replies",
    ["hello\n250 a\n354 b", group(250, 250, 250), group(354, 250, 354), group(250, 334, 354)],
)
async def test_nonsense_ends_the_session(grouped: Start, replies: str) -> None:
    """What no server says there: the connection is given up, and nothing was tried."""
    _, connection = await grouped((replies, TAKEN))
    with pytest.raises(NotTriedError, match="does not speak SMTP"):
        await sent(connection)
    assert not connection.open


@pytest.mark.parametrize("early", [TAKEN, "25"])
async def test_what_is_said_before_the_final_dot_never_counts_as_its_answer(
    grouped: Start, early: str
) -> None:
    """A 250 (or half a one) that comes with the 354 is no acceptance: the message is not sent."""
    server, connection = await grouped((group(250, 250, 354) + f"\n{early}", TAKEN))
    with pytest.raises(NotTriedError):
        await sent(connection)
    await server.closed.wait()
    assert server.bodies == []


async def test_a_refusal_that_comes_with_the_354_counts(grouped: Start) -> None:
    """A server that changes its mind before it has the message refused it."""
    _, connection = await grouped((group(250, 250, 354, 421) + "\ncut", ""))
    assert await sent(connection) == [reply(421, "data")]
    assert not connection.open


@pytest.mark.parametrize("answer", ["cut", "nonsense", "354 again"])
async def test_after_the_final_dot_nobody_knows(grouped: Start, answer: str) -> None:
    """Cut off or garbled after the dot: the fate of the message is unknown."""
    _, connection = await grouped((group(250, 250, 354), answer))
    with pytest.raises(UncertainError):
        await sent(connection)
    assert not connection.open


async def test_a_connection_that_ends_with_the_answer_is_not_used_again(grouped: Start) -> None:
    """250 and 421 at once: accepted, and closed."""
    _, connection = await grouped((group(250, 250, 354), f"{TAKEN}\n421 4.3.2 bye\ncut"))
    assert await sent(connection) == [Reply(250, "2.0.0", "taken", "data")]
    assert not connection.open


@pytest.mark.parametrize("letter", [LETTER, LARGE])
async def test_the_hook_is_awaited_between_the_354_and_the_final_dot(
    grouped: Start, letter: bytes
) -> None:
    """When it runs, the server has the envelope and no end of data; it runs once a message."""
    server, connection = await grouped((group(250, 250, 354), TAKEN))
    seen: list[tuple[int, int]] = []

    async def before_dot() -> None:
        await asyncio.sleep(0.02)
        seen.append((len(server.groups), len(server.bodies)))

    said = await connection.transact("me@a.example", "you@b.example", letter, before_dot)
    assert said.positive
    assert seen == [(1, 0)]
    assert len(server.bodies) == 1
    await connection.quit()


@pytest.mark.parametrize("letter", [LETTER, LARGE])
async def test_where_the_hook_fails_the_message_never_ends(grouped: Start, letter: bytes) -> None:
    """Its error is let out, and the server is left without the dot: it has no message."""
    server, connection = await grouped((group(250, 250, 354), TAKEN))

    async def before_dot() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await connection.transact("me@a.example", "you@b.example", letter, before_dot)
    await server.closed.wait()
    assert server.bodies == []
    assert not connection.open


@pytest.mark.parametrize("replies", [group(250, 550, 354), group(250, 550, 503), group(421)])
async def test_the_hook_is_not_asked_for_a_message_that_does_not_go(
    grouped: Start, replies: str
) -> None:
    """Nothing is put on the wire, so nothing is noted."""
    _, connection = await grouped((replies, "554 no"))

    async def before_dot() -> None:
        raise AssertionError("asked")

    said = await connection.transact("me@a.example", "you@b.example", LETTER, before_dot)
    assert said.code in {550, 421}
    connection.abandon()


async def test_it_is_not_used_where_it_is_not_wanted(scripted: Start) -> None:
    """`pipelining = false`: one verb at a time although the server offers more."""
    server = await scripted({"EHLO": "250-hello\n250 PIPELINING", "MAIL": "550 5.1.8 no"})
    connection = Connection(*place(server), "gmail", 5.0, Delivery(pipelining=False))
    await connection.connect()
    assert await sent(connection) == [Reply(550, "5.1.8", "no", "mail")]
    await connection.quit()
    assert [verb.split()[0] for verb in server.verbs] == ["EHLO", "MAIL", "QUIT"]


async def odd(
    talk: Callable[[Any, Any], Awaitable[None]],
) -> tuple[asyncio.Server, tuple[str, int]]:
    """Start a server that accepts an envelope and then does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.readline()
        writer.write(b"250-hello\r\n250 PIPELINING\r\n")
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**12)
    host, port = server.sockets[0].getsockname()[:2]
    return server, (str(host), int(port))


async def test_a_refusal_amid_a_large_message_counts() -> None:
    """552 after the first bytes, and the server reads no further: refused, not lost."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"DATA\r\n")
        writer.write(b"250 a\r\n250 b\r\n354 c\r\n")
        await reader.readexactly(1000)
        writer.write(b"552 5.3.4 too big\r\n")
        await writer.drain()
        await reader.read(2**12)
        await asyncio.sleep(1.0)

    server, address = await odd(talk)
    async with server:
        connection = Connection(*address, "gmail", 5.0)
        await connection.connect()
        assert await sent(connection, letter=LARGE * 64) == [Reply(552, "5.3.4", "too big", "data")]
        assert not connection.open


async def test_a_server_that_stops_reading_is_given_up() -> None:
    """The time for a part of a large message is over: not tried, since the dot never went out."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"DATA\r\n")
        writer.write(b"250 a\r\n250 b\r\n354 c\r\n")
        await over.wait()

    server, address = await odd(talk)
    async with server:
        times = Timeouts(block=0.2)
        connection = Connection(*address, "gmail", 5.0, Delivery(timeouts=times))
        await connection.connect()
        with pytest.raises(NotTriedError, match="no answer in time"):
            await sent(connection, letter=LARGE * 64)
        over.set()


async def test_a_server_that_dribbles_is_given_up() -> None:
    """Bytes that come one by one do not move the deadline."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"DATA\r\n")
        for byte in b"250-" + b"x" * 200:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    server, address = await odd(talk)
    async with server:
        connection = Connection(*address, "gmail", 0.3)
        await connection.connect()
        begun = asyncio.get_running_loop().time()
        with pytest.raises(NotTriedError, match="no answer in time"):
            await sent(connection)
        assert asyncio.get_running_loop().time() - begun < 2.0


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_farewell_that_nobody_asked_for_is_noticed(at_once: bool) -> None:
    """421 while nobody asks, right after EHLO or later: the connection is gone, and says so."""
    asked, over = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not at_once:
            await asked.wait()
        writer.write(b"421 4.4.2 idle for too long\r\n")
        await over.wait()

    server, address = await odd(talk)
    async with server:
        connection = Connection(*address, "gmail", 5.0)
        await connection.connect()
        asked.set()
        async with asyncio.timeout(5.0):
            while connection.open:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        with pytest.raises(NotTriedError) as caught:
            await sent(connection)
        assert caught.value.reply == Reply(421, "4.4.2", "idle for too long", "connect")
        over.set()


async def test_a_connection_is_kept_by_noop(scripted: Start) -> None:
    """NOOP is answered and the connection stands; a 421 to it ends it."""
    server = await scripted({"NOOP": "250 2.0.0 ok"})
    connection = Connection(*place(server), "gmail", 5.0)
    assert not await connection.noop()
    await connection.connect()
    assert await connection.noop()
    server.script["NOOP"] = "421 4.3.2 bye"
    assert not await connection.noop()
    assert server.verbs[1:] == ["NOOP", "NOOP"]


async def test_a_cancelled_attempt_leaves_no_connection_behind(grouped: Start) -> None:
    """Whoever is interrupted amid a transaction does not know where the server is: it is closed."""
    server, connection = await grouped((group(250), ""))
    task = asyncio.create_task(sent(connection))
    await server.heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connection.open
    await server.closed.wait()
