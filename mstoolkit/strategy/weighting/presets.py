"""From a policy's weighers as a file names them to the weighers themselves, and their product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import assert_never

from mstoolkit.config import ConfigError, Server
from mstoolkit.config.explain import suggestion
from mstoolkit.config.weighting import (
    CapacityWeighing,
    CostWeighing,
    DeliveryRateWeighing,
    LatencyWeighing,
    OwnWeighing,
    QuotaLeftWeighing,
    RegionWeighing,
    ReputationWeighing,
    SlowStartWeighing,
    StaticWeighing,
    TableEntry,
    TableWeighing,
    WeigherSpec,
    parse_hours,
    zone_of,
)
from mstoolkit.strategy.weighting.base import Weighed, Weigher
from mstoolkit.strategy.weighting.capacity import Capacity
from mstoolkit.strategy.weighting.cost import Cost
from mstoolkit.strategy.weighting.delivery_rate import DeliveryRate
from mstoolkit.strategy.weighting.latency import Latency
from mstoolkit.strategy.weighting.quota_left import Left, QuotaLeft
from mstoolkit.strategy.weighting.region import Region
from mstoolkit.strategy.weighting.registry import own_weigher
from mstoolkit.strategy.weighting.reputation import Reputation
from mstoolkit.strategy.weighting.slow_start import SlowStart
from mstoolkit.strategy.weighting.static import Static
from mstoolkit.strategy.weighting.table import ANY, Entry, Table

_Learning = DeliveryRateWeighing | ReputationWeighing | LatencyWeighing
_HALF = log(2.0)


def weighers_of(
    specs: Sequence[WeigherSpec],
    epoch: float,
    servers: Mapping[str, Server],
    left: Left | None = None,
) -> tuple[Weigher, ...]:
    """Return new weighers for a pool.

    Parameters
    ----------
    specs : sequence of WeigherSpec
        As a strategy in a scenario names them.
    epoch : float
        Unix time (s since 1970) of scenario time 0; hours of the day follow it.
    servers : mapping of str to Server
        The pool, in its order of declaration.
    left : callable, optional
        ``left(path, now)`` tells the share, 0 to 1, that a path has left of its quota.

    Raises
    ------
    ConfigError
        If a table names a server that is not in the pool, a weigher of your own is not known or
        does not take its options, or quotas are asked for where nobody counts them.
    """
    made = []
    for number, spec in enumerate(specs):
        try:
            made.append(_weigher(spec, epoch, servers, left))
        except ConfigError as error:
            raise ConfigError(
                error.problem, key=f"weighting.{number}.{error.key}", remedy=error.remedy
            ) from error
    return tuple(made)


def weight(weighers: Sequence[Weigher], path: Weighed, now: float) -> float:
    """Return the weight of a path, the product of its factors.

    Parameters
    ----------
    weighers : sequence of Weigher
        Of one policy.
    path : Weighed
        Server, ISP and stream. A server whose weight in the file is 0 stays out.
    now : float
        Scenario time, s.

    Examples
    --------
    >>> from mstoolkit.testing.weigher import PlainPath
    >>> weight((Static(), Capacity()), PlainPath(spec=Server(weight=3, speed=20)), 0.0)
    60.0
    """
    product = 1.0 if path.spec.weight > 0 else 0.0
    for weigher in weighers:
        if not product:
            break
        product *= weigher.factor(path, now)
    return product


def weight_of(server: Server, weighers: Sequence[str]) -> float:
    """Return the weight of a server by weighers that look at the server alone.

    Parameters
    ----------
    server : Server
        The server as the scenario describes it.
    weighers : sequence of str
        Of ``static``, ``capacity`` and ``cost``.

    Examples
    --------
    >>> weight_of(Server(weight=3, speed=20), ["static", "capacity"])
    60.0
    """
    return weight([_PLAIN[name]() for name in weighers], _Alone(server), 0.0)


@dataclass(frozen=True, slots=True)
class _Alone:
    """A server seen without a path."""

    spec: Server
    number: int = 0
    index: int = 0
    isp_name: str = ""
    stream: str = ""


_PLAIN: Mapping[str, type[Weigher]] = {"static": Static, "capacity": Capacity, "cost": Cost}


def _weigher(
    spec: WeigherSpec, epoch: float, servers: Mapping[str, Server], left: Left | None
) -> Weigher:
    match spec:
        case StaticWeighing() | CapacityWeighing() | CostWeighing():
            return _PLAIN[spec.kind]()
        case DeliveryRateWeighing() | ReputationWeighing() | LatencyWeighing():
            return _learner(spec)
        case RegionWeighing():
            return Region(spec.prefer, spec.latency, servers.values())
        case QuotaLeftWeighing():
            return _quota_left(left)
        case SlowStartWeighing():
            return SlowStart(spec.window, spec.form, spec.aggression, spec.min_weight)
        case TableWeighing():
            names = list(servers)
            return Table(
                [_entry(entry, names, number) for number, entry in enumerate(spec.entries)], epoch
            )
        case OwnWeighing():
            return own_weigher(spec.name, spec.options)
        case _:
            assert_never(spec)


def _learner(spec: _Learning) -> Weigher:
    match spec:
        case DeliveryRateWeighing():
            return DeliveryRate(spec.half_life / _HALF, spec.prior, spec.strength)
        case ReputationWeighing():
            return Reputation(
                spec.half_life / _HALF,
                spec.floor,
                spec.alpha,
                spec.complaint_weight,
                spec.keep_warm,
                spec.prior,
                spec.strength,
            )
        case LatencyWeighing():
            return Latency(spec.decay_time, spec.lowest, spec.highest, spec.blackout, spec.expiry)
        case _:
            assert_never(spec)


def _quota_left(left: Left | None) -> Weigher:
    if left is None:
        raise ConfigError(
            "'quota-left' asks for quotas, and none are counted here",
            key="kind",
            remedy="leave it out",
        )
    return QuotaLeft(left)


def _entry(entry: TableEntry, names: Sequence[str], number: int) -> Entry:
    """Return a row by the numbers of its servers."""
    for name in entry.servers:
        if name != ANY and name not in names:
            raise ConfigError(
                f"there is no server {name!r}",
                key=f"entries.{number}.servers.{name}",
                remedy=suggestion(name, names),
            )
    return Entry(
        {names.index(name): factor for name, factor in entry.servers.items() if name != ANY},
        entry.servers.get(ANY),
        entry.isps,
        entry.streams,
        None if entry.hours is None else parse_hours(entry.hours),
        zone_of(entry.zone),
    )
