"""The plot of asked and sent shares: lines, points, and causes in the legend."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstoolkit import plots

FRAME = pd.DataFrame(
    {
        "start": [0.0, 0.0, 3600.0, 3600.0, 0.0],
        "isp": ["gmail"] * 4 + ["gmx"],
        "server": ["a", "b", "a", "b", "a"],
        "asked": [0.5, 0.5, 0.6, 0.4, 1.0],
        "sent": [0.9, 0.1, 0.6, 0.4, 1.0],
        "n": [100, 100, 50, 50, 120],
        "drift": [True, True, False, False, False],
        "cause": ["b: rate limit", "rate limit", "", "", ""],
    }
)


def drawn(frame: pd.DataFrame, **options: str) -> Axes:
    return plots.realised_share(frame, ax=Figure().subplots(), **options)


def test_points_are_what_was_sent_and_lines_what_was_asked() -> None:
    """Filled points have drifted, hollow ones have not; a line spans each window."""
    ax = drawn(FRAME)
    points = sorted(np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines]))
    assert points == pytest.approx([0.1, 0.4, 0.6, 0.9])
    spans = sorted(
        (float(s[0][0]), float(s[0][1]), float(s[1][0]))
        for collection in ax.collections
        for s in collection.get_segments()  # type: ignore[attr-defined]
        if s[0][1] == s[1][1]
    )
    assert spans == [(0, 0.5, 1), (0, 0.5, 1), (1, 0.4, 2), (1, 0.6, 2)]
    assert ax.get_xlim() == (0.0, 2.0)


def test_causes_stand_in_the_legend() -> None:
    """Each server with what made it drift."""
    legend = drawn(FRAME).get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["a\n    b: rate limit", "b\n    rate limit"]


def test_the_largest_isp_is_drawn_unless_another_is_named() -> None:
    """Messages are counted once a window, not once a server."""
    assert "gmail" in drawn(FRAME).get_title(loc="left")
    assert "gmx" in drawn(FRAME, isp="gmx").get_title(loc="left")


@pytest.mark.parametrize("frame", [FRAME.iloc[:0], FRAME])
def test_it_renders(frame: pd.DataFrame) -> None:
    """An empty table gives an empty figure, not an error; the same frame the same bytes."""
    image = plots.rendered(plots.realised_share, frame)
    assert image.startswith(b"\x89PNG")
    assert image == plots.rendered(plots.realised_share, frame)


def test_shares_that_were_not_asked_are_points_alone() -> None:
    """Where a rotation goes by load there are no lines to miss."""
    plain = FRAME.assign(asked=float("nan"), drift=False, cause="")
    assert plots.rendered(plots.realised_share, plain).startswith(b"\x89PNG")
