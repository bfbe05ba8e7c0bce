"""Priority failover: the lowest tier that has an eligible server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.smooth_weighted import SmoothWeighted


class PriorityFailover(Rotation):
    """Smooth weighted inside the lowest tier with an eligible server; it waits while that is busy.

    A higher tier is used only when every server of the lower ones is out of use.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    """

    waits: ClassVar[bool] = True

    def __init__(self, servers: int) -> None:
        self._inside = SmoothWeighted(servers)

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        tier = min([candidate.tier for candidate in eligible])
        members = [candidate for candidate in ready if candidate.tier == tier]
        return self._inside.choose(members, members, now) if members else None

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        members = [candidate for candidate in ready if candidate.tier == chosen.tier]
        return self._inside.commit(chosen, n, members, until)

    def snapshot(self) -> dict[str, Any]:
        return self._inside.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._inside.restore(state)
