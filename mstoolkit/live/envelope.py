"""Envelope, what a server offers, and the commands that follow from both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from mstoolkit.mail.lines import Content
from mstoolkit.model import Reply

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"@[^\s<>]+')
_PLAIN = re.compile(r"[^\s<>\x00-\x1f\x7f]*")
_NO_XTEXT = re.compile(r"[^!-*,-<>-~]")
_RETURNED = {"full": "FULL", "headers": "HDRS"}


class Envelope(NamedTuple):
    """Who a message is from and for, as SMTP says it.

    Parameters
    ----------
    sender : str
        The return path; empty for ``<>``.
    recipients : tuple of str
        One or more.
    ret : str
        What a DSN brings back: ``full``, ``headers`` or nothing said (RFC 3461, 4.3).
    envid : str
        A name of ours that a DSN repeats (RFC 3461, 4.4).
    notify : tuple of str
        When a DSN is wanted (RFC 3461, 4.1).
    originals : tuple of str
        The addresses as they were first given, for ORCPT; empty, or one a recipient.
    """

    sender: str
    recipients: tuple[str, ...]
    ret: str = ""
    envid: str = ""
    notify: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()


class Offer(NamedTuple):
    """What a server offers in its answer to EHLO.

    Parameters
    ----------
    size : int
        The largest message it takes, bytes; 0 where it does not say.
    sizes : bool
        Whether it wants to hear the size (RFC 1870).
    """

    pipelining: bool = False
    sizes: bool = False
    size: int = 0
    eight_bit: bool = False
    utf8: bool = False
    dsn: bool = False


def read_offer(extensions: Mapping[str, str]) -> Offer:
    """Return what is offered by keywords (in lower case) with their parameters.

    Examples
    --------
    >>> read_offer({"size": "52428800", "pipelining": ""}).size
    52428800
    """
    size = extensions.get("size", "").strip()
    return Offer(
        "pipelining" in extensions,
        "size" in extensions,
        int(size) if size.isascii() and size.isdigit() and len(size) <= 20 else 0,
        "8bitmime" in extensions,
        "smtputf8" in extensions,
        "dsn" in extensions,
    )


def refusal(envelope: Envelope, content: Content, offer: Offer) -> Reply | None:
    """Return why a server cannot take a message, where that is known before it is asked."""
    if offer.size and content.size > offer.size:
        text = f"message of {content.size} bytes, and the server takes {offer.size}"
        return refused(text, "5.3.4")
    if content.eight_bit and not offer.eight_bit:
        return refused("message holds 8-bit text, and the server does not offer 8BITMIME", "5.6.3")
    if content.international and not offer.utf8:
        return refused("header holds 8-bit text, and the server does not offer SMTPUTF8", "5.6.7")
    if not offer.utf8 and not _ascii(envelope):
        return refused("address needs SMTPUTF8, which the server does not offer", "5.6.7")
    return None


def refused(text: str, status: str) -> Reply:
    """Return a refusal of our own: code 0, the status that a server would give, nothing sent."""
    return Reply(0, status, f"{text}; nothing was sent", "mail")


def commands(envelope: Envelope, content: Content, offer: Offer) -> list[bytes]:
    """Return MAIL, a RCPT for each recipient, and DATA, each with its line end.

    Raises
    ------
    ValueError
        If there is no recipient, or an address holds what would end the command or begin another
        parameter.
    """
    if not envelope.recipients:
        raise ValueError("a message needs a recipient")
    mail = f"MAIL FROM:<{_checked(envelope.sender)}>"
    if offer.sizes:
        mail += f" SIZE={content.size}"
    if content.eight_bit:
        mail += " BODY=8BITMIME"
    if offer.utf8 and (content.international or not _ascii(envelope)):
        mail += " SMTPUTF8"
    if offer.dsn:
        mail += _about_reports(envelope)
    lines = [mail]
    for place, recipient in enumerate(envelope.recipients):
        line = f"RCPT TO:<{_checked(recipient)}>"
        if offer.dsn and envelope.notify:
            line += f" NOTIFY={','.join(envelope.notify).upper()}"
        if offer.dsn and envelope.originals:
            line += _original(envelope.originals[place], offer)
        lines.append(line)
    return [*(f"{line}\r\n".encode() for line in lines), b"DATA\r\n"]


def xtext(text: str) -> str:
    """Return ASCII text as DSN parameters hold it (RFC 3461, 4).

    Examples
    --------
    >>> xtext("a+b=c")
    'a+2Bb+3Dc'
    """
    return _NO_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)


def _about_reports(envelope: Envelope) -> str:
    said = f" RET={_RETURNED[envelope.ret]}" if envelope.ret else ""
    return said + (f" ENVID={xtext(envelope.envid)}" if envelope.envid else "")


def _original(address: str, offer: Offer) -> str:
    if address.isascii():
        return f" ORCPT=rfc822;{xtext(address)}"
    if not offer.utf8:
        return ""
    return " ORCPT=utf-8;" + "".join(  # RFC 6533, 3: everything else may stand as it is
        xtext(letter) if letter.isascii() else letter for letter in address
    )


def _ascii(envelope: Envelope) -> bool:
    return envelope.sender.isascii() and "".join(envelope.recipients).isascii()


def _checked(address: str) -> str:
    if _PLAIN.fullmatch(address):
        return address
    if _CONTROL.search(address):
        raise ValueError("an address holds a control character")
    if not _QUOTED.fullmatch(address):
        raise ValueError("an address holds a space or an angle bracket outside of quotes")
    return address
