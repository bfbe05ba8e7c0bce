"""Credentials: found by reference when a connection opens, shown to nobody but the server."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Collection

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPAuthenticationError

from mstoolkit.config import ConfigError
from mstoolkit.config.delivery import Auth

_CLEAR = ("plain", "login", "xoauth2")
_PREFERRED = ("cram-md5", "plain", "login")
_HIDDEN = "***"


class Secret:
    """A password or token that does not show itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")

    def reveal(self) -> str:
        """Return it, to be handed to the server at once."""
        return self._text

    def hide_in(self, text: str, user: str) -> str:
        """Return text without it, in clear or as the protocol encodes it."""
        secret, name = self._text.encode(), user.encode()
        plain = b"\0" + name + b"\0" + secret
        bearer = b"user=" + name + b"\x01auth=Bearer " + secret + b"\x01\x01"
        for form in (plain, bearer, secret):
            text = text.replace(base64.b64encode(form).decode(), _HIDDEN)
        return text.replace(self._text, _HIDDEN)


class AuthError(Exception):
    """The server did not let us in, or was not asked; `code` is 0 where it was not."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def find_secret(reference: str) -> Secret:
    """Return what a reference names.

    Parameters
    ----------
    reference : str
        ``"env:NAME"`` or ``"keyring:service/user"``.

    Raises
    ------
    ConfigError
        If there is nothing by that name.

    Examples
    --------
    >>> os.environ["MSTOOLKIT_EXAMPLE"] = "hunter2"
    >>> find_secret("env:MSTOOLKIT_EXAMPLE")
    Secret(***)
    """
    kind, _, name = reference.partition(":")
    found = os.environ.get(name) if kind == "env" else _from_keyring(name)
    if found:
        return Secret(found)
    where = f"the environment variable {name}" if kind == "env" else f"the keyring's entry {name}"
    raise ConfigError(
        f"{where} is not set", key="delivery.auth.secret", remedy="set it, and start again"
    )


def _from_keyring(name: str) -> str | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigError(
            "the package keyring is not installed",
            key="delivery.auth.secret",
            remedy='install mstoolkit[keyring], or write "env:NAME"',
        ) from None
    service, _, user = name.partition("/")
    try:
        return keyring.get_password(service, user)
    except KeyringError as error:
        raise ConfigError(
            f"the keyring cannot be opened ({type(error).__name__})",
            key="delivery.auth.secret",
            remedy='unlock it, or write "env:NAME"',
        ) from None


async def authenticate(client: SMTP, auth: Auth, *, private: bool) -> None:
    """Log in.

    Parameters
    ----------
    client : SMTP
        Connected and greeted.
    auth : Auth
        As whom, and how.
    private : bool
        Whether nobody can listen: the connection is encrypted, or ends on this machine.

    Raises
    ------
    AuthError
        If that does not come about.
    """
    mechanism = _chosen(auth, client.server_auth_methods, private)
    try:
        if auth.secret.startswith("env:"):
            secret = find_secret(auth.secret)
        else:  # a keyring may ask its owner
            secret = await asyncio.to_thread(find_secret, auth.secret)
    except ConfigError as error:
        raise AuthError(0, f"no password: {error.problem}") from None
    login = {
        "plain": client.auth_plain,
        "login": client.auth_login,
        "cram-md5": client.auth_crammd5,
        "xoauth2": client.auth_xoauth2,
    }[mechanism]
    try:
        await login(auth.user, secret.reveal())
    except SMTPAuthenticationError as error:
        raise AuthError(error.code, secret.hide_in(str(error.message), auth.user)) from None


def _chosen(auth: Auth, offered: Collection[str], private: bool) -> str:
    if not offered:
        raise AuthError(0, "the server does not offer AUTH")
    wanted = _PREFERRED if auth.mechanism == "auto" else (auth.mechanism,)
    both = [mechanism for mechanism in wanted if mechanism in offered]
    if not both:
        names = " ".join(sorted(offered)).upper()
        raise AuthError(0, f"the server does not offer AUTH {auth.mechanism.upper()}, but {names}")
    allowed = [mechanism for mechanism in both if private or mechanism not in _CLEAR]
    if not allowed:
        raise AuthError(0, "a password is not sent over a connection that is not encrypted")
    return allowed[0]
