"""What another system can be told of a strategy, and what is lost: what writers share."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from typing import Any, NamedTuple

from mstoolkit.config.base import Frozen
from mstoolkit.config.pacing import Limits, Pacing
from mstoolkit.config.peers.found import UNLIMITED_RATE, System, failover_of
from mstoolkit.config.policy import Policy
from mstoolkit.config.retry import Retry
from mstoolkit.config.rules import Match, Rule
from mstoolkit.config.scenario import Scenario, Server

_UNWEIGHTED = {"round-robin", "batch", "interval"}
_FINEST = 1000
_POLICY = {"rotation", "weighting", "pacing", "failover", "retry", "rules"}
_PACING = {"rate", "burst", "connections", "messages_per_connection", "connection_rate"}
_PACING |= {"adapt", "feedback"}
_SERVER = {
    "host", "port", "source_ip", "region", "weight", "priority", "connections", "speed", "latency",
    "cost_per_1000", "warm", "limits", "isp_limits",
}  # fmt: skip
_PER = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True)
class Exported:
    """A strategy in another system's words.

    Parameters
    ----------
    files : mapping of str to str
        Texts of the files by name.
    lost : tuple of str
        What the system cannot express, a sentence each.
    reduced : Policy
        What is left of the policy: it behaves as the exported configuration would.
    servers : mapping of str to Server
        The pool as that configuration has it: weights and limits may be coarser, or missing.
    """

    files: Mapping[str, str]
    lost: tuple[str, ...]
    reduced: Policy
    servers: Mapping[str, Server]


class PathLimits(NamedTuple):
    """Limits of a path with nothing left to inherit."""

    rate: float
    burst: int
    connections: int
    messages_per_connection: int
    connection_rate: float | None = None

    def limits(self) -> Limits:
        """Return them as a scenario states them."""
        return Limits(**self._asdict())


@dataclass
class Draft:
    """A strategy on its way to another system."""

    scenario: Scenario
    policy: Policy
    system: System
    title: str
    lost: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        """Note what cannot be expressed; the same is said once."""
        if what not in self.lost:
            self.lost.append(what)

    @property
    def used(self) -> dict[str, Server]:
        """The servers that carry mail at all."""
        return {name: each for name, each in self.scenario.servers.items() if each.weight > 0}

    def weights(self, most: int) -> dict[str, int]:
        """Return whole weights of the servers in use, as the rotation uses them."""
        if self.policy.rotation.kind in _UNWEIGHTED:
            return dict.fromkeys(self.used, 1)
        whole = whole_weights([server.weight for server in self.used.values()], most)
        if not _alike(whole, [server.weight for server in self.used.values()]):
            self.lose(f"weights are whole numbers in {self.title}; they were rounded")
        return dict(zip(self.used, whole, strict=True))

    def common_losses(self) -> None:
        """Note what none of the systems has."""
        policy, title = self.policy, self.title
        self._unknown_parts()
        kinds = [each.kind for each in policy.weighting]
        if kinds != ["static"]:
            self.lose(f"weighting {' x '.join(kinds)}: {title} takes fixed weights; "
                      "those of the file stand")  # fmt: skip
        if policy.pacing.adapt is not None:
            self.lose(
                f"pacing.adapt: rates of {title} do not follow replies; they stay at the limit"
            )
        if policy.rotation.kind == "priority":
            self.lose("rotation: tiers are lost; all servers share the mail")
        self.lose(f"failover.path: {title} has no breaker that counts a path's deferrals")
        self.lose("failover.server: its figures are not written; the simulated form keeps them, as "
                  "a server that cannot be reached is noticed by any system")  # fmt: skip
        if policy.failover.exhausted != "hold" or policy.failover.panic is not None:
            self.lose("failover: exhausted and panic are not written; mail waits")
        if policy.failover.pin and self.system != "powermta":
            self.lose(f"failover.pin: {title} chooses anew for each attempt, greylisted or not")
        if policy.retry.hints:
            self.lose("retry.hints: waits that a reply names are not kept")
        self.lose("servers: connections in all, speed, latency, cost and warmth are facts of the "
                  "machine, not of a configuration")  # fmt: skip

    def _unknown_parts(self) -> None:
        """Note what is set but unknown here, so that no new part is lost in silence."""
        for name in _set_beyond(self.policy, _POLICY):
            self.lose(f"{name}: is not written")
        for name in _set_beyond(self.policy.pacing, _PACING):
            self.lose(f"pacing.{name}: is not written")
        for server in self.used.values():
            for name in _set_beyond(server, _SERVER):
                self.lose(f"servers: {name} is not written")
            for limits in (server.limits, *server.isp_limits.values()):
                for name in _set_beyond(limits, PathLimits._fields):
                    self.lose(f"limits: {name} is not written")

    def servers(self, weights: Mapping[str, float], own: Mapping[str, Any]) -> dict[str, Server]:
        """Return the pool with other weights, and limits as `own` gives them by server."""
        return {
            name: server.model_copy(
                update=_set_beyond(server, _SERVER)
                | {"limits": Limits(), "isp_limits": {}, "weight": weights.get(name, 0.0)}
                | own.get(name, {})
            )
            for name, server in self.scenario.servers.items()
        }

    def reduced(
        self,
        rotation: Mapping[str, Any],
        pacing: Pacing,
        retry: Retry,
        rules: Sequence[Rule] = (),
        dead: float | None = None,
    ) -> Policy:
        """Return the policy that is left; `dead`: how long (s) a path that fails is left alone."""
        return Policy.model_validate(
            {
                "rotation": dict(rotation),
                "pacing": pacing,
                "retry": retry,
                "rules": tuple(rules),
                "failover": failover_of(self.system, self.policy.failover.server, dead),
            }
        )

    def delays(self) -> list[float]:
        """Return the delays between attempts in whole seconds, without the last one's repeats."""
        retry = self.policy.retry
        delays = [float(max(1, ceil(each))) for each in islice(retry.delays(), 200)]
        while len(delays) > 1 and delays[-1] == delays[-2]:
            delays.pop()
        return delays

    def lifetime(self) -> int:
        """Return the seconds from the first attempt to the last."""
        retry = self.policy.retry
        return max(1, ceil(sum(islice(retry.delays(), retry.attempts - 1))))


