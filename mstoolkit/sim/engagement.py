"""Opens and clicks of all delivered mail, computed in bulk once the sending is over.

They move nothing in the simulation, so they need not be waited for. Every accepted message is
opened, clicked or fetched by a machine with the chances that its provider's placement gave at the
time; known messages use their own draws, counted ones draws of their parcel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mstoolkit.config import Scenario
from mstoolkit.config.scenario import source_ip
from mstoolkit.eventlog.observations import Accepted, Array, Observations
from mstoolkit.isp import Draws, Provider
from mstoolkit.isp.draws import LIVE
from mstoolkit.isp.provider import (
    CLICK_DELAY,
    PREFETCH_DELAY,
    open_delay,
    opening_chances,
)
from mstoolkit.model import Lot, Parcel

_BIN = 3600.0  # counted opens are told in bins of so many s


def openings(
    accepted: Accepted,
    scenario: Scenario,
    providers: dict[str, Provider],
    draws: Draws,
    until: float,
) -> list[Observations]:
    """Return the opens and clicks, up to `until` (s), that follow what was delivered in a run."""
    out: list[Observations] = []
    for number in np.unique(accepted.lot).tolist():
        lot = accepted.lots[number]
        group = _Group(scenario, providers[lot.isp], lot, draws, until)
        out.extend(group.observations(accepted.of(number)))
    return out


class _Group:
    """The delivered mail of one lot."""

    def __init__(
        self, scenario: Scenario, provider: Provider, lot: Lot, draws: Draws, until: float
    ) -> None:
        self._provider = provider
        self._profile = provider.profile
        self._segment = scenario.audience.segments[lot.segment]
        self._sources = {name: source_ip(name, s) for name, s in scenario.servers.items()}
        self._lot = lot
        self._draws = draws
        self._until = until

    def observations(self, mail: Accepted) -> Iterator[Observations]:
        began, token = mail.decided_at, mail.token
        server = mail.server
        which, index = self._readers(mail)
        alone = (mail.whole[which] == 1) & (index >= 0)
        chances = self._chances(mail)
        for kind, category, hit, delay in self._kinds(index, which, token, chances):
            at = began[which[hit]] + delay
            keep = at <= self._until
            hit, at = hit[keep], at[keep]
            one, w = alone[hit], which[hit]
            yield Observations(
                kind, category, self._lot, mail.servers, server[w][one], at[one],
                index[hit][one], np.ones(int(one.sum()), np.int64), token[w][one], began[w][one],
            )  # fmt: skip
            if not one.all():
                yield self._counted(kind, category, at[~one], w[~one], mail)

    def _readers(self, mail: Accepted) -> tuple[Array, Array]:
        """Return the row of each accepted message, and its position in the list (-1: counted).

        Where only some of an attempt were accepted, they are taken to be its first live addresses.
        """
        size = np.where(mail.first >= 0, mail.whole, mail.n)
        which = np.repeat(np.arange(len(size)), size)
        within = np.arange(len(which)) - np.repeat(np.cumsum(size) - size, size)
        index = np.where(mail.first[which] >= 0, mail.first[which] + within, -1)
        address = self._draws.people[self._lot.list].address
        live = (index < 0) | (address[np.maximum(index, 0)] == LIVE)
        passed = np.cumsum(live)
        start = np.concatenate(([0], passed))[np.cumsum(size) - size]
        keep = live & (passed - start[which] <= mail.n[which])
        return which[keep], index[keep]

    def _chances(self, mail: Accepted) -> tuple[Array, Array, Array]:
        share = np.zeros(len(mail.n))
        for k in np.unique(mail.server).tolist():
            mine = mail.server == k
            times, inbox = self._provider.placement(self._sources[mail.servers[k]])
            review = np.searchsorted(times, mail.decided_at[mine], "right") - 1
            share[mine] = inbox[np.maximum(review, 0)]
        spam = np.maximum(0.0, 1.0 - share - self._profile.placement.missing)
        return opening_chances(self._profile, self._segment, share, spam)

    def _kinds(
        self,
        index: Array,
        which: Array,
        token: Array,
        chances: tuple[Array, Array, Array],
    ) -> Iterator[tuple[str, str, Array, Array]]:
        opened, clicked, fetched = chances
        u = self._of("open", index, token[which])
        hit = np.flatnonzero(u < opened[which])
        delay = open_delay(self._profile, self._of("delay", index, token[which])[hit])
        yield "opened", "person", hit, delay
        clicks = u[hit] < clicked[which[hit]]
        yield "clicked", "person", hit[clicks], delay[clicks] + CLICK_DELAY
        machine = self._of("machine", index, token[which])
        hit = np.flatnonzero(machine < fetched[which])
        yield "opened", "machine", hit, np.full(len(hit), PREFETCH_DELAY)

    def _of(self, purpose: Any, index: Array, token: Array) -> Array:
        """Return known messages' own draws, and draws keyed by the attempt for counted ones."""
        own = self._draws.array(purpose, self._lot.list)[np.maximum(index, 0)]
        counted = index < 0
        if counted.any():
            parcel = Parcel(self._lot, -1, int(counted.sum()), 0, 0.0, int(token[counted][0]))
            own[counted] = self._draws.of(purpose, parcel)
        return own

    def _counted(
        self, kind: str, category: str, at: Array, which: Array, mail: Accepted
    ) -> Observations:
        """Count opens in bins of time, each dated at its bin's end."""
        servers = len(mail.servers)
        slot = np.ceil(at / _BIN).astype(np.int64) * servers + mail.server[which]
        low = int(slot.min())
        counts = np.bincount(slot - low)
        filled = np.flatnonzero(counts)
        decided = np.bincount(slot - low, weights=mail.decided_at[which])[filled] / counts[filled]
        times = np.minimum((filled + low) // servers * _BIN, self._until)
        nobody = np.full(len(filled), -1, np.int64)
        return Observations(
            kind, category, self._lot, mail.servers, (filled + low) % servers, times, nobody,
            counts[filled], nobody, decided,
        )  # fmt: skip
