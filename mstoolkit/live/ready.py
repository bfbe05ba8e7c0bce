"""Before the first message: what the servers' deliveries name must be there."""

from __future__ import annotations

from collections.abc import Mapping

from mstoolkit.config import ConfigError, Server
from mstoolkit.live.auth import find_secret
from mstoolkit.live.signing import signer_for
from mstoolkit.live.tls import context


def check_deliveries(servers: Mapping[str, Server]) -> None:
    """Look for certificates, credentials and keys that servers name.

    Raises
    ------
    ConfigError
        If one is missing or cannot be used.
    """
    for name, server in servers.items():
        delivery = server.delivery
        try:
            if delivery.tls != "none":
                context(delivery)
            if delivery.auth is not None:
                find_secret(delivery.auth.secret)
            for signature in delivery.dkim:
                signer_for(signature)
        except ConfigError as error:
            raise ConfigError(
                error.problem,
                file=error.file,
                key=f"servers.{name}.{error.key}",
                remedy=error.remedy,
            ) from None
