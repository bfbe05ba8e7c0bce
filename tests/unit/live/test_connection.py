"""What a connection makes of what a server says or does."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.live.connection import (
    Connection,
    NotTriedError,
    UncertainError,
    read_reply,
)
from mstoolkit.model import Reply

LETTER = b"Subject: x\r\n\r\n.dot\r\nend\r\n"
Start = Callable[..., Coroutine[Any, Any, Any]]


def _place(server: Any) -> tuple[str, int]:
    host, port = server.address
    return str(host), int(port)


async def _sent(server: Any, patience: float = 5.0) -> Reply:
    connection = Connection(*_place(server), "gmail", patience)
    await connection.connect()
    reply = await connection.transact("me@a.example", "you@b.example", LETTER)
    await connection.quit()
    return reply


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (250, "2.0.0 OK", Reply(250, "2.0.0", "OK", "data")),
        (550, "no such user", Reply(550, "", "no such user", "data")),
        (450, "4.2.1", Reply(450, "4.2.1", "", "data")),
        (550, "5.7.1 line one\n5.7.1 line two", Reply(550, "5.7.1", "line one line two", "data")),
        (250, "1.2.3 is no status", Reply(250, "", "1.2.3 is no status", "data")),
    ],
)
def test_enhanced_status_is_taken_out_of_the_text(code: int, message: str, expected: Reply) -> None:
    """Code, enhanced status and text come apart, over several lines too."""
    assert read_reply(code, message, "data") == expected


async def test_a_letter_arrives_with_its_dots_doubled(scripted: Start) -> None:
    """The reply is that of the final dot, and a line that begins with a dot is kept."""
    server = await scripted()
    assert await _sent(server) == Reply(250, "2.0.0", "taken", "data")
    assert server.bodies == [b"Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n"]
    assert [verb.split()[0] for verb in server.verbs] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ({"MAIL": "451 4.3.0 later"}, Reply(451, "4.3.0", "later", "mail")),
        ({"RCPT": "550 5.1.1 unknown"}, Reply(550, "5.1.1", "unknown", "rcpt")),
        ({"DATA": "554 5.7.1 no"}, Reply(554, "5.7.1", "no", "data")),
        ({".": "421 4.7.0 slow down"}, Reply(421, "4.7.0", "slow down", "data")),
    ],
)
async def test_a_reply_carries_the_phase_it_came_in(
    scripted: Start, script: dict[str, str], expected: Reply
) -> None:
    """Refusals at MAIL, RCPT, DATA and after the dot are told apart."""
    assert await _sent(await scripted(script)) == expected


@pytest.mark.parametrize(
    ("script", "code", "phase"),
    [
        ({"": "554 5.3.2 no service"}, 554, "connect"),
        ({"": "421 4.3.2 busy"}, 421, "connect"),
        ({"": "cut"}, 0, "connect"),
        ({"EHLO": "502 no"}, 502, "ehlo"),
        ({"EHLO": "cut"}, 0, "connect"),
        ({"EHLO": "250-hello\n250 XPATH", "XPATH": "421 4.7.0 too many"}, 421, "connect"),
        ({"MAIL": "cut"}, 0, "connect"),
        ({"RCPT": "cut"}, 0, "connect"),
        ({"DATA": "cut"}, 0, "connect"),
    ],
)
async def test_nothing_was_tried_before_the_message_was_handed_over(
    scripted: Start, script: dict[str, str], code: int, phase: str
) -> None:
    """Whatever ends the session before the content was sent uses no attempt, and says why."""
    server = await scripted(script)
    with pytest.raises(NotTriedError) as caught:
        await _sent(server)
    assert (caught.value.reply.code, caught.value.reply.phase) == (code, phase)


async def test_a_closed_port_is_a_refused_connection() -> None:
    """Nobody listens: a synthetic reply with code 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with pytest.raises(NotTriedError) as caught:
        await Connection("127.0.0.1", port, "gmail", 5.0).connect()
    assert caught.value.reply == Reply(0, "", "connection refused", "connect")


