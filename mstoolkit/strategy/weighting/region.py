"""Weight by place: servers near an ISP, or preferred for it, carry more of its mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mstoolkit.config import Server
from mstoolkit.strategy.weighting.base import Weighed, Weigher

ANY = "*"  # stands for all ISPs that a region's table does not name
REFERENCE = 0.05  # s; round trip that counts as 1 where the pool is not known: a server's default
_SHORTEST = 0.001  # s; shorter round trips count as this

Figures = Mapping[str, Mapping[str, float]]


class Region(Weigher):
    """A preference by region and ISP, or the fastest round trip of the pool over the server's own.

    With `prefer` a path has the factor that stands there for its server's region and its ISP, else
    for the region and ``"*"``, else 1. Without it the factor is the shortest round trip to that ISP
    in the pool over the server's own: the one that `latency` gives for region and ISP (or ``"*"``),
    else the server's ``latency``.

    Parameters
    ----------
    prefer : mapping, optional
        Factors by region and ISP.
    latency : mapping, optional
        Round trips (s) by region and ISP.
    servers : iterable of Server, optional
        The pool; without it factors are relative to 50 ms, and their proportions the same.
    """

    def __init__(
        self,
        prefer: Figures | None = None,
        latency: Figures | None = None,
        servers: Iterable[Server] = (),
    ) -> None:
        self._prefer = dict(prefer or {})
        self._latency = dict(latency or {})
        self._servers = tuple(servers)
        self._fastest: dict[str, float] = {}

    def factor(self, path: Weighed, now: float) -> float:
        spec, isp = path.spec, path.isp_name
        if self._prefer:
            preferred = _stated(self._prefer, spec.region, isp)
            return 1.0 if preferred is None else preferred
        return self._shortest(isp) / self._round_trip(spec, isp)

    def _shortest(self, isp: str) -> float:
        """Return the pool's shortest round trip to an ISP, which is worked out once."""
        known = self._fastest.get(isp)
        if known is None:
            trips = [self._round_trip(spec, isp) for spec in self._servers]
            known = self._fastest[isp] = min(trips, default=REFERENCE)
        return known

    def _round_trip(self, spec: Server, isp: str) -> float:
        stated = _stated(self._latency, spec.region, isp)
        return max(spec.latency if stated is None else stated, _SHORTEST)


def _stated(table: Figures, region: str, isp: str) -> float | None:
    row = table.get(region, {})
    return row.get(isp, row.get(ANY))
