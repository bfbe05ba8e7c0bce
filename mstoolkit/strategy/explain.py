"""Why this server and not that one: what a route could use now, and what stands against the rest.

A block keeps a server *out* (it is not eligible), lets it *wait* (it is eligible, but cannot send
now), or makes it *slow*. The law, which tests hold: a server is eligible unless something keeps it
out, and ready unless something keeps it out or lets it wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from mstoolkit.model import SplitMix64
from mstoolkit.strategy.asked import shares_asked
from mstoolkit.strategy.failover import Breaker, Canary
from mstoolkit.strategy.gates import Gate
from mstoolkit.strategy.path import Path, ServerState
from mstoolkit.strategy.pool import Pool
from mstoolkit.strategy.rotation import Rotation
from mstoolkit.strategy.route import Choice, Route, RouteKey

Effect = Literal["out", "wait", "slow"]
_Ends = dict[tuple[str, int | str], float]
_SERVER_NUMBERS = frozenset({"last", "index", "current"})  # what these hold in a rotation's state


class Block(NamedTuple):
    """Something that stands against a server at this moment.

    Parameters
    ----------
    reason : str
        What it is; without figures, so that equal reasons can be counted.
    until : float or None
        Scenario time (s) of its end, as far as is known.
    hard : bool
        Whether it holds in any case: merely not having been reached is soft, and a policy that
        panics tries such servers early.
    effect : {"out", "wait", "slow"}
        What it does.
    """

    reason: str
    until: float | None = None
    hard: bool = True
    effect: Effect = "out"


class Standing(NamedTuple):
    """How a server stands in a route at this moment.

    Parameters
    ----------
    server, isp : str
        The path.
    stream : str
        Stream of the route, empty where streams are not told apart.
    rule : int
        Number of the policy's route, or -1.
    pin : str
        Server that the route's mail waits for, or empty.
    weight : float
        Its present weight.
    asked : float
        Its weight over the weights of all that are eligible; 0 if it is not.
    eligible, ready : bool
        Whether it may be used, and whether it could send at once.
    home : bool
        Whether it is one of the route's own; others are used only when it spills.
    next : bool
        Whether the rotation would choose it for the next message.
    in_flight : int
        Connections that are under way: with single messages, messages.
    free : int
        Connections that could still be taken, pacing aside.
    score : tuple of (str, float)
        What the rotation keeps of it, by name.
    blocks : tuple of Block
        What stands against it; empty if nothing does.
    """

    server: str
    isp: str
    stream: str
    rule: int
    pin: str
    weight: float
    asked: float
    eligible: bool
    ready: bool
    home: bool
    next: bool
    in_flight: int
    free: int
    score: tuple[tuple[str, float], ...]
    blocks: tuple[Block, ...]


class Situation(NamedTuple):
    """A route at this moment.

    Parameters
    ----------
    key : RouteKey
        The route.
    waiting, later : int
        Messages that could go now, and those that are due later.
    spilling : bool
        Whether none of its own servers can be used, so that it takes others.
    keyed : bool
        Whether each message has a server of its own; then there is no common next one.
    awaits : str
        The server that the rotation waits for although others could send, or empty.
    rotation : dict of str to Any
        The rotation's state as far as it is of no one server; ``draw`` is its next uniform number.
    shares : dict of str to float
        Shares of the mail that the rotation is after, by server, whether it can be used now or not;
        empty where it goes by load.
    standings : tuple of Standing
        One for each server of the pool, in its order.
    """

    key: RouteKey
    waiting: int
    later: int
    spilling: bool
    keyed: bool
    awaits: str
    rotation: dict[str, Any]
    shares: dict[str, float]
    standings: tuple[Standing, ...]


def situations(pool: Pool, now: float, isp: str | None = None) -> list[Situation]:
    """Return how things stand in each route; changes nothing.

    Parameters
    ----------
    pool : Pool
        Its state is that after the last event, or amid a decision.
    now : float
        Scenario time (s); nothing may have been due since the last event.
    isp : str, optional
        Only routes to this ISP.
    """
    routes = [route for route in pool.routes if isp is None or route.isp.name == isp]
    ends = _ends(pool)
    return [_situation(pool, route, now, ends) for route in routes]


def standings(pool: Pool, now: float, isp: str | None = None) -> list[Standing]:
    """Return how each server stands in each route; see `situations`."""
    return [row for situation in situations(pool, now, isp) for row in situation.standings]


def situation_of(pool: Pool, key: RouteKey, now: float) -> Situation:
    """Return how things stand in one route.

    Raises
    ------
    KeyError
        If no mail has taken it yet.
    """
    for route in pool.routes:
        if route.key == key:
            return _situation(pool, route, now, _ends(pool))
    raise KeyError(key)


def _ends(pool: Pool) -> _Ends:
    """Return when (s) paths may go on whose pace, or pace of new connections, is spent."""
    ends: _Ends = {}
    for due, _, kind, argument in pool.timers.snapshot():
        if kind in ("pace", "dial"):
            ends.setdefault((kind, argument), due)
    return ends


def _situation(pool: Pool, route: Route, now: float, ends: _Ends) -> Situation:
    names = [server.name for server in pool.servers]
    scores, rest = _kept(route.rotation, names)
    keyed = route.homes is not None
    chosen = awaited = None
    if route.ready and not route.held and not keyed:
        chosen = route.rotation.choose(route.eligible, route.ready, now)
        if chosen is None:
            awaited = route.rotation.choose(route.eligible, route.eligible, now)
    known = {choice.index: choice for choice in route.choices}
    whole = sum(choice.weight for choice in route.eligible)
    asked = {choice.index: choice.weight / whole for choice in route.eligible}
    return Situation(
        key=route.key,
        waiting=route.queue.n,
        later=route.queue.later,
        spilling=route.spilling,
        keyed=keyed,
        awaits=names[awaited.index] if awaited else "",
        rotation=rest,
        shares=_shares(pool, route, now),
        standings=tuple(
            _standing(pool, route, server, known.get(server.index), ends)._replace(
                next=chosen is not None and chosen.index == server.index,
                score=scores[server.index],
                asked=asked.get(server.index, 0.0),
            )
            for server in pool.servers
        ),
    )


def _standing(
    pool: Pool, route: Route, server: ServerState, choice: Choice | None, ends: _Ends
) -> Standing:
    blocks: tuple[Block, ...]
    if choice is None:
        reason = "removed from the pool" if server.retired else "not a server of this route"
        path = next(path for path in route.isp.paths if path.index == server.index)
        choice, blocks = Choice(path, route, home=False), (Block(reason),)
    else:
        blocks = tuple(_blocks(choice, ends, pool.scales.canaries.get(server.name)))
    return Standing(
        server=server.name,
        isp=route.isp.name,
        stream=route.key.stream,
        rule=route.key.rule,
        pin=route.key.pin,
        weight=choice.weight,
        asked=0.0,
        eligible=choice.eligible,
        ready=choice.is_ready and not route.held,
        home=choice.home,
        next=False,
        in_flight=_in_use(choice.path),
        free=_free(choice),
        score=(),
        blocks=blocks,
    )


def _shares(pool: Pool, route: Route, now: float) -> dict[str, float]:
    found = shares_asked(route.choices, route.rotation, now)
    return {pool.servers[index].name: share for index, share in found.items()}


def _kept(
    rotation: Rotation, names: list[str]
) -> tuple[list[tuple[tuple[str, float], ...]], dict[str, Any]]:
    """Return a rotation's state: what is of each server, and what is of none."""
    scores: list[list[tuple[str, float]]] = [[] for _ in names]
    rest: dict[str, Any] = {}
    for name, value in rotation.snapshot().items():
        if isinstance(value, list):
            if len(value) == len(names):
                for score, own in zip(scores, value, strict=True):
                    if isinstance(own, int | float):
                        score.append((name, own))
        elif name == "draws":
            rest["draw"] = SplitMix64(value).uniform()
        elif name in _SERVER_NUMBERS and 0 <= value < len(names):
            rest[name] = names[value]
        else:
            rest[name] = value
    return [tuple(score) for score in scores], rest


