"""What answers teach: breakers, rates and connection windows of servers and paths follow them."""

from __future__ import annotations

from mstoolkit.mail import classify
from mstoolkit.model import Reply
from mstoolkit.strategy.path import Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.suspension import Suspensions


class Lessons:
    """Draws the consequences of answers for those who are to blame or to be trusted.

    Parameters
    ----------
    pool : Pool
        Paths and their slots.
    suspend : Suspensions
        Where servers and paths are sent to rest.
    """

    def __init__(self, pool: Pool, suspend: Suspensions) -> None:
        self._pool = pool
        self._suspend = suspend

    def weigh(
        self, path: Path, n: int, category: str, generation: int, blamed: bool, now: float
    ) -> None:
        """Let the path's breaker know how `n` messages went."""
        if blamed:
            if path.breaker.failure(n, generation, now):
                self._suspend.path(path, category)
        elif path.breaker.success(n, generation, now):
            self._suspend.resume(path.server, path)

    def adapt(
        self, path: Path, n: int, delivered: bool, category: str, sent_at: float, now: float
    ) -> None:
        """Let rate and window of a path that adapts follow `n` messages that left at `sent_at`."""
        rate, window = path.adaptive, path.feedback
        if rate is not None:
            if category == "throttle":
                changed = rate.throttled(sent_at, now)
            else:
                changed = delivered and rate.accepted(n, now)
            if changed:
                path.retune(rate.rate, now)
        if window is not None and delivered:
            busy = len(path.used) - len(path.idle)
            for _ in range(n):
                window.succeeded(busy)
            self._pool.set_width(path, window.window)

    def refused(
        self, path: Path, reply: Reply, server_generation: int, generation: int, now: float
    ) -> None:
        """Learn from a connection that could not be opened, or was turned away with a reply."""
        server, category = path.server, classify(reply)
        if path.feedback is not None:
            path.feedback.failed()
            if not path.feedback.dead:
                self._pool.set_width(path, path.feedback.window)
        if not reply.code:
            if server.breaker.failure(1, server_generation, now):
                self._suspend.server(server, category)
            return
        if server.breaker.success(1, server_generation, now):
            self._suspend.resume(server, None)
        if path.feedback is not None:
            self._rest_if_dead(path, category, generation, now)
            return
        narrowed = category == "throttle" and self._suspend.narrow(path, now)
        if not narrowed and path.breaker.failure(1, generation, now):
            self._suspend.path(path, category)

    def _rest_if_dead(self, path: Path, category: str, generation: int, now: float) -> None:
        """Suspend a path whose window is gone; it starts over with a new one."""
        feedback = path.feedback
        if feedback is None or not feedback.dead:
            return
        feedback.revive()
        self._pool.set_width(path, feedback.window)
        if path.breaker.failure(path.breaker.limit, generation, now):
            self._suspend.path(path, category)
