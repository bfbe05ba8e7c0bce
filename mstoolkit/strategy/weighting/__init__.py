"""Weighers: how much of the mail a server should carry; a policy's weight is their product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mstoolkit.config import Server

Weigher = Callable[[Server], float]


def static(server: Server) -> float:
    """Return the weight that the file gives."""
    return server.weight


def capacity(server: Server) -> float:
    """Return the messages a second that the server can work on."""
    return server.speed


def cost(server: Server) -> float:
    """Return the inverse of the price of 1,000 messages; a free server counts as 0.01."""
    return 1.0 / max(server.cost_per_1000, 0.01)


WEIGHERS: Mapping[str, Weigher] = {"static": static, "capacity": capacity, "cost": cost}


def weight_of(server: Server, weighers: Sequence[str]) -> float:
    """Return the product of the named weighers; 0 where the file's weight is 0.

    Parameters
    ----------
    server : Server
        The server as the scenario describes it.
    weighers : sequence of str
        Names in `WEIGHERS`.

    Examples
    --------
    >>> weight_of(Server(weight=3, speed=20), ["static", "capacity"])
    60.0
    """
    product = 1.0 if server.weight > 0 else 0.0
    for name in weighers:
        product *= WEIGHERS[name](server)
    return product
