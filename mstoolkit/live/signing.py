"""DKIM signatures (RFC 6376), by dkimpy; the key lies in a file that the scenario names."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from mstoolkit.config import ConfigError
from mstoolkit.config.delivery import Signature

# What a receiver shows and a reader acts on (RFC 6376, 5.4.1); of RFC 8058 both headers are needed.
SIGNED = (
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
    "mime-version", "content-type", "content-transfer-encoding", "list-id", "list-unsubscribe",
    "list-unsubscribe-post",
)  # fmt: skip
_TWICE = ("from", "subject", "date")  # so that no second one can be added (RFC 6376, 8.15)
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")  # PKCS #8 of a seed (RFC 8410, 7)
_SEED = 32


class Signer:
    """Signs messages for one domain with one key.

    dkimpy signs in Python, under the interpreter's lock, so threads would gain nothing.

    Parameters
    ----------
    signature : Signature
        Domain, selector and where the key is.

    Raises
    ------
    ConfigError
        If the key cannot be read or used, or dkimpy is not installed.
    """

    def __init__(self, signature: Signature) -> None:
        self._domain = signature.domain.encode("ascii")
        self._selector = signature.selector.encode("ascii")
        self._algorithm, self._key = _read_key(signature.key_file)
        try:
            self.sign(b"From: check@localhost\r\n\r\n\r\n")
        except ConfigError:
            raise
        except Exception as error:  # dkimpy's own, of several kinds
            raise _unusable(signature.key_file, type(error).__name__) from None

    def sign(self, message: bytes) -> bytes:
        """Return a message with the signature before it.

        Parameters
        ----------
        message : bytes
            With CRLF line ends, as it is sent.
        """
        dkim = _dkimpy()
        signer = dkim.DKIM(message, signature_algorithm=self._algorithm, linesep=b"\r\n")
        present = {name.lower().decode("ascii", "replace") for name, _ in signer.headers}
        names = [*(name for name in SIGNED if name in present), *_TWICE]
        header: bytes = signer.sign(
            self._selector,
            self._domain,
            self._key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode("ascii") for name in names],
        )
        return header + message


@lru_cache(maxsize=256)
def signer_for(signature: Signature) -> Signer:
    """Return the signer of a signature; its key is read once."""
    return Signer(signature)


def signed(message: bytes, signatures: tuple[Signature, ...]) -> bytes:
    """Return a message with all signatures on it, none of which covers another."""
    headers = b""
    for signature in signatures:
        whole = signer_for(signature).sign(message)
        headers += whole[: len(whole) - len(message)]
    return headers + message


def _dkimpy() -> Any:
    try:
        import dkim
    except ImportError:
        raise ConfigError(
            "the package dkimpy is not installed",
            key="delivery.dkim",
            remedy="install mstoolkit[dkim]",
        ) from None
    return dkim


def _read_key(file: str) -> tuple[bytes, bytes]:
    """Return the algorithm and the key in dkimpy's form."""
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise _unusable(file, error.strerror or "") from None
    try:
        found = _PEM.search(data)
        raw = base64.b64decode(b"".join((found[2] if found else data).split()), validate=True)
    except binascii.Error:
        raise _unusable(file, "neither PEM nor base64") from None
    if found is None and len(raw) == _SEED:
        return b"ed25519-sha256", base64.b64encode(raw)
    if raw.startswith(_ED25519) and len(raw) == len(_ED25519) + _SEED:
        return b"ed25519-sha256", base64.b64encode(raw[-_SEED:])
    if found is None or found[1] not in {b"RSA PRIVATE KEY", b"PRIVATE KEY"}:
        raise _unusable(file, "no private key of RSA or Ed25519")
    return b"rsa-sha256", found[0]


def _unusable(file: str, why: str) -> ConfigError:
    return ConfigError(
        f"cannot be used as a key ({why})",
        file=file,
        key="delivery.dkim.key_file",
        remedy="give a private key of RSA (PEM) or Ed25519 (PEM, or its seed in base64)",
    )
