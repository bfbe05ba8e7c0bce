"""Blocklists: who is listed, by what they heard, and until when.

All providers of a scenario look at the same lists. A list hears of hits of its spam traps and of
complaints, whichever provider they come from; so many within its window bring a listing. Listed
again within `remembers`, a sender stays for longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Any, Literal, NamedTuple

from mstoolkit.config.blocklists import Blocklist
from mstoolkit.isp.network import network_of

_LONG_AGO = -1e18  # s
Cause = Literal["pristine", "recycled", "complaints"]


class Listed(NamedTuple):
    """A source IP on a list."""

    name: str
    until: float


class Blocklists:
    """The lists of a scenario.

    Parameters
    ----------
    lists : mapping of str to Blocklist
        By name.
    listings : iterable of (source IP, name of the list, start, end)
        Who is listed anyway, s.

    Examples
    --------
    >>> lists = {"strict": Blocklist(title="A strict list", pristine=1, lasts=3600.0)}
    >>> blocklists = Blocklists(lists)
    >>> blocklists.hit(10.0, "192.0.2.1", "pristine")
    >>> blocklists.listed(20.0, "192.0.2.1", ("strict",))
    Listed(name='strict', until=3610.0)
    """

    def __init__(
        self,
        lists: Mapping[str, Blocklist],
        listings: Iterable[tuple[str, str, float, float]] = (),
    ) -> None:
        self._lists = dict(lists)
        self._ahead: list[tuple[float, str, str, int]] = []  # (at, source IP, cause, how many)
        self._hits: dict[tuple[str, str, str], list[list[float]]] = {}
        self._listed: dict[tuple[str, str], list[float]] = {}  # [until, how often]
        self._fixed = sorted(listings)
        causes: tuple[Cause, ...] = ("pristine", "recycled", "complaints")
        self._causes = {
            cause for cause in causes if any(getattr(each, cause) for each in lists.values())
        }

    def hit(self, at: float, source_ip: str, cause: Cause, n: int = 1) -> None:
        """Let the lists hear of `n` messages at a time, which may lie ahead."""
        if cause in self._causes:
            heappush(self._ahead, (at, source_ip, cause, n))

    def listed(self, now: float, source_ip: str, names: Iterable[str]) -> Listed | None:
        """Return the list that a source IP is on for longest, of those that are consulted."""
        if self._ahead and self._ahead[0][0] <= now:
            self._hear(now)
        if not self._fixed and not self._listed:
            return None
        found: Listed | None = None
        for name in names:
            until = self._until(now, source_ip, name)
            if until > now and (found is None or until > found.until):
                found = Listed(name, until)
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return the state."""
        return {
            "ahead": sorted(self._ahead),
            "hits": [[*key, rows] for key, rows in sorted(self._hits.items())],
            "listed": [[*key, list(row)] for key, row in sorted(self._listed.items())],
        }

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._ahead = [(at, ip, cause, n) for at, ip, cause, n in state["ahead"]]
        self._hits = {(name, who, cause): rows for name, who, cause, rows in state["hits"]}
        self._listed = {(name, who): list(row) for name, who, row in state["listed"]}

    def _until(self, now: float, source_ip: str, name: str) -> float:
        rules = self._lists.get(name)
        row = self._listed.get((name, _who(source_ip, rules))) if rules else None
        until = row[0] if row else 0.0
        for ip, which, start, end in self._fixed:
            if ip == source_ip and which == name and start <= now:
                until = max(until, end)
        return until

    def _hear(self, now: float) -> None:
        while self._ahead and self._ahead[0][0] <= now:
            at, source_ip, cause, n = heappop(self._ahead)
            for name, rules in self._lists.items():
                enough = getattr(rules, cause)
                if enough:
                    self._count(at, name, rules, _who(source_ip, rules), cause, n, enough)

    def _count(
        self, at: float, name: str, rules: Blocklist, who: str, cause: str, n: int, enough: int
    ) -> None:
        rows = self._hits.setdefault((name, who, cause), [])
        rows.append([at, n])
        while rows[0][0] < at - rules.window:
            rows.pop(0)
        if sum(row[1] for row in rows) < enough:
            return
        until, times = self._listed.get((name, who), (_LONG_AGO, 0))
        if at > until + rules.remembers:
            times = 0
        if at > until:
            times += 1
        length = rules.lasts * rules.again ** max(0, times - 1)
        self._listed[name, who] = [max(until, at + length), times]


def _who(source_ip: str, rules: Blocklist) -> str:
    """Return whom a list names: the source IP, or its network."""
    network = network_of(source_ip, rules.prefix) if rules.scope == "network" else ""
    return network or source_ip
