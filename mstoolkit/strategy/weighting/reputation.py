"""Weight by reputation: what an ISP has thought of a server's mail, as far as its answers tell."""

from __future__ import annotations

from math import pow

from mstoolkit.strategy.weighting.base import Outcome, Weighed
from mstoolkit.strategy.weighting.record import Record

TAU = 48 * 3600.0  # s; an assumption, as are all defaults here: no provider states its own


class Reputation(Record):
    """A success rate with a long memory, in which complaints count many times.

    The factor is clamp((p - floor) / (1 - floor), 0, 1)^alpha for a rate p, at least `keep_warm`.
    A complaint counts at the time at which its message was sent, however late it comes; so does a
    DSN, which takes back the delivery that was credited.

    Parameters
    ----------
    tau : float, optional
        Time (s) in which an outcome's weight falls to 1/e.
    floor : float, optional
        Rate at and below which a path gets no more than `keep_warm`, 0 to below 1.
    alpha : float, optional
        Exponent: the larger, the more a small difference matters.
    complaint_weight : float, optional
        Failures that a complaint counts for.
    keep_warm : float, optional
        Share of the mail of a path with a perfect record that the worst one still carries, so that
        its address does not turn cold and its recovery is noticed. 0 shuts it out until its record
        has faded.
    prior : float, optional
        Rate that is expected where nothing is known, 0 to 1; above 0.
    strength : float, optional
        For how many messages that expectation counts.
    """

    def __init__(
        self,
        tau: float = TAU,
        floor: float = 0.5,
        alpha: float = 2.0,
        complaint_weight: float = 10.0,
        keep_warm: float = 0.02,
        prior: float = 0.95,
        strength: float = 20.0,
    ) -> None:
        super().__init__(tau, prior, strength)
        self._floor, self._alpha = floor, alpha
        self._complaint_weight = complaint_weight
        self._keep_warm = keep_warm

    def factor(self, path: Weighed, now: float) -> float:
        above = (self.rate(path, now) - self._floor) / (1.0 - self._floor)
        return max(self._keep_warm, pow(min(max(above, 0.0), 1.0), self._alpha))

    def _counted(self, outcome: Outcome) -> tuple[float, float]:
        if outcome.kind == "complained":
            return 0.0, self._complaint_weight * outcome.n
        return super()._counted(outcome)
