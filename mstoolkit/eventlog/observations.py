"""What follows delivered mail, in bulk: what was accepted goes out, observations come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from mstoolkit.model import Lot

Array = NDArray[Any]


@dataclass(frozen=True)
class Observations:
    """Many like observations at once: opens or clicks, as columns.

    ``lot`` is a number of a lot, ``server`` numbers ``servers``. ``first`` is -1 where ``n``
    messages are counted; ``token`` is that of the accepted attempt, -1 where several are counted
    together.
    """

    event: str
    category: str
    servers: tuple[str, ...]
    lot: Array
    server: Array
    at: Array
    first: Array
    n: Array
    token: Array
    decided_at: Array


@dataclass(frozen=True)
class Accepted:
    """Everything that was delivered in a run, as columns, for whoever knows what follows.

    ``lot`` numbers ``lots``, ``server`` numbers ``servers``. ``n`` of the ``whole`` messages of an
    attempt were accepted; the attempt's messages begin at ``first`` in their list, or are counted
    (-1).
    """

    lots: dict[int, Lot]
    servers: tuple[str, ...]
    lot: Array
    server: Array
    first: Array
    n: Array
    whole: Array
    token: Array
    decided_at: Array

    def only(self, mine: Array) -> Accepted:
        """Return some of it."""
        columns = {
            name: getattr(self, name)[mine]
            for name in ("lot", "server", "first", "n", "whole", "token", "decided_at")
        }
        return Accepted(self.lots, self.servers, **columns)


FollowUp = Callable[[Accepted], Sequence[Observations]]
