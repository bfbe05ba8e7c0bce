"""Several limits at once: the lowest wins, and a message is charged to all of them or to none."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mstoolkit.config.quota import OwnMeterSpec, QuotaSpec, WindowSpec
from mstoolkit.strategy.pacing.meter import Meter
from mstoolkit.strategy.pacing.metered import Metered
from mstoolkit.strategy.pacing.quota import CalendarQuota
from mstoolkit.strategy.pacing.registry import own_meter
from mstoolkit.strategy.pacing.sliding import SlidingWindow


class Together(Meter):
    """Meters that all have to agree.

    The one with the smallest budget is asked first, so that most refusals cost one question. A
    parcel leaves over the longest span that one of them asks for, and all are charged for that.

    Parameters
    ----------
    meters : sequence of Meter
        At least one.

    Examples
    --------
    >>> both = Together([Metered(rate=1.0, burst=10), SlidingWindow(15, 60.0)])
    >>> both.room(0.0, most=500), both.commit(15, 0.0)
    (15, 5.0)
    >>> both.ready_at(5.0)  # the window counts all of them from when the last one left
    65.0
    """

    def __init__(self, meters: Sequence[Meter]) -> None:
        self.meters = tuple(meters)
        self._asked = sorted(self.meters, key=lambda meter: meter.room(0.0, sys.maxsize))

    def ready_at(self, now: float) -> float:
        ready = now
        while True:
            later = max(meter.ready_at(ready) for meter in self._asked)
            if later <= ready:
                return ready
            ready = later

    def room(self, now: float, most: int) -> int:
        for meter in self._asked:
            most = meter.room(now, most)
            if not most:
                break
        return most

    def leaves(self, n: int, now: float) -> float:
        return max(meter.leaves(n, now) for meter in self._asked)

    def commit(self, n: int, now: float, span: float = 0.0) -> float:
        """Take `n` messages from all; see `Meter.commit`.

        Raises
        ------
        ValueError
            If one of them has no room for so many; then none is charged.
        """
        if self.room(now, n) < n:
            raise ValueError(f"there is no room for {n} messages at {now}")
        span = max(span, self.leaves(n, now) - now)
        for meter in self.meters:
            meter.commit(n, now, span)
        return span

    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        for meter in self.meters:
            meter.refund(n, charged_at, span)

    def snapshot(self) -> dict[str, Any]:
        return {"meters": [meter.snapshot() for meter in self.meters]}

    def restore(self, state: Mapping[str, Any]) -> None:
        for meter, own in zip(self.meters, state["meters"], strict=True):
            meter.restore(own)


def inherit(meter: Meter, old: Meter, now: float) -> None:
    """Let a meter go on where another one of its kind was; its limit is its own.

    Of several meters each goes on from the first of its kind that is left, and of its
    period if there is one. What has none begins anew.

    Parameters
    ----------
    meter : Meter
        Fresh.
    old : Meter
        What it replaces.
    now : float
        Scenario time, s.

    Examples
    --------
    >>> old, new = SlidingWindow(15, 60.0), Together([Metered(1.0, 10), SlidingWindow(20, 60.0)])
    >>> old.commit(15, 0.0), inherit(new, old, now=1.0)
    (0.0, None)
    >>> new.room(1.0, most=500)
    5
    """
    left = list(_parts(old))
    for part in _parts(meter):
        alike = [other for other in left if type(other) is type(part)]
        alike.sort(key=lambda other: other.period != part.period)
        if alike:
            left.remove(alike[0])
            _go_on(part, alike[0], now)


def _parts(meter: Meter) -> Sequence[Meter]:
    return meter.meters if isinstance(meter, Together) else (meter,)


def _go_on(meter: Meter, old: Meter, now: float) -> None:
    rate = meter.rate if isinstance(meter, Metered) else 0.0
    meter.restore(old.snapshot())
    if isinstance(meter, Metered):
        meter.retune(rate, now)


def meter_of(
    rate: float | None,
    burst: int,
    windows: Sequence[WindowSpec],
    quotas: Sequence[QuotaSpec],
    epoch: float,
    own: Sequence[OwnMeterSpec] = (),
) -> Meter | None:
    """Return what keeps all of these limits, or None if there are none.

    Parameters
    ----------
    rate : float or None
        Messages a second; None for no limit of this kind.
    burst : int
        Messages that may leave at one instant, at least 1.
    windows : sequence of WindowSpec
        Limits within a moving time.
    quotas : sequence of QuotaSpec
        Limits by the calendar.
    epoch : float
        Unix time (s) of scenario time 0.
    own : sequence of OwnMeterSpec, optional
        Limiters that were registered.

    Raises
    ------
    ConfigError
        If one of `own` was not registered.

    Examples
    --------
    >>> meter = meter_of(10.0, 10, [WindowSpec(n=500, within=600.0)], [], epoch=0.0)
    >>> meter.room(0.0, most=10_000)
    500
    """
    meters: list[Meter] = [] if rate is None else [Metered(rate, burst)]
    meters += [SlidingWindow(spec.n, spec.within) for spec in windows]
    meters += [
        CalendarQuota(spec.n, spec.per, spec.at, spec.zone, epoch, spec.spread) for spec in quotas
    ]
    meters += [own_meter(spec.name, spec.options) for spec in own]
    if len(meters) > 1:
        return Together(meters)
    return meters[0] if meters else None
