"""Greylisting as postgrey does it: an unknown (network, sender, recipient) has to come again.

The first attempt is deferred; one after `delay` passes, if it comes within two days. A network that
came back so often (counted once an hour at most) is trusted. All is forgotten after `lifetime`
without mail. From postgrey's source: 300 s, 2 days, 35 days, 5 times, once an hour, networks /24.

A recipient list stands for sender and recipients: each campaign writes from its own address, to its
own list. Which recipients are behind a greylist is drawn by recipient, so all strategies meet the
same. Of counted mail nobody knows whom it is for: how many were deferred when is kept by lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, NamedTuple

from mstoolkit.config import Profile
from mstoolkit.config.profile import Greylisting
from mstoolkit.isp.attempt import worded
from mstoolkit.isp.draws import Draws
from mstoolkit.isp.network import network_of
from mstoolkit.model import Parcel, Reply

CAUSE = "greylist"  # the category of such deferrals
_RETRY_WINDOW = 2 * 86400.0  # s
_ONE_SUCCESS = 3600.0  # s
_PREFIX = 24
_SWEEP = 3600.0  # s between two looks for those who never came back
_NOBODY: frozenset[int] = frozenset()
_TEXT = Reply(450, "4.2.0", "Greylisted, try again later", "rcpt")  # postgrey's codes


class Deferred(NamedTuple):
    """How many messages of a parcel are deferred, and which positions in the list (if known)."""

    n: int = 0
    positions: Set[int] = _NOBODY


NONE = Deferred()


class _Bits(bytearray):
    """A set of positions, one bit each."""

    def has(self, k: int) -> bool:
        return k >> 3 < len(self) and bool(self[k >> 3] >> (k & 7) & 1)

    def put(self, k: int) -> None:
        missing = (k >> 3) + 1 - len(self)
        if missing > 0:
            self.extend(bytes(missing))
        self[k >> 3] |= 1 << (k & 7)


class _List:
    """What a network is known for at one list."""

    __slots__ = ("passed", "used", "waiting", "was_passed")

    def __init__(self, now: float) -> None:
        self.waiting: dict[int, float] = {}  # since when, by position
        self.passed = _Bits()  # in this lifetime
        self.was_passed = _Bits()  # in the one before
        self.used = now  # when this lifetime began

    def turn(self, now: float, lifetime: float) -> None:
        """Let what is as old as a lifetime fade, and those who never came back."""
        if now - self.used >= lifetime:
            self.was_passed = self.passed if now - self.used < 2 * lifetime else _Bits()
            self.passed, self.used = _Bits(), now
        oldest = now - _RETRY_WINDOW
        self.waiting = {k: since for k, since in self.waiting.items() if since > oldest}


class _Client:
    """A network: its successes, the lists that it wrote to, and counted mail that is to return."""

    __slots__ = ("counted", "last_success", "lists", "seen", "successes", "swept")

    def __init__(self, now: float) -> None:
        self.successes = 0
        self.last_success = -1e18
        self.seen = now
        self.swept = now
        self.lists: dict[str, _List] = {}
        self.counted: dict[int, list[list[float]]] = {}  # [since, how many], by lot


class Greylist:
    """The greylist of one provider.

    Parameters
    ----------
    profile : Profile
        Its words.
    rules : Greylisting
        Its delay, its memory, and for how many recipients.
    """

    def __init__(self, profile: Profile, rules: Greylisting) -> None:
        text = profile.replies.greylisted
        self.reply = _TEXT if text is None else worded(text, "rcpt")
        self._rules = rules
        self._clients: dict[str, _Client] = {}

    def defer(
        self,
        now: float,
        span: float,
        source_ip: str,
        parcel: Parcel,
        draws: Draws,
        *,
        mixed: bool = False,
    ) -> Deferred:
        """Return which messages of a parcel are deferred.

        Parameters
        ----------
        now, span : float
            The first message's time and how long all of them take, s.
        mixed : bool
            Whether other messages of the same attempt are answered otherwise: then the sender
            loses sight of which are which.
        """
        name = network_of(source_ip, _PREFIX) or source_ip
        client = self._clients.get(name)
        if client is None or now - client.seen > self._rules.lifetime:
            client = self._clients[name] = _Client(now)
        client.seen = max(now, client.seen)
        if client.successes >= self._rules.trusted_after:
            return NONE
        if now - client.swept >= _SWEEP:
            self._sweep(now, client)
        if parcel.first >= 0:
            known = self._known(now, span, client, parcel, draws)
            if known.n and (mixed or known.n < parcel.n):
                waiting = client.lists[parcel.lot.list].waiting
                for position in sorted(known.positions):
                    self._wait(client, parcel.lot.id, waiting.pop(position), 1)
            return known
        return Deferred(self._counted(now, client, parcel, draws))

    def put_off(self, now: float, source_ip: str, parcel: Parcel, n: int) -> None:
        """Note that `n` of a counted parcel have passed, but were deferred for another reason."""
        client = self._clients[network_of(source_ip, _PREFIX) or source_ip]
        if n and parcel.first < 0 and parcel.cause == CAUSE:
            self._wait(client, parcel.lot.id, now - self._rules.delay, n)

    def snapshot(self) -> dict[str, Any]:
        """Return the state."""
        return {name: _client_state(client) for name, client in sorted(self._clients.items())}

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._clients = {name: _client_of(row) for name, row in state.items()}

    def _known(
        self, now: float, span: float, client: _Client, parcel: Parcel, draws: Draws
    ) -> Deferred:
        lot, first, n = parcel.lot, parcel.first, parcel.n
        behind = draws.array("greylist", lot.list)[first : first + n] < self._rules.share
        record = client.lists.get(lot.list)
        if record is None:
            record = client.lists[lot.list] = _List(now)
        waiting, delay = record.waiting, self._rules.delay
        deferred = set()
        for k in behind.nonzero()[0].tolist():
            position, at = first + k, now + span * k / n
            if record.passed.has(position) or record.was_passed.has(position):
                continue
            since = waiting.get(position)
            if since is None or at - since > _RETRY_WINDOW:
                waiting[position] = at
                deferred.add(position)
            elif at - since < delay:
                deferred.add(position)
            else:
                del waiting[position]
                record.passed.put(position)
                self._success(client, at)
        return Deferred(len(deferred), deferred)

    def _counted(self, now: float, client: _Client, parcel: Parcel, draws: Draws) -> int:
        """Return how many of a counted parcel are deferred.

        What was deferred here long enough ago passes; what was deferred elsewhere begins anew. A
        full mailbox was reached before. The rest has not been looked at yet (that some of it has,
        and met a busy server, is neglected), so the recipients' share of it is deferred.
        """
        if parcel.cause and parcel.cause != CAUSE:
            return 0
        if not parcel.cause:
            new = int((draws.of("greylist", parcel) < self._rules.share).sum())
            self._wait(client, parcel.lot.id, now, new)
            return new
        n = parcel.n
        ripe = waited = 0
        for row in client.counted.get(parcel.lot.id, ()):
            waited += int(row[1])
            if now - row[0] >= self._rules.delay:
                taken = min(int(row[1]), n - ripe)
                row[1] -= taken
                ripe += taken
                waited -= taken
        if ripe:
            self._success(client, now)
        late = n - ripe
        self._wait(client, parcel.lot.id, now, max(0, late - waited))
        return late

    @staticmethod
    def _wait(client: _Client, lot: int, since: float, n: int) -> None:
        """Let `n` counted messages of a lot be deferred since a time."""
        if n:
            rows = [row for row in client.counted.get(lot, ()) if row[1]]
            if rows and rows[-1][0] == since:
                rows[-1][1] += n
            else:
                rows.append([since, n])
                rows.sort()
            client.counted[lot] = rows

    def _success(self, client: _Client, at: float) -> None:
        if at - client.last_success >= _ONE_SUCCESS:
            client.successes += 1
            client.last_success = at

    def _sweep(self, now: float, client: _Client) -> None:
        client.swept = now
        for record in client.lists.values():
            record.turn(now, self._rules.lifetime)
        kept = (
            (lot, [row for row in rows if row[1] and row[0] > now - _RETRY_WINDOW])
            for lot, rows in client.counted.items()
        )
        client.counted = {lot: rows for lot, rows in kept if rows}


def _client_state(client: _Client) -> dict[str, Any]:
    lists = {
        name: [_rows(one.waiting.items()), one.passed.hex(), one.was_passed.hex(), one.used]
        for name, one in client.lists.items()
    }
    counted = [[lot, _rows(rows)] for lot, rows in client.counted.items()]
    plain = [client.successes, client.last_success, client.seen, client.swept]
    return {"plain": plain, "lists": lists, "counted": counted}


def _client_of(state: Any) -> _Client:
    client = _Client(0.0)
    client.successes, client.last_success, client.seen, client.swept = state["plain"]
    for name, (waiting, passed, was_passed, used) in state["lists"].items():
        one = client.lists[name] = _List(used)
        one.waiting = {int(k): since for k, since in waiting}
        one.passed, one.was_passed = _Bits.fromhex(passed), _Bits.fromhex(was_passed)
    client.counted = {int(lot): _rows(rows) for lot, rows in state["counted"]}
    return client


def _rows(rows: Iterable[Iterable[float]]) -> list[list[float]]:
    return [list(row) for row in rows]
