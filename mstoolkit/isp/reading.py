"""How mail is read: opens, clicks and machines' fetches, by where it was placed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.content import junked
from mstoolkit.isp.draws import Floats

URGENT = "transactional"  # the stream that no provider puts into a tab
CLICK_DELAY = 30.0  # s from opening to clicking; an assumption
PREFETCH_DELAY = 60.0  # s from acceptance to a machine's fetch; an assumption


class Habits(NamedTuple):
    """How mail of a lot is read at a provider: numbers, or arrays of them for many messages.

    ``kept`` of what would reach the inbox does so with that content; ``seen`` is how much what is
    there is opened, tabs and all, compared with an inbox that has none.
    """

    opens: Floats | float
    clicks: Floats | float
    spam_opens: Floats | float
    prefetch: Floats | float
    missing: Floats | float
    kept: Floats | float
    seen: Floats | float
    open_median: Floats | float
    open_sigma: Floats | float
    click_median: Floats | float
    click_sigma: Floats | float

    def chances(self, inbox: Floats | float) -> tuple[Floats, Floats, Floats]:
        """Return the chances to be opened, clicked, fetched by a machine, by inbox share."""
        inbox = inbox * self.kept
        spam = np.maximum(0.0, 1.0 - inbox - self.missing)
        return (
            self.opens * (inbox * self.seen + spam * self.spam_opens),
            np.minimum(self.clicks, self.opens) * inbox * self.seen,
            np.asarray(self.prefetch * inbox),
        )

    def delay(self, normal: Floats | float, clicks: NDArray[np.bool_] | bool) -> Floats:
        """Return the delay (s) from acceptance to opening for standard normal draws.

        Who `clicks` opens so soon that the clicks come as they do.
        """
        median = np.where(clicks, self.click_median, self.open_median)
        delay = median * np.exp(np.where(clicks, self.click_sigma, self.open_sigma) * normal)
        return np.asarray(np.maximum(0.0, delay - np.where(clicks, CLICK_DELAY, 0.0)))


def habits(profile: Profile, segment: Segment, stream: str = "", score: float = 0.0) -> Habits:
    """Return how mail of a segment, stream and spam score is read at a provider."""
    engagement, placement = profile.engagement, profile.placement
    tabs = 0.0 if stream == URGENT else placement.tabs
    return Habits(
        segment.opens,
        segment.clicks,
        engagement.spam_opens,
        engagement.prefetch,
        placement.missing,
        1.0 - junked(score, profile.content),
        1.0 - tabs * (1.0 - engagement.tab_opens),
        engagement.open_median,
        engagement.open_sigma,
        engagement.click_median or engagement.open_median,
        engagement.click_sigma or engagement.open_sigma,
    )
