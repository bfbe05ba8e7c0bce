"""The escalation ladder: who does not slow down when refused is refused for longer and longer.

The first refusal within `window` tells the sender; those that follow are counted as pushed. So many
of them bring the next rung, which refuses everything for its time; what is sent into that brings
the one after it. The last rung comes again. Without a refusal for `forgets` the sender begins at
the foot. That pushing leads to blocks of networks was said by an analyst of Microsoft (mailop, 20
February 2026); nobody publishes counts, so the form is an assumption.
"""

from __future__ import annotations

from typing import Any

from mstoolkit.config import Profile
from mstoolkit.config.profile import Escalation
from mstoolkit.isp.attempt import worded
from mstoolkit.isp.network import network_of
from mstoolkit.model import Phase, Reply

_LONG_AGO = -1e18  # s
_PHASES: tuple[Phase, ...] = ("connect", "data")


class _Climb:
    """How far one source IP is."""

    __slots__ = ("began", "last", "next", "pushed", "rung", "until")

    def __init__(self, now: float) -> None:
        self.began = _LONG_AGO  # start of the window in which pushing is counted
        self.last = now
        self.next = 0
        self.pushed = 0
        self.rung = 0
        self.until = -1.0


class Ladder:
    """The ladder of one provider, with everybody who is on it.

    Parameters
    ----------
    profile : Profile
        Its words.
    escalation : Escalation
        Its rungs.
    """

    def __init__(self, profile: Profile, escalation: Escalation) -> None:
        self._rules = escalation
        self._climbs: dict[str, _Climb] = {}
        self._networks: dict[str, tuple[float, int]] = {}
        texts = {"throttled": profile.replies.throttled, "blocked": profile.replies.blocked}
        self._words: dict[tuple[int, Phase], Reply] = {
            (k, phase): worded(texts[rung.reply], phase)
            for k, rung in enumerate(escalation.rungs)
            for phase in _PHASES
        }

    def refusal(self, now: float, source_ip: str) -> Reply | None:
        """Return what everything from a source IP is answered with now, if it is refused."""
        rung = self._rung(now, source_ip)
        return None if rung is None else self._words[rung, "data"]

    def refused_connection(self, now: float, source_ip: str) -> Reply | None:
        """Return how a connection is turned away: only where the rung is a block (5xx)."""
        rung = self._rung(now, source_ip)
        if rung is None or self._rules.rungs[rung].reply != "blocked":
            return None
        return self._words[rung, "connect"]

    def until(self, source_ip: str) -> float:
        """Return until when everything from a source IP is refused; a past time if nothing is."""
        climb = self._climbs.get(source_ip)
        network = self._networks.get(network_of(source_ip, self._rules.prefix), (-1.0, 0))
        return max(-1.0 if climb is None else climb.until, network[0])

    def neighbours(self, source_ip: str, other: str) -> bool:
        """Tell whether two source IPs are of one network, which is held to account together."""
        network = network_of(source_ip, self._rules.prefix)
        return source_ip == other or (network == network_of(other, self._rules.prefix) != "")

    def push(self, now: float, source_ip: str, n: int) -> bool:
        """Take note of `n` messages sent into a refusal; return whether it brought a rung."""
        climb = self._climbs.get(source_ip)
        if climb is None:
            climb = self._climbs[source_ip] = _Climb(now)
        elif now - climb.last >= self._rules.forgets:
            climb.next, climb.began = 0, _LONG_AGO
        climb.last = max(now, climb.last)
        if now - climb.began >= self._rules.window:
            climb.began, climb.pushed = now, 0
            if self._rung(now, source_ip) is None:
                n -= 1
        climb.pushed += n
        index = min(climb.next, len(self._rules.rungs) - 1)
        if climb.pushed < self._rules.rungs[index].pushed:
            return False
        self._raise(now, source_ip, climb, index)
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return the state."""
        return {
            "climbs": {
                ip: [getattr(climb, name) for name in _Climb.__slots__]
                for ip, climb in sorted(self._climbs.items())
            },
            "networks": {name: list(row) for name, row in sorted(self._networks.items())},
        }

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._climbs = {}
        for ip, row in state["climbs"].items():
            climb = self._climbs[ip] = _Climb(0.0)
            for name, value in zip(_Climb.__slots__, row, strict=True):
                setattr(climb, name, value)
        self._networks = {name: (row[0], row[1]) for name, row in state["networks"].items()}

    def _rung(self, now: float, source_ip: str) -> int | None:
        climb = self._climbs.get(source_ip)
        if climb is not None and climb.until > now:
            return climb.rung
        if self._networks:
            until, rung = self._networks.get(network_of(source_ip, self._rules.prefix), (now, 0))
            if until > now:
                return rung
        return None

    def _raise(self, now: float, source_ip: str, climb: _Climb, index: int) -> None:
        rung = self._rules.rungs[index]
        climb.rung, climb.next = index, index + 1
        climb.until = max(climb.until, now + rung.lasts)
        climb.began, climb.pushed = now, 0
        network = network_of(source_ip, self._rules.prefix)
        if rung.scope == "network" and network:
            self._networks[network] = (climb.until, index)
