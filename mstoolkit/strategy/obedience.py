"""Rules at work: what they say of a reply is done to whatever their scope names, for a time."""

from __future__ import annotations

from collections.abc import Sequence

from mstoolkit.config import ConfigError
from mstoolkit.config.rules import Bounce, Move, Rule, SetConnections, SetRate
from mstoolkit.model import Lot, Reply
from mstoolkit.strategy.path import Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.rules import Consequence, Rulebook
from mstoolkit.strategy.standing import Kind, StandingOrders
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
    standing : StandingOrders
        Who holds, or gives up, mail that waits.
    timers : Timers
        Where the end of a rule's consequence is set.

    Attributes
    ----------
    book : Rulebook
        Rules, and how often each has matched of late.

    Raises
    ------
    ConfigError
        If a rule moves mail to a server that is not in the pool.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        pool: Pool,
        suspend: Suspensions,
        standing: StandingOrders,
        timers: Timers,
    ) -> None:
        self.book = Rulebook(rules)
        self._pool = pool
        self._suspend = suspend
        self._standing = standing
        self._timers = timers
        for number, rule in enumerate(rules):
            action = rule.action
            if isinstance(action, Move) and action.to and action.to not in pool.by_name:
                raise ConfigError(
                    f"there is no server {action.to!r} in the pool",
                    key=f"rules.{number}.action.to",
                    remedy=f"known are {', '.join(pool.by_name)}",
                )

    def reply(self, path: Path, reply: Reply, lot: Lot, n: int, now: float) -> Consequence | None:
        """Do what the rules say about a reply to `n` messages of a lot.

        Returns
        -------
        Consequence or None
            What follows for these very messages, if they wait for another attempt: they are given
            up, or move to another server. Giving up goes before.
        """
        isp, fate = path.isp.name, None
        for told in self.book.consider(
            reply, isp, path.server.name, n, now, lot.campaign, lot.stream
        ):
            if told.scope == "message":
                fate = told
            elif isinstance(told.action, Bounce) or told.scope in ("campaign", "stream"):
                self._order(told, isp, lot, reply)
            elif told.action.kind == "suspend" and told.scope == "server":
                self._suspend.rest(path.server, told.until, told.rule)
            else:
                for each in self._scope(path, told.scope):
                    self._carry_out(each, told, now)
                if isinstance(told.action, Move) and fate is None:
                    fate = told
        return fate

    def _order(self, told: Consequence, isp: str, lot: Lot, reply: Reply) -> None:
        """Hold or give up what waits of an ISP's mail, or of one campaign's or stream's there."""
        campaign = lot.campaign if told.scope == "campaign" else ""
        stream = lot.stream if told.scope == "stream" else ""
        if told.scope != "isp" and not campaign + stream:
            return
        kind: Kind = "bounce" if isinstance(told.action, Bounce) else "hold"
        self._standing.give(kind, isp, campaign, stream, told.rule, reply, told.until)

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
        if isinstance(action, Move):
            self._move(path, action.to or "", told.until)

    def _move(self, path: Path, to: str, until: float) -> None:
        """Let another server inherit a path's share."""
        if to in ("", path.server.name):
            return
        path.heir, path.heir_until = to, max(path.heir_until, until)
        self._timers.set(until, "rule", path.number)
        self._pool.reweigh(path.isp.routes)
