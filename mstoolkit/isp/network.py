"""The network of a source IP, by which neighbours are judged together."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network

_IPV6 = 64  # postgrey's default for IPv6


@lru_cache(maxsize=65536)
def network_of(source_ip: str, prefix: int) -> str:
    """Return the network of an address; "" where a name stands in for one.

    Parameters
    ----------
    source_ip : str
        IPv4, IPv6, or a name.
    prefix : int
        Length of an IPv4 network; those of IPv6 have 64 bits, as postgrey takes them.

    Examples
    --------
    >>> network_of("192.0.2.77", 24)
    '192.0.2.0/24'
    >>> network_of("server:mta-1", 24)
    ''
    """
    try:
        length = prefix if ip_address(source_ip).version == 4 else _IPV6
        return str(ip_network(f"{source_ip}/{length}", strict=False))
    except ValueError:
        return ""
