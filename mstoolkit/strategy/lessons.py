"""What answers teach: breakers, rates and connections follow them, and what rules say."""

from __future__ import annotations

from collections.abc import Sequence

from mstoolkit.config.rules import Rule, SetConnections, SetRate
from mstoolkit.mail import classify
from mstoolkit.model import Reply
from mstoolkit.strategy.outcomes import judge
from mstoolkit.strategy.pacing import ConcurrencyFeedback
from mstoolkit.strategy.path import Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.rules import Consequence, Rulebook
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.timers import Timers


class Lessons:
    """Draws the consequences of answers for those who are to blame or to be trusted.

    Parameters
    ----------
    pool : Pool
        Paths and their slots.
    suspend : Suspensions
        Where servers and paths are sent to rest.
    timers : Timers
        Where the end of a rule's consequence is set.
    rules : sequence of Rule
        What is done about which replies.
    """

    def __init__(
        self, pool: Pool, suspend: Suspensions, timers: Timers, rules: Sequence[Rule]
    ) -> None:
        self._pool = pool
        self._suspend = suspend
        self._timers = timers
        self.rulebook = Rulebook(rules) if rules else None

    def weigh(
        self, path: Path, n: int, category: str, generation: int, blamed: bool, now: float
    ) -> None:
        """Let the path's breaker know how `n` messages went."""
        if blamed:
            if path.breaker.failure(n, generation, now):
                self._suspend.path(path, category)
        elif path.breaker.success(n, generation, now):
            self._suspend.resume(path.server, path)

    def learn(self, path: Path, reply: Reply, n: int, sent_at: float, now: float) -> None:
        """Let rules, rate and window follow a reply to `n` messages that left at `sent_at` (s)."""
        if self.rulebook and not reply.positive:
            self._obey(self.rulebook, path, reply, n, now)
        rate, window = path.adaptive, path.feedback
        if rate is not None:
            if not reply.positive:
                changed = judge(reply).category == "throttle" and rate.throttled(sent_at, now)
            else:
                changed = rate.accepted(n, now)
            if changed:
                path.retune(now)
        if window is not None and reply.positive:
            busy = len(path.used) - len(path.idle)
            for _ in range(n):
                window.succeeded(busy)
            self._pool.set_width(path, window.window)

    def refused(
        self, path: Path, reply: Reply, server_generation: int, generation: int, now: float
    ) -> None:
        """Learn from a connection that could not be opened, or was turned away with a reply.

        Without a reply the server is to blame; with one it is well, and the path has to do with it.
        """
        server, category = path.server, classify(reply)
        if not reply.code:
            if server.breaker.failure(1, server_generation, now):
                self._suspend.server(server, category)
            return
        if server.breaker.success(1, server_generation, now):
            self._suspend.resume(server, None)
        if self.rulebook:
            self._obey(self.rulebook, path, reply, 1, now)
        failures = 1
        if path.feedback is not None:
            failures = self._shrink(path, path.feedback)
        elif category == "throttle" and self._suspend.narrow(path, now):
            failures = 0
        if failures and path.breaker.failure(failures, generation, now):
            self._suspend.path(path, category)

    def _shrink(self, path: Path, feedback: ConcurrencyFeedback) -> int:
        """Use fewer connections; return how many failures of the path that is worth.

        A path whose window is gone is suspended at once and starts over with a new one; until then
        a smaller window is answer enough.
        """
        feedback.failed()
        dead = feedback.dead
        if dead:
            feedback.revive()
        self._pool.set_width(path, feedback.window)
        return path.breaker.limit if dead else 0

    # -- rules

    def _obey(self, book: Rulebook, path: Path, reply: Reply, n: int, now: float) -> None:
        """Do what the rules say about a reply to `n` messages; each path is counted apart."""
        key = f"{path.server.name}/{path.isp.name}"
        for told in book.consider(reply, path.isp.name, key, n, now):
            if told.action.kind == "suspend" and told.scope == "server":
                if path.server.breaker.hold(told.until):
                    self._suspend.server(path.server, told.rule)
                continue
            for each in self._scope(path, told.scope):
                self._carry_out(each, told, now)

    @staticmethod
    def _scope(path: Path, scope: str) -> Sequence[Path]:
        if scope == "server":
            return path.server.paths
        return path.isp.paths if scope == "isp" else (path,)

    def _carry_out(self, path: Path, told: Consequence, now: float) -> None:
        """Suspend a path, or cap its rate or connections; the lower cap and the later end hold."""
        action = told.action
        if isinstance(action, SetRate):
            path.rate_cap = min(path.rate_cap or action.rate, action.rate)
            path.rate_cap_until = max(path.rate_cap_until, told.until)
            self._timers.set(told.until, "rule", path.number)
            path.retune(now)
        elif isinstance(action, SetConnections):
            path.width_cap = min(path.width_cap or action.connections, action.connections)
            path.width_cap_until = max(path.width_cap_until, told.until)
            self._timers.set(told.until, "rule", path.number)
            self._pool.set_width(path, path.width)
        elif path.breaker.hold(told.until):
            self._suspend.path(path, told.rule)

    def lift(self, path: Path, now: float) -> None:
        """End the caps of a path whose time is over."""
        if path.rate_cap and path.rate_cap_until <= now:
            path.rate_cap = 0.0
            path.retune(now)
        if path.width_cap and path.width_cap_until <= now:
            path.width_cap = 0
            whole = path.feedback.window if path.feedback else path.most
            self._pool.set_width(path, whole)
