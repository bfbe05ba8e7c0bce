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
from mstoolkit.isp.reading import CLICK_DELAY, PREFETCH_DELAY, Habits, habits
from mstoolkit.model import Parcel

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
    lists = np.array([lot.list for lot in accepted.lots.values()], object)
    numbers = np.array(list(accepted.lots), np.int64)
    for name in dict.fromkeys(lists.tolist()):
        mail = accepted.only(np.isin(accepted.lot, numbers[lists == name]))
        if len(mail.n):
            out.extend(_Readers(mail, name, scenario, providers, draws).observations(until))
    return out


class _Readers:
    """Who reads the delivered mail of one list, as columns over the attempts and the messages.

    ``_which`` is the attempt of each accepted message, ``_index`` its position in the list (-1:
    counted), ``_kind`` the lot of each attempt, as a position in ``_lots``.
    """

    def __init__(
        self,
        mail: Accepted,
        name: str,
        scenario: Scenario,
        providers: dict[str, Provider],
        draws: Draws,
    ) -> None:
        numbers, self._kind = np.unique(mail.lot, return_inverse=True)
        self._lots = [mail.lots[number] for number in numbers.tolist()]
        segments, isps = scenario.audience.segments, scenario.isps
        scores = {name: each.content for name, each in scenario.campaigns.items()}
        self._read = np.array(
            [
                habits(isps[k.isp], segments[k.segment], k.stream, scores[k.campaign])
                for k in self._lots
            ]
        ).T
        self._sources = [source_ip(server, scenario.servers[server]) for server in mail.servers]
        self._providers = providers
        self._mail = mail
        self._list = name
        self._draws = draws
        self._which, self._index = self._readers()

    def observations(self, until: float) -> Iterator[Observations]:
        mail = self._mail
        alone = (mail.whole[self._which] == 1) & (self._index >= 0)
        for kind, category, hit, delay in self._kinds():
            at = mail.decided_at[self._which[hit]] + delay
            keep = at <= until
            hit, at = hit[keep], at[keep]
            one, rows = alone[hit], self._which[hit]
            mine = rows[one]
            yield Observations(
                kind, category, mail.servers, mail.lot[mine], mail.server[mine], at[one],
                self._index[hit][one], np.ones(len(mine), np.int64), mail.token[mine],
                mail.decided_at[mine],
            )  # fmt: skip
            if not one.all():
                yield self._counted(kind, category, at[~one], rows[~one], until)

    def _readers(self) -> tuple[Array, Array]:
        """Return the attempt of each accepted message, and its position in the list.

        Where only some of an attempt were accepted, they are taken to be its first live addresses.
        """
        mail = self._mail
        size = np.where(mail.first >= 0, mail.whole, mail.n)
        which = np.repeat(np.arange(len(size)), size)
        ends = np.cumsum(size)
        within = np.arange(len(which)) - np.repeat(ends - size, size)
        first = mail.first.take(which)
        index = np.where(first >= 0, first + within, -1)
        address = self._draws.people[self._list].address
        live = (index < 0) | (address.take(index, mode="wrap") == LIVE)
        passed = np.concatenate(([0], np.cumsum(live)))
        keep = live & (passed[1:] - np.repeat(passed[ends - size], size) <= mail.n.take(which))
        return which[keep], index[keep]

    def _chances(self) -> tuple[Array, Array, Array]:
        """Return the chances of each attempt's messages to be opened, clicked and fetched."""
        mail, kind = self._mail, self._kind
        inbox = np.zeros(len(mail.n))
        isps = list(dict.fromkeys(lot.isp for lot in self._lots))
        isp = np.array([isps.index(lot.isp) for lot in self._lots])[kind]
        path = isp * len(self._sources) + mail.server
        for number in np.unique(path).tolist():
            k, server = divmod(number, len(self._sources))
            mine = path == number
            times, share = self._providers[isps[k]].placement(self._sources[server])
            review = np.searchsorted(times, mail.decided_at[mine], "right") - 1
            inbox[mine] = share[np.maximum(review, 0)]
        return self._habits(kind).chances(inbox)

    def _habits(self, kind: Array) -> Habits:
        """Return how the mail of so many lots is read, as arrays."""
        return Habits(*(column[kind] for column in self._read))

    def _kinds(self) -> Iterator[tuple[str, str, Array, Array]]:
        """Yield what happens, by whom, to which messages and how long after acceptance (s)."""
        opened, clicked, fetched = self._chances()
        which, everybody = self._which, slice(None)
        u = self._of("open", everybody)
        hit = np.flatnonzero(u < opened.take(which))
        rows = which[hit]
        clicks = u[hit] < clicked[rows]
        delay = self._habits(self._kind[rows]).delay(self._of("delay", hit), clicks)
        yield "opened", "person", hit, delay
        yield "clicked", "person", hit[clicks], delay[clicks] + CLICK_DELAY
        hit = np.flatnonzero(self._of("machine", everybody) < fetched.take(which))
        yield "opened", "machine", hit, np.full(len(hit), PREFETCH_DELAY)

    def _of(self, purpose: Any, messages: Array | slice) -> Array:
        """Return known messages' own draws, and draws keyed by the first attempt for counted."""
        index = self._index[messages]
        own = self._draws.array(purpose, self._list).take(index, mode="wrap")
        counted = np.flatnonzero(index < 0)
        if len(counted):
            row = self._which[messages][counted[0]]
            lot, token = self._lots[self._kind[row]], int(self._mail.token[row])
            parcel = Parcel(lot, -1, len(counted), 0, 0.0, token)
            own[counted] = self._draws.of(purpose, parcel)
        return own

    def _counted(
        self, kind: str, category: str, at: Array, rows: Array, until: float
    ) -> Observations:
        """Count opens in bins of time, each dated at its bin's end."""
        mail, lots, servers = self._mail, len(self._lots), len(self._sources)
        bins = np.ceil(at / _BIN).astype(np.int64)
        cell = (bins * lots + self._kind[rows]) * servers + mail.server[rows]
        cells, inverse, counts = np.unique(cell, return_inverse=True, return_counts=True)
        decided = np.bincount(inverse, weights=mail.decided_at[rows]) / counts
        slot, server = np.divmod(cells, servers)
        slot, which = np.divmod(slot, lots)
        nobody = np.full(len(cells), -1, np.int64)
        lot = np.array([lot.id for lot in self._lots])[which]
        return Observations(
            kind, category, mail.servers, lot, server, np.minimum(slot * _BIN, until), nobody,
            counts, nobody, decided,
        )  # fmt: skip
