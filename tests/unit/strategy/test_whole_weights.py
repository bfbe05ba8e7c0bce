"""Whole weights are small, exact where they can be, and else as near as is promised."""

from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.strategy.weighting import rounded

WEIGHTS = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-300, 1e300), st.floats(0.01, 10.0), st.integers(1, 9)),
    min_size=1,
    max_size=40,
)


@given(weights=WEIGHTS, parts=st.integers(1, 200))
def test_whole_weights_are_near(weights: list[float], parts: int) -> None:
    """Sums, floors and the largest error in share are as the docstring of `rounded` says."""
    whole = rounded(weights, parts)
    positive = [each for each in weights if each > 0]
    m = len(positive)
    most = parts if m <= parts else 10 * m
    assert sum(whole) <= most
    assert [each > 0 for each in whole] == [each > 0 for each in weights]
    if not m:
        return
    scaled = [each / max(positive) for each in positive]
    due = [each / fsum(scaled) for each in scaled]
    counts = [n for n in whole if n]
    wrong = max(abs(n / sum(whole) - share) for n, share in zip(counts, due, strict=True))
    assert wrong <= (m - 1) / most + 1e-9
    if min(due) * most >= 1:
        assert wrong <= (1 - 1 / m) / most + 1e-9


def test_the_largest_error_is_reached() -> None:
    """One that dwarfs ten others is short of nearly (m - 1) / parts."""
    whole = rounded([1.0, *[1e-9] * 10], 100)
    assert whole == [90, *[1] * 10]


@pytest.mark.parametrize(
    ("weights", "whole"),
    [
        ([5, 1, 1], [5, 1, 1]),
        ([60.0, 20.0], [3, 1]),
        ([0.5, 0.25, 0.0], [2, 1, 0]),
        ([0.5, 0.3, 0.2], [5, 3, 2]),
        ([0.1 * 3, 0.1], [3, 1]),
        ([1 / 3, 2 / 3], [1, 2]),
        ([7.0] * 3, [1, 1, 1]),
        ([0.0, 0.0], [0, 0]),
        ([1.0, 3e8], [1, 99]),
        ([], []),
    ],
)
def test_proportions_that_are_whole_stay_exact(weights: list[float], whole: list[int]) -> None:
    """Nothing is lost where small whole numbers say it all."""
    assert rounded(weights) == whole


@pytest.mark.parametrize("wrong", [[-1.0], [float("nan")], [float("inf"), 1.0]])
def test_what_is_no_weight_is_refused(wrong: list[float]) -> None:
    """Negative, infinite and undefined weights, and no parts to deal out."""
    with pytest.raises(ValueError, match="finite"):
        rounded(wrong)
    with pytest.raises(ValueError, match="parts"):
        rounded([1.0], 0)
