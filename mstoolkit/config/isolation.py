"""How unlike servers are told and isolated, and how servers come in: slow start and canaries."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Number, Share


class IsolationTime(Frozen):
    """For how long: ``base`` x m, at most ``longest``.

    m grows by one with each isolation and falls by one for each healthy ``base`` time after it,
    after Envoy, which counts its own intervals instead. The defaults are an assumption: Envoy's
    30 s and 300 s are meant for requests, and a path may see twenty messages an hour.
    """

    base: Duration = Field(300.0, gt=0)
    longest: Duration = Field(3600.0, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.longest < self.base:
            raise ValueError(
                f"longest: {self.longest:g} s is below base, {self.base:g} s; raise longest"
            )
        return self


class RobustSpec(IsolationTime):
    """Servers far below the median of their peers, in pools of any size.

    ``window`` is in outcomes, of which a server needs ``minimum`` to be judged. It is isolated if
    its success share is below that of the median server by more than ``gap``, than ``deviations``
    x 1.4826 x MAD and than ``certainty`` standard errors of the difference. Where there is no
    majority that is well, it is compared with its own past (``memory`` outcomes), which it may
    undercut by ``drop``, and with ``lowest``, the least that is acceptable by itself.

    ``deviations`` is Envoy's factor; ``certainty``, ``drop`` and ``lowest`` are assumptions, chosen
    by simulation (tests/unit/strategy/test_outliers.py).
    """

    kind: Literal["robust"] = "robust"
    window: Count = Field(200, ge=10)
    minimum: Count = Field(30, ge=1)
    deviations: Number = Field(1.9, ge=0)
    gap: Share = 0.01
    certainty: Number = Field(4.5, ge=0)
    memory: Count = Field(2000, ge=20)
    drop: Share = 0.15
    lowest: Share = 0.5

    @model_validator(mode="after")
    def _longer_memory(self) -> Self:
        if self.memory < 2 * self.window:
            raise ValueError(
                f"memory: {self.memory} is less than twice window, {self.window}, and is no past "
                f"to compare with; write at least {2 * self.window}"
            )
        return self


class EnvoySpec(IsolationTime):
    """Envoy's outlier detection with Envoy's defaults; times are per ``interval``.

    A server is isolated after ``failures`` in a row, or at the end of an interval if its success
    rate is below mean - ``deviations`` x standard deviation of the at least ``servers`` that had
    ``minimum`` outcomes in it, or, if ``failing`` is given, if that share or more of at least
    ``failing_minimum`` outcomes failed (Envoy: 0.85, off). At most ``most`` of the pool are
    isolated together, but always one with ``always_one``.

    With ``most`` = 0.1 a pool of fewer than ten servers isolates nobody, and one bad server of four
    or two of nine are never below the threshold, however bad they are. Prefer ``robust``.
    """

    kind: Literal["envoy"]
    interval: Duration = Field(10.0, gt=0)
    failures: Count = Field(5, ge=1)
    servers: Count = Field(5, ge=1)
    minimum: Count = Field(100, ge=1)
    deviations: Number = Field(1.9, ge=0)
    failing: Share | None = Field(None, gt=0)
    failing_minimum: Count = Field(50, ge=1)
    most: Share = 0.1
    always_one: bool = False
    base: Duration = Field(30.0, gt=0)
    longest: Duration = Field(300.0, gt=0)


class ConsecutiveSpec(IsolationTime):
    """``failures`` in a row, as Finagle's failure accrual; with ``required`` its success rate too.

    Then a server is also isolated if its success share, averaged over about ``window`` outcomes,
    is below ``required`` (Finagle: 0.8 over 30 s) and it has had more outcomes than that.
    """

    kind: Literal["consecutive"]
    failures: Count = Field(5, ge=1)
    required: Share | None = Field(None, gt=0)
    window: Count = Field(100, ge=1)
    base: Duration = Field(5.0, gt=0)
    longest: Duration = Field(300.0, gt=0)


OutlierSpec = Annotated[RobustSpec | EnvoySpec | ConsecutiveSpec, Field(discriminator="kind")]


class SlowStartSpec(Frozen):
    """What a server may carry after isolation, as a share that grows to 1 within ``window``.

    ``linear`` grows evenly from ``lowest``; ``envoy`` as (t / window)^(1 / ``aggression``), never
    below ``lowest``; ``haproxy`` in sixteenths from 1/16, without ``lowest``.
    """

    window: Duration = Field(600.0, gt=0)
    form: Literal["linear", "envoy", "haproxy"] = "linear"
    lowest: Share = Field(0.1, gt=0)
    aggression: Number = Field(1.0, gt=0)


class CanarySpec(Frozen):
    """How the share of a new server rises, and what turns it back.

    Each of ``steps`` (shares of all mail) lasts at least ``every`` and ``least`` outcomes on either
    side. The new server is worse if it is shown that its delivered share is more than ``tolerance``
    below the others', its deferred share more than ``deferrals`` above theirs, or its complaints
    more than the share ``complaints`` of what it delivered (0.001: the share below which Google
    and Yahoo ask senders to stay). Then it is out until an operator restarts it, or, if ``mild``,
    goes one step back. The steps and times are assumptions.
    """

    steps: tuple[Share, ...] = (0.01, 0.05, 0.25, 0.5, 1.0)
    every: Duration = Field(21600.0, gt=0)
    least: Count = Field(500, ge=50)  # fewer show nothing
    tolerance: Share = 0.02
    deferrals: Share = 0.05
    complaints: Share = 0.001
    mild: bool = False

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if list(steps) != sorted({0.0, *steps})[1:] or steps[-1:] != (1.0,):
            raise ValueError(
                f"must rise from above 0 to 1, as [0.01, 0.05, 0.25, 0.5, 1.0]; got {list(steps)}"
            )
        return steps
