"""What each recipient is and does: uniform and normal draws keyed by seed, purpose, recipient, attempt.

Two strategies ask in different orders and still meet the same audience. Known messages (a range of
a list) look their own draws up; counted ones draw afresh, keyed by the parcel.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mstoolkit.config import Scenario
from mstoolkit.config.mailing import Mailing
from mstoolkit.model import Parcel, stream_key

Floats = NDArray[np.float64]
Purpose = Literal["address", "reply", "tail", "open", "delay", "machine", "service"]
_NORMAL = frozenset({"delay", "service"})


class Draws:
    """Draws of a scenario's audience.

    Parameters
    ----------
    scenario : Scenario
        Whose lists and sizes.
    seed : int
        Same seed, same audience, whatever the strategy.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._seed = seed
        self._sizes = Mailing(scenario).sizes
        self._arrays: dict[tuple[Purpose, str, int], Floats] = {}
        self._values: dict[tuple[Purpose, str, int], list[float]] = {}

    def array(self, purpose: Purpose, name: str, attempt: int = 0) -> Floats:
        """Return the draws of a whole list, by position: uniform in [0, 1), or standard normal."""
        key = (purpose, name, attempt)
        known = self._arrays.get(key)
        if known is None:
            rng = np.random.default_rng(stream_key(self._seed, *key))
            size = self._sizes[name]
            known = rng.standard_normal(size) if purpose in _NORMAL else rng.random(size)
            self._arrays[key] = known
        return known

    def values(self, purpose: Purpose, name: str, attempt: int = 0) -> list[float]:
        """Return the same as plain floats, which single messages read much faster."""
        key = (purpose, name, attempt)
        known = self._values.get(key)
        if known is None:
            known = self._values[key] = self.array(purpose, name, attempt).tolist()
        return known

    def of(self, purpose: Purpose, parcel: Parcel, attempt: int = 0) -> Floats:
        """Return the draws of a parcel's messages."""
        if parcel.first >= 0:
            array = self.array(purpose, parcel.lot.list, attempt)
            return array[parcel.first : parcel.first + parcel.n]
        key = (self._seed, purpose, parcel.lot.id, parcel.attempt, parcel.parent, parcel.n)
        rng = np.random.default_rng(stream_key(*key))
        return rng.standard_normal(parcel.n) if purpose in _NORMAL else rng.random(parcel.n)
