"""A sending policy as a file states it: rotation, weighting, limits, failover and retry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mstoolkit.config.base import Frozen
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.retry import Retry as Retry
from mstoolkit.config.rules import Rule, load_rules
from mstoolkit.config.units import Count, Duration, Number, Rate, Share


class RoundRobinSpec(Frozen):
    """Each server in turn."""

    kind: Literal["round-robin"]


class BatchSpec(Frozen):
    """Stay on a server for ``size`` messages, then take the next one."""

    kind: Literal["batch"]
    size: Count = Field(500, ge=1)


class IntervalSpec(Frozen):
    """Stay on a server for a time, then take the next one."""

    kind: Literal["interval"]
    every: Duration = Field(600.0, gt=0)


class SmoothWeightedSpec(Frozen):
    """nginx's smooth weighted round robin."""

    kind: Literal["smooth-weighted"]


class LeastLoadedSpec(Frozen):
    """The server with the fewest messages in flight for its weight."""

    kind: Literal["least-loaded"]


class PrioritySpec(Frozen):
    """The lowest tier that has an eligible server; smooth weighted inside the tier."""

    kind: Literal["priority"]


class InterleavedSpec(Frozen):
    """Interleaved weighted round robin as in Linux Virtual Server; ``start`` as there or KumoMTA's.

    KumoMTA gives one message to each server but the first before the first cycle begins.
    """

    kind: Literal["interleaved"]
    start: Literal["lvs", "kumomta"] = "lvs"


class StrideSpec(Frozen):
    """gRPC's static stride scheduler: weights kept with a single counter."""

    kind: Literal["stride"]


class RandomSpec(Frozen):
    """A server drawn by weight."""

    kind: Literal["random"]


class PowerOfTwoSpec(Frozen):
    """Of two servers drawn by weight the one with fewer messages in flight for its weight."""

    kind: Literal["power-of-two"]


class DeficitSpec(Frozen):
    """Deficit round robin: ``quantum`` x weight messages a turn, whatever the size of parcels."""

    kind: Literal["deficit"]
    quantum: Number = Field(1.0, gt=0)


class OwnSpec(Frozen):
    """A rotation of your own, registered in Python under ``name``; ``options`` are handed to it."""

    kind: Literal["own"]
    name: str = Field(min_length=1)
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)


RotationSpec = Annotated[
    RoundRobinSpec
    | BatchSpec
    | IntervalSpec
    | SmoothWeightedSpec
    | LeastLoadedSpec
    | PrioritySpec
    | InterleavedSpec
    | StrideSpec
    | RandomSpec
    | PowerOfTwoSpec
    | DeficitSpec
    | OwnSpec,
    Field(discriminator="kind"),
]

Weigher = Literal["static", "capacity", "cost"]


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


class Breaker(Frozen):
    """When something is left alone, for how long, and how it comes back.

    After ``failures`` in a row, or that many within ``window`` where one is given, it is suspended
    for ``base`` x 2^k, at most ``longest``; k falls by one for each clean ``base`` time after
    re-entry. Re-entry is a probe of ``probe`` messages.
    """

    failures: Count = Field(3, ge=1)
    window: Duration | None = None
    base: Duration = 60.0
    longest: Duration = 1800.0
    probe: Count = Field(3, ge=1)


class Failover(Frozen):
    """Breakers of a server (it cannot be reached) and of a path (the ISP tells us to slow down)."""

    server: Breaker = Breaker()
    path: Breaker = Breaker.model_construct(failures=5, window=60.0)


def _rules(given: object) -> object:
    """Replace the names of shipped rule sets, and paths of rule files, by their rules."""
    if isinstance(given, str):
        given = (given,)
    if not isinstance(given, list | tuple):
        return given
    out: list[object] = []
    for each in given:
        if not isinstance(each, str):
            out.append(each)
            continue
        try:
            out += load_rules(each).rules
        except ConfigError as error:
            raise ValueError(str(error)) from None
    return out


def _carried_out(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Refuse what the sender cannot do, rather than pass over it."""
    seen: set[str] = set()
    for rule in rules:
        if rule.action.kind in {"bounce", "move"} or rule.scope == "campaign":
            what = "campaign" if rule.scope == "campaign" else rule.action.kind
            raise ValueError(
                f"rule {rule.name!r} asks for {what!r}, which is not carried out yet; use suspend, "
                f"set-rate or set-connections for a path, a server or an ISP"
            )
        if rule.name in seen:
            raise ValueError(f"there are two rules {rule.name!r}; rename one")
        seen.add(rule.name)
    return rules


class Policy(Frozen):
    """One strategy: every part is named and replaceable.

    ``rules`` names shipped sets of reply rules (``"gmail"``, or ``"default"`` for all of them) or
    files of your own; a log keeps the rules themselves.
    """

    rotation: RotationSpec
    weighting: tuple[Weigher, ...] = ("static",)
    pacing: Pacing = Pacing()
    failover: Failover = Failover()
    retry: Retry = Retry()
    rules: Annotated[tuple[Rule, ...], BeforeValidator(_rules), AfterValidator(_carried_out)] = ()
