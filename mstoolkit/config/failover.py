"""What is left alone, as a file states it: when, for how long, and how it comes back."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Share


class Breaker(Frozen):
    """When something is left alone, for how long, and how it comes back.

    After ``failures`` in a row, or that many within ``window`` where one is given, it is suspended
    for ``base`` x 2^k, at most ``longest``; k falls by one for each clean ``base`` time after
    re-entry. With ``rate`` the number of failures does not matter but their share: that much or
    more of at least ``minimum`` results within ``window``, as in Polly's advanced breaker.

    Re-entry is a probe of ``probe`` messages. A probe that is neither answered nor lost within
    ``lease`` counts as unknown: another one goes. The default is how long a client waits for the
    answer to the final dot (RFC 5321, 4.5.3.2.6).
    """

    failures: Count = Field(3, ge=1)
    window: Duration | None = None
    rate: Share | None = Field(None, gt=0)
    minimum: Count = Field(100, ge=1)
    base: Duration = 60.0
    longest: Duration = 1800.0
    probe: Count = Field(3, ge=1)
    lease: Duration = Field(600.0, gt=0)

    @model_validator(mode="after")
    def _rate_of_a_time(self) -> Self:
        if self.rate is not None and not self.window:
            raise ValueError('window: a rate is one within a time; give window, as "30s"')
        return self


Exhausted = Literal["hold", "spill", "shed"]


class Failover(Frozen):
    """Breakers of a server (it cannot be reached) and of a path (the ISP tells us to slow down).

    ``exhausted`` says what becomes of mail while no server that it may use is usable: it waits
    (``hold``), goes by servers outside its route (``spill``), or is given up once that has lasted
    ``shed_after`` (``shed``). With ``panic`` servers that could merely not be reached are then
    probed that often, before their suspension is over; what an ISP or an operator has closed stays
    closed. ``pin`` keeps greylisted mail on its server as long as that can be used: another address
    would begin the wait anew.
    """

    server: Breaker = Breaker()
    path: Breaker = Breaker.model_construct(failures=5, window=60.0)
    exhausted: Exhausted = "hold"
    shed_after: Duration = 3600.0
    panic: Duration | None = Field(None, ge=1)
    pin: bool = True