def _in_use(path: Path) -> int:
    return len(path.used) - len(path.idle)


def _free(choice: Choice) -> int:
    """Return how many connections could still be taken, limits over time aside."""
    path, server = choice.path, choice.path.server
    most = min(
        (1 if path.probing else path.width) - _in_use(path), server.connections - server.in_use
    )
    for gate in choice.gates:
        most = gate.slots(most)
    return max(0, most)


def _blocks(choice: Choice, ends: _Ends, canary: Canary | None) -> Iterator[Block]:
    yield from _kept_out(choice, canary)
    yield from _waits(choice, ends)
    yield from _slows(choice.path)
    if canary and not (canary.is_over or canary.is_out):
        yield Block("a canary, held to its step", effect="slow")


def _kept_out(choice: Choice, canary: Canary | None) -> Iterator[Block]:
    path, server = choice.path, choice.path.server
    if server.retired:
        yield Block("removed from the pool")
    elif server.drained:
        yield Block("drained")
    if choice.weight <= 0:
        yield Block("canary rolled back" if canary and canary.is_out else "weight 0")
    yield from _shut(server.breaker, "server", server.reason, hard=False)
    yield from _shut(path.breaker, "path", path.reason, hard=True)
    if not choice.home and not choice.route.spilling:
        yield Block("spare: the route's own servers carry its mail")


