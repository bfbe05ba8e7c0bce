"""How a provider judges a sender: what counts against it, whose conduct counts, and how long.

A provider has one judge or several, each with an identity that it judges (a source IP, its network,
the sending domain) and a memory of its own kind. Several are combined.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Number, Share

Identity = Literal["ip", "network", "domain"]


class JudgeSpec(Frozen):
    """What all judges have: whom they judge, and their weight among several.

    ``of`` is the source IP, its network of ``prefix`` bits (an address that is only a name is its
    own network), or the sending domain, whatever the server.
    """

    of: Identity = "ip"
    weight: Number = Field(1.0, gt=0)
    prefix: Count = Field(24, ge=8, le=32)


class ExponentialSpec(JudgeSpec):
    """Good and bad decay with ``half_life``; ``prior`` good messages are given to begin with."""

    kind: Literal["exponential"]
    half_life: Duration = Field(gt=0)
    prior: Number = Field(gt=0)


class RspamdSpec(JudgeSpec):
    """Rspamd's reputation: an exponential mean of spam scores, weighted by the time between them.

    A message weighs ``1 - exp(-dt / window)``; nothing is said below ``minimum`` messages, and all
    is forgotten after ``expiry`` without mail. ``reject`` is the score that a bad message has.
    """

    kind: Literal["rspamd"]
    window: Duration = Field(30 * 86400.0, gt=0)
    expiry: Duration = Field(10 * 86400.0, gt=0)
    minimum: Count = Field(10, ge=0)
    reject: Number = Field(15.0, gt=0)


class TxRepSpec(JudgeSpec):
    """SpamAssassin's TxRep: the plain mean of spam scores, which moves a new message's score.

    ``factor`` of the way from a message's own score to the mean; ``spam`` is the score that is
    called spam, ``penalty`` that of a message which is reported. ``dilution`` below 1 lets new
    messages weigh more. Idle for ``expiry`` it begins anew.
    """

    kind: Literal["txrep"]
    factor: Share = 0.5
    dilution: Number = Field(1.0, gt=0, le=1)
    spam: Number = Field(5.0, gt=0)
    penalty: Number = Field(20.0, gt=0)
    expiry: Duration = Field(365 * 86400.0, gt=0)


AnyJudge = Annotated[ExponentialSpec | RspamdSpec | TxRepSpec, Field(discriminator="kind")]


class Reputation(Frozen):
    """How the provider judges who sends.

    Parameters
    ----------
    half_life, prior
        Of the judge of source IPs that there is where ``judges`` names none: good and bad signals
        decay with ``half_life``; ``prior`` is the weight (messages) of a good start.
    complaint, unknown, pushed, trap, recycled
        A complaint, an unknown user, a message pushed into a throttle, a hit of a pristine or of a
        recycled spam trap count as so many bad messages.
    read, deleted
        A message that is opened counts as so many good ones more, one that is deleted unread as so
        many bad ones.
    judges
        In place of the one; ``combine`` says how: the lowest opinion, the weighted geometric mean
        (``product``), or the weighted arithmetic ``mean``.
    """

    half_life: Duration = Field(gt=0)
    prior: Number = Field(gt=0)
    complaint: Number = Field(ge=0)
    unknown: Number = Field(ge=0)
    pushed: Number = Field(ge=0)
    trap: Number = Field(200.0, ge=0)
    recycled: Number = Field(20.0, ge=0)
    read: Number = Field(0.0, ge=0)
    deleted: Number = Field(0.0, ge=0)
    judges: tuple[AnyJudge, ...] = ()
    combine: Literal["lowest", "product", "mean"] = "lowest"
