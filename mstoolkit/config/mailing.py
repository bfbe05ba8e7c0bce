"""The audience laid out as mail: lots, the parcels that arrive, and everybody's address.

Recipients of a campaign are numbered 0 .. size - 1 in its list, in blocks of one ISP and segment;
the end of each block is on the sender's suppression list. Nothing here says what a recipient will
do: that is hidden state of the providers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from mstoolkit.config.scenario import Scenario
from mstoolkit.model import Enqueued, Lot, Parcel

_SLICE = 300.0


@dataclass(frozen=True, slots=True)
class Block:
    """A lot's range in its list, ``first .. first + n - 1``; the last ``suppressed`` are barred."""

    lot: Lot
    first: int
    n: int
    suppressed: int


class Mailing:
    """All mail of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Where the audience, its shares and the campaigns stand.

    Attributes
    ----------
    blocks : tuple of Block
        All lots with their ranges, in order.
    sizes : dict of str to int
        Number of recipients by list.

    Examples
    --------
    >>> from mstoolkit.config import load_scenario
    >>> mailing = Mailing(load_scenario("quickstart"))
    >>> lot, index = mailing.locate(mailing.address(mailing.blocks[0].lot.list, 7))
    >>> index
    7
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.blocks = tuple(_blocks(scenario))
        self._by_list: dict[str, list[Block]] = {}
        for block in self.blocks:
            self._by_list.setdefault(block.lot.list, []).append(block)
        self._firsts = {name: [b.first for b in blocks] for name, blocks in self._by_list.items()}
        self.sizes = {
            name: blocks[-1].first + blocks[-1].n for name, blocks in self._by_list.items()
        }

    def block(self, name: str, index: int) -> Block:
        """Return the block that holds recipient `index` of list `name`."""
        return self._by_list[name][bisect_right(self._firsts[name], index) - 1]

    def address(self, name: str, index: int) -> str:
        """Return the address of recipient `index` of list `name`."""
        lot = self.block(name, index).lot
        domains = self._scenario.isps[lot.isp].domains
        return f"{name}-{index}@{domains[index % len(domains)]}"

    def locate(self, address: str) -> tuple[Lot, int]:
        """Return the lot and the position of the recipient with this address.

        Raises
        ------
        KeyError
            If nobody in the audience has it.
        """
        name, _, number = address.partition("@")[0].rpartition("-")
        if name not in self._by_list or not number.isdecimal():
            raise KeyError(address)
        index = int(number)
        if index >= self.sizes[name] or self.address(name, index) != address:
            raise KeyError(address)
        return self.block(name, index).lot, index

    def arrivals(self, limit: int | None = None) -> list[Enqueued]:
        """Return the mail as it arrives, in order of time.

        Parameters
        ----------
        limit : int, optional
            At most so many messages, spread evenly over the blocks.
        """
        events: list[Enqueued] = []
        total = sum(block.n for block in self.blocks)
        share = 1.0 if limit is None else min(1.0, limit / total)
        taken = 0.0
        for block in self.blocks:
            before = round(taken)
            taken += block.n * share
            n = round(taken) - before
            barred = min(n, round(block.suppressed * share))
            campaign = self._scenario.campaigns[block.lot.campaign]
            events += _slices(block, n - barred, campaign.start, campaign.spread)
            if barred:
                parcel = Parcel(
                    block.lot, block.first + block.n - barred, barred, 0, campaign.start
                )
                events.append(Enqueued(campaign.start, parcel, suppressed=True))
        events.sort(key=lambda event: event.at)
        return events


def _slices(block: Block, n: int, start: float, spread: float) -> Iterable[Enqueued]:
    count = max(1, min(n, round(spread / _SLICE)))
    for k in range(count):
        low, high = n * k // count, n * (k + 1) // count
        at = start + spread * k / count
        if high > low:
            yield Enqueued(at, Parcel(block.lot, block.first + low, high - low, 0, at))


def _blocks(scenario: Scenario) -> Iterable[Block]:
    audience = scenario.audience
    number = 0
    for name, campaign in scenario.campaigns.items():
        size = min(campaign.size or audience.size, audience.size)
        first, taken = 0, 0.0
        for isp, isp_share in audience.isps.items():
            for segment, what in audience.segments.items():
                taken += size * isp_share * what.share
                n = round(taken) - first
                if n:
                    expires = campaign.start + campaign.spread + campaign.expires
                    lot = Lot(number, name, name, campaign.stream, isp, segment, expires)
                    yield Block(lot, first, n, round(n * what.suppressed))
                    number += 1
                first += n