def _shut(breaker: Breaker, what: str, reason: str, hard: bool) -> Iterator[Block]:
    if breaker.state == "open":
        yield Block(f"{what} suspended: {reason or 'reason unknown'}", breaker.until, hard)
    elif breaker.shut:
        yield Block(f"{what} on probe: {reason or 'reason unknown'}", breaker.expires_at, hard)


def _waits(choice: Choice, ends: _Ends) -> Iterator[Block]:
    path, server = choice.path, choice.path.server
    if path.paced:
        yield Block(_pace(path), ends.get(("pace", path.number)), effect="wait")
    if not path.idle:
        yield Block("connections in use", effect="wait")
    elif not path.clear and _in_use(path) >= (1 if path.probing else path.width):
        what = "one probe at a time" if path.probing else "connections in use, which are fewer now"
        yield Block(what, effect="wait")
    if server.in_use >= server.connections:
        yield Block("server's connections in use", effect="wait")
    if path.dial is not None and not path.may_connect:
        yield Block("connection rate", ends.get(("dial", path.number)), effect="wait")
    for gate in choice.gates:
        if gate.shut:
            yield _closed(gate)


def _closed(gate: Gate) -> Block:
    if gate.connections and gate.in_use >= gate.connections:
        return Block(f"connections of {gate.name}", effect="wait")
    return Block(f"limit of {gate.name}", gate.until, effect="wait")


def _pace(path: Path) -> str:
    if path.gcra.interval <= (1.0 + 1e-9) / path.rate:
        return "rate limit"
    if path.rate_cap and path.rate_cap < (path.adaptive.rate if path.adaptive else path.rate):
        return "rate limit, lowered by a rule"
    slow = path.ramp < 1.0 and not (path.adaptive and path.adaptive.rate < path.rate)
    return f"rate limit, lowered {'for a slow start' if slow else 'after throttling'}"


def _slows(path: Path) -> Iterator[Block]:
    if path.rate_cap:
        yield Block("rate capped by a rule", path.rate_cap_until, effect="slow")
    if path.width_cap:
        yield Block("connections capped by a rule", path.width_cap_until, effect="slow")
    elif path.width < path.most and not path.ramp_cap:
        yield Block("fewer connections than allowed, learned from replies", effect="slow")
    if path.ramp < 1.0 or path.ramp_cap:
        yield Block("slow start", effect="slow")
