"""Beta draws from SplitMix64, alike on every platform that rounds alike."""

from __future__ import annotations

from math import log, pow, sqrt
from statistics import NormalDist

from mstoolkit.model import SplitMix64

_HALF = 2.0**-54  # half a step of `SplitMix64.uniform`: keeps draws off 0
_MOST = 1.0 - 2.0**-53  # and off 1
_SQUEEZE = 0.0331  # below 1 - this x^4 a trial is accepted anyway, and needs no logarithms
_normal = NormalDist().inv_cdf


def beta_draw(a: float, b: float, draws: SplitMix64) -> float:
    """Return a draw from Beta(a, b), in [0, 1]: X / (X + Y) of two gamma draws, X first.

    Parameters
    ----------
    a, b : float
        Both above 0.
    draws : SplitMix64
        Where the uniform draws are taken from; how many are needed varies.

    Examples
    --------
    >>> round(beta_draw(1, 1, SplitMix64(2024)), 6)
    0.748308
    """
    x = gamma_draw(a, draws)
    y = gamma_draw(b, draws)
    return x / (x + y) if x + y > 0 else 0.5  # tiny parameters: both may come to 0


def gamma_draw(shape: float, draws: SplitMix64) -> float:
    """Return a draw from Gamma(shape, 1).

    Parameters
    ----------
    shape : float
        Above 0.
    draws : SplitMix64
        Two draws are taken for each trial, whatever becomes of it, and one more where the shape is
        below 1.

    Notes
    -----
    Marsaglia and Tsang, "A simple method for generating gamma variables" (ACM TOMS 26, 2000), with
    the normal by inversion: one uniform draw for one normal.
    """
    if shape < 1.0:
        return gamma_draw(shape + 1.0, draws) * pow(_uniform(draws), 1.0 / shape)
    d = shape - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    while True:
        x = _normal(_uniform(draws))
        v = (1.0 + c * x) ** 3
        u = _uniform(draws)
        square = x * x
        if v > 0.0 and (
            u < 1.0 - _SQUEEZE * square * square or log(u) < 0.5 * square + d - d * v + d * log(v)
        ):
            return d * v


def _uniform(draws: SplitMix64) -> float:
    """Return a draw in (0, 1), both ends left out."""
    u = draws.uniform() + _HALF
    return u if u < 1.0 else _MOST
