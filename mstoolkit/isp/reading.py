"""How mail is read: opens, clicks and machines' fetches, by where it was placed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mstoolkit.config import Profile, Segment
from mstoolkit.isp.draws import Floats

CLICK_DELAY = 30.0  # s from opening to clicking; an assumption
PREFETCH_DELAY = 60.0  # s from acceptance to a machine's fetch; an assumption


class Habits(NamedTuple):
    """How mail of a segment is read at a provider: numbers, or arrays of them for many messages."""

    opens: Floats | float
    clicks: Floats | float
    spam_opens: Floats | float
    prefetch: Floats | float
    missing: Floats | float
    open_median: Floats | float
    open_sigma: Floats | float

    def chances(self, inbox: Floats | float) -> tuple[Floats, Floats, Floats]:
        """Return the chances to be opened, clicked, fetched by a machine, by inbox share."""
        spam = np.maximum(0.0, 1.0 - inbox - self.missing)
        return (
            self.opens * (inbox + spam * self.spam_opens),
            np.minimum(self.clicks, self.opens) * inbox,
            np.asarray(self.prefetch * inbox),
        )

    def delay(self, normal: Floats | float) -> Floats:
        """Return the delay (s) from acceptance to opening for standard normal draws."""
        return np.asarray(self.open_median * np.exp(self.open_sigma * normal))


def habits(profile: Profile, segment: Segment) -> Habits:
    """Return how mail of a segment is read at a provider."""
    engagement = profile.engagement
    return Habits(
        segment.opens,
        segment.clicks,
        engagement.spam_opens,
        engagement.prefetch,
        profile.placement.missing,
        engagement.open_median,
        engagement.open_sigma,
    )
