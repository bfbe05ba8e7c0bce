"""Slow start: who comes back after a suspension gets its share step by step."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, pow
from typing import Any, ClassVar, Literal

from mstoolkit.strategy.weighting.base import Weighed, Weigher
from mstoolkit.strategy.weighting.cells import Cells

_SOONEST = 0.001  # s; Envoy's code counts time from 1 ms on, its documentation says 1 s


class SlowStart(Weigher):
    """A factor that grows to 1 within a window after re-entry; `began` says when that was.

    ``envoy``: max(min_weight, (t / window)^(1 / aggression)). ``haproxy``: sixteenths,
    floor((16 t + window) / window) / 16 (``server_recalc_eweight``).

    It lasts minutes; the warm-up of a new address takes weeks and is a matter of limits.

    Parameters
    ----------
    window : float, optional
        Time (s) until a path has its whole share; 10 minutes are an assumption.
    form : str, optional
        ``envoy`` or ``haproxy``.
    aggression : float, optional
        Envoy's: 1 grows evenly, more grows faster at first.
    min_weight : float, optional
        Envoy's: the factor to begin with, above 0 to 1; its default is 10 %.
    """

    timely: ClassVar[bool] = True

    def __init__(
        self,
        window: float = 600.0,
        form: Literal["envoy", "haproxy"] = "envoy",
        aggression: float = 1.0,
        min_weight: float = 0.1,
    ) -> None:
        self._window, self._form = window, form
        self._aggression, self._min_weight = aggression, min_weight
        self._since: Cells[float] = Cells(float, float)

    def began(self, path: Weighed, now: float) -> None:
        self._since.put(path, now)

    def factor(self, path: Weighed, now: float) -> float:
        since = self._since.group(path).get(path.index)
        elapsed = self._window if since is None else max(0.0, now - since)
        if elapsed >= self._window:
            return 1.0
        if self._form == "haproxy":
            return floor((16.0 * elapsed + self._window) / self._window) / 16.0
        share = max(elapsed, _SOONEST) / self._window
        return max(self._min_weight, pow(min(share, 1.0), 1.0 / self._aggression))

    def snapshot(self) -> dict[str, Any]:
        return self._since.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._since.restore(state)
