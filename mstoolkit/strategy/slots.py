"""Connection slots: which are taken, which are given back, and what that costs in limits."""

from __future__ import annotations

from math import ceil

from mstoolkit.strategy.pacing import Gcra
from mstoolkit.strategy.path import STRIDE, Path, ServerState
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Choice
from mstoolkit.strategy.timers import Timers


class Slots:
    """Takes the slots of paths and gives them back.

    Parameters
    ----------
    pool : Pool
        Paths, servers and the gates around them.
    timers : Timers
        Where the time is set at which a path may open connections again.
    """

    def __init__(self, pool: Pool, timers: Timers) -> None:
        self._pool = pool
        self._timers = timers

    def occupy(self, choice: Choice, n: int) -> tuple[int, bool, list[int] | int]:
        """Take as many slots as `n` messages can use.

        Many messages open connections of their own, which end with the attempt.

        Returns
        -------
        slot : int
            The first slot.
        fresh : bool
            Whether its connection must be opened anew.
        taken : int or list of int
            The one slot, or all of them.
        """
        path = choice.path
        server, idle = path.server, path.idle
        if n > 1:
            room = path.width - len(path.used) + len(idle)
            count = min(n, room, server.connections - server.in_use)
            for gate in choice.gates:
                count = gate.slots(count)
            if count < 1 or path.probing or path.dial:
                count = 1
            taken = idle[-count:]
            del idle[-count:]
            for each in taken:
                path.used[each] = 0
            self._count_in(server, count)
            if path.dial:
                self._connects(path, path.dial, ceil(n / path.per_connection))
            return taken[-1], True, taken
        slot = idle.pop() if path.dial is None else self._open_slot(path)
        used = path.used[slot]
        fresh = used == 0 or used >= path.per_connection
        if fresh and path.dial:
            self._connects(path, path.dial, 1)
        path.used[slot] = 1 if fresh else used + 1
        self._count_in(server, 1)
        return slot, fresh, slot

    @staticmethod
    def _open_slot(path: Path) -> int:
        """Take an idle slot whose connection can be used again, if there is one."""
        usable = [slot for slot in path.idle if 0 < path.used[slot] < path.per_connection]
        slot = usable[-1] if usable else path.idle[-1]
        path.idle.remove(slot)
        return slot

    def _connects(self, path: Path, dial: Gcra, n: int) -> None:
        """Charge `n` new connections to the path's pace for them."""
        dial.commit(n, self._pool.now)
        ready = dial.ready_at(self._pool.now)
        if ready > self._pool.now and not path.connecting:
            path.connecting = True
            self._timers.set(ready, "dial", path.number)

    def dial(self, path: Path) -> None:
        """A path may open connections again, unless more were charged meanwhile."""
        path.connecting = False
        if path.dial:
            self._connects(path, path.dial, 0)
        self._pool.refresh(path)

    def _count_in(self, server: ServerState, count: int) -> None:
        server.in_use += count
        if server.in_use >= server.connections:
            self._pool.refresh_server(server)

    def look(self, choice: Choice) -> None:
        """Bring the gates that a choice passes up to date."""
        for gate in choice.gates:
            self._pool.fence.gates.look(gate, self._pool.now)
        self._pool.settle_gates()

    def charge(self, choice: Choice, n: int, slots: int, span: float) -> float:
        """Let `n` messages through the gates that they pass; return the span (s) they take."""
        span = self._pool.fence.gates.charge(choice.gates, n, slots, self._pool.now, span)
        self._pool.settle_gates()
        return span

    def refund(self, choice: Choice, n: int, charged_at: float, span: float) -> None:
        """Give the gates back `n` messages, charged at a time (s), that were not sent after all."""
        self._pool.fence.gates.refund(choice.gates, n, charged_at, span, self._pool.now)
        self._pool.settle_gates()

    def release(self, choice: Choice, taken: list[int] | int, closed: bool) -> None:
        """Give slots back; `closed` where their connections are gone."""
        path = choice.path
        server = path.server
        if choice.gates:
            slots = 1 if isinstance(taken, int) else len(taken)
            self._pool.fence.gates.release(choice.gates, slots, self._pool.now)
            self._pool.settle_gates()
        was_full = server.in_use >= server.connections
        if isinstance(taken, int):
            path.idle.append(taken)
            server.in_use -= 1
            if closed:
                path.used[taken] = 0
        else:
            path.idle += taken
            server.in_use -= len(taken)
        if path.overdue:
            path.overdue = min(path.overdue, path.in_use)
        if was_full:
            self._pool.refresh_server(server)
        elif not path.is_ready:
            self._pool.refresh(path)

    def open_connections(self, path: Path) -> list[int]:
        """Return the connection numbers of idle slots that are open, and note them as closed."""
        numbers = []
        for slot in sorted(path.idle):
            if path.used[slot]:
                path.used[slot] = 0
                numbers.append(path.number * STRIDE + slot)
        if numbers and path.connecting:
            self._pool.refresh(path)
        return numbers
