"""The gates: what must be in order before a provider looks at a message at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from mstoolkit.config import Profile
from mstoolkit.config.scenario import Authentication
from mstoolkit.isp.attempt import worded
from mstoolkit.isp.growth import DAY
from mstoolkit.model import Phase, Reply

Gate = Literal["ptr", "helo", "tls", "spf", "dkim", "dmarc", "one_click"]
_ORDER: tuple[tuple[Gate, Phase], ...] = (  # as they come up in a session
    ("ptr", "rcpt"),
    ("helo", "rcpt"),
    ("tls", "rcpt"),
    ("spf", "data"),
    ("dkim", "data"),
    ("dmarc", "data"),
    ("one_click", "data"),
)


class Credentials(NamedTuple):
    """What is in order about a scenario's mail: of its servers, by source IP, and its campaigns."""

    authentication: Mapping[str, Authentication]
    one_click: Mapping[str, bool]


NOTHING_WRONG = Credentials({}, {})
_FINE = Authentication()


class Gatekeeper:
    """The gates of one provider, and how much it saw of the sending domain today.

    Volumes are those of all source IPs together: a scenario has one sending domain. Who has once
    sent more than ``bulk_from`` in a day stays a bulk sender, as Google says of its own rule; for
    the others this is an assumption. A parcel is of the day in which it begins.
    """

    def __init__(self, profile: Profile, credentials: Credentials) -> None:
        self._gates = profile.gates
        self._credentials = credentials
        self._words = {name: _words(profile, name, phase) for name, phase in _ORDER}
        self._known: dict[tuple[str, str], tuple[Reply | None, Reply | None]] = {}
        self._counts: dict[int, int] = {}
        self._bulk = False

    @classmethod
    def of(cls, profile: Profile, credentials: Credentials) -> Self | None:
        """Return the gates of a provider; None if they are open to all mail that is known of."""
        fine = all(each == _FINE for each in credentials.authentication.values())
        if fine and all(credentials.one_click.values()):
            return None
        gates = cls(profile, credentials)
        sources = credentials.authentication or {"": Authentication()}
        campaigns = credentials.one_click or {"": True}
        for source in sources:
            for campaign in campaigns:
                if any(gates._closed(source, campaign)):
                    return gates
        return None

    def admit(self, now: float, source_ip: str, campaign: str, n: int) -> int:
        """Return how many of `n` messages pass, the first ones."""
        always, bulk = self._closed(source_ip, campaign)
        if always is not None:
            return 0
        if bulk is None:
            return n
        if self._bulk:
            return 0
        left = self._gates.bulk_from - self._counts.get(int(now // DAY), 0)
        return max(0, min(n, left))

    def refusal(self, source_ip: str, campaign: str) -> Reply:
        """Return what those are told that do not pass."""
        always, bulk = self._closed(source_ip, campaign)
        reply = always or bulk
        assert reply is not None, "nothing is wrong with these"
        return reply

    def count(self, now: float, n: int, *, more: bool) -> None:
        """Take note of `n` messages that came in, and whether `more` came that did not pass."""
        day = int(now // DAY)
        counted = self._counts[day] = self._counts.get(day, 0) + n
        if counted > self._gates.bulk_from or (more and counted >= self._gates.bulk_from):
            self._bulk = True
        if len(self._counts) > 2:
            self._counts = {k: v for k, v in self._counts.items() if k >= day - 1}

    def snapshot(self) -> dict[str, Any]:
        """Return the state."""
        return {"bulk": self._bulk, "counts": sorted(self._counts.items())}

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._bulk = bool(state["bulk"])
        self._counts = {int(day): int(n) for day, n in state["counts"]}

    def _closed(self, source_ip: str, campaign: str) -> tuple[Reply | None, Reply | None]:
        """Return the refusal of all such mail, and that of a bulk sender's."""
        known = self._known.get((source_ip, campaign))
        if known is None:
            failing = [name for name, _ in _ORDER if not self._in_order(name, source_ip, campaign)]
            demands = {name: getattr(self._gates, name) for name in failing}
            always = next((name for name in failing if demands[name] == "always"), None)
            bulk = next((name for name in failing if demands[name] != "ignored"), None)
            known = (
                self._words[always] if always else None,
                self._words[bulk] if bulk else None,
            )
            self._known[source_ip, campaign] = known
        return known

    def _in_order(self, name: Gate, source_ip: str, campaign: str) -> bool:
        if name == "one_click":
            return self._credentials.one_click.get(campaign, True)
        authentication = self._credentials.authentication.get(source_ip)
        return authentication is None or bool(getattr(authentication, name))


def _words(profile: Profile, name: str, phase: Phase) -> Reply:
    text = profile.replies.gates.get(name)
    if text is not None:
        return worded(text, phase)
    return Reply(550, "5.7.1", f"Refused by our policy: {name.replace('_', '-')} required", phase)
