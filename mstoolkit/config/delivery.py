"""How mail is handed to a server: encryption, credentials by reference, timeouts, signatures."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Duration

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|keyring:[^/\s]+/\S+")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Za-z.:]+\]")
_LABELS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_HIDDEN = "***"

Encryption = Literal["none", "starttls", "required", "implicit"]
Mechanism = Literal["auto", "plain", "login", "cram-md5", "xoauth2"]
Notice = Literal["never", "success", "failure", "delay"]


class Auth(Frozen):
    """How the sender proves who it is.

    The password never stands here: ``secret`` says where it is found when a connection opens, as
    ``"env:NAME"`` (an environment variable) or ``"keyring:service/user"``.

    Parameters
    ----------
    mechanism
        ``auto`` takes the first that the server offers of CRAM-MD5, PLAIN and LOGIN. For
        ``xoauth2`` the secret is the access token, asked for anew at each connection.
    user
        The user's name.
    secret
        Where the password or token is found.
    """

    mechanism: Mechanism = "auto"
    user: str = Field(min_length=1)
    secret: str

    @model_validator(mode="before")
    @classmethod
    def _hide(cls, given: Any) -> Any:
        """Let no message of validation show a password that was written here by mistake."""
        if not isinstance(given, Mapping):
            return given
        known = cls.model_fields
        return {
            key: value if key in known and (key != "secret" or _is_reference(value)) else _HIDDEN
            for key, value in given.items()
        }

    @field_validator("user")
    @classmethod
    def _user_in_one_line(cls, user: str) -> str:
        if not user.isprintable():
            raise ValueError("holds a control character; write the name as the server knows it")
        return user

    @field_validator("secret")
    @classmethod
    def _by_reference(cls, secret: str) -> str:
        if not _is_reference(secret):
            raise ValueError(
                'is no reference, and a password does not belong into a file; write "env:NAME" or '
                '"keyring:service/user"'
            )
        return secret


class Timeouts(Frozen):
    """How long to wait for a server, by phase; the defaults are those of RFC 5321, 4.5.3.2.

    Parameters
    ----------
    connect
        For the connection and its first words.
    ehlo
        For EHLO, STARTTLS and AUTH, each; RFC 5321 does not name them, the figure is MAIL's.
    mail, rcpt, data
        For the reply to the command.
    block
        For a part of the message to be taken off our hands.
    dot
        For the reply after the message. Too short a time here makes duplicates.
    """

    connect: Duration = Field(300.0, gt=0)
    ehlo: Duration = Field(300.0, gt=0)
    mail: Duration = Field(300.0, gt=0)
    rcpt: Duration = Field(300.0, gt=0)
    data: Duration = Field(120.0, gt=0)
    block: Duration = Field(180.0, gt=0)
    dot: Duration = Field(600.0, gt=0)


class Signature(Frozen):
    """A DKIM signature (RFC 6376); RSA or Ed25519 (RFC 8463), as the key is.

    Parameters
    ----------
    domain
        Who signs.
    selector
        Where the public key lies: ``selector._domainkey.domain``.
    key_file
        The private key: PEM, or for Ed25519 the 32 bytes of the seed in base64.
    """

    domain: str
    selector: str
    key_file: str = Field(min_length=1)

    @field_validator("domain", "selector")
    @classmethod
    def _labels(cls, name: str) -> str:
        if not _LABELS.fullmatch(name):
            raise ValueError(f'is no domain name: {name!r}; write it as "news.example"')
        return name


class Delivery(Frozen):
    """How mail is handed to a server.

    Parameters
    ----------
    tls
        ``none``; ``starttls`` where the server offers it; ``required``: STARTTLS or nothing is
        sent; ``implicit``: TLS from the first byte, as on port 465. An offered or required
        handshake that fails never falls back to plain text.
    verify
        Whether the certificate must be trusted and name the server.
    ca_file
        Certificates to trust (PEM), besides those of the system.
    tls_name
        The name that the certificate must hold, where it is not ``host``.
    helo
        The name to say in EHLO.
    source_address
        The address of this machine to send from.
    auth
        Credentials. They are not sent in clear text but to this machine.
    timeouts
        How long to wait, by phase.
    noop_after
        Say NOOP on a connection that has been idle for so long, to keep it; 0 is never.
    pipelining
        Whether to use PIPELINING (RFC 2920) where the server offers it.
    bare
        An LF without CR in a message: ``mend`` it to CRLF, or ``refuse`` the message.
    ret, notify
        DSN parameters (RFC 3461), said where the server offers DSN.
    dkim
        Signatures to put on each message.
    """

    tls: Encryption = "none"
    verify: bool = True
    ca_file: str = ""
    tls_name: str = ""
    helo: str = ""
    source_address: str = ""
    auth: Auth | None = None
    timeouts: Timeouts = Timeouts()
    noop_after: Duration = 0.0
    pipelining: bool = True
    bare: Literal["mend", "refuse"] = "mend"
    ret: Literal["", "full", "headers"] = ""
    notify: tuple[Notice, ...] = ()
    dkim: tuple[Signature, ...] = ()

    @field_validator("helo", "tls_name")
    @classmethod
    def _host_name(cls, name: str) -> str:
        if name and not _NAME.fullmatch(name):
            raise ValueError(f'is no host name: {name!r}; write it as "mta-1.example"')
        return name

    @field_validator("source_address")
    @classmethod
    def _address(cls, address: str) -> str:
        if address:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ValueError(
                    f'is no IP address: {address!r}; write it as "192.0.2.1"'
                ) from None
        return address

    @field_validator("notify")
    @classmethod
    def _never_alone(cls, notify: tuple[Notice, ...]) -> tuple[Notice, ...]:
        if "never" in notify and len(notify) > 1:
            raise ValueError('"never" stands alone; leave the others out')
        return notify


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None
