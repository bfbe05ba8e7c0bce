"""What a provider asks of mail before it looks at it, as far as its profile says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from mstoolkit.config import Profile
from mstoolkit.isp.gates import Credentials, Gatekeeper
from mstoolkit.isp.greylist import Greylist
from mstoolkit.isp.growth import DAY, Volumes
from mstoolkit.isp.ladder import Ladder


class Doors:
    """Gates, ladder, growth and greylist of one provider; each is None where it has none.

    Parameters
    ----------
    profile : Profile
        What the provider has of these.
    warm : mapping of str to float
        Warmth (0..1) of the source IPs known at the start. Their volume until then is not known: a
        warm address is taken to have sent as much a day as its hidden limit lets through, others
        their share of that (an assumption).
    credentials : Credentials
        What can be told of the mail.
    """

    def __init__(
        self, profile: Profile, warm: Mapping[str, float], credentials: Credentials
    ) -> None:
        gates = profile.gates
        demands = [value for value in gates.model_dump().values() if isinstance(value, str)]
        demanding = any(demand != "ignored" for demand in demands)
        ladder, greylisting = profile.escalation, profile.greylisting
        self.gates = Gatekeeper(profile, credentials) if demanding else None
        self.ladder = Ladder(profile, ladder) if ladder else None
        self.greylist = Greylist(profile, greylisting) if greylisting else None
        self._growth = profile.growth
        self._most = profile.rate.ceiling * DAY
        self._warm = dict(warm)
        self._volumes: dict[str, Volumes] = {}

    @classmethod
    def of(
        cls, profile: Profile, warm: Mapping[str, float], credentials: Credentials
    ) -> Self | None:
        """Return the doors of a provider; None if all of them stand open."""
        doors = cls(profile, warm, credentials)
        parts = (doors.gates, doors.ladder, doors.greylist, profile.growth)
        return doors if any(part is not None for part in parts) else None

    def volumes(self, source_ip: str) -> Volumes | None:
        """Return the daily volumes of a source IP, if they are limited."""
        if self._growth is None:
            return None
        known = self._volumes.get(source_ip)
        if known is None:
            before = self._warm.get(source_ip, 0.0) * self._most
            known = self._volumes[source_ip] = Volumes(self._growth, before)
        return known

    def snapshot(self) -> dict[str, Any]:
        """Return the state of all that there is."""
        state = {name: part.snapshot() for name, part in self._parts().items()}
        state["growth"] = {ip: one.snapshot() for ip, one in sorted(self._volumes.items())}
        return state

    def restore(self, state: Any) -> None:
        """Continue as the ones that the state was taken of."""
        for name, part in self._parts().items():
            part.restore(state[name])
        self._volumes = {}
        for ip, row in state["growth"].items():
            volumes = self.volumes(ip)
            if volumes is not None:
                volumes.restore(row)

    def _parts(self) -> dict[str, Gatekeeper | Ladder | Greylist]:
        parts = {"gates": self.gates, "ladder": self.ladder, "greylist": self.greylist}
        return {name: part for name, part in parts.items() if part is not None}
