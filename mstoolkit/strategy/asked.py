"""Which shares of the mail a rotation is after, in the long run and if no limit held anyone."""

from __future__ import annotations

from collections.abc import Sequence

from mstoolkit.strategy.rotation import (
    BatchRotation,
    BoundedSticky,
    IntervalRotation,
    LeastLoaded,
    PowerOfTwo,
    PriorityFailover,
    Rotation,
    RoundRobin,
    ThompsonSampling,
)
from mstoolkit.strategy.route import Choice


def shares_asked(choices: Sequence[Choice], rotation: Rotation, now: float) -> dict[int, float]:
    """Return the share asked of each of a route's own servers, by number; they sum to 1.

    All count that have a weight, whether they can be used now or not: what is taken from the share
    of a suspended server is a difference from what was asked.

    Parameters
    ----------
    choices : sequence of Choice
        The route's, sorted by index.
    rotation : Rotation
        Turns and batches ask for equal shares, an interval gives all to one server at a time,
        priority all to the first tier, by weight; what goes by load or by what it learns asks for
        no shares: then nothing is returned. All others go by weight.
    now : float
        Scenario time, s.
    """
    own = [choice for choice in choices if choice.home and choice.weight > 0]
    match rotation:
        case LeastLoaded() | PowerOfTwo() | ThompsonSampling() | BoundedSticky():
            return {}
        case RoundRobin() | BatchRotation():
            return {choice.index: 1.0 / len(own) for choice in own}
        case IntervalRotation():
            chosen = rotation.choose(own, own, now) if own else None
            return {choice.index: float(choice is chosen) for choice in own}
        case PriorityFailover():
            tier = min((choice.tier for choice in own), default=0)
            return _by_weight(own, [choice for choice in own if choice.tier == tier])
        case _:
            return _by_weight(own, own)


def _by_weight(own: Sequence[Choice], among: Sequence[Choice]) -> dict[int, float]:
    whole = sum(choice.weight for choice in among)
    return {choice.index: choice.weight / whole if choice in among else 0.0 for choice in own}
