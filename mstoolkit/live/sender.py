"""The live driver: one task owns the dispatcher, slots carry out what it decides."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from mstoolkit.config.delivery import Delivery
from mstoolkit.live.clock import RunClock
from mstoolkit.live.feedback import Intake
from mstoolkit.live.lateness import Watch
from mstoolkit.live.letters import Letters
from mstoolkit.live.ports import Decider, Log
from mstoolkit.live.slot import Answer, Slot
from mstoolkit.live.spool import untried
from mstoolkit.model import (
    Close,
    Command,
    Enqueued,
    Event,
    PoolChanged,
    Send,
    Tick,
)

_SHOW_EVERY = 0.1


class Sender:
    """Drives a dispatcher over real sockets.

    Every event is stamped ``at`` = max(now, last ``at``), handled and recorded, by the task that
    awaits `run`; slots only put answers into its inbox. A run that is taken up brings the time of
    its last event, the attempts that were open then, and what the dispatcher must hear `first`.
    """

    def __init__(
        self,
        dispatcher: Decider,
        log: Log,
        clock: RunClock,
        letters: Letters,
        targets: Mapping[str, tuple[str, int]],
        arrivals: Sequence[Enqueued],
        *,
        horizon: float,
        until: float,
        patience: float = 30.0,
        progress: Callable[[float], None] | None = None,
        messages: int | None = None,
        at: float = 0.0,
        flying: Mapping[int, Send] | None = None,
        first: Sequence[Event] = (),
        deliveries: Mapping[str, Delivery] | None = None,
    ) -> None:
        self.clock = clock
        self.letters = letters
        self.targets = targets
        self.patience = patience
        self.watch = Watch(horizon)
        self.until = until
        self.intake = Intake(log.observe, until)
        self.at = at
        self.ended_at = 0.0
        self._dispatcher = dispatcher
        self._log = log
        self._arrivals = deque(arrivals)
        self._horizon = horizon
        self._progress = progress
        self._messages = max(1, messages or sum(event.parcel.n for event in arrivals))
        self._first = first
        self._deliveries = deliveries
        self._began = 0.0
        self._inbox: deque[tuple[Answer, float]] = deque()
        self._wake = asyncio.Event()
        self._flying: dict[int, Send] = dict(flying or {})
        self._slots: dict[int, Slot] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._stopping = False

    def answer(self, event: Answer) -> None:
        """Take the answer to a token, from a slot."""
        self._inbox.append((event, self.clock.now()))
        self._wake.set()

    async def run(self, stop: asyncio.Event | None = None) -> bool:
        """Send until all is done or the horizon is reached; False where `stop` came first."""
        watcher = asyncio.create_task(self._heed(stop)) if stop is not None else None
        try:
            self._go_on()
            await self._send_all(stop)
            await self._land()
        except BaseException as error:
            self._failure = self._failure or error
            raise
        finally:
            if watcher is not None:
                watcher.cancel()
            await self._hang_up()
        if self._failure is not None:
            raise self._failure
        if self._progress is not None:
            self._progress(1.0)
        self.ended_at = self.at
        interrupted = stop is not None and stop.is_set()
        self._follow(interrupted)
        return not interrupted

    async def on_wire(self, send: Send) -> None:
        """Make it safe that the final dot of an attempt is about to go out."""
        await self._log.on_wire(send)

    def _go_on(self) -> None:
        """Tell the dispatcher what became of all that was open when the run was cut off."""
        self._began = self.clock.now()
        for event in self._first:
            if isinstance(event, Answer):
                del self._flying[event.token]
            self._handle(event)

    def _follow(self, interrupted: bool) -> None:
        """Hear at once what is dated after the end; a run that was stopped only writes it down."""
        for feedback in self.intake.rest():
            if interrupted:
                self._log.observe(feedback, None)
            else:
                self._handle(feedback, max(feedback.at, self.at))

    async def _heed(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _send_all(self, stop: asyncio.Event | None) -> None:
        shown = 0.0
        while self._failure is None and not (stop is not None and stop.is_set()):
            self._wake.clear()
            self._catch_up()
            due = self._next_due()
            if due is None or self.clock.now() >= self._horizon:
                break
            shown = self._show(shown)
            await self._sleep(self.clock.real(min(due, self._horizon)))

    async def _sleep(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        if self._wake.is_set():
            await asyncio.sleep(0)
            return
        timer = loop.call_at(until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _catch_up(self) -> None:
        """Handle all that is due: answers first, then arrivals, news, and ticks."""
        while self._failure is None and self.clock.now() < self._horizon:
            if self._inbox:
                self._answered()
            elif not (self._arrived() or self._informed() or self._ticked()):
                return

    def _answered(self) -> None:
        event, put = self._inbox.popleft()
        send = self._flying.pop(event.token)
        self.intake.answered(send)
        self.watch.replies.add(max(0.0, self.clock.now() - put))
        self._handle(event)

    def _arrived(self) -> bool:
        if not self._arrivals or self._arrivals[0].at > self.clock.now():
            return False
        event = self._arrivals.popleft()
        self.watch.ticks.add(self.clock.now() - max(event.at, self._began))
        self._handle(event)
        return True

    def _informed(self) -> bool:
        feedback = self.intake.take(self.clock.now())
        if feedback is not None:
            self._handle(feedback)
        return feedback is not None

    def _ticked(self) -> bool:
        promised = self._dispatcher.next_wakeup()
        now = self.clock.now()
        if promised is None or promised > now:
            return False
        self.watch.ticks.add(now - max(promised, self._began))
        self._handle(Tick(now))
        return True

    def _handle(self, event: Event, at: float | None = None) -> None:
        event.at = self.at = max(self.clock.now(), self.at) if at is None else at
        commands = self._dispatcher.handle(event)
        self._log.record(event, commands)
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Send):
            self._flying[command.token] = command
            self.intake.sent(command)
            if self._stopping:
                self.answer(untried(command))
                return
            self._slot(command.connection).put(command, self.at)
        elif isinstance(command, Close):
            slot = self._slots.pop(command.connection, None)
            if slot is not None:
                slot.end()

    def _slot(self, number: int) -> Slot:
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = Slot(self, self._deliveries, self.on_wire)
            task = asyncio.create_task(slot.run())
            self._tasks.add(task)
            task.add_done_callback(self._slot_ended)
        return slot

    def _slot_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
            self._wake.set()

    def _next_due(self) -> float | None:
        """Return when something happens next; None where nothing ever will."""
        times = [self._arrivals[0].at] if self._arrivals else []
        if not times and not self._flying and not self._dispatcher.totals["queued"]:
            return None
        promised, news = self._dispatcher.next_wakeup(), self.intake.next()
        times += [at for at in (promised, news) if at is not None]
        if self._flying:
            times.append(self._horizon)
        return min(times, default=None)

    def _show(self, shown: float) -> float:
        """Show progress, now and then."""
        now = asyncio.get_running_loop().time()
        if now - shown < _SHOW_EVERY:
            return shown
        if self._progress is not None:
            totals = self._dispatcher.totals
            done = totals["enqueued"] - totals["queued"] - totals["in_flight"]
            self._progress(done / self._messages)
        return now

    async def _land(self) -> None:
        """Take all servers out and wait for what is on the wire: every token is answered."""
        queued = self._flying or self._dispatcher.totals["queued"]
        if not queued or self._failure is not None:
            return
        self._stopping = True
        self._log.stopping(self.targets)
        for server in self.targets:
            self._handle(PoolChanged(0.0, server, "drained"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * self.patience):
                while self._flying and self._failure is None:
                    self._wake.clear()
                    while self._inbox:
                        self._answered()
                    if self._flying and not self._inbox:
                        await self._wake.wait()

    async def _hang_up(self) -> None:
        for slot in self._slots.values():
            slot.end()
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._inbox and self._failure is None:
            self._answered()
