r"""Lines of a message as they go over the wire: CRLF only, dots doubled, no second end of data.

SMTP smuggling (SEC Consult, 2023) lives on servers that disagree where a line ends: what one takes
for text, as ``\n.\n``, is the end of the message to the next, and commands may follow. A message
that holds no CR and no LF but in CRLF, and no line of a lone dot, cannot be read in two ways.

The rule: an LF alone becomes CRLF (files of Unix end their lines so). A CR alone is refused, since
no system ends lines so today. A NUL is refused (RFC 5321, 4.5.2), and so is a line of more than 998
bytes (RFC 5322, 2.1.1): a relay would break it, and with it the signature.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

LONGEST_LINE = 998

Bare = Literal["mend", "refuse"]

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
_NUL = re.compile(rb"\0")


class LineError(ValueError):
    """A message that cannot be put on the wire; the text says why and in which line."""


class Content(NamedTuple):
    r"""A message as it goes over the wire.

    Parameters
    ----------
    data : bytes
        With dots doubled, ending with CRLF; the end of data, ``.\r\n``, is not part of it.
    size : int
        Bytes of the message with CRLF, before dots were doubled: what SIZE counts (RFC 1870).
    eight_bit : bool
        Whether a byte is above 127, so that 8BITMIME is needed.
    international : bool
        Whether such a byte is in the header, so that SMTPUTF8 is needed (RFC 6532).
    """

    data: bytes
    size: int
    eight_bit: bool
    international: bool = False


def mended(message: bytes, bare: Bare = "mend") -> bytes:
    r"""Return a message with CRLF line ends only, the last line ended too.

    Parameters
    ----------
    message : bytes
        The message, dots not doubled.
    bare : {"mend", "refuse"}
        What becomes of an LF without CR.

    Raises
    ------
    LineError
        If it holds a CR without LF, a NUL, a line that is too long or, where that is to be refused,
        an LF without CR.

    Examples
    --------
    >>> mended(b"Subject: x\n\nbody")
    b'Subject: x\r\n\r\nbody\r\n'
    """
    if message and not message.endswith(b"\n"):
        message += b"\r\n"
    text = b"".join(message.split(b"\r\n"))
    if b"\r" in text:
        raise LineError(f"a CR without LF {_place(message, _BARE_CR)}")
    if b"\0" in text:
        raise LineError(f"a NUL {_place(message, _NUL)}")
    if b"\n" in text:
        if bare == "refuse":
            raise LineError(f"an LF without CR {_place(message, _BARE_LF)}")
        message = _BARE_LF.sub(b"\r\n", message)
    _check_lengths(message)
    return message


def prepared(message: bytes, bare: Bare = "mend") -> Content:
    r"""Return a message as it goes over the wire.

    Parameters
    ----------
    message : bytes
        The message, dots not doubled.
    bare : {"mend", "refuse"}
        What becomes of an LF without CR.

    Raises
    ------
    LineError
        As for `mended`, and if the header holds 8-bit text that is not UTF-8.

    Examples
    --------
    >>> prepared(b"Subject: x\r\n\r\n.\r\n").data
    b'Subject: x\r\n\r\n..\r\n'
    """
    message = mended(message, bare)
    data = message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message
    if message.startswith(b"."):
        data = b"." + data
    if message.isascii():
        return Content(data, len(message), eight_bit=False)
    header = message.partition(b"\r\n\r\n")[0]
    try:
        header.decode()
    except UnicodeDecodeError:
        raise LineError("a header that is not UTF-8") from None
    return Content(data, len(message), eight_bit=True, international=not header.isascii())


def _check_lengths(message: bytes) -> None:
    """Go from line to line by the farthest end that a line may reach, so that few are looked at."""
    start, end = 0, len(message)
    while end - start > LONGEST_LINE:
        last = message.rfind(b"\n", start, start + LONGEST_LINE + 2)
        if last < 0:
            number = message.count(b"\n", 0, start) + 1
            raise LineError(f"more than {LONGEST_LINE} bytes in line {number}")
        start = last + 1


def _place(message: bytes, wanted: re.Pattern[bytes]) -> str:
    found = wanted.search(message)
    lines = message.count(b"\n", 0, found.start() if found else None)
    return f"in line {lines + 1}"
