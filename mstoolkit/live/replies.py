"""What stands for a reply where no server gave one, and how a server's words are read."""

from __future__ import annotations

import re
from functools import lru_cache

from mstoolkit.model import Phase, Reply

_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")

REFUSED = Reply(0, "", "connection refused", "connect")
TIMEOUT = Reply(0, "", "connection timed out", "connect")
BROKEN = Reply(0, "", "connection lost before the message was sent", "connect")
SLOW = Reply(0, "", "no answer in time, before the message was sent", "connect")
GARBLED = Reply(0, "", "the server does not speak SMTP", "connect")


class NotTriedError(Exception):
    """The message was not handed over; `reply` tells why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class UncertainError(Exception):
    """The connection was lost after the final dot, before the reply."""


@lru_cache(maxsize=4096)
def read_reply(code: int, message: str, phase: Phase) -> Reply:
    r"""Take the enhanced status out of a reply's text; several lines become one, of plain text.

    Examples
    --------
    >>> reply = read_reply(550, "5.1.1 No such\n5.1.1 user", "rcpt")
    >>> reply.status, reply.text
    ('5.1.1', 'No such user')
    """
    status, texts = "", []
    for line in message.split("\n"):
        match = _STATUS.match(line)
        status = status or (match[1] if match else "")
        texts.append(line[match.end() :] if match else line)
    text = " ".join(texts).strip()
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return Reply(code, status, text, phase)
