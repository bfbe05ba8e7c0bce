"""Limits as a file states them: rates, connections, and how they follow a provider's answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.quota import OwnMeterSpec, QuotaSpec, WindowSpec
from mstoolkit.config.units import Count, Duration, Number, Rate, Share


def _several(value: object) -> object:
    """Let one table stand for a list of one."""
    return (value,) if isinstance(value, dict) else value


Windows = Annotated[tuple[WindowSpec, ...], BeforeValidator(_several)]
Quotas = Annotated[tuple[QuotaSpec, ...], BeforeValidator(_several)]
OwnMeters = Annotated[tuple[OwnMeterSpec, ...], BeforeValidator(_several)]


class Allowance(Frozen):
    """Limits of something as a whole: a server, an ISP over all servers, or a stream.

    ``rate`` is in messages a second inside; ``burst`` is how many may leave at one instant;
    ``window`` counts within a time that moves along, ``quota`` by the calendar, ``own`` as your own
    limiter does. One table or a list of several; of all limits the lowest wins.
    """

    rate: Rate | None = None
    burst: Count = Field(1, ge=1)
    window: Windows = ()
    quota: Quotas = ()
    own: OwnMeters = ()
    connections: Count | None = Field(None, ge=1)


class Limits(Frozen):
    """Limits of one path (server x ISP); what is left out is inherited.

    ``rate`` is in messages a second inside; ``burst`` is how many may leave at one instant.
    ``connection_rate`` is how often a connection may be opened. A ``window`` counts messages within
    a time that moves along, a ``quota`` by the calendar; one table or a list of several.
    """

    rate: Rate | None = None
    burst: Count | None = Field(None, ge=1)
    connections: Count | None = Field(None, ge=1)
    messages_per_connection: Count | None = Field(None, ge=1)
    connection_rate: Rate | None = None
    window: Windows = ()
    quota: Quotas = ()
    own: OwnMeters = ()


class AimdSpec(Frozen):
    """Rates that fall by a factor at a throttle and grow by steps with accepted mail.

    A cut multiplies a path's rate by ``decrease``, down to ``lowest``. It grows by ``increase`` of
    the configured rate for as many accepted messages as the rate allows in ``every``, but not
    within ``hold`` after a cut.
    """

    kind: Literal["aimd"]
    lowest: Rate = 1.0 / 60.0
    decrease: Share = Field(0.5, gt=0, lt=1)
    increase: Share = Field(0.05, gt=0)
    every: Duration = Field(60.0, gt=0)
    hold: Duration = 0.0


class CubicSpec(Frozen):
    """Rates that fall by a factor at a throttle and are back where they were after ``plateau``.

    They do not grow within ``hold`` after a cut.
    """

    kind: Literal["cubic"]
    lowest: Rate = 1.0 / 60.0
    decrease: Share = Field(0.7, gt=0, lt=1)
    plateau: Duration = Field(1800.0, gt=0)
    hold: Duration = 0.0


AdaptSpec = Annotated[AimdSpec | CubicSpec, Field(discriminator="kind")]


class IspAllowance(Allowance):
    """What an ISP allows over all servers; with ``adapt`` the rate follows its answers.

    It is cut by replies that blame what all servers have in common, as the sending domain, so that
    another server does not dodge the limit. The rate given is then the highest.
    """

    adapt: AdaptSpec | None = None

    @model_validator(mode="after")
    def _has_a_rate(self) -> Self:
        if self.adapt is not None and self.rate is None:
            raise ValueError('adapt: there is no rate to adapt; give rate, as "600/min"')
        return self


class FeedbackSpec(Frozen):
    """Postfix's concurrency feedback: a path's connections grow and shrink with its answers.

    The window starts at ``initial`` and moves by one when the scores of successes (``positive``) or
    failed connections (``negative``), each ``amount`` or ``amount`` / N or / sqrt N, are whole. A
    path that fails for ``failed_cohorts`` windows in a row is suspended. The path's limit of
    connections bounds it.
    """

    initial: Count = Field(5, ge=1)
    positive: Literal["fixed", "1/N", "1/sqrtN"] = "fixed"
    negative: Literal["fixed", "1/N", "1/sqrtN"] = "fixed"
    amount: Number = Field(1.0, gt=0)
    failed_cohorts: Number = Field(1.0, gt=0)


class Pacing(Frozen):
    """Default limits of every path, before a server's or a server-and-ISP's own.

    ``servers`` limits each server as a whole, unless it has a ``total`` of its own. ``isps`` limits
    an ISP over all servers, as what it allows a sending domain, ``"*"`` each that is not named;
    ``streams`` a stream over all. Of each path's limits, and each ISP's as a whole, the share
    ``reserve`` is kept for transactional mail.

    ``adapt`` lets the rate of each path follow the provider's answers, at most up to its limit;
    ``feedback`` does so with its connections.
    """

    rate: Rate = 10.0
    burst: Count = Field(10, ge=1)
    connections: Count = Field(5, ge=1)
    messages_per_connection: Count = Field(50, ge=1)
    connection_rate: Rate | None = None
    window: Windows = ()
    quota: Quotas = ()
    own: OwnMeters = ()
    servers: Allowance | None = None
    isps: dict[str, IspAllowance] = {}
    streams: dict[str, Allowance] = {}
    reserve: Share = Field(0.0, lt=1)
    adapt: AdaptSpec | None = None
    feedback: FeedbackSpec | None = None
