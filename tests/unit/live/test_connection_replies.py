"""Replies as they come: cut anywhere, bounded, and never of anything but a reply."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.live.replies import read_reply
from mstoolkit.live.wire import LONGEST_LINE, LONGEST_REPLY, GarbledError, ReplyParser, Said

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12).map(str.strip)
REPLIES = st.lists(
    st.builds(lambda code, lines: Said(code, "\n".join(lines)), st.integers(200, 599),
              st.lists(TEXTS, min_size=1, max_size=4)),
    max_size=5,
)  # fmt: skip


def wire(replies: list[Said], end: str) -> bytes:
    text = ""
    for code, lines in replies:
        *more, last = lines.split("\n")
        text += "".join(f"{code}-{line}{end}" for line in more) + f"{code} {last}{end}"
    return text.encode()


@given(REPLIES, st.sampled_from(["\r\n", "\n"]), st.data())
def test_replies_are_the_same_however_the_bytes_are_cut(
    replies: list[Said], end: str, data: st.DataObject
) -> None:
    """In one piece, byte by byte or anything between."""
    sent = wire(replies, end)
    parser, found, rest = ReplyParser(), [], sent
    while rest:
        n = data.draw(st.integers(1, len(rest)))
        found += parser.feed(rest[:n])
        rest = rest[n:]
    assert found == replies == ReplyParser().feed(sent)
    assert not parser.amid


@pytest.mark.parametrize(
    "garbage",
    [b"\r\n", b"hello\r\n", b"25 ok\r\n", b"2500 ok\r\n", b"250_ok\r\n", b"199 ok\r\n",
     b"600 ok\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\x16\x03\x01\r\n", b"-50 ok\r\n"],
)  # fmt: skip
def test_what_is_no_reply_is_refused(garbage: bytes) -> None:
    """Alone, after a whole reply, and within one of several lines."""
    for before in (b"", b"250 ok\r\n", b"250-ok\r\n"):
        with pytest.raises(GarbledError):
            ReplyParser().feed(before + garbage)


def fed(pieces: Iterable[bytes]) -> None:
    parser = ReplyParser()
    for piece in pieces:
        parser.feed(piece)


def test_a_line_without_end_is_given_up() -> None:
    """What is kept of it is bounded, however the bytes come."""
    fed([b"2"] * LONGEST_LINE)
    with pytest.raises(GarbledError):
        fed([b"2"] * (LONGEST_LINE + 1))


def test_a_reply_without_end_is_given_up() -> None:
    """Continuation lines are counted too."""
    line = b"250-" + b"x" * 95 + b"\r\n"
    fed([line] * (LONGEST_REPLY // 100))
    with pytest.raises(GarbledError):
        fed([line] * (LONGEST_REPLY // 100 + 1))


def test_the_last_line_decides_and_control_characters_stay_out_of_the_log() -> None:
    """Codes that differ are judged by the last (as Postfix does); escapes and bad UTF-8 go."""
    (said,) = ReplyParser().feed(b"250-2.1.5 a\r\n550 5.1.1 \x1b[31mb\xff\r\n")
    reply = read_reply(*said, "rcpt")
    assert (reply.code, reply.status) == (550, "2.1.5")
    assert reply.text.isprintable()
    reply.text.encode()
