"""Rspamd's dynamic rate limit: the limit of a sender moves with each verdict on its mail.

Each good message multiplies rate and burst by a little more than 1, each bad one by a little less,
within bounds; without mail for a while they are forgotten (``ratelimit.lua``: 1.01, 1.02, 0.99,
0.98, 0.2 to 5, 0.1 to 10, two days).
"""

from __future__ import annotations

from math import exp, log
from typing import Any

from mstoolkit.config.profile import Dynamic

_MANY = 1e4  # good messages that bring a multiplier to its bound from anywhere


class Multipliers:
    """The two multipliers of one source IP.

    Examples
    --------
    >>> multipliers = Multipliers(Dynamic())
    >>> multipliers.learn(0.0, good=10, bad=0)
    >>> round(multipliers.rate, 4), round(multipliers.burst, 4)
    (1.1046, 1.219)
    """

    __slots__ = ("_at", "_rules", "burst", "rate")

    def __init__(self, rules: Dynamic) -> None:
        self._rules = rules
        self._at = 0.0
        self.rate = self.burst = 1.0

    def learn(self, now: float, good: float, bad: float) -> None:
        """Take note of so many messages, good ones first."""
        rules = self._rules
        if now - self._at > rules.expiry:
            self.rate = self.burst = 1.0
        if not good + bad:
            return
        self._at = now
        self.rate = _moved(
            self.rate, (rules.ham_rate, good), (rules.spam_rate, bad),
            rules.least_rate, rules.most_rate,
        )  # fmt: skip
        self.burst = _moved(
            self.burst, (rules.ham_burst, good), (rules.spam_burst, bad),
            rules.least_burst, rules.most_burst,
        )  # fmt: skip

    def snapshot(self) -> list[float]:
        """Return the state."""
        return [self._at, self.rate, self.burst]

    def restore(self, state: Any) -> None:
        """Continue as the one that the state was taken of."""
        self._at, self.rate, self.burst = state


def _moved(
    value: float, up: tuple[float, float], down: tuple[float, float], least: float, most: float
) -> float:
    raised = min(most, value * exp(up[1] * log(up[0])) if up[1] < _MANY else most)
    return max(least, raised * exp(down[1] * log(down[0])))
