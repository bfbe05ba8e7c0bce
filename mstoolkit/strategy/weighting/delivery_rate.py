"""Weight by the share of mail that gets through."""

from __future__ import annotations

from mstoolkit.strategy.weighting.base import Weighed
from mstoolkit.strategy.weighting.record import Record

TAU = 3600.0  # s; an hour is enough to tell how transport does, an assumption


class DeliveryRate(Record):
    """Deliveries among the attempts that succeeded or for whose failure the path is to blame.

    Parameters
    ----------
    tau : float, optional
        Time (s) in which an outcome's weight falls to 1/e.
    prior : float, optional
        Rate that is expected where nothing is known, 0 to 1; above 0.
    strength : float, optional
        For how many messages that expectation counts.
    """

    def __init__(self, tau: float = TAU, prior: float = 0.95, strength: float = 20.0) -> None:
        super().__init__(tau, prior, strength)

    def factor(self, path: Weighed, now: float) -> float:
        return self.rate(path, now)
