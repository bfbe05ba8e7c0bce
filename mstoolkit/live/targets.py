"""Where the servers are: loopback, unless the user named a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping

from mstoolkit.config import ConfigError, Scenario


def loopback(host: str) -> bool:
    """Return whether a host is this machine: 127.0.0.0/8, ::1 or localhost.

    Examples
    --------
    >>> loopback("127.0.0.2"), loopback("mail.example")
    (True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def targets(
    scenario: Scenario,
    addresses: Mapping[str, tuple[str, int]] | None,
    allow_hosts: Collection[str],
) -> dict[str, tuple[str, int]]:
    """Return host and port by server, from `addresses` where given and the scenario otherwise.

    Raises
    ------
    ConfigError
        If a host is not loopback and not allowed, or a port is not known.
    """
    found: dict[str, tuple[str, int]] = {}
    for name, server in scenario.servers.items():
        host, port = (addresses or {}).get(name, (server.host, server.port))
        if not loopback(host) and host not in allow_hosts:
            raise ConfigError(
                f"{host!r} is not this machine, and mail is sent to real servers only on request",
                key=f"servers.{name}.host",
                remedy=f"name it with --allow-host {host}",
            )
        if not port:
            raise ConfigError(
                "is 0, so nobody knows where the server listens",
                key=f"servers.{name}.port",
                remedy="give the port, or send with --sinks",
            )
        found[name] = (host, port)
    return found
