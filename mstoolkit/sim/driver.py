"""Carries a dispatcher's commands through virtual time and brings back what comes of them.

One timer an attempt: the provider judges when the attempt begins, and the answer is handed over
when its time has passed. Times of the dispatcher never run backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

import simpy

from mstoolkit.config import Scenario
from mstoolkit.config.scenario import source_ip
from mstoolkit.isp import Attempt, Draws, News, Provider, Verdict
from mstoolkit.model import (
    Close,
    Command,
    ConnectionFailed,
    Event,
    Feedback,
    Parcel,
    PoolChanged,
    Replied,
    Reply,
    Send,
    Tick,
)
from mstoolkit.sim.clock import Clock
from mstoolkit.sim.machine import Machine
from mstoolkit.strategy import Dispatcher

_NEVER = float("inf")
_WELCOME = 220
_STEPS = 50  # of progress
REFUSED = Reply(0, "", "connection refused", "connect")


class Log(Protocol):
    """Where handled events and observations are taken down."""

    def record(self, event: Event, commands: list[Command]) -> None:
        """Take down one handled event and what it caused."""

    def observe(self, event: Feedback, category: str | None = None) -> None:
        """Take down news that the dispatcher is not told."""


class Line(Attempt):
    """An open connection, or the several of a parcel: between whom, and the attempt made on it."""

    __slots__ = ("banner", "machine", "provider", "receive", "service")

    def __init__(self, machine: Machine, provider: Provider, slots: int, parcel: Parcel) -> None:
        self.source_ip = machine.source_ip  # all set here: there is one for every large parcel
        self.parcel = parcel
        self.span = 0.0
        self.slots = slots
        self.carried = 0
        self.machine = machine
        self.provider = provider
        self.receive = provider.receive
        self.service = provider.profile.service
        self.banner = provider.banner(machine.source_ip) if provider.waits else 0.0


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
        self._timers = dispatcher.timers
        self._providers = providers
        self._draws = draws
        self._stretch = draws.stretch
        self._record = log.record
        self._observe = log.observe
        self._clock = Clock()
        self._later = self._clock.later
        self._last = 0.0
        self._woken = _NEVER
        self._lines: dict[int, Line] = {}
        self._end = scenario.horizon + scenario.follow
        self._machines = {
            name: Machine(server, source_ip(name, server), _outages(scenario, name))
            for name, server in scenario.servers.items()
        }

    def run(self, arrivals: list[Event], progress: Callable[[float], None] | None) -> None:
        """Let time pass until the horizon and the follow-up are over."""
        clock, scenario = self._clock, self._scenario
        for machine in self._machines.values():
            clock.process(machine.outages(clock))
        clock.process(self._arrivals(arrivals))
        clock.process(self._horizon())
        if progress is not None:
            for step in range(1, _STEPS + 1):
                clock.run_until(scenario.horizon * step / _STEPS)
                progress(step / _STEPS)
        clock.run_until(scenario.horizon + scenario.follow)

    # -- processes and timers

    def _arrivals(self, arrivals: list[Event]) -> Generator[simpy.Event, None, None]:
        """Mail arrives."""
        for event in arrivals:
            if event.at > self._clock.now:
                yield self._clock.timeout(event.at - self._clock.now)
            self._handle(event)

    def _horizon(self) -> Generator[simpy.Event, None, None]:
        """Sending stops: every server is taken out."""
        yield self._clock.timeout(self._scenario.horizon)
        for name in self._machines:
            self._handle(PoolChanged(self._now(), name, "drained"))

    def _wake(self, due: float) -> None:
        if due == self._woken:
            self._woken = _NEVER
            self._handle(Tick(due if due > self._last else self._last))

    def _now(self) -> float:
        now = self._clock.now
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
        due = self._timers.due
        if due < self._woken:
            self._woken = due
            self._later(due, self._wake, due)

    # -- attempts

    def _send(self, send: Send) -> None:
        now, parcel = self._last, send.parcel
        line = self._lines.get(send.connection)
        if line is None or send.fresh or line.machine.down:
            line = self._connect(send, now)
            if line is None:
                return
        machine, line.parcel, line.span = line.machine, parcel, send.span
        verdict = line.receive(now, line, self._draws)
        machine.active += line.slots
        own = machine.active / machine.speed
        own += machine.fresh_trips + line.banner if send.fresh else machine.trips
        if parcel.n > 1 or parcel.first < 0 or send.span:
            self._send_many(send, verdict, line, line.service + own)
            return
        each = line.service * self._stretch[parcel.lot.list].item(parcel.first) + own
        line.carried += 1
        replies, unsent, closed, feedback, _ = verdict
        replied = Replied(now + each, send.token, replies, unsent, each, closed)
        if closed or feedback:
            self._later(replied.at, self._done, (replied, line, send, feedback, now))
        else:
            self._later(replied.at, self._done_quietly, (replied, machine))

    def _send_many(self, send: Send, verdict: Verdict, line: Line, each: float) -> None:
        """The same for a parcel of many: it takes its span, or as long as its slots need."""
        now, n = self._last, send.parcel.n
        took = max(send.span, each * n / line.slots) * verdict.done + each
        at, outage = now + took, line.machine.next_outage
        if at > outage:
            verdict, at = self._cut_off(verdict, n, (outage - now) / took), outage
        replies, unsent, closed, feedback, _ = verdict
        replied = Replied(at, send.token, replies, unsent, each, closed)
        self._later(at, self._done, (replied, line, send, feedback, now))

    def _connect(self, send: Send, now: float) -> Line | None:
        """Open what an attempt needs; None if it was refused, which it will be told."""
        machine, provider = self._machines[send.server], self._providers[send.isp]
        if send.connection in self._lines:
            self._hang_up(send.connection)
        reply, took, slots = REFUSED, machine.latency, 0
        if not machine.down:
            took = machine.fresh_trips
            for slots in range(send.slots, 0, -1):
                reply = provider.connect(now, machine.source_ip, slots)
                if reply.code == _WELCOME:
                    break
        if reply.code != _WELCOME:
            failed = ConnectionFailed(now + took, send.token, reply, took)
            self._later(failed.at, self._handle, failed)
            return None
        line = Line(machine, provider, slots, send.parcel)
        if send.slots == 1:
            self._lines[send.connection] = line
        return line

    def _hang_up(self, connection: int) -> None:
        line = self._lines.pop(connection, None)
        if line is not None:
            line.provider.disconnect(line.source_ip, line.slots)

    @staticmethod
    def _cut_off(verdict: Verdict, n: int, share: float) -> Verdict:
        """Let an outage after a share of the time cut a parcel off: the rest stays unsent."""
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

    def _done_quietly(self, attempt: tuple[Replied, Machine]) -> None:
        """An attempt on one connection is over, which stays open; no news will follow."""
        replied, machine = attempt
        machine.active -= 1
        self._handle(replied)

    def _done(self, attempt: tuple[Replied, Line, Send, tuple[News, ...], float]) -> None:
        replied, line, send, feedback, began = attempt
        line.machine.active -= line.slots
        if send.slots > 1:
            line.provider.disconnect(line.source_ip, line.slots)
        elif replied.closed:
            self._hang_up(send.connection)
        for news in feedback:
            self._follow(send, news, began)
        self._handle(replied)

    # -- feedback

    def _follow(self, send: Send, news: News, began: float) -> None:
        at = max(began + news.delay, self._clock.now)
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
            self._later(at, self._handle, feedback)


def _outages(scenario: Scenario, server: str) -> list[tuple[float, float]]:
    """Return when a server goes down and comes back, in order; overlapping outages are one."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(
        (outage.start, outage.start + outage.lasts)
        for outage in scenario.outages
        if outage.server == server
    ):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
