"""Before the first message: all servers must go by the same clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPException

from mstoolkit.config import ConfigError

_HELO = "mstoolkit.invalid"
_TIMEOUT = 5.0
_UNREACHABLE = "cannot be reached"


async def agree(
    targets: Mapping[str, tuple[str, int]],
    epoch: float,
    scale: float,
    scenario_hash: str,
    *,
    again: bool = False,
) -> list[str]:
    """Agree with every server on epoch, time scale and scenario.

    Servers that do not know XCLOCK are real ones, whose clock goes at scale 1. Where a run is taken
    up `again`, a server may be out just now: it was agreed with when the run began.

    Returns
    -------
    list of str
        What could not be checked at scale 1 or again, for the manifest.

    Raises
    ------
    ConfigError
        If a server goes by another clock, or at a scale other than 1 cannot be asked.
    """
    notes: list[str] = []
    knowing: list[str] = []
    for name in targets:
        missing = await _probe(*targets[name])
        if not missing:
            knowing.append(name)
        elif scale != 1.0 and not (again and missing.startswith(_UNREACHABLE)):
            raise ConfigError(missing, key=f"servers.{name}", remedy=_REMEDY)
        else:
            notes.append(f"{name}: {missing}")
    for name in knowing:
        refusal = await _arm(*targets[name], f"{epoch!r} {scale!r} {scenario_hash}")
        if refusal:
            raise ConfigError(
                f"does not agree on the clock: {refusal}",
                key=f"servers.{name}",
                remedy="restart the sinks with this scenario and time scale; they serve one run",
            )
    return notes


_REMEDY = "start the sinks, or send at --time-scale 1"


async def _probe(host: str, port: int) -> str:
    """Return why a server cannot be asked for its clock; empty where it can."""
    client = _client(host, port)
    try:
        async with asyncio.timeout(_TIMEOUT):
            await client.connect()
            greeting = await client.execute_command(b"EHLO", _HELO.encode())
            await client.quit()
    except (SMTPException, OSError, TimeoutError):
        return f"{_UNREACHABLE} at {host}:{port}"
    finally:
        client.close()
    if "XCLOCK" not in greeting.message.split("\n"):
        return "does not know XCLOCK, so its clock goes at time scale 1"
    return ""


async def _arm(host: str, port: int, clock: str) -> str:
    client = _client(host, port)
    try:
        async with asyncio.timeout(_TIMEOUT):
            await client.connect()
            await client.execute_command(b"EHLO", _HELO.encode())
            response = await client.execute_command(b"XCLOCK", *clock.encode().split())
            await client.quit()
    except (SMTPException, OSError, TimeoutError):
        return "the connection was lost"
    finally:
        client.close()
    return "" if response.code == 250 else response.message.partition(" ")[2]


def _client(host: str, port: int) -> SMTP:
    return SMTP(hostname=host, port=port, local_hostname=_HELO, timeout=None, start_tls=False)
