"""What answers teach: breakers, rates, connections, weights and rules follow them."""

from __future__ import annotations

from mstoolkit.mail import classify
from mstoolkit.model import Lot, Reply
from mstoolkit.strategy.obedience import Obedience
from mstoolkit.strategy.outcomes import Judgement
from mstoolkit.strategy.pacing import ConcurrencyFeedback
from mstoolkit.strategy.path import IspState, Path
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.route import Choice
from mstoolkit.strategy.rules import Consequence
from mstoolkit.strategy.suspension import Suspensions
from mstoolkit.strategy.weighting import Outcome, OutcomeKind


class Lessons:
    """Draws the consequences of answers for those who are to blame or to be trusted.

    Parameters
    ----------
    pool : Pool
        Routes and paths.
    suspend : Suspensions
        Where servers and paths are sent to rest.
    obey : Obedience or None
        What the policy's rules say of replies; None without rules.
    """

    def __init__(self, pool: Pool, suspend: Suspensions, obey: Obedience | None) -> None:
        self._pool = pool
        self._suspend = suspend
        self._obey = obey

    def weigh(self, path: Path, n: int, judged: Judgement, generation: int, now: float) -> None:
        """Let the breaker of who is to blame, or to be trusted, know how `n` messages went.

        A reply that blames our domain, or a block of addresses, holds for every path to the ISP:
        another server would not dodge it.
        """
        if judged.blames == "domain":
            self._blame_domain(path.isp, n, judged.category, now)
        elif judged.blames == "nobody":
            self._trust_domain(path.isp, n, now)
            if path.breaker.success(n, generation, now):
                self._suspend.resume(path.server, path)
        on_probe = judged.blames == "domain" and path.breaker.state == "half-open"
        if (judged.blames == "path" or on_probe) and path.breaker.failure(n, generation, now):
            self._suspend.path(path, judged.category)

    def _blame_domain(self, isp: IspState, n: int, category: str, now: float) -> None:
        breaker = isp.breaker
        if breaker.rested(now):
            breaker.try_again()
        if not breaker.failure(n, breaker.generation, now):
            return
        for path in isp.paths:
            if path.breaker.hold(breaker.until):
                self._suspend.path(path, category)

    @staticmethod
    def _trust_domain(isp: IspState, n: int, now: float) -> None:
        """Let good results end what an ISP holds against our domain; paths' probes are its own."""
        breaker = isp.breaker
        if breaker.troubled:
            if breaker.rested(now):
                breaker.try_again()
            breaker.success(n, breaker.generation, now)

    def learn(
        self,
        choice: Choice,
        judged: Judgement,
        reply: Reply,
        lot: Lot,
        n: int,
        latency: float,
        sent_at: float,
        now: float,
    ) -> Consequence | None:
        """Learn from a reply to `n` messages of a lot that left at `sent_at` (s).

        Returns what a rule says of these very messages, if any does.
        """
        path, fate = choice.path, None
        if self._obey and (self._obey.book.counts_all or not reply.positive):
            fate = self._obey.reply(path, reply, lot, n, now)
        self._pace(path, judged, reply.positive, n, sent_at, now)
        blamed = judged.blames == "path"
        self._compare(choice, judged.outcome, n, blamed, latency, sent_at, now)
        return fate

    def _pace(
        self, path: Path, judged: Judgement, good: bool, n: int, sent_at: float, now: float
    ) -> None:
        """Let the rates and the window of a path follow an answer."""
        rate, common, window = path.adaptive, path.isp.adaptive, path.feedback
        if good:
            if rate is not None and rate.accepted(n, now):
                path.retune(now)
            if common is not None and common.accepted(n, now):
                self._retune(path.isp, now)
        elif judged.category == "throttle":
            self._slow_down(path, judged.blames == "domain", sent_at, now)
        if window is not None and good:
            busy = path.in_use
            for _ in range(n):
                window.succeeded(busy)
            self._pool.set_width(path, window.window)

    def _slow_down(self, path: Path, for_domain: bool, sent_at: float, now: float) -> None:
        """Cut the rate of a path, or what our domain sends to the ISP by whatever server."""
        isp = path.isp
        if for_domain and isp.adaptive is not None:
            if isp.adaptive.throttled(sent_at, now):
                self._retune(isp, now)
            return
        for each in isp.paths if for_domain else (path,):
            if each.adaptive and each.adaptive.throttled(sent_at, now):
                each.retune(now)

    def _retune(self, isp: IspState, now: float) -> None:
        self._pool.fence.retune(isp, now)
        self._pool.settle_gates()

    def _compare(
        self,
        choice: Choice,
        kind: OutcomeKind,
        n: int,
        blamed: bool,
        latency: float,
        sent_at: float,
        now: float,
    ) -> None:
        """Let what compares servers know: weights, rotations that learn, outliers."""
        scales, rotation = self._pool.scales, self._pool.chooser(choice.route)
        if scales.learns:
            scales.observe(choice, Outcome(n, kind, blamed, latency, sent_at), now)
        good, bad = (n, 0) if kind == "delivered" else (0, n if blamed else 0)
        if not good + bad:
            return
        if rotation.learns:
            rotation.learn(choice.index, good, bad, sent_at, now)
        outliers = choice.path.isp.outliers
        if outliers is not None:
            outliers.observe(choice.index, good, bad, now)
            check = outliers.next_check(now)
            if bad or (check is not None and check <= now):
                self._isolate(choice.path.isp, now)

    def _isolate(self, isp: IspState, now: float) -> None:
        """Suspend the paths of servers that do worse than the others, or than they did."""
        if isp.outliers is None:
            return
        closed = [path for path in isp.paths if path.breaker.state == "closed"]
        usable = [path.index for path in closed if path.usable]
        resting = [path.index for path in isp.paths if path.breaker.state != "closed"]
        pool = sum(1 for path in isp.paths if not path.server.drained)
        found = {each.index: each for each in isp.outliers.outliers(usable, resting, pool, now)}
        for path in isp.paths:
            outlier = found.get(path.index)
            if outlier is None or path.isolation is None or path.is_last:
                continue
            if path.breaker.hold(path.isolation.isolate(now)):
                self._suspend.path(path, f"outlier: {outlier.reason}")

    def hear(
        self, choice: Choice, kind: OutcomeKind, n: int, blamed: bool, sent_at: float, now: float
    ) -> None:
        """Learn from late news of messages that left at `sent_at` (s): a DSN, a complaint."""
        scales, rotation = self._pool.scales, choice.route.rotation
        if scales.learns:
            reverses = kind == "bounced"
            scales.observe(choice, Outcome(n, kind, blamed, 0.0, sent_at, reverses), now)
        if rotation.learns and kind == "bounced":
            rotation.learn(choice.index, -n, n if blamed else 0, sent_at, now)

    def refused(
        self,
        path: Path,
        reply: Reply,
        lot: Lot,
        server_generation: int,
        generation: int,
        now: float,
    ) -> None:
        """Learn from a connection that could not be opened, or was turned away with a reply.

        A rule that gives up or moves the very messages does nothing: none was tried.

        Without a reply the server is to blame; with one it is well, and the path has to do with it.
        """
        server, category = path.server, classify(reply)
        if not reply.code:
            if server.breaker.failure(1, server_generation, now):
                self._suspend.server(server, category)
            return
        if server.breaker.success(1, server_generation, now):
            self._suspend.resume(server, None)
        if self._obey:
            self._obey.reply(path, reply, lot, 1, now)
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
