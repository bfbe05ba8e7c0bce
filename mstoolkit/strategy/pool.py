"""The pool: which paths may be used, which could send now, and their connection slots.

Decisions are many and changes are few: `eligible` and `ready` lists are kept, and touched only by
what changes them. A path is *eligible* unless it is drained, weightless or suspended; it is *ready*
if besides it has a free slot and its pacing lets it send.
"""

from __future__ import annotations

from collections.abc import Mapping

from mstoolkit.config import Policy, Server
from mstoolkit.strategy.path import STRIDE, IspState, Path, ServerState
from mstoolkit.strategy.presets import rotation_of
from mstoolkit.strategy.weighting import weight_of


class Pool:
    """Servers, ISPs and the paths between them.

    Parameters
    ----------
    servers : mapping of str to Server
        The pool, in its order of declaration.
    policy : Policy
        Rotation, weighting, default limits and breakers.
    """

    def __init__(self, servers: Mapping[str, Server], policy: Policy) -> None:
        self._policy = policy
        self.servers = [
            ServerState(index, name, spec, policy)
            for index, (name, spec) in enumerate(servers.items())
        ]
        self.by_name = {server.name: server for server in self.servers}
        self.isps: dict[str, IspState] = {}
        self.paths: list[Path] = []
        self.dirty: list[IspState] = []
        first = rotation_of(policy.rotation, len(self.servers))
        self.shared = first if first.scope == "pool" else None

    def isp(self, name: str) -> IspState:
        """Return the state of an ISP, made when it is first heard of."""
        known = self.isps.get(name)
        if known is not None:
            return known
        policy = self._policy
        rotation = self.shared or rotation_of(policy.rotation, len(self.servers), len(self.isps))
        isp = IspState(name, rotation)
        self.isps[name] = isp
        for server in self.servers:
            weight = weight_of(server.spec, policy.weighting)
            path = Path(len(self.paths), server, isp, policy, weight)
            self.paths.append(path)
            isp.paths.append(path)
            server.paths.append(path)
            self.recheck(path)
        return isp

    def path_of_connection(self, connection: int) -> tuple[Path, int]:
        """Return the path and the slot of a connection number."""
        number, slot = divmod(connection, STRIDE)
        return self.paths[number], slot

    def mark(self, isp: IspState) -> None:
        """Note that an ISP's mail may have a new way out."""
        if not isp.dirty and isp.queue.n:
            isp.dirty = True
            self.dirty.append(isp)

    def mark_all(self) -> None:
        """Note that every ISP's mail may have a new way out."""
        for isp in self.isps.values():
            self.mark(isp)

    def refresh(self, path: Path) -> None:
        """Bring `ready` up to date after a slot, the pacing or eligibility of a path changed."""
        server = path.server
        ready = bool(
            path.eligible
            and path.idle
            and not path.paced
            and server.in_use < server.connections
            and (path.clear or self._has_room(path))
        )
        if ready == path.is_ready:
            return
        path.is_ready = ready
        isp = path.isp
        if not ready:
            isp.ready.remove(path)
            return
        _insert(isp.ready, path)
        if not isp.dirty and isp.queue.n:
            isp.dirty = True
            self.dirty.append(isp)

    @staticmethod
    def _has_room(path: Path) -> bool:
        """Whether a path that is narrowed or probing may use one more connection.

        A probe goes one message at a time, on one connection.
        """
        in_use = len(path.used) - len(path.idle)
        return in_use < (1 if path.probing else path.width)

    def narrow(self, path: Path) -> bool:
        """The ISP admits no further connection: get along with those open, if there are any."""
        opened = sum(1 for used in path.used if used)
        if not opened:
            return False
        path.width = opened
        self.recheck(path)
        return True

    def set_width(self, path: Path, width: int) -> None:
        """Let a path use so many of its connections, unless a rule allows it fewer."""
        if path.width_cap and path.width_cap < width:
            width = path.width_cap
        if width != path.width:
            path.width = width
            self.recheck(path)

    def widen(self, path: Path) -> bool:
        """Try one connection more; return whether there are more to try later."""
        path.width_timer = False
        self.set_width(path, min(path.width + 1, len(path.used)))
        return path.width < len(path.used)

    def recheck(self, path: Path) -> None:
        """Bring `eligible` up to date after a breaker, a drain or a probe changed."""
        usable = path.usable
        path.probing = path.breaker.state == "half-open" or path.server.breaker.state == "half-open"
        path.clear = not path.probing and path.width == len(path.used)
        if usable != path.eligible:
            path.eligible = usable
            if usable:
                _insert(path.isp.eligible, path)
            else:
                path.isp.eligible.remove(path)
            self.mark(path.isp)
        self.refresh(path)

    def recheck_server(self, server: ServerState) -> None:
        """Bring all paths of a server up to date."""
        for path in server.paths:
            self.recheck(path)

    def recheck_probed(self, path: Path) -> None:
        """Bring what a probe may have changed up to date: its path, or all of its server."""
        if path.server.breaker.troubled:
            self.recheck_server(path.server)
        else:
            self.recheck(path)

    def occupy(self, path: Path, n: int) -> tuple[int, bool, list[int] | int]:
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
        server, idle = path.server, path.idle
        if n > 1:
            room = path.width - len(path.used) + len(idle)
            count = min(n, room, server.connections - server.in_use)
            if count < 1 or path.probing:
                count = 1
            taken = idle[-count:]
            del idle[-count:]
            for each in taken:
                path.used[each] = 0
            self._count_in(server, count)
            return taken[-1], True, taken
        slot = idle.pop()
        used = path.used[slot]
        fresh = used == 0 or used >= path.per_connection
        path.used[slot] = 1 if fresh else used + 1
        self._count_in(server, 1)
        return slot, fresh, slot

    def _count_in(self, server: ServerState, count: int) -> None:
        server.in_use += count
        if server.in_use >= server.connections:
            self._refresh_server(server)

    def release(self, path: Path, taken: list[int] | int, closed: bool) -> None:
        """Give slots back; `closed` where their connections are gone."""
        server = path.server
        was_full = server.in_use >= server.connections
        if isinstance(taken, int):
            path.idle.append(taken)
            server.in_use -= 1
            if closed:
                path.used[taken] = 0
        else:
            path.idle += taken
            server.in_use -= len(taken)
        if was_full:
            self._refresh_server(server)
        elif not path.is_ready:
            self.refresh(path)

    def open_connections(self, path: Path) -> list[int]:
        """Return the connection numbers of idle slots that are open, and note them as closed."""
        numbers = []
        for slot in sorted(path.idle):
            if path.used[slot]:
                path.used[slot] = 0
                numbers.append(path.number * STRIDE + slot)
        return numbers

    def _refresh_server(self, server: ServerState) -> None:
        for path in server.paths:
            self.refresh(path)


def _insert(paths: list[Path], path: Path) -> None:
    """Insert by index; lists are short."""
    position = len(paths)
    while position and paths[position - 1].index > path.index:
        position -= 1
    paths.insert(position, path)
