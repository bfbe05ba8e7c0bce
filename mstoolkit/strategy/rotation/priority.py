"""Priority: tiers of servers, and what makes mail spill from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any, ClassVar, Literal

from mstoolkit.strategy.rotation.base import C, Candidate, Rotation
from mstoolkit.strategy.rotation.smooth_weighted import SmoothWeighted

_TURNS = 100  # turns among tiers in a cycle: one for each per cent of the load
_STRIDE = 61  # coprime with 100 and near its golden section, so that turns are well mixed


class PriorityFailover(Rotation):
    """The lowest tier that has an eligible server carries all; smooth weighted inside the tier.

    `spill` says when a higher tier is used although a lower one is not quite out:

    - ``"never"``: it waits while the lowest tier is busy.
    - ``"busy"``: the lowest tier that has a ready server carries the message.

    Parameters
    ----------
    servers : int
        Number of servers in the pool.
    spill : {"never", "busy"}
        As above; `PriorityByHealth` has a third answer.
    """

    waits: ClassVar[bool] = True

    def __init__(self, servers: int, spill: Literal["never", "busy"] = "never") -> None:
        self._busy_spills = spill == "busy"
        self._inside = SmoothWeighted(servers)

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        among = ready if self._busy_spills else eligible
        tier = min([candidate.tier for candidate in among])
        return self._from(tier, ready, now)

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        members = [candidate for candidate in ready if candidate.tier == chosen.tier]
        return self._inside.commit(chosen, n, members, until)

    def _from(self, tier: int, ready: Sequence[C], now: float) -> C | None:
        members = [candidate for candidate in ready if candidate.tier == tier]
        return self._inside.choose(members, members, now) if members else None

    def snapshot(self) -> dict[str, Any]:
        return self._inside.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._inside.restore(state)


class PriorityByHealth(PriorityFailover):
    """Mail spills to the next tier as far as a tier's servers are out of use, as in Envoy.

    A tier's health is `factor` times the eligible part of its servers' weights, at most 100 %; what
    the first tier cannot carry goes to the second, and so on (`tier_loads`). With the factor 1.4 a
    tier carries all until less than 71.4 % of it is left, and one of half its weight still 70 %.

    Of each hundred messages every tier gets as many as its load has per cent, in a fixed and well
    mixed order of turns; a parcel takes as many turns as it has messages. If the tier whose turn it
    is is busy, a lower one takes the message, but never a higher one: then it waits, so that being
    busy does not spill. The weight of a server that is away is the last that was seen of it, or the
    mean of its tier's eligible ones if there is none.

    Parameters
    ----------
    tiers : sequence of int
        Tier of each server of the pool, in its order; 0 for one that takes no part, and is not
        missed while it is away.
    factor : float
        Envoy's overprovisioning factor.

    Notes
    -----
    Envoy, "Priority levels" (docs/root/intro/arch_overview/upstream/load_balancing/priority.rst),
    without its panic mode. Envoy counts hosts, unless told to weigh them.
    """

    def __init__(self, tiers: Sequence[int], factor: float = 1.4) -> None:
        super().__init__(len(tiers))  # where no tier has any health, the lowest carries all
        self._tiers = list(tiers)
        self._levels = sorted({tier for tier in tiers if tier})
        self._factor = factor
        self._turn = 0
        self._weights = [0.0] * len(tiers)

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        loads = self._loads(eligible)
        if not any(loads):
            return super().choose(eligible, ready, now)
        place, mark = 0, self._turn * _STRIDE % _TURNS
        while mark >= loads[place]:
            mark -= loads[place]
            place += 1
        while place >= 0:
            if loads[place]:
                chosen = self._from(self._levels[place], ready, now)
                if chosen is not None:
                    return chosen
            place -= 1
        return None

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._turn = (self._turn + n) % _TURNS
        for candidate in ready:
            self._weights[candidate.index] = candidate.weight
        return super().commit(chosen, n, ready, until)

    def _loads(self, eligible: Sequence[Candidate]) -> list[int]:
        """Return the load of each tier in per cent; all are 0 if none has a per cent of health."""
        healthy = [self._healthy(tier, eligible) for tier in self._levels]
        loads = tier_loads(healthy, self._factor)
        return [load if part else 0 for load, part in zip(loads, healthy, strict=True)]

    def _healthy(self, tier: int, eligible: Sequence[Candidate]) -> float:
        """Return which part of a tier's weight is eligible, in per cent."""
        present = {each.index: each.weight for each in eligible if each.tier == tier}
        if not present:
            return 0.0
        usable = sum(present.values())
        away = 0.0
        for index, at in enumerate(self._tiers):
            if at == tier and index not in present:
                away += self._weights[index] or usable / len(present)
        return 100.0 * usable / (usable + away)

    def snapshot(self) -> dict[str, Any]:
        return {**super().snapshot(), "turn": self._turn, "weights": list(self._weights)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._turn = int(state["turn"])
        self._weights = [float(weight) for weight in state["weights"]]


def tier_loads(healthy: Sequence[float], factor: float = 1.4) -> list[int]:
    """Return which part of the mail each tier carries, in whole per cent; they sum to 100.

    Parameters
    ----------
    healthy : sequence of float
        Which part of each tier may be used, in per cent, lowest tier first.
    factor : float
        Overprovisioning: so many times its healthy part a tier can carry.

    Notes
    -----
    health = min(100, floor(factor x healthy)); the load is health in proportion to the sum of all,
    or to 100 where they sum to more, handed out from the first tier on until nothing is left.
    Envoy's documentation rounds to the nearest; what that leaves over goes to the healthiest tier.
    If no tier has any health, the first one carries all.

    Examples
    --------
    >>> tier_loads([50, 60])
    [70, 30]
    """
    health = [min(100, floor(factor * part + 1e-9)) for part in healthy]
    total = min(100, sum(health))
    if not total:
        return [0 if place else 100 for place in range(len(health))]
    loads, left = [], 100
    for each in health:
        loads.append(min(left, round(each * 100 / total)))
        left -= loads[-1]
    loads[health.index(max(health))] += left
    return loads
