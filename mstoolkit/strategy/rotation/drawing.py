"""Draws by weight, for the rotations that leave it to chance."""

from __future__ import annotations

from collections.abc import Sequence

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation.base import C


def draw_by_weight(candidates: Sequence[C], draws: SplitMix64) -> C | None:
    """Return a candidate drawn with odds by weight, or None if none has any; takes one draw.

    Parameters
    ----------
    candidates : sequence of Candidate
        Sorted by index; those of weight 0 are never drawn.
    draws : SplitMix64
        Where the draw is taken from.
    """
    mark = draws.uniform() * sum([candidate.weight for candidate in candidates])
    last = None
    for candidate in candidates:
        if candidate.weight > 0:
            if mark < candidate.weight:
                return candidate
            mark -= candidate.weight
            last = candidate  # rounding may carry the mark past the end
    return last
