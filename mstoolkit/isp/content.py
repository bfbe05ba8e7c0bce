"""What becomes of mail by its content alone: chances by its spam score.

Filters sum up a message's score; that of a campaign's messages varies, so that at the threshold
half of them are over it (a logistic with a scale of one point, an assumption).
"""

from __future__ import annotations

from math import exp

from mstoolkit.config.profile import Content


def _over(score: float, threshold: float) -> float:
    return 1.0 / (1.0 + exp(min(threshold - score, 700.0))) if score > 0.0 else 0.0


def junked(score: float, rules: Content) -> float:
    """Return the share of a campaign's mail that goes to the spam folder for its content.

    Examples
    --------
    >>> junked(0.0, Content()), junked(6.0, Content())
    (0.0, 0.5)
    """
    return _over(score, rules.junk)


def refused(score: float, rules: Content) -> float:
    """Return the share of a campaign's mail that is refused for its content."""
    return _over(score, rules.reject)
