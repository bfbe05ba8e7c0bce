"""Carries a dispatcher's commands through virtual time and brings back what comes of them.

One SimPy event an attempt: the provider judges when the attempt begins, and the answer is handed
over when its time has passed. Times of the dispatcher never run backwards, not by rounding either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import simpy

from mstoolkit.config import Scenario
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp import Draws, News, Provider, Verdict
from mstoolkit.model import (
    Close,
    Command,
    ConnectionFailed,
    Event,
    Feedback,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Tick,
)
from mstoolkit.sim.machine import Machine
from mstoolkit.strategy import Dispatcher

REFUSED = Reply(0, "", "connection refused", "connect")


class Log(Protocol):
    """Where handled events and observations are taken down."""

    def record(self, event: Event, commands: list[Command]) -> None:
        """Take down one handled event and what it caused."""

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Take down news that the dispatcher is not told."""


class Due(simpy.Event):
    """A SimPy timeout that is born with its one callback and what that needs."""

    def __init__(
        self,
        env: simpy.Environment,
        delay: float,
        do: Callable[[Any], None],
        payload: Any,
    ) -> None:
        self.env = env
        self.callbacks = [do]
        self.payload = payload
        self._value = None
        self._ok = True
        env.schedule(self, delay=delay)


class Driver:
    """One run.

    Parameters
    ----------
    scenario : Scenario
        Servers, outages and horizon.
    dispatcher : Dispatcher
        Fresh; the driver owns it.
    providers : dict of str to Provider
        By ISP.
    draws : Draws
        What recipients are and do.
    log : Log
        Takes everything down.
    """

    def __init__(
        self,
        scenario: Scenario,
        dispatcher: Dispatcher,
        providers: dict[str, Provider],
        draws: Draws,
        log: Log,
    ) -> None:
        self._scenario = scenario
        self._decide = dispatcher.handle
        self._next_wakeup = dispatcher.next_wakeup
        self._providers = providers
        self._draws = draws
        self._record = log.record
        self._observe = log.observe
        self._env = simpy.Environment()
        self._last = 0.0
        self._woken = float("inf")
        self._carried: dict[int, int] = {}
        self._admitted: dict[int, tuple[Provider, str, int]] = {}
        self._end = scenario.horizon + scenario.follow
        self._machines = {
            name: Machine(server, source_ip(name, server), _outages(scenario, name))
            for name, server in scenario.servers.items()
        }

    def run(self, arrivals: list[Event], progress: Callable[[float], None] | None) -> None:
        """Let time pass until the horizon and the follow-up are over."""
        env = self._env
        for event in arrivals:
            self._later(event.at, self._arrive, event)
        for name in self._scenario.servers:
            self._later(self._scenario.horizon, self._stop, name)
        if progress is None:
            env.run(until=self._end)
            return
        steps = 50
        for step in range(1, steps + 1):
            env.run(until=self._scenario.horizon * step / steps)
            progress(step / steps)
        env.run(until=self._end)

    # -- SimPy

    def _later(self, at: float, do: Callable[[Due], None], payload: Any) -> None:
        env = self._env
        delay = at - env.now
        Due(env, delay if delay > 0.0 else 0.0, do, payload)

    def _arrive(self, event: Due) -> None:
        self._handle(event.payload)

    def _stop(self, event: Due) -> None:
        self._handle(PoolChanged(self._now(), event.payload, "drained"))

    def _wake(self, event: Due) -> None:
        due: float = event.payload
        if due == self._woken:
            self._woken = float("inf")
            self._handle(Tick(max(due, self._last)))

    def _now(self) -> float:
        now = self._env.now
        return now if now > self._last else self._last

    # -- the dispatcher

    def _handle(self, event: Event) -> None:
        self._last = event.at
        commands = self._decide(event)
        self._record(event, commands)
        for command in commands:
            kind = command.__class__
            if kind is Send:
                self._send(command)  # type: ignore[arg-type]
            elif kind is Close:
                self._hang_up(command.connection)  # type: ignore[union-attr]
        due = self._next_wakeup()
        if due is not None and due < self._woken:
            self._woken = due
            self._later(due, self._wake, due)

    # -- attempts

    def _send(self, send: Send) -> None:
        now = self._last
        machine = self._machines[send.server]
        if machine.starts and machine.down_at(now):
            failed = ConnectionFailed(0.0, send.token, REFUSED, machine.latency)
            self._later(now + machine.latency, self._answer, failed)
            return
        provider = self._providers[send.isp]
        connection, parcel = send.connection, send.parcel
        carried = self._carried.get(connection, -1)
        slots = send.slots
        if carried < 0 or send.fresh or slots > 1:
            slots = self._connect(send, machine, provider, now)
            if not slots:
                return
            carried = 0
        attempt = machine.attempt
        attempt.parcel, attempt.span = parcel, send.span
        attempt.slots, attempt.carried = slots, carried
        verdict = provider.receive(now, attempt, self._draws)
        machine.active += slots
        own = machine.fresh_trips if send.fresh else machine.trips
        own += machine.active / machine.speed
        n = parcel.n
        if n == 1 and parcel.first >= 0:
            stretch = self._draws.people[parcel.lot.list].stretch.item(parcel.first)
            took = each = provider.profile.service * stretch + own
            self._carried[connection] = carried + 1
        else:
            each = provider.profile.service + own
            took = max(send.span, each * n / slots) * verdict.done + each
            verdict = self._cut_off(machine, verdict, n, now, took)
            took = min(took, machine.next_outage(now) - now)
        Due(self._env, took, self._done, (send, verdict, slots, each, now))

    def _connect(self, send: Send, machine: Machine, provider: Provider, now: float) -> int:
        """Open what must be opened; return how many connections the attempt has, 0 if refused."""
        connection = send.connection
        self._hang_up(connection)
        admitted = send.slots
        reply = provider.connect(now, machine.source_ip, admitted)
        while reply.code != 220 and admitted > 1:
            admitted -= 1
            reply = provider.connect(now, machine.source_ip, admitted)
        if reply.code != 220:
            took = machine.fresh_trips
            failed = ConnectionFailed(0.0, send.token, reply, took)
            self._later(now + took, self._answer, failed)
            return 0
        self._carried[connection] = 0
        self._admitted[connection] = (provider, machine.source_ip, admitted)
        return admitted

    def _hang_up(self, connection: int) -> None:
        self._carried.pop(connection, None)
        admitted = self._admitted.pop(connection, None)
        if admitted is not None:
            provider, source, n = admitted
            provider.disconnect(source, n)

    @staticmethod
    def _cut_off(machine: Machine, verdict: Verdict, n: int, now: float, took: float) -> Verdict:
        """Let an outage that begins before the end cut a parcel off: the rest stays unsent."""
        start = machine.next_outage(now)
        if now + took <= start:
            return verdict
        share = (start - now) / took
        kept: list[tuple[Reply, int]] = []
        total = 0
        for reply, count in verdict.replies:
            through = int(count * share)
            total += through
            if through:
                kept.append((reply, through))
        accepted = kept[0][1] if kept and kept[0][0].positive else 0
        news = verdict.feedback[: min(accepted, int(len(verdict.feedback) * share))]
        return Verdict(tuple(kept), n - total, True, news, share)

    def _answer(self, event: Due) -> None:
        failed = event.payload
        failed.at = self._now()
        self._handle(failed)

    def _done(self, event: Due) -> None:
        send, verdict, slots, each, began = event.payload
        machine = self._machines[send.server]
        machine.active -= slots
        replies, unsent, closed, feedback, _ = verdict
        if closed or send.slots > 1:
            self._hang_up(send.connection)
        for news in feedback:
            self._follow(send, news, began)
        now = self._env.now
        if now < self._last:
            now = self._last
        self._handle(Replied(now, send.token, replies, unsent, each, closed))

    # -- feedback

    def _follow(self, send: Send, news: News, began: float) -> None:
        at = began + news.delay
        if at >= self._end:
            return
        parcel = send.parcel
        piece = type(parcel)(
            parcel.lot, news.first, news.n, parcel.attempt, parcel.born, send.token, parcel.cause
        )
        feedback = Feedback(at, news.kind, send.server, piece, began, news.reply)
        hidden = news.kind == "complained" and not self._providers[send.isp].profile.feedback_loop
        if hidden:
            self._observe(feedback, "unreported")
        else:
            self._later(at, self._hear, feedback)

    def _hear(self, event: Due) -> None:
        feedback = event.payload
        feedback.at = self._now()
        self._handle(feedback)


def _outages(scenario: Scenario, server: str) -> list[tuple[float, float]]:
    return sorted(
        (outage.start, outage.start + outage.lasts)
        for outage in scenario.outages
        if outage.server == server
    )
