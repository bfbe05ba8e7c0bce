"""What goes next to an ISP, as a file states it: streams, campaigns, segments, retries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Number

REST = "*"


def _ranking(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a ranking that leaves mail without a place, or gives it two."""
    if REST not in names:
        raise ValueError(
            f'does not say where the rest goes; add "{REST}" for all that is not named'
        )
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"names {name!r} twice; name it once")
    return names


Ranking = Annotated[tuple[str, ...], AfterValidator(_ranking)]
Weight = Annotated[Number, Field(ge=0.001, le=1000)]


class Ordering(Frozen):
    """What goes next of the mail that waits for an ISP. The first difference decides.

    ``streams``: each before those named after it, strictly; ``"*"`` is all that is not named.
    ``campaigns``: ``"first"``, as they come; ``"fair"``, in turns (deficit round robin, in
    messages), so that a large campaign does not hold up a small one. ``weights`` are shares of
    the turns: 2 sends twice as much as 1, the default of campaigns that are not named.
    ``segments``: within a campaign, as streams are named, as ``["active", "*"]``; with
    ``campaigns = "first"`` within a stream.
    ``retries``: ``"first"``, before fresh mail; ``"last"``, after it; ``"by-age"``, among it, all
    by the time at which it was first enqueued.

    What is alike in all this goes in the order in which it arrives or falls due.

    Examples
    --------
    >>> Ordering(segments=("active", "*"), campaigns="fair", weights={"spring": 2}).streams
    ('transactional', '*')
    """

    streams: Ranking = ("transactional", REST)
    campaigns: Literal["fair", "first"] = "first"
    segments: Ranking = (REST,)
    retries: Literal["first", "last", "by-age"] = "first"
    weights: dict[str, Weight] = {}

    @model_validator(mode="after")
    def _weights_count(self) -> Ordering:
        if self.weights and self.campaigns != "fair":
            raise ValueError(
                'weights: count only where campaigns take turns; add campaigns = "fair", '
                "or remove them"
            )
        return self
