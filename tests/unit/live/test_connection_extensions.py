"""SIZE, 8BITMIME, SMTPUTF8 and DSN: said where offered; what is missing is known before asking."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mstoolkit.config.delivery import Delivery
from mstoolkit.live.connection import Connection, Envelope
from mstoolkit.live.envelope import Offer, read_offer, xtext
from mstoolkit.model import Reply

LETTER = b"Subject: x\r\n\r\n.dot\r\nend\r\n"
EIGHT = "Subject: x\r\n\r\nGrüße\r\n".encode()
HEADER = "Subject: Grüße\r\n\r\nx\r\n".encode()
ALL = "250-hello\n250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250-SMTPUTF8\n250 DSN"
Start = Callable[..., Coroutine[Any, Any, Any]]


async def carried(
    server: Any, envelope: Envelope, letter: bytes, **delivery: Any
) -> tuple[Reply, ...]:
    host, port = server.address
    connection = Connection(str(host), int(port), "gmail", 5.0, Delivery(**delivery))
    await connection.connect()
    replies = await connection.carry(envelope, letter)
    assert connection.open
    await connection.quit()
    return replies


def envelope(*recipients: str, **more: Any) -> Envelope:
    return Envelope("me@a.example", recipients or ("you@b.example",), **more)


@pytest.mark.parametrize(
    ("letter", "more", "mail", "rcpt"),
    [
        (LETTER, {}, f" SIZE={len(LETTER)}", ""),
        (EIGHT, {}, f" SIZE={len(EIGHT)} BODY=8BITMIME", ""),
        (b"\n\nx", {}, " SIZE=7", ""),
        (HEADER, {}, f" SIZE={len(HEADER)} BODY=8BITMIME SMTPUTF8", ""),
        (
            LETTER,
            {"ret": "headers", "envid": "run+7", "notify": ("failure", "delay")},
            f" SIZE={len(LETTER)} RET=HDRS ENVID=run+2B7",
            " NOTIFY=FAILURE,DELAY",
        ),
        (
            LETTER,
            {"originals": ("a=b@c.example",), "ret": "full"},
            f" SIZE={len(LETTER)} RET=FULL",
            " ORCPT=rfc822;a+3Db@c.example",
        ),
    ],
)
async def test_what_is_offered_is_said(
    scripted: Start, letter: bytes, more: dict[str, Any], mail: str, rcpt: str
) -> None:
    """The parameters of MAIL and RCPT, as RFC 1870, 6152 and 3461 have them."""
    server = await scripted({"EHLO": ALL})
    assert (await carried(server, envelope(**more), letter))[0].positive
    assert server.verbs[1] == f"MAIL FROM:<me@a.example>{mail}"
    assert server.verbs[2] == f"RCPT TO:<you@b.example>{rcpt}"


async def test_what_is_not_offered_is_not_said(scripted: Start) -> None:
    """DSN parameters are left out where the server does not know them; the message goes."""
    server = await scripted()
    more = {"ret": "full", "envid": "x", "notify": ("never",), "originals": ("a@b.example",)}
    assert (await carried(server, envelope(**more), LETTER))[0].positive
    assert server.verbs[1:3] == ["MAIL FROM:<me@a.example>", "RCPT TO:<you@b.example>"]


async def test_an_international_address_is_said_in_utf8(scripted: Start) -> None:
    """SMTPUTF8 (RFC 6531) stands in MAIL only where an address needs it."""
    server = await scripted({"EHLO": ALL})
    more = {"originals": ("ü+@b.example",)}
    assert (await carried(server, envelope("jürgen@b.example", **more), LETTER))[0].positive
    assert server.verbs[1].endswith(" SMTPUTF8")
    assert server.verbs[2] == "RCPT TO:<jürgen@b.example> ORCPT=utf-8;ü+2B@b.example"


@pytest.mark.parametrize(
    ("offer", "recipient", "letter", "expected"),
    [
        ("SIZE 20", "you@b.example", LETTER,
         ("5.3.4", f"message of {len(LETTER)} bytes, and the server takes 20")),
        ("SIZE", "jürgen@b.example", LETTER,
         ("5.6.7", "address needs SMTPUTF8, which the server does not offer")),
        ("SIZE", "you@b.example", EIGHT,
         ("5.6.3", "message holds 8-bit text, and the server does not offer 8BITMIME")),
        ("8BITMIME", "you@b.example", "Subject: Grüße\r\n\r\n".encode(),
         ("5.6.7", "header holds 8-bit text, and the server does not offer SMTPUTF8")),
        ("SMTPUTF8", "you@b.example", "Subject: Grüße\r\n\r\n".encode("latin-1"),
         ("5.6.0", "message cannot be sent as it is: a header that is not UTF-8")),
        ("8BITMIME", "you@b.example", b"a\rb\r\n",
         ("5.6.0", "message cannot be sent as it is: a CR without LF in line 1")),
    ],
)  # fmt: skip
async def test_what_a_server_cannot_take_is_refused_here(
    scripted: Start, offer: str, recipient: str, letter: bytes, expected: tuple[str, str]
) -> None:
    """A reply of code 0 for each recipient; the server hears nothing, the connection stays good."""
    server = await scripted({"EHLO": f"250-hello\n250 {offer}"})
    status, text = expected
    refused = Reply(0, status, f"{text}; nothing was sent", "mail")
    replies = await carried(server, envelope(recipient, "me@b.example"), letter)
    assert replies == (refused, refused)
    assert server.verbs == [server.verbs[0], "QUIT"]


@pytest.mark.parametrize("size", ["SIZE 0", "SIZE", "SIZE many", "SIZE 99999999999999999999999"])
async def test_a_server_without_a_limit_gets_everything(scripted: Start, size: str) -> None:
    """0 and what is no number mean no limit that we know (RFC 1870, 4)."""
    server = await scripted({"EHLO": f"250-hello\n250 {size}"})
    assert (await carried(server, envelope(), LETTER))[0].positive


async def test_line_feeds_are_refused_where_that_is_wished(scripted: Start) -> None:
    """`bare = "refuse"`; by default the same message goes, mended."""
    server = await scripted()
    (reply,) = await carried(server, envelope(), b"a: b\n\nc\n", bare="refuse")
    assert (reply.code, reply.status) == (0, "5.6.0")
    assert (await carried(server, envelope(), b"a: b\n\nc\n"))[0].positive
    assert server.bodies == [b"a: b\r\n\r\nc\r\n.\r\n"]


@pytest.mark.parametrize(
    "address",
    ["a@b>\r\nRSET", "a\nb@c.example", "a\0@b.example", "a@b.example> NOTIFY=NEVER",
     "a b@c.example", "<a@b.example>", '"a"b"@c.example> X', "a@b.example\x7f",
     '"a\\" > X@b.example'],
)  # fmt: skip
@pytest.mark.parametrize("place", ["sender", "recipient"])
async def test_an_address_cannot_end_its_command(scripted: Start, address: str, place: str) -> None:
    """Line breaks, brackets and spaces outside of quotes are refused before anything is sent."""
    server = await scripted({"EHLO": ALL})
    bad = envelope(address) if place == "recipient" else Envelope(address, ("you@b.example",))
    host, port = server.address
    connection = Connection(str(host), int(port), "gmail", 5.0)
    await connection.connect()
    with pytest.raises(ValueError, match="an address holds"):
        await connection.carry(bad, LETTER)
    assert (await connection.carry(envelope(), LETTER))[0].positive
    await connection.quit()
    assert [verb.split()[0] for verb in server.verbs] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_quoted_local_parts_and_the_empty_sender_pass(scripted: Start) -> None:
    """What RFC 5321 allows is said as it is."""
    server = await scripted()
    replies = await carried(server, Envelope("", ('"a b>c"@d.example',)), LETTER)
    assert replies[0].positive
    assert server.verbs[1:3] == ["MAIL FROM:<>", 'RCPT TO:<"a b>c"@d.example>']


def test_an_offer_is_read_from_keywords() -> None:
    """Case is the client's matter; what is not known is not there."""
    assert read_offer({}) == Offer()
    offer = read_offer({"pipelining": "", "size": "5", "8bitmime": "", "smtputf8": "", "dsn": ""})
    assert offer == Offer(True, True, 5, True, True, True)


@pytest.mark.parametrize(
    ("text", "encoded"), [("a b", "a+20b"), ("a+b=c", "a+2Bb+3Dc"), ("x\r\ny", "x+0D+0Ay")]
)
def test_what_would_break_a_parameter_is_encoded(text: str, encoded: str) -> None:
    """RFC 3461, 4: space, plus, equals and control characters as +XX."""
    assert xtext(text) == encoded
