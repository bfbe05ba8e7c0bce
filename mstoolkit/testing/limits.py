"""Limits, checked from outside: what was sent when, against what the files allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mstoolkit.config import Limits, Policy, Server, parsed
from mstoolkit.config.pacing import Allowance
from mstoolkit.model import (
    Command,
    ConnectionFailed,
    Event,
    Lost,
    PolicyChanged,
    PoolChanged,
    Replied,
    Send,
)
from mstoolkit.testing.checks import BrokenPromiseError

URGENT = "transactional"
SLACK = 1e-6  # s within which two times are one
HOUR = 3600.0


class Sent(NamedTuple):
    """An attempt: when it was made (s), under which setup, what it was, and how much was tried."""

    at: float
    setup: int
    send: Send
    n: int

    @property
    def times(self) -> list[float]:
        """When each message left (s): the first at once, the last at the end of the span."""
        whole, span = self.send.parcel.n, self.send.span
        if whole == 1:
            return [self.at + span] * self.n
        return [self.at + k * span / (whole - 1) for k in range(self.n)]


class LimitWatch:
    """Remembers what was sent, and checks it against rates, windows, quotas and connections.

    A rate lets ``burst + rate x t`` messages pass in any time t, from the last change of the setup
    on. A window counts any time of its length; a quota the hours of UTC, where it is one an hour.
    What changes can make a limit lower than what has passed by then; then nothing more may pass.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool.
    policy : Policy
        Where common limits stand.
    batch : int
        Largest cut of the dispatcher.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> scenario = load_scenario("quickstart")
    >>> watch = LimitWatch(scenario.servers, scenario.strategies["batch"])
    >>> watch.check()
    """

    def __init__(self, servers: Mapping[str, Server], policy: Policy, batch: int = 1) -> None:
        self._servers = dict(servers)
        self._policy = policy
        self._batch = batch
        self._open: dict[int, Sent] = {}
        self._done: list[Sent] = []
        self._setup = 0
        self._grace: Counter[str] = Counter()

    def see(self, event: Event, commands: Iterable[Command]) -> None:
        """Take note of an event and what it caused; check connections.

        Raises
        ------
        BrokenPromiseError
            If more connections are in use than the files allow.
        """
        if isinstance(event, Replied | ConnectionFailed | Lost):
            self._answered(event)
        elif isinstance(event, PolicyChanged | PoolChanged):
            self._changed(event)
        for command in commands:
            if isinstance(command, Send):
                self._open[command.token] = Sent(event.at, self._setup, command, command.parcel.n)
        self._connections()

    def check(self) -> None:
        """Check all that was sent since the last change of the setup.

        Raises
        ------
        BrokenPromiseError
            At the first limit that was passed.
        """
        sent = [*self._done, *self._open.values()]
        sent.sort(key=lambda each: (each.at, each.send.token))
        for path in sorted({(each.send.server, each.send.isp) for each in sent}):
            self._path(*path, [each for each in sent if _path_of(each.send) == path])
        for name, allowance, members in self._allowances(sent):
            self._allowance(name, allowance, members)

    # -- what happens

    def _answered(self, event: Replied | ConnectionFailed | Lost) -> None:
        sent = self._open.pop(event.token)
        n = sent.n
        if isinstance(event, ConnectionFailed):
            n = 0
        elif isinstance(event, Replied):
            n -= event.unsent
        self._done.append(sent._replace(n=n))

    def _changed(self, event: PolicyChanged | PoolChanged) -> None:
        if isinstance(event, PoolChanged) and event.change in {"drained", "restored", "removed"}:
            return
        self.check()
        self._setup += 1
        if isinstance(event, PolicyChanged):
            self._policy = parsed(Policy, event.policy, key="policy")
        else:
            self._servers[event.server] = parsed(Server, event.spec, key="server")
        self._grace = self._in_use()

    # -- connections

    def _in_use(self) -> Counter[str]:
        used: Counter[str] = Counter()
        for sent in self._open.values():
            for name in _names(sent.send):
                used[name] += sent.send.slots
        return used

    def _connections(self) -> None:
        used = self._in_use()
        for name, allowance, _ in self._allowances([]):
            if allowance.connections:
                most = max(allowance.connections, self._grace[name])
                _hold(used[name] <= most, f"{name}: {used[name]} connections, {most} are allowed")
        self._grace &= used

    # -- messages

    def _allowances(self, sent: list[Sent]) -> Iterator[tuple[str, Allowance, list[Sent]]]:
        pacing = self._policy.pacing
        for name, server in self._servers.items():
            total = server.total or pacing.servers
            if total:
                yield f"server {name}", total, [s for s in sent if s.send.server == name]
        named = set(pacing.isps) - {"*"}
        others = {each.send.isp for each in sent} if "*" in pacing.isps else set()
        for isp in sorted(named | others):
            own = pacing.isps.get(isp) or pacing.isps["*"]
            yield f"isp {isp}", own, [s for s in sent if s.send.isp == isp]
        for stream, allowance in pacing.streams.items():
            mine = [s for s in sent if s.send.parcel.lot.stream == stream]
            yield f"stream {stream}", allowance, mine

    def _allowance(self, name: str, limits: Allowance, sent: list[Sent]) -> None:
        fresh = [each for each in sent if each.setup == self._setup]
        times = sorted(t for each in fresh for t in each.times)
        if limits.rate:
            _envelope(name, limits.rate, limits.burst, [(t, t, 1) for t in times])
            share = 1.0 - self._policy.pacing.reserve
            if share < 1.0 and not name.startswith("stream"):
                rest = sorted(t for each in fresh if not _urgent(each.send) for t in each.times)
                burst = max(1, int(limits.burst * share))
                _envelope(f"{name}, not urgent", limits.rate * share, burst, _single(rest))
        self._counts(name, limits, sent)

    def _counts(self, name: str, limits: Allowance | Limits, sent: list[Sent]) -> None:
        fresh = [each for each in sent if each.setup == self._setup]
        times = sorted(t for each in fresh for t in each.times)
        for window in limits.window:
            for first, last in zip(times, times[window.n :], strict=False):
                _hold(last - first >= window.within - SLACK, f"{name}: {window} passed at {last}")
        for quota in limits.quota:
            if quota.per != "hour" or quota.at != "00:00":
                continue
            hours = Counter(int(t // HOUR) for t in times if SLACK < t % HOUR < HOUR - SLACK)
            for hour, n in hours.items():
                _hold(n <= quota.n, f"{name}: {n} in hour {hour}, {quota}")

    def _path(self, server: str, isp: str, sent: list[Sent]) -> None:
        spec, common = self._servers[server], self._policy.pacing
        own, general = spec.isp_limits.get(isp, Limits()), spec.limits
        name = f"{server} to {isp}"
        rate = own.rate or general.rate or common.rate
        burst = own.burst or general.burst or common.burst
        fresh = [each for each in sent if each.setup == self._setup and each.n]
        _envelope(name, rate, burst, [(s.at, s.times[-1], s.n) for s in fresh])
        if common.reserve:
            share = 1.0 - common.reserve
            rest = [(s.at, s.times[-1], s.n) for s in fresh if not _urgent(s.send)]
            _envelope(f"{name}, not urgent", rate * share, max(1, int(burst * share)), rest)
        dial = own.connection_rate or general.connection_rate or common.connection_rate
        if dial and self._batch == 1:
            opened = [s.at for s in sent if s.send.fresh and s.setup == self._setup]
            _envelope(f"{name}, connections", dial, 1, _single(opened))
        limits = Limits(
            window=own.window or general.window or common.window,
            quota=own.quota or general.quota or common.quota,
        )
        self._counts(name, limits, sent)


def _single(times: list[float]) -> list[tuple[float, float, int]]:
    return [(t, t, 1) for t in times]


def _envelope(name: str, rate: float, burst: int, sent: list[tuple[float, float, int]]) -> None:
    """At most `burst + rate x t` messages in any time t, of (begin, end, number) in order."""
    total, least, end = 0, float("inf"), 0.0
    for begin, until, n in sent:
        least = min(least, total - rate * begin)
        end = max(end, until)
        total += n
        over = total - rate * end - least - burst
        _hold(over <= rate * SLACK + SLACK, f"{name}: {over} over {rate}/s, {burst} at {end}")


def _names(send: Send) -> tuple[str, ...]:
    return (f"server {send.server}", f"isp {send.isp}", f"stream {send.parcel.lot.stream}")


def _path_of(send: Send) -> tuple[str, str]:
    return send.server, send.isp


def _urgent(send: Send) -> bool:
    return send.parcel.lot.stream == URGENT


def _hold(holds: bool, message: str) -> None:
    if not holds:
        raise BrokenPromiseError(message)
