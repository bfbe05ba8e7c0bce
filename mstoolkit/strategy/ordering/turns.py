"""Whose turn it is: all mail of a stream as it comes, or its campaigns in turns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from math import floor

from mstoolkit.config.ordering import Ordering
from mstoolkit.model import Lot
from mstoolkit.strategy.mail_queue import Matching, Pile
from mstoolkit.strategy.ordering.lines import CampaignMail


class Turns(ABC):
    """The mail of a rank of streams: whose turn it is among its campaigns.

    Parameters
    ----------
    spec : Ordering
        Campaigns, segments and retries.

    Attributes
    ----------
    n : int
        Messages that could go now; the queue counts them.
    """

    def __init__(self, spec: Ordering) -> None:
        self.n = 0
        self._segments = len(spec.segments)
        self._by_age = spec.retries == "by-age"

    @abstractmethod
    def of(self, lot: Lot) -> CampaignMail:
        """Return the mail with which that of a lot is lined up."""

    @abstractmethod
    def next(self) -> CampaignMail:
        """Return whose turn it is; something must wait."""

    @abstractmethod
    def __iter__(self) -> Iterator[CampaignMail]:
        """Go through the campaigns in the order of their turns."""

    def charge(self, campaign: CampaignMail, n: int) -> None:
        """Take note that `n` messages of it go."""
        campaign.n -= n

    def refund(self, campaign: CampaignMail, n: int) -> None:  # noqa: B027 (nothing was paid)
        """Take note that `n` messages of it came back unsent."""

    def take(self, matching: Matching) -> list[Pile]:
        """Remove and return what matches, campaign by campaign."""
        taken: list[Pile] = []
        for campaign in list(self):
            taken += campaign.take(matching)
            self._settle(campaign)
        return taken

    def _settle(self, campaign: CampaignMail) -> None:  # noqa: B027 (an empty one may stay)
        """Take note that mail of a campaign was taken back."""

    def snapshot(self) -> dict[str, float]:
        """Return the credit of campaigns (messages) by name, where it is not 0."""
        return {}

    def restore(self, credit: Mapping[str, float]) -> None:  # noqa: B027 (none is kept)
        """Take over what `snapshot` returned, when the mail is back in the order of turns."""


class AsItComes(Turns):
    """No turns: the mail of all campaigns in one."""

    def __init__(self, spec: Ordering) -> None:
        super().__init__(spec)
        self._all = CampaignMail("", self._segments, self._by_age)

    def of(self, lot: Lot) -> CampaignMail:
        """Return the mail of all campaigns."""
        return self._all

    def next(self) -> CampaignMail:
        """Return the mail of all campaigns."""
        return self._all

    def __iter__(self) -> Iterator[CampaignMail]:
        yield self._all


class FairTurns(Turns):
    """Deficit round robin over the campaigns of which mail waits.

    A turn gives a campaign its weight in messages. It sends while its credit is above 0 and pays
    for every message, so that a large parcel may bring it below; then it is passed over until
    turns have made up for that. However parcels are cut, two campaigns that both have mail waiting
    are never further apart, in messages for their weights, than a turn and a parcel of each.

    A campaign of which nothing waits loses what credit it has, but keeps what it owes. What comes
    back unsent is refunded and ends the turn, so that mail which comes back again and again holds
    up nobody. A campaign that still has credit when its turn comes is given no more.

    Notes
    -----
    Shreedhar and Varghese, "Efficient fair queuing using deficit round robin" (SIGCOMM 1995), in
    the form that sends first and owes: surplus round robin, Adiseshu, Parulkar and Varghese, "A
    reliable and scalable striping protocol" (SIGCOMM 1996).
    """

    def __init__(self, spec: Ordering) -> None:
        super().__init__(spec)
        self._weights = spec.weights
        self._waiting: dict[str, CampaignMail] = {}
        self._ring: deque[CampaignMail] = deque()  # whose turn it is comes first
        self._owed: dict[str, float] = {}  # credit, below 0, of campaigns of which nothing waits

    def of(self, lot: Lot) -> CampaignMail:
        """Return a campaign's mail; if none waited, its turn comes last."""
        name = lot.campaign
        campaign = self._waiting.get(name)
        if campaign is None:
            weight, credit = self._weights.get(name, 1.0), self._owed.pop(name, 0.0)
            campaign = CampaignMail(name, self._segments, self._by_age, weight, credit)
            self._waiting[name] = campaign
            self._ring.append(campaign)
        return campaign

    def next(self) -> CampaignMail:
        """Return whose turn it is; a new turn gives credit. Something must wait."""
        ring = self._ring
        first = ring[0]
        if first.credit > 0:
            return first
        while True:
            for _ in range(len(ring)):
                first = ring[0]
                if first.credit <= 0:
                    first.credit += first.weight
                if first.credit > 0:
                    return first
                ring.rotate(-1)
            self._pass_rounds()

    def _pass_rounds(self) -> None:
        """Give all at once the rounds in which nobody would come above 0."""
        rounds = min(floor(-campaign.credit / campaign.weight) for campaign in self._ring)
        for campaign in self._ring:
            campaign.credit += rounds * campaign.weight

    def charge(self, campaign: CampaignMail, n: int) -> None:
        """Let a campaign pay for `n` messages; its turn ends when its credit does."""
        campaign.credit -= n
        campaign.n -= n
        if not campaign.n:
            self._leave(campaign)
        elif campaign.credit <= 0:
            self._ring.rotate(-1)

    def refund(self, campaign: CampaignMail, n: int) -> None:
        """Give back what `n` messages were charged; if it was its campaign's turn, that ends."""
        if self._ring[0] is campaign and campaign.credit > 0:
            self._ring.rotate(-1)
        campaign.credit += n

    def _settle(self, campaign: CampaignMail) -> None:
        if not campaign.n:
            self._leave(campaign)

    def _leave(self, campaign: CampaignMail) -> None:
        if self._ring[0] is campaign:
            self._ring.popleft()
        else:
            self._ring.remove(campaign)
        del self._waiting[campaign.name]
        if campaign.credit < 0:
            self._owed[campaign.name] = campaign.credit

    def __iter__(self) -> Iterator[CampaignMail]:
        return iter(self._ring)

    def snapshot(self) -> dict[str, float]:
        """Return the credit of campaigns (messages) by name, below 0 of those that owe."""
        waiting = {campaign.name: campaign.credit for campaign in self._ring if campaign.credit}
        return {**waiting, **self._owed}

    def restore(self, credit: Mapping[str, float]) -> None:
        """Take over what `snapshot` returned, when the mail is back in the order of turns."""
        for name, amount in credit.items():
            campaign = self._waiting.get(name)
            if campaign is None:
                self._owed[name] = amount
            else:
                campaign.credit = amount
