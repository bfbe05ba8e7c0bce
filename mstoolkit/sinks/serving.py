"""Sinks as a program of their own: listen, say where, and go on until told to stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from mstoolkit.config import Scenario
from mstoolkit.sinks.bench import Sinks


def listing(sinks: Sinks) -> str:
    """Return where the sinks listen, as one line of JSON.

    Parameters
    ----------
    sinks : Sinks
        Sinks that were started.

    Returns
    -------
    str
        Scenario, time scale (scenario seconds in a real second) and ``[host, port]`` by server.
    """
    return json.dumps(
        {
            "scenario": sinks.scenario.name,
            "time_scale": sinks.clock.scale,
            "servers": {name: list(address) for name, address in sinks.addresses.items()},
        }
    )


async def serve(
    scenario: Scenario,
    *,
    seed: int = 0,
    time_scale: float = 1.0,
    ports: Mapping[str, int] | None = None,
    any_port: bool = False,
    ready: Callable[[Sinks], None] | None = None,
    ready_file: Path | None = None,
    stop: asyncio.Event | None = None,
) -> Sinks:
    """Serve a scenario's sinks until `stop` is set or the task is cancelled.

    Parameters
    ----------
    scenario : Scenario
        What to serve.
    seed, time_scale, ports, any_port
        As for `Sinks`.
    ready : callable, optional
        Called with the sinks when all of them listen.
    ready_file : Path, optional
        File that receives the `listing` when all of them listen.
    stop : asyncio.Event, optional
        Ends the service.

    Returns
    -------
    Sinks
        The stopped sinks, with their counts.

    Raises
    ------
    ConfigError
        If a port is in use.
    """
    sinks = Sinks(scenario, seed=seed, time_scale=time_scale, ports=ports, any_port=any_port)
    async with sinks:
        if ready_file is not None:
            _write(ready_file, listing(sinks))
        if ready is not None:
            ready(sinks)
        await (stop or asyncio.Event()).wait()
    return sinks


def _write(path: Path, text: str) -> None:
    """Write a whole file or none, since somebody may be waiting for it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(f"{text}\n", encoding="utf-8")
    part.replace(path)