def _set_beyond(value: Frozen, known: Container[str]) -> dict[str, Any]:
    """Return the defaults of those fields that are not known and differ from them."""
    defaults = {
        name: info.get_default(call_default_factory=True)
        for name, info in type(value).model_fields.items()
        if name not in known
    }
    return {name: each for name, each in defaults.items() if getattr(value, name) != each}


def effective(scenario: Scenario, pacing: Pacing, name: str, isp: str) -> PathLimits:
    """Return the limits of a path: its own, or else the server's, or else the policy's.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> scenario = load_scenario("quickstart")
    >>> effective(scenario, scenario.strategies["batch"].pacing, "mta-1", "gmail").connections
    5
    """
    server = scenario.servers[name]
    own, general = server.isp_limits.get(isp, Limits()), server.limits
    return PathLimits(
        own.rate or general.rate or pacing.rate,
        own.burst or general.burst or pacing.burst,
        own.connections or general.connections or pacing.connections,
        own.messages_per_connection
        or general.messages_per_connection
        or pacing.messages_per_connection,
        own.connection_rate or general.connection_rate or pacing.connection_rate,
    )


def whole_weights(weights: Sequence[float], most: int = _FINEST) -> list[int]:
    """Return the smallest whole numbers in the same proportions, or as near as `most` allows.

    Examples
    --------
    >>> whole_weights([2.5, 5.0, 1.0]), whole_weights([4.0, 2.0]), whole_weights([1.0, 900.0], 10)
    ([5, 10, 2], [2, 1], [1, 10])
    """
    least, greatest = min(weights), max(weights)
    for base in range(1, 101):
        scaled = [weight / least * base for weight in weights]
        if scaled and max(scaled) > most:
            break
        if all(abs(each - round(each)) <= 1e-9 * each for each in scaled):
            return [round(each) for each in scaled]
    return [max(1, round(weight / greatest * most)) for weight in weights]


def _alike(whole: Sequence[int], weights: Sequence[float]) -> bool:
    pairs = list(zip(whole, weights, strict=True))
    first, weight = pairs[0]
    return all(abs(w * weight - first * x) <= 1e-9 * first * x for w, x in pairs)


def counted_rate(rate: float) -> tuple[str, float]:
    """Return a rate as a whole number per unit, rounded down if it must be, and its value (1/s).

    Examples
    --------
    >>> counted_rate(2.5), counted_rate(1000.0)
    (('150/min', 2.5), ('1000/s', 1000.0))
    """
    for unit, seconds in _PER.items():
        count = rate * seconds
        if count >= 0.5 and abs(count - round(count)) <= 1e-9 * count:
            return f"{round(count)}/{unit}", round(count) / seconds
    count = max(1, int(rate * 86_400.0))
    return f"{count}/d", count / 86_400.0


def is_unlimited(rate: float) -> bool:
    """Whether a rate stands for none."""
    return rate >= UNLIMITED_RATE


def head(draft: Draft, name: str, hints: Iterable[str]) -> list[str]:
    """Return the comment at the head of a file."""
    lines = [
        f"# {name}: {_line(draft.scenario.name)} for {draft.title}, written by mstoolkit.",
        "#",
    ]
    lines += [f"# {hint}" for hint in hints]
    lines += ["#", f"# What {draft.title} cannot express:"]
    return [*lines, *(f"#   {_line(each)}" for each in draft.lost), ""]


def _line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def plain_names(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Return names of letters, digits and dashes for names of any kind, all different.

    Examples
    --------
    >>> plain_names(["mta 1", "mta-1", "smtp"], reserved=["smtp"])
    {'mta 1': 'mta-1-2', 'mta-1': 'mta-1', 'smtp': 'smtp-2'}
    """
    names = list(names)
    plain = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
    taken = set(reserved)
    out = {name: name for name in names if plain.fullmatch(name) and name not in taken}
    taken |= out.keys()
    for name in names:
        if name in out:
            continue
        base = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "server"
        number = 1
        candidate = base
        while candidate in taken:
            number += 1
            candidate = f"{base}-{number}"
        taken.add(candidate)
        out[name] = candidate
    return {name: out[name] for name in names}


def line_pattern(match: Match) -> str | None:
    """Return one pattern for a whole reply line, or None if the match says more than that."""
    if match.phase or len(match.isp) > 1 or (match.text and match.line):
        return None
    if not match.code and not match.status:
        return match.text or match.line
    codes = "|".join(map(str, match.code)) or r"\d{3}"
    states = "|".join(re.escape(one).replace(r"\*", r"\d+") for one in match.status)
    text = f".*(?:{match.text})" if match.text else ""
    if match.line:
        return None
    return f"^(?:{codes})" + (f" (?:{states})" if states else "") + text
