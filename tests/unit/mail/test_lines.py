"""What leaves as a message cannot be read in two ways."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.mail.lines import LONGEST_LINE, LineError, mended, prepared

PIECES = st.sampled_from(
    [b"\r\n", b"\n", b".", b"a", b"\r\n.\r\n", b"\n.\n", b"..", "é".encode(), b"QUIT"]
)
MESSAGES = st.lists(PIECES, max_size=30).map(b"".join)
ANY = st.lists(PIECES | st.sampled_from([b"\r", b"\0", b"\r.\r"]), max_size=20).map(b"".join)
ODD_ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n", b"\n.\r", b"\r.\r\n", b"\r.\n",
    b"\r\n\0.\r\n", b"\n\n.\r\n",
]  # fmt: skip


@given(ANY)
def test_no_message_holds_an_end_of_data(message: bytes) -> None:
    """Whatever goes in: every CR and LF stands in CRLF, and the only lone dot is the last line."""
    try:
        data = prepared(message).data
    except LineError:
        return
    sent = b"\r\n" + data + b".\r\n"
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent)
    assert [found.start() for found in re.finditer(rb"\r\n\.\r\n", sent)] == [len(sent) - 5]
    assert b"\0" not in sent


@given(MESSAGES)
def test_a_receiver_gets_the_mended_message_back(message: bytes) -> None:
    """Taking the doubled dots away gives the message, with CRLF for LF; SIZE counts that."""
    content = prepared(message)
    received = re.sub(rb"(?m)^\.\.", b".", content.data)
    ended = message if message.endswith(b"\n") or not message else message + b"\r\n"
    assert received == re.sub(rb"\r?\n", b"\r\n", ended) == mended(message)
    assert content.size == len(received)
    assert content.eight_bit is ("é".encode() in message)


@given(MESSAGES)
def test_mending_twice_changes_nothing_more(message: bytes) -> None:
    """A mended message is in order, so that one that was signed is not touched again."""
    once = mended(message)
    assert mended(once, "refuse") == once


@pytest.mark.parametrize("end", ODD_ENDS)
def test_odd_ends_of_data_never_leave(end: bytes) -> None:
    """Each form known from smuggling is refused, or leaves as text with its dot doubled."""
    try:
        sent = prepared(b"Subject: x\r\n\r\nbody" + end + b"MAIL FROM:<evil@a.example>\r\n").data
    except LineError:
        return
    assert end not in sent
    assert b"\r\n..\r\nMAIL" in sent


@pytest.mark.parametrize(
    ("message", "bare", "words"),
    [
        (b"a\r\nb\rc\r\n", "mend", "a CR without LF in line 2"),
        (b"a\r\n\r\r\n", "mend", "a CR without LF in line 2"),
        (b"a\r\nb\0\r\n", "mend", "a NUL in line 2"),
        (b"a\r\nb\nc\r\n", "refuse", "an LF without CR in line 2"),
        (b"a\r\nb\r\n" + b"x" * 999 + b"\r\n", "mend", "more than 998 bytes in line 3"),
        (b"x" * 999, "mend", "more than 998 bytes in line 1"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_its_line(
    message: bytes, bare: str, words: str
) -> None:
    """The text names what is wrong and where."""
    with pytest.raises(LineError, match=words):
        prepared(message, bare)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, LONGEST_LINE), max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_up_to_the_limit_pass(lengths: list[int], end: bytes) -> None:
    """998 bytes are allowed (RFC 5322, 2.1.1), in any number of lines."""
    message = b"".join(b"x" * length + end for length in lengths)
    assert prepared(message).size == sum(lengths) + 2 * len(lengths)


@given(st.lists(st.integers(0, LONGEST_LINE), max_size=4), st.lists(st.integers(0, 50), max_size=4))
def test_a_line_over_the_limit_is_found_wherever_it_is(before: list[int], after: list[int]) -> None:
    """One byte more is refused, and the line is named."""
    lengths = [*before, LONGEST_LINE + 1, *after]
    message = b"".join(b"x" * length + b"\r\n" for length in lengths)
    with pytest.raises(LineError, match=f"in line {len(before) + 1}$"):
        prepared(message)
