"""The model that most people would write first: SimPy, one process a message.

Five `Resource`s for the servers' connections, a token bucket a path, retries with back-off, the
same outage, the same chances and hidden limits as the quickstart, opens and complaints; a row a
step in a list, a DataFrame at the end. It is the yardstick of the speed tests, so it is written as
well as the idea allows: no wasted yields, tuples for rows, random numbers from `random`.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import pandas as pd
import simpy

from mstoolkit.config import Scenario
from mstoolkit.config.mailing import Mailing

COLUMNS = (
    "seq", "at", "event", "run", "strategy", "campaign", "stream", "segment", "isp", "server",
    "source_ip", "message", "recipient", "token", "attempt", "n", "code", "status", "category",
    "reply", "latency", "decided_at",
)  # fmt: skip


class Bucket:
    """A token bucket that says how long to wait for the next token."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.at = 0.0

    def wait(self, now: float) -> float:
        """Take a token, in advance if need be, and return the time until it is there."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        self.tokens -= 1.0
        return 0.0 if self.tokens >= 0 else -self.tokens / self.rate

    def passes(self, now: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class PlainModel:
    """One process a message."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.env = simpy.Environment()
        self.random = random.Random(seed)
        self.rows: list[tuple[Any, ...]] = []
        self.servers = {
            name: simpy.Resource(self.env, server.connections)
            for name, server in scenario.servers.items()
        }
        self.names = [n for n, s in scenario.servers.items() for _ in range(int(s.weight))]
        self.turn = 0
        self.tokens = 0
        self.sources = {name: server.source_ip for name, server in scenario.servers.items()}
        self.paced: dict[tuple[str, str], Bucket] = {}
        self.hidden: dict[tuple[str, str], Bucket] = {}
        for name, server in scenario.servers.items():
            for isp, profile in scenario.isps.items():
                rate = server.limits.rate or 10.0
                self.paced[name, isp] = Bucket(rate, server.limits.burst or 10)
                limit = (
                    profile.rate.cautious
                    * (profile.rate.ceiling / profile.rate.cautious) ** server.warm
                )
                self.hidden[name, isp] = Bucket(limit, limit * 60.0)

    def run(self) -> pd.DataFrame:
        """Send everything and return the log."""
        for event in Mailing(self.scenario).arrivals():
            parcel = event.parcel
            for index in range(parcel.first, parcel.first + parcel.n):
                self.env.process(self.message(index, parcel.lot.isp, parcel.lot.segment))
        self.env.run(until=self.scenario.horizon + self.scenario.follow)
        return pd.DataFrame(self.rows, columns=list(COLUMNS))

    def down(self, server: str) -> bool:
        """Whether the server is in its outage."""
        now = self.env.now
        return any(
            o.server == server and o.start <= now < o.start + o.lasts for o in self.scenario.outages
        )

    def log(
        self,
        event: str,
        who: tuple[str, str, str, str],
        server: str | None = None,
        token: int = -1,
        attempt: int = -1,
        reply: Any = None,
        latency: float | None = None,
        decided_at: float | None = None,
    ) -> None:
        """Append a row with the columns of the event log's documented schema."""
        isp, segment, message, recipient = who
        code, status, text = (reply.code, reply.status, reply.text) if reply else (0, None, None)
        self.rows.append(
            (
                len(self.rows), self.env.now, event, "plain", "weighted", "spring", "marketing",
                segment, isp, server, self.sources.get(server or ""), message, recipient, token,
                attempt, 1, code, status, None, text, latency, decided_at,
            )
        )  # fmt: skip

    def message(self, index: int, isp: str, segment: str) -> Generator[simpy.Event, Any, None]:
        """One message's life."""
        env, log, draw = self.env, self.log, self.random.random
        profile = self.scenario.isps[isp]
        what = self.scenario.audience.segments[segment]
        who = (isp, segment, f"spring:{index}", f"spring-{index}@{profile.domains[0]}")
        log("enqueued", who)
        unknown = draw() < what.unknown
        full = draw() < what.full
        attempt, token, server = 0, -1, ""
        while env.now < self.scenario.horizon:
            server = self.names[self.turn % len(self.names)]
            self.turn += 1
            wait = self.paced[server, isp].wait(env.now)
            if wait > 0:
                yield env.timeout(wait)
            with self.servers[server].request() as request:
                yield request
                if self.down(server):
                    log("connection_failed", who, server, -1, attempt)
                    again = 60.0
                else:
                    began, token = env.now, self.tokens
                    self.tokens += 1
                    log("sent", who, server, token, attempt, None, None, began)
                    yield env.timeout(profile.service * self.random.lognormvariate(-0.06, 0.35))
                    event, reply = self.answer(server, isp, unknown, full)
                    log(event, who, server, token, attempt, reply, env.now - began, began)
                    if event == "delivered":
                        break
                    if event == "bounced":
                        return
                    attempt += 1
                    again = min(300.0 * 2**attempt, 3600.0) * (0.75 + draw() / 2)
            yield env.timeout(again)
        else:
            log("expired", who, None, -1, attempt)
            return
        if draw() < what.opens * profile.placement.best:
            yield env.timeout(self.random.lognormvariate(9.96, 2.26))
            log("opened", who, server, token, attempt)
        if draw() < what.complaints:
            yield env.timeout(self.random.lognormvariate(9.98, 1.5))
            log("complained", who, server, token, attempt)

    def answer(self, server: str, isp: str, unknown: bool, full: bool) -> tuple[str, Any]:
        """Return what the provider says to a message that has arrived."""
        profile = self.scenario.isps[isp]
        if not self.hidden[server, isp].passes(self.env.now):
            return "deferred", profile.replies.throttled
        if unknown:
            return "bounced", profile.replies.unknown
        if full:
            return "deferred", profile.replies.full
        u = self.random.random()
        if u < profile.busy:
            return "deferred", profile.replies.busy
        if u < profile.busy + profile.spam_rejected:
            return "bounced", profile.replies.spam
        return "delivered", profile.replies.accepted
