"""Figures beside published ones: what is drawn is what the frame says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mstoolkit.plots import against_published, memories, placement_curve

FRAME = pd.DataFrame(
    {
        "what": ["opens", "clicks", "bounces"],
        "published": [0.2, 0.03, 0.004],
        "found": [0.21, 0.03, 0.006],
        "use": ["input", "fitted", "held-out"],
    }
)


def test_each_figure_is_a_share_of_what_was_published() -> None:
    """A point a figure, the first on top, and how each was used in the legend."""
    ax = against_published(FRAME, ax=Figure().subplots())
    points = np.concatenate([np.asarray(each.get_offsets()) for each in ax.collections])
    for wanted in [(1.05, 2.0), (1.0, 1.0), (1.5, 0.0)]:
        assert np.any(np.all(np.isclose(points, wanted), axis=1)), wanted
    assert ax.get_yticklabels()[0].get_text() == "opens: 20 %"
    legend = ax.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 3


def test_nothing_to_show_is_no_error() -> None:
    """An empty frame gives empty axes."""
    assert against_published(FRAME.iloc[:0], ax=Figure().subplots()).get_title(loc="left")


def test_the_curve_has_its_published_points() -> None:
    """The model is a line, what was published are points."""
    frame = pd.DataFrame({"score": [70.0, 80.0, 95.0], "inbox": [0.3, 0.6, 0.9]})
    ax = placement_curve(frame, {"75.5": 0.45, "95.5": 0.92}, ax=Figure().subplots())
    assert np.asarray(ax.lines[0].get_xydata()) == pytest.approx(frame.to_numpy())
    points = np.asarray(ax.collections[0].get_offsets())
    assert points == pytest.approx(np.array([[75.5, 0.45], [95.5, 0.92]]))


def test_each_memory_is_a_line() -> None:
    """One line a column, over days."""
    frame = pd.DataFrame({"short": [1.0, 0.4], "long": [1.0, 0.8]}, index=[1, 2])
    ax = memories(frame, ax=Figure().subplots())
    assert [line.get_label() for line in ax.lines] == ["short", "long"]
    assert ax.lines[0].get_ydata() == pytest.approx([1.0, 0.4])