@pytest.mark.parametrize("answer", ["cut", "silence", "nonsense"])
async def test_after_the_final_dot_nobody_knows(scripted: Start, answer: str) -> None:
    """Cut off, silent or garbled after the dot: the fate of the message is unknown."""
    server = await scripted({".": answer})
    with pytest.raises(UncertainError):
        await _sent(server, patience=0.3)


async def test_the_final_dot_waits(scripted: Start) -> None:
    """`before_dot` runs after 354, when no dot is out yet, and once a message."""
    server = await scripted()
    connection = Connection(*_place(server), "gmail", 5.0)
    await connection.connect()
    seen: list[tuple[str, int]] = []

    async def before_dot() -> None:
        await asyncio.sleep(0.02)  # a dot that did not wait would be there by now
        seen.append((server.verbs[-1], len(server.bodies)))

    for _ in range(2):
        await connection.transact("me@a.example", "you@b.example", LETTER, before_dot)
    await connection.quit()
    assert seen == [("DATA", 0), ("DATA", 1)]
    assert len(server.bodies) == 2


async def test_without_leave_no_dot_follows(scripted: Start) -> None:
    """If `before_dot` fails the connection is cut, so that the server has no whole message."""
    server = await scripted()
    connection = Connection(*_place(server), "gmail", 5.0)
    await connection.connect()

    async def refuse() -> None:
        raise ConfigError("the disk is full")

    with pytest.raises(ConfigError, match="the disk is full"):
        await connection.transact("me@a.example", "you@b.example", LETTER, refuse)
    assert not connection.open
    assert server.bodies == []


async def test_a_connection_lost_before_the_dot_is_not_ambiguous(scripted: Start) -> None:
    """Cut while `before_dot` waits: no dot went out, so the message was not tried."""
    server = await scripted()
    connection = Connection(*_place(server), "gmail", 5.0)
    await connection.connect()

    async def lose() -> None:
        connection.abandon()

    with pytest.raises(NotTriedError):
        await connection.transact("me@a.example", "you@b.example", LETTER, lose)


async def test_a_silent_server_times_out_before_the_banner(scripted: Start) -> None:
    """No banner within the timeout is a failed connection."""
    with pytest.raises(NotTriedError) as caught:
        await _sent(await scripted({"": "silence"}), patience=0.2)
    assert caught.value.reply.text == "connection timed out"


async def test_a_refused_recipient_is_reset_before_the_next_message(scripted: Start) -> None:
    """The next transaction on the same connection starts with RSET, and only then."""
    server = await scripted({"RCPT": "550 5.1.1 unknown"})
    connection = Connection(*_place(server), "gmail", 5.0)
    await connection.connect()
    for _ in range(2):
        await connection.transact("me@a.example", "you@b.example", LETTER)
    await connection.quit()
    verbs = [verb.split()[0] for verb in server.verbs]
    assert verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "QUIT"]


async def test_the_provider_is_named_where_the_server_knows_the_verb(scripted: Start) -> None:
    """XPATH is sent once a connection, and only to servers that announce it."""
    server = await scripted({"EHLO": "250-hello\n250 XPATH", "XPATH": "250 ok"})
    await _sent(server)
    assert "XPATH gmail" in server.verbs


async def test_a_line_break_in_an_address_never_reaches_the_wire(scripted: Start) -> None:
    """Command injection is refused by the client itself."""
    server = await scripted()
    connection = Connection(*_place(server), "gmail", 5.0)
    await connection.connect()
    with pytest.raises(ValueError, match="control character"):
        await connection.transact("me@a.example", "a@b>\r\nRSET\r\n", LETTER)
    connection.abandon()
    assert not any("RSET" in verb for verb in server.verbs)


async def test_this_machine_running_out_is_nobody_elses_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too many open files is an error of the user's machine with a remedy, not a refused server."""

    async def exhausted(*args: Any, **options: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", exhausted)
    with pytest.raises(ConfigError, match="ulimit"):
        await Connection("127.0.0.1", 9, "gmail", 5.0).connect()
