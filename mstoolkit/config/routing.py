"""Routes as a file names them: which servers carry which mail."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from mstoolkit.config.base import Frozen
from mstoolkit.config.failover import Exhausted


def _several(value: object) -> object:
    """Let one name stand for a list of one."""
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class RouteSpec(Frozen):
    """Mail that only certain servers carry; of several routes the first that fits is taken.

    A route fits mail whose ISP, stream, segment and campaign it names; what it leaves out fits all.
    ``exclusive`` servers carry nothing but what is routed to them. ``exhausted`` says what
    becomes of the mail while none of its servers can be used; the policy's failover does otherwise.
    """

    servers: Annotated[Names, Field(min_length=1)]
    isps: Names = ()
    streams: Names = ()
    segments: Names = ()
    campaigns: Names = ()
    exclusive: bool = False
    exhausted: Exhausted | None = None
