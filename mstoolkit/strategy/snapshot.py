"""A dispatcher's whole state as JSON-able values, and back.

A restored dispatcher decides as the original would have, to the byte: queues in their order, open
attempts, slots, pacing, breakers, timers, rotations and the state of every random stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mstoolkit.model import Lot, Parcel, Send
from mstoolkit.strategy.mail_queue import Pile
from mstoolkit.strategy.path import IspState, Path, ServerState
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.rotation import Crowd
from mstoolkit.strategy.route import Route, RouteKey

State = Mapping[str, Any]
VERSION = 4  # to be raised with every change of what is kept
_PATH = (
    "connecting", "paced", "pace_timer", "last_used", "width", "width_timer",
    "began_at", "ease_at", "ramp", "ramp_cap", "wish", "leased", "overdue", "reason",
    "rate_cap", "rate_cap_until", "width_cap", "width_cap_until", "heir", "heir_until",
)  # fmt: skip


def pool_state(pool: Pool) -> dict[str, Any]:
    """Return the state of servers, ISPs, routes and paths."""
    return {
        "servers": [
            {
                "in_use": s.in_use,
                "drained": s.drained,
                "breaker": s.breaker.snapshot(),
                "reason": s.reason,
                "resting_until": s.resting_until,
            }
            for s in pool.servers
        ],
        "routes": [_route(route) for route in pool.routes],
        "rotations": [rotation.snapshot() for rotation in _rotations(pool)],
        "paths": [path_state(path) for path in pool.paths],
        "gates": pool.fence.gates.snapshot(),
        "isps": {isp.name: _isp(isp) for isp in pool.isps.values()},
        "scales": pool.scales.snapshot(),
    }


def restore_pool(pool: Pool, state: State, lots: Mapping[int, Lot]) -> None:
    """Bring a fresh pool into a state that `pool_state` returned."""
    for row in state["paths"]:
        restore_path(pool.path(row["server"], row["isp"]), row)
    for row in state["routes"]:
        route = pool.route(RouteKey(*row["key"]))
        _restore_route(route, row, lots)
    for rotation, row in zip(_rotations(pool), state["rotations"], strict=True):
        rotation.restore(row)
    for server, row in zip(pool.servers, state["servers"], strict=True):
        _restore_server(server, row)
    pool.fence.gates.restore(state["gates"])
    for name, row in state["isps"].items():
        _restore_isp(pool.isp(name), row)
    pool.scales.restore(state["scales"])
    for route, row in zip(pool.routes, state["routes"], strict=True):
        for choice, weight in zip(route.choices, row["weights"], strict=True):
            choice.weight = weight
    _settle(pool, state)


def _settle(pool: Pool, state: State) -> None:
    """Bring up to date what follows from the state; nothing waits for a decision."""
    for path in pool.paths:
        pool.recheck(path)
    for route, row in zip(pool.routes, state["routes"], strict=True):
        route.empty_since, route.panicking = row["empty_since"], row["panicking"]
        route.dirty = False
        if isinstance(route.ready, Crowd):
            route.ready.weigh()
    pool.dirty.clear()


def parcel_state(parcel: Parcel) -> list[Any]:
    """Return a parcel with its lot's number."""
    return [
        parcel.lot.id, parcel.first, parcel.n, parcel.attempt, parcel.born, parcel.parent,
        parcel.cause,
    ]  # fmt: skip


def parcel_from(row: list[Any], lots: Mapping[int, Lot]) -> Parcel:
    """Return the parcel that `parcel_state` took down."""
    lot, *rest = row
    return Parcel(lots[lot], *rest)


def send_state(send: Send) -> dict[str, Any]:
    """Return an attempt."""
    return {
        "token": send.token, "server": send.server, "isp": send.isp,
        "parcel": parcel_state(send.parcel), "connection": send.connection,
        "fresh": send.fresh, "slots": send.slots, "span": send.span,
    }  # fmt: skip


def send_from(row: State, lots: Mapping[int, Lot]) -> Send:
    """Return the attempt that `send_state` took down."""
    return Send(**{**row, "parcel": parcel_from(row["parcel"], lots)})


def lot_state(lot: Lot) -> dict[str, Any]:
    """Return a lot."""
    return asdict(lot)


def _rotations(pool: Pool) -> list[Any]:
    return [pool.shared] if pool.shared else [route.rotation for route in pool.routes]


def _route(route: Route) -> dict[str, Any]:
    return {
        "key": list(route.key),
        "served": route.served,
        "empty_since": route.empty_since,
        "panicking": route.panicking,
        "queue": [
            [lane, due, [p.lot.id, p.first, p.n, p.attempt, p.born, p.parent, p.cause]]
            for lane, due, p in route.lanes.piles()
        ],
        "order": route.queue.snapshot(),
        "weights": [choice.weight for choice in route.choices],
    }


def _restore_route(route: Route, row: State, lots: Mapping[int, Lot]) -> None:
    route.lanes.refill([(lane, due, _pile(pile, lots)) for lane, due, pile in row["queue"]])
    if route.homes is not None:
        homes = {choice.index: choice for choice in route.choices}
        route.homes.restore(row["order"], lots, homes)
    else:
        route.lanes.restore(row["order"])
    route.served = row["served"]


def _isp(isp: IspState) -> dict[str, Any]:
    return {
        "adaptive": isp.adaptive.snapshot() if isp.adaptive else None,
        "breaker": isp.breaker.snapshot(),
        "outliers": isp.outliers.snapshot() if isp.outliers else None,
    }


def _restore_isp(isp: IspState, row: State) -> None:
    isp.breaker.restore(row["breaker"])
    if isp.adaptive:
        isp.adaptive.restore(row["adaptive"])
    if isp.outliers:
        isp.outliers.restore(row["outliers"])


def _pile(row: list[Any], lots: Mapping[int, Lot]) -> Pile:
    lot, *rest = row
    return Pile(lots[lot], *rest)


def path_state(path: Path) -> dict[str, Any]:
    """Return the state of a path."""
    return {
        "server": path.server.name,
        "isp": path.isp.name,
        "tat": path.gcra.tat,
        "full_at": path.gcra.full_at,
        "dial": [path.dial.tat, path.dial.full_at] if path.dial else None,
        "idle": list(path.idle),
        "used": list(path.used),
        "breaker": path.breaker.snapshot(),
        "adaptive": path.adaptive.snapshot() if path.adaptive else None,
        "feedback": path.feedback.snapshot() if path.feedback else None,
        "isolation": path.isolation.snapshot() if path.isolation else None,
        **{name: getattr(path, name) for name in _PATH},
    }


def restore_path(path: Path, row: State) -> None:
    """Bring a path into a state that `path_state` returned."""
    for name in _PATH:
        setattr(path, name, row[name])
    if path.adaptive:
        path.adaptive.restore(row["adaptive"])
    if path.feedback:
        path.feedback.restore(row["feedback"])
    if path.isolation:
        path.isolation.restore(row["isolation"])
    path.retune(0.0)
    path.gcra.tat = row["tat"]
    path.gcra.full_at = row["full_at"]
    if path.dial:
        path.dial.tat, path.dial.full_at = row["dial"]
    path.idle[:] = row["idle"]
    path.used[:] = row["used"]
    path.breaker.restore(row["breaker"])


def _restore_server(server: ServerState, row: State) -> None:
    server.in_use = row["in_use"]
    server.drained = row["drained"]
    server.reason = row["reason"]
    server.resting_until = row["resting_until"]
    server.breaker.restore(row["breaker"])
