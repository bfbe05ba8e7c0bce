"""What a sender promises, checked from outside while commands and answers pass by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mstoolkit.config import Limits, Policy, Server, parsed
from mstoolkit.model import (
    Close,
    Closed,
    Command,
    ConnectionFailed,
    Event,
    Finish,
    Lost,
    PolicyChanged,
    PoolChanged,
    Probed,
    Replied,
    Send,
    Suspended,
)


class BrokenPromiseError(AssertionError):
    """A dispatcher did what it must not do."""


class Promises:
    """Watches a dispatcher from the first event on.

    Tokens count up; a message is under way once at most and finished once at most; connections and
    messages a connection keep their limits; a connection is used again only while it is open;
    nothing goes where it is suspended or drained.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool.
    policy : Policy
        Where common limits stand.

    Attributes
    ----------
    open : dict of int to Send
        Attempts that are not answered yet, by token.
    """

    def __init__(self, servers: Mapping[str, Server], policy: Policy) -> None:
        self._servers = dict(servers)
        self._policy = policy
        self.open: dict[int, Send] = {}
        self._token = 0
        self._carried: dict[int, int] = {}
        self._flying: set[tuple[int, int]] = set()
        self._finished: set[tuple[int, int]] = set()
        self._shut: set[tuple[str, str]] = set()
        self._drained: set[str] = set()
        self._grace: Counter[tuple[str, str]] = Counter()

    def event(self, event: Event) -> None:
        """Take note of what a dispatcher is about to be told."""
        if isinstance(event, Replied | ConnectionFailed | Lost):
            send = self.open.pop(event.token)
            self._flying.difference_update(_messages(send))
            if not isinstance(event, Replied) or event.closed:
                self._carried.pop(send.connection, None)
        elif isinstance(event, Closed):
            self._carried.pop(event.connection, None)
        elif isinstance(event, PoolChanged):
            self._changed(event)
        elif isinstance(event, PolicyChanged):
            self._policy = parsed(Policy, event.policy, key="policy")
            self._allow_what_is_open()

    def commands(self, commands: list[Command]) -> None:
        """Check what it wants done, in order.

        Raises
        ------
        BrokenPromiseError
            At the first promise that does not hold.
        """
        for command in commands:
            if isinstance(command, Send):
                self._sent(command)
            elif isinstance(command, Finish):
                self._ended(command)
            elif isinstance(command, Close):
                self._carried.pop(command.connection, None)
            elif isinstance(command, Suspended):
                self._shut.add((command.server, command.isp))
            elif isinstance(command, Probed):
                self._shut.discard((command.server, command.isp))
        self._limits()

    def limits(self, server: str, isp: str) -> tuple[int, int]:
        """Return a path's connections and messages a connection, as the files say."""
        spec, common = self._servers[server], self._policy.pacing
        own, general = spec.isp_limits.get(isp, Limits()), spec.limits
        return (
            own.connections or general.connections or common.connections,
            own.messages_per_connection
            or general.messages_per_connection
            or common.messages_per_connection,
        )

    def _sent(self, send: Send) -> None:
        _hold(send.token == self._token, f"token {send.token} follows {self._token - 1}")
        self._token += 1
        _hold(send.parcel.n > 0, f"an empty parcel: {send}")
        _hold(send.isp == send.parcel.lot.isp, f"mail for {send.parcel.lot.isp} sent to {send.isp}")
        _hold(send.server not in self._drained, f"{send.server} is drained: {send}")
        for shut in ((send.server, ""), (send.server, send.isp)):
            _hold(shut not in self._shut, f"{shut} is suspended: {send}")
        busy = any(other.connection == send.connection for other in self.open.values())
        _hold(not busy, f"connection {send.connection} is busy: {send}")
        self._connect(send)
        messages = _messages(send)
        _hold(not messages & self._flying, f"under way twice: {send}")
        _hold(not messages & self._finished, f"sent though finished: {send}")
        self._flying |= messages
        self.open[send.token] = send

    def _changed(self, event: PoolChanged) -> None:
        if event.change in {"drained", "removed"}:
            self._drained.add(event.server)
        elif event.change != "edited":
            self._drained.discard(event.server)
        if event.change in {"added", "edited"}:
            self._servers[event.server] = parsed(Server, event.spec, key="server")
            self._allow_what_is_open()

    def _allow_what_is_open(self) -> None:
        """Limits were changed: what is open may be more than they allow, until it is answered."""
        paths, servers = self._in_use()
        self._grace = paths + servers
        self._carried = dict.fromkeys(self._carried, 1)

    def _connect(self, send: Send) -> None:
        if send.parcel.n > 1:
            self._carried.pop(send.connection, None)
            return
        carried = 0 if send.fresh else self._carried.get(send.connection, 0)
        _hold(send.fresh or carried > 0, f"connection {send.connection} is not open: {send}")
        most = self.limits(send.server, send.isp)[1]
        _hold(carried < most, f"connection {send.connection} carried {carried}, {most} are allowed")
        self._carried[send.connection] = carried + 1

    def _ended(self, finish: Finish) -> None:
        if finish.parcel.first < 0 or (finish.reply and finish.reply.phase == "dsn"):
            return
        first, lot = finish.parcel.first, finish.parcel.lot.id
        messages = {(lot, k) for k in range(first, first + finish.n)}
        _hold(not messages & self._finished, f"finished twice: {finish}")
        self._finished |= messages

    def _limits(self) -> None:
        paths, servers = self._in_use()
        for (server, isp), slots in paths.items():
            most = max(self.limits(server, isp)[0], self._grace[server, isp])
            _hold(slots <= most, f"{server} has {slots} connections to {isp}, {most} are allowed")
        for (server, _), slots in servers.items():
            most = max(self._servers[server].connections, self._grace[server, ""])
            _hold(slots <= most, f"{server} has {slots} connections, {most} are allowed")
        self._grace &= paths + servers

    def _in_use(self) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
        """Return the connections in use by (server, ISP), and by (server, "")."""
        paths: Counter[tuple[str, str]] = Counter()
        servers: Counter[tuple[str, str]] = Counter()
        for send in self.open.values():
            paths[send.server, send.isp] += send.slots
            servers[send.server, ""] += send.slots
        return paths, servers


def _messages(send: Send) -> set[tuple[int, int]]:
    """Return the known messages of an attempt as (lot, position)."""
    parcel = send.parcel
    if parcel.first < 0:
        return set()
    return {(parcel.lot.id, k) for k in range(parcel.first, parcel.first + parcel.n)}


def _hold(holds: bool, message: str) -> None:
    if not holds:
        raise BrokenPromiseError(message)
