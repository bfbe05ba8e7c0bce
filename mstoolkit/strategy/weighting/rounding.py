"""Whole weights in the proportions of others, for rotations that count."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, fsum, gcd, inf

_NEAR = 1e-9  # relative; so near a whole number a ratio counts as one


def rounded(weights: Sequence[float], parts: int = 100) -> list[int]:
    """Return small whole weights in nearly the same proportions.

    Proportions that are whole already are kept exactly, if their sum allows. Otherwise `parts` are
    dealt out by the method of the largest remainder (Hamilton's), at least one to each weight above
    0. If there are more of those than parts, ten times as many as weights are dealt out instead.
    What all have in common is divided out, so that cycles are short.

    If each of the m weights above 0 is due a part at least, no share is wrong by more than
    (1 - 1/m) / parts. Smaller ones are lifted to a part, which the larger ones pay for: then no
    share is wrong by more than (m - 1) / parts, and it comes near to that where one weight dwarfs
    all others. Where there are more weights than parts, that is less than 0.1.

    Parameters
    ----------
    weights : sequence of float
        Not negative; 0 stays 0.
    parts : int, optional
        Largest sum, where there are no more weights than that.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or there are no parts.

    Examples
    --------
    >>> rounded([60.0, 20.0, 0.0])
    [3, 1, 0]
    >>> rounded([0.93, 0.41, 0.0007])
    [69, 30, 1]
    """
    if parts < 1 or not all(0 <= weight < inf for weight in weights):
        raise ValueError("weights must be finite and not negative, and parts at least 1")
    positive = [weight for weight in weights if weight > 0]
    if not positive:
        return [0] * len(weights)
    if len(positive) > parts:
        parts = 10 * len(positive)
    whole = iter(_whole(positive, parts) or _reduced(_dealt(positive, parts)))
    return [next(whole) if weight > 0 else 0 for weight in weights]


def _whole(weights: Sequence[float], parts: int) -> list[int] | None:
    """Return the weights in whole numbers if they, or their ratios to the least, are such."""
    for unit in (1.0, min(weights)):
        ratios = [weight / unit for weight in weights]
        if max(ratios) > 1 / _NEAR:
            continue
        counts = [round(ratio) for ratio in ratios]
        if all(
            count and abs(ratio - count) <= _NEAR * count
            for ratio, count in zip(ratios, counts, strict=True)
        ):
            counts = _reduced(counts)
            if sum(counts) <= parts:
                return counts
    return None


def _reduced(counts: list[int]) -> list[int]:
    common = gcd(*counts)
    return [count // common for count in counts]


def _dealt(weights: Sequence[float], parts: int) -> list[int]:
    """Deal out all parts: one to each that is due less, the others by largest remainder."""
    largest = max(weights)
    sizes = [weight / largest for weight in weights]
    counts = [0] * len(sizes)
    rest = list(range(len(sizes)))
    left = parts
    while True:
        total = fsum(sizes[k] for k in rest)
        small = [k for k in rest if left * sizes[k] < total]
        if not small:
            break
        for k in small:
            counts[k] = 1
        left -= len(small)
        rest = [k for k in rest if not counts[k]]
    due = {k: left * sizes[k] / total for k in rest}
    for k in rest:
        counts[k] = floor(due[k])
    missing = parts - sum(counts)
    for k in sorted(rest, key=lambda k: counts[k] - due[k])[:missing]:
        counts[k] += 1
    return counts
