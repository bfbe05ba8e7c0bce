"""Between sessions and provider models: who is written to, which attempt it is, and what comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mstoolkit.config import Scenario, Server
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.scenario import FRESH_ROUND_TRIPS, ROUND_TRIPS, source_ip
from mstoolkit.isp import Attempt, Draws, News, Provider, Verdict
from mstoolkit.model import Feedback, Lot, Parcel, Reply
from mstoolkit.sinks.clock import SinkClock
from mstoolkit.sinks.faults import Schedule
from mstoolkit.sinks.tally import Tally


class FeedbackListener(Protocol):
    """Takes news of one message, dated ahead.

    `category` is empty for what a sender is told (DSNs, complaints over a feedback loop,
    unsubscribes); otherwise the news is only to be observed, as of that category: ``"person"`` and
    ``"machine"`` for opens and clicks, ``"unreported"`` for complaints that no loop reports.
    """

    def __call__(self, feedback: Feedback, category: str = "", /) -> None:
        """Take news."""


class Desk:
    """How long a server takes for its share of a message.

    As in the simulation: round trips, and the messages under way share what the server can do.
    """

    def __init__(self, server: Server) -> None:
        self._latency = server.latency
        self._speed = server.speed
        self.active = 0

    def seconds(self, fresh: bool) -> float:
        """Return scenario seconds for a message, on a connection just opened or not."""
        trips = ROUND_TRIPS + (FRESH_ROUND_TRIPS if fresh else 0)
        return trips * self._latency + self.active / self._speed


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
        self._desks = {name: Desk(server) for name, server in scenario.servers.items()}

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

    def begin(self, server: str) -> None:
        """Note that a message is under way at a server; `end` must follow."""
        self._desks[server].active += 1

    def end(self, server: str) -> None:
        """Note that it is not any more."""
        self._desks[server].active -= 1

    def seconds(self, server: str, parcel: Parcel, fresh: bool) -> float:
        """Return the real time (s) that a message takes here in all."""
        lot = parcel.lot
        stretch = float(self._draws.stretch[lot.list][parcel.first])
        service = self._scenario.isps[lot.isp].service * stretch
        taken = service + self._desks[server].seconds(fresh)
        if fresh:
            taken += self._providers[lot.isp].banner(self._sources[server])
        slow = self.schedule.active(server, "slow", self.clock.now())
        return taken * (slow.factor if slow else 1.0) / self.clock.scale

    def tell(self, server: str, parcel: Parcel, verdict: Verdict, began: float) -> None:
        """Hand what people will do with an accepted message to whoever listens."""
        if not self.listeners or not verdict.replies or not verdict.replies[0][0].positive:
            return
        provider = self._providers[parcel.lot.isp]
        opened = provider.opened(began, self._sources[server], parcel, self._draws)
        for news in (*verdict.feedback, *opened):
            feedback = Feedback(began + news.delay, news.kind, server, parcel, began, news.reply)
            category = _category(news, provider)
            for listener in self.listeners:
                listener(feedback, category)


def _category(news: News, provider: Provider) -> str:
    if news.kind in ("opened", "clicked"):
        return "machine" if news.machine else "person"
    if news.kind == "complained" and not provider.profile.feedback_loop:
        return "unreported"
    return ""
