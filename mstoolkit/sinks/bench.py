"""All the sinks of a scenario: started, armed by the first sender, queried and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from types import TracebackType

import pandas as pd

from mstoolkit.config import ConfigError, Scenario, content_hash
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp import Draws, Truth, providers
from mstoolkit.sinks.clock import SinkClock
from mstoolkit.sinks.faults import Fault, FaultKind, Schedule
from mstoolkit.sinks.listener import Listener
from mstoolkit.sinks.reception import FeedbackListener, Reception
from mstoolkit.sinks.tally import Accepted, Count

_LOOPBACK = "127.0.0.1"
_AGAIN = 0.02


class Sinks:
    """One SMTP sink for every server of a scenario, on loopback and on the caller's event loop.

    Parameters
    ----------
    scenario : Scenario
        Its servers give ports and source identities, its audience and ISPs the answers, its
        outages the times at which a server refuses connections.
    seed : int, optional
        Seed of what recipients are and do; the same seed as a simulation meets the same audience.
    time_scale : float, optional
        Scenario seconds in a real second. The sender must ask for the same.
    ports : mapping of str to int, optional
        Ports by server, in place of the scenario's; 0 picks a free one.
    any_port : bool, optional
        Pick a free port for every server, whatever the scenario says.

    Raises
    ------
    ConfigError
        If the time scale is not positive.

    Examples
    --------
    >>> import asyncio
    >>> from mstoolkit.config import load_scenario
    >>> async def listening():
    ...     async with Sinks(load_scenario("quickstart"), any_port=True) as sinks:
    ...         return sorted(sinks.addresses)
    >>> asyncio.run(listening())
    ['mta-1', 'mta-2', 'mta-3', 'mta-4', 'mta-5']
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int = 0,
        time_scale: float = 1.0,
        ports: Mapping[str, int] | None = None,
        any_port: bool = False,
    ) -> None:
        if not (time_scale > 0 and math.isfinite(time_scale)):
            raise ConfigError(
                f"must be a positive number, got {time_scale}",
                key="time-scale",
                remedy="use 1 for real time, 60 for a minute a second",
            )
        self.scenario = scenario
        self.schedule = Schedule(scenario.servers, scenario.outages)
        self.clock = SinkClock(time_scale, content_hash(scenario))
        self.clock.on_armed = self._changed
        self._providers = providers(scenario)
        draws = Draws(scenario, seed)
        self._reception = Reception(scenario, self._providers, draws, self.clock, self.schedule)
        self._listeners = {
            name: Listener(
                name,
                _LOOPBACK,
                0 if any_port else (ports or {}).get(name, server.port),
                self._reception,
            )
            for name, server in scenario.servers.items()
        }
        self._wake = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Host and port by server."""
        return {name: (one.host, one.port) for name, one in self._listeners.items()}

    async def start(self) -> None:
        """Listen on all ports, or on none.

        Raises
        ------
        ConfigError
            If a port is in use or cannot be listened on.
        """
        try:
            for listener in self._listeners.values():
                await listener.listen()
        except ConfigError:
            self._end()
            raise
        self._watch = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        """Close every socket and session."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        self._end()
        for listener in self._listeners.values():
            await listener.empty.wait()

    async def __aenter__(self) -> Sinks:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def fault(
        self,
        kind: FaultKind,
        server: str,
        start: float | None = None,
        lasts: float = math.inf,
        *,
        factor: float = 10.0,
    ) -> None:
        """Let something go wrong at a server.

        Parameters
        ----------
        kind : {"refuse", "drop", "cut", "slow", "421"}
            ``refuse``: no connection (the socket is closed); ``drop``: cut after the final dot, the
            message is not taken; ``cut``: cut at RCPT; ``slow``: ``factor`` times the service
            time; ``421``: turned away at RCPT.
        server : str
            Name of the server.
        start : float, optional
            Scenario time, s; now where not given.
        lasts : float, optional
            Duration, scenario s; for good where not given.
        factor : float, optional
            How many times slower, for ``slow``.

        Raises
        ------
        ConfigError
            If the kind or the server is unknown.
        """
        begin = self.clock.now() if start is None else start
        self.schedule.add(Fault(kind, server, begin, begin + lasts, factor))
        self._changed()

    def subscribe(self, listener: FeedbackListener) -> None:
        """Tell `listener` what people do with accepted mail: at once, and dated ahead."""
        self._reception.listeners.append(listener)

    def truth(self) -> pd.DataFrame:
        """Return the providers' hidden state over time, for analysis only.

        Returns
        -------
        DataFrame
            at (scenario s), source_ip, server, isp, reputation, warmth (0..1), rate (messages/s),
            listed, inbox and spam (shares), as of a simulation.
        """
        rows = [row for name in sorted(self._providers) for row in self._providers[name].truth()]
        frame = pd.DataFrame(rows, columns=list(Truth._fields))
        servers = {source_ip(name, one): name for name, one in self.scenario.servers.items()}
        frame.insert(2, "server", frame["source_ip"].map(servers))
        return frame

    def counts(self) -> list[Count]:
        """Return the number of messages by server, ISP and reply."""
        return self._reception.tally.counts()

    def accepted(self) -> list[Accepted]:
        """Return the messages that were taken, in order; the latest 100,000 of them."""
        return list(self._reception.tally.accepted)

    @property
    def connections(self) -> dict[str, int]:
        """Connections that were opened, by server."""
        return {name: self._reception.tally.connections[name] for name in self._listeners}

    @property
    def dropped(self) -> dict[str, int]:
        """Messages that were cut off after the final dot, by server."""
        return {name: self._reception.tally.dropped[name] for name in self._listeners}

    def _end(self) -> None:
        for listener in self._listeners.values():
            listener.end()

    def _changed(self) -> None:
        self._wake.set()

    async def _follow(self) -> None:
        """Close and open sockets as the schedule of refusals says."""
        while True:
            self._wake.clear()
            try:
                await self._apply()
                wait = self._until_change()
            except ConfigError:  # somebody else took the port in the meantime: try again
                wait = _AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _apply(self) -> None:
        if self.clock.epoch is None:
            return
        now = self.clock.elapsed()
        for name, listener in self._listeners.items():
            refusing = self.schedule.active(name, "refuse", now) is not None
            if refusing and listener.open:
                listener.refuse()
            elif not refusing and not listener.open:
                await listener.listen()

    def _until_change(self) -> float | None:
        if self.clock.epoch is None:
            return None
        change = self.schedule.next_change(self.clock.elapsed())
        if change is None or math.isinf(change):
            return None
        return max(0.0, self.clock.until(change))
