"""Limits as a file states them: rates, connections, and how they follow a provider's answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Number, Rate, Share


class Limits(Frozen):
    """Limits of one path (server x ISP); what is left out is inherited.

    ``rate`` is in messages a second inside; ``burst`` is how many may leave at one instant.
    """

    rate: Rate | None = None
    burst: Count | None = Field(None, ge=1)
    connections: Count | None = Field(None, ge=1)
    messages_per_connection: Count | None = Field(None, ge=1)


class AimdSpec(Frozen):
    """Rates that fall by a factor at a throttle and grow by steps with accepted mail.

    A cut multiplies a path's rate by ``decrease``, down to ``lowest``. It grows by ``increase`` of
    the configured rate for as many accepted messages as the rate allows in ``every``.
    """

    kind: Literal["aimd"]
    lowest: Rate = 1.0 / 60.0
    decrease: Share = Field(0.5, gt=0, lt=1)
    increase: Share = Field(0.05, gt=0)
    every: Duration = Field(60.0, gt=0)


class CubicSpec(Frozen):
    """Rates that fall by a factor at a throttle and are back where they were after ``plateau``."""

    kind: Literal["cubic"]
    lowest: Rate = 1.0 / 60.0
    decrease: Share = Field(0.7, gt=0, lt=1)
    plateau: Duration = Field(1800.0, gt=0)


AdaptSpec = Annotated[AimdSpec | CubicSpec, Field(discriminator="kind")]


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

    ``adapt`` lets the rate of each path follow the provider's answers, at most up to its limit;
    ``feedback`` does so with its connections.
    """

    rate: Rate = 10.0
    burst: Count = Field(10, ge=1)
    connections: Count = Field(5, ge=1)
    messages_per_connection: Count = Field(50, ge=1)
    adapt: AdaptSpec | None = None
    feedback: FeedbackSpec | None = None
