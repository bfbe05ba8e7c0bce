"""Rules at work: what they say of a reply is done to a path, a server or an ISP for a time."""

from __future__ import annotations

from collections.abc import Sequence

from mstoolkit.config.rules import Rule, SetConnections, SetRate
from mstoolkit.model import Reply
from mstoolkit.strategy.path import Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.rules import Consequence, Rulebook
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.timers import Timers


class Obedience:
    """Does what the rules say.

    Parameters
    ----------
    rules : sequence of Rule
        What is done about which replies.
    pool : Pool
        Paths and their connections.
    suspend : Suspensions
        Where servers and paths are sent to rest.
    timers : Timers
        Where the end of a rule's consequence is set.

    Attributes
    ----------
    book : Rulebook
        Rules, and how often each has matched of late.
    """

    def __init__(
        self, rules: Sequence[Rule], pool: Pool, suspend: Suspensions, timers: Timers
    ) -> None:
        self.book = Rulebook(rules)
        self._pool = pool
        self._suspend = suspend
        self._timers = timers

    def reply(self, path: Path, reply: Reply, n: int, now: float) -> None:
        """Do what the rules say about a reply to `n` messages; each path is counted apart."""
        key = f"{path.server.name}/{path.isp.name}"
        for told in self.book.consider(reply, path.isp.name, key, n, now):
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
            self._pool.set_width(path, path.wish)
        elif path.breaker.hold(told.until):
            self._suspend.path(path, told.rule)
