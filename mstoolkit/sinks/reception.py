"""Between sessions and provider models: who is written to, which attempt it is, and what comes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from mstoolkit.config import Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp import Attempt, Draws, Provider, Verdict
from mstoolkit.model import Feedback, Lot, Parcel, Reply
from mstoolkit.sinks.clock import SinkClock
from mstoolkit.sinks.faults import Schedule
from mstoolkit.sinks.tally import Tally

_SHORTEST = 0.001


class FeedbackListener(Protocol):
    """Takes news of ``n`` messages, dated ahead; `machine` opens are prefetches."""

    def __call__(self, feedback: Feedback, /, *, n: int, machine: bool) -> None:
        """Take news."""


class Pressure:
    """Messages a second that one server works on, over the last few scenario seconds."""

    def __init__(self, speed: float, memory: float = 10.0) -> None:
        self._speed = speed
        self._memory = memory
        self._rate = 0.0
        self._at = 0.0

    def load(self, now: float) -> float:
        """Count a message and return by how much the server is slower now (1: not at all)."""
        gone = max(0.0, now - self._at)
        self._rate = self._rate * math.exp(-gone / self._memory) + 1.0 / self._memory
        self._at = now
        return max(1.0, self._rate / self._speed)


class Reception:
    """One provider model for all the sinks of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Audience, providers and servers.
    providers : mapping of str to Provider
        By ISP name, shared by all servers.
    draws : Draws
        What each recipient is and does.
    """

    def __init__(
        self,
        scenario: Scenario,
        providers: Mapping[str, Provider],
        draws: Draws,
        clock: SinkClock,
        schedule: Schedule,
    ) -> None:
        self.mailing = Mailing(scenario)
        self.clock = clock
        self.schedule = schedule
        self.tally = Tally()
        self.listeners: list[FeedbackListener] = []
        self._scenario = scenario
        self._providers = providers
        self._draws = draws
        self._attempts: dict[tuple[str, int], int] = {}
        self._sources = {name: source_ip(name, s) for name, s in scenario.servers.items()}
        self._pressure = {name: Pressure(s.speed) for name, s in scenario.servers.items()}

    def connect(self, server: str, isp: str) -> Reply:
        """Ask the provider for a connection."""
        return self._providers[isp].connect(self.clock.now(), self._sources[server])

    def disconnect(self, server: str, isp: str) -> None:
        """Give a connection back."""
        self._providers[isp].disconnect(self._sources[server])

    def knows(self, isp: str) -> bool:
        """Return whether there is such a provider."""
        return isp in self._providers

    def receive(self, server: str, lot: Lot, index: int, carried: int) -> tuple[Verdict, Parcel]:
        """Ask the provider, as attempt number so-and-so of this recipient.

        `carried` is how many messages came before on the same connection.
        """
        key = (lot.list, index)
        attempt = self._attempts.get(key, 0)
        parcel = Parcel(lot, index, 1, attempt)
        asked = Attempt(self._sources[server], parcel, carried=carried)
        verdict = self._providers[lot.isp].receive(self.clock.now(), asked, self._draws)
        if verdict.replies and verdict.replies[0][0].temporary:
            self._attempts[key] = attempt + 1
        elif verdict.replies:
            self._attempts.pop(key, None)
        return verdict, parcel

    def seconds(self, server: str, isp: str) -> float:
        """Return the real time (s) that a message takes here; 0 where it is too short to wait."""
        now = self.clock.now()
        profile, identity = self._scenario.isps[isp], self._scenario.servers[server]
        taken = profile.service * self._pressure[server].load(now) + identity.latency
        slow = self.schedule.active(server, "slow", now)
        real = taken * (slow.factor if slow else 1.0) / self.clock.scale
        return real if real >= _SHORTEST else 0.0

    def tell(self, server: str, parcel: Parcel, verdict: Verdict) -> None:
        """Hand what people will do with an accepted message to whoever listens."""
        if not self.listeners or not verdict.replies or not verdict.replies[0][0].positive:
            return
        now, source = self.clock.now(), self._sources[server]
        opened = self._providers[parcel.lot.isp].opened(now, source, parcel, self._draws)
        for news in (*verdict.feedback, *opened):
            about = Parcel(parcel.lot, parcel.first, news.n, parcel.attempt)
            feedback = Feedback(now + news.delay, news.kind, server, about, now, news.reply)
            for listener in self.listeners:
                listener(feedback, n=news.n, machine=news.machine)
