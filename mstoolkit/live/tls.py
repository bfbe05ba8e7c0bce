"""Certificates: what is trusted, and whose name must stand in them."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from mstoolkit.config import ConfigError
from mstoolkit.config.delivery import Delivery
from mstoolkit.model import Phase, Reply


class _Context(ssl.SSLContext):
    """Looks for a name of its own in certificates, where it has one."""

    name = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Wrap with the name that was asked for."""
        wanted = self.name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, wanted, session)


def context(delivery: Delivery) -> ssl.SSLContext:
    """Return what a server's certificate is judged by; at least TLS 1.2 is spoken.

    Raises
    ------
    ConfigError
        If the CA file cannot be read.
    """
    changed = 0
    if delivery.ca_file:
        try:
            changed = Path(delivery.ca_file).stat().st_mtime_ns
        except OSError as error:
            raise _unreadable(delivery.ca_file, error.strerror or "") from None
    return _context(delivery.verify, delivery.ca_file, delivery.tls_name, changed)


@lru_cache(maxsize=64)
def _context(verify: bool, ca_file: str, name: str, changed: int) -> ssl.SSLContext:
    made = _Context(ssl.PROTOCOL_TLS_CLIENT)
    made.name = name
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        return made
    made.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if ca_file:
        try:
            made.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise _unreadable(ca_file, str(error)) from None
    return made


def untrusted(error: ssl.SSLError, phase: Phase) -> Reply:
    """Return the reply that stands for a handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the server's certificate is not trusted: {error.verify_message}"
    else:
        text = f"the TLS handshake failed: {(error.reason or 'cut off').lower().replace('_', ' ')}"
    return Reply(0, "", text.rstrip("."), phase)


def _unreadable(file: str, why: str) -> ConfigError:
    return ConfigError(
        f"cannot be used ({why})",
        file=file,
        key="delivery.ca_file",
        remedy="give a file of certificates in PEM",
    )
