"""What the sinks did, in bounded memory: counts, and the latest recipients that were accepted."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from mstoolkit.model import Reply

_KEPT = 100_000


class Accepted(NamedTuple):
    """A message that a sink took at scenario time ``at`` (s)."""

    at: float
    server: str
    isp: str
    address: str


class Count(NamedTuple):
    """How many messages met this reply at this server and provider."""

    server: str
    isp: str
    code: int
    status: str
    phase: str
    n: int


class Tally:
    """Counts by server, provider and reply."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._replies: Counter[tuple[str, str, int, str, str]] = Counter()
        self.accepted: deque[Accepted] = deque(maxlen=kept)
        self.connections: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def replied(self, at: float, server: str, isp: str, address: str, reply: Reply) -> None:
        """Count a reply."""
        self._replies[server, isp, reply.code, reply.status, reply.phase] += 1
        if reply.positive:
            self.accepted.append(Accepted(at, server, isp, address))

    def counts(self) -> list[Count]:
        """Return the counts, sorted."""
        return [Count(*key, n) for key, n in sorted(self._replies.items())]
