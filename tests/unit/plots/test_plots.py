"""Plots: what is drawn is what the frame says, with units, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mstoolkit import plots
from mstoolkit.analysis import (
    deferrals_over_time,
    delivered_over_time,
    outcomes,
    paired_differences,
    reputation_over_time,
    server_share_over_time,
    summarise,
)
from mstoolkit.analysis.examples import small_log
from mstoolkit.plots.style import house_style

EVENTS = small_log()
TRUTH = pd.DataFrame(
    {
        "at": [0.0, 3600.0, 0.0],
        "server": ["mta-1", "mta-1", "mta-2"],
        "isp": ["gmail", "gmail", "gmx"],
        "reputation": [1.0, 0.8, 0.6],
        "listed": [False, False, False],
    }
)
DRAWS = np.random.default_rng(1)
RUNS = pd.DataFrame(
    [
        {
            "strategy": name,
            "replication": number,
            "delivery_rate": mean + DRAWS.normal(0, 0.001),
            "makespan": 3600.0 * (5 + DRAWS.normal(0, 0.1)),
            "cost": 5.0 + number,
        }
        for name, mean in (("slow", 0.90), ("good", 0.95), ("twin", 0.9501))
        for number in range(6)
    ]
)
SUMMARY, PAIRS = summarise(RUNS), paired_differences(RUNS)

CASES: dict[str, tuple[Any, pd.DataFrame]] = {
    "delivered": (plots.delivered_over_time, delivered_over_time(EVENTS, 60.0)),
    "shares": (plots.server_share_over_time, server_share_over_time(EVENTS, 60.0)),
    "deferrals": (plots.deferrals_over_time, deferrals_over_time(EVENTS, 60.0)),
    "reputation": (plots.reputation_over_time, reputation_over_time(TRUTH, 600.0)),
    "outcomes": (plots.outcomes_by_isp, outcomes(EVENTS)),
    "ranking": (plots.ranking, SUMMARY),
    "differences": (plots.differences, PAIRS),
}


@pytest.fixture(autouse=True)
def _no_other_figure() -> Iterator[None]:
    plt.close("all")
    yield
    plt.close("all")


def axes() -> Axes:
    return Figure().add_subplot()


def texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("name", CASES)
def test_it_draws_on_the_axes_it_is_given(name: str) -> None:
    """The axes come back, with a title and a label that names what is measured."""
    draw, frame = CASES[name]
    ax = axes()
    assert draw(frame, ax=ax) is ax
    assert ax.get_title(loc="left")
    assert ax.get_xlabel()
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", CASES)
def test_without_axes_it_makes_one_figure(name: str) -> None:
    """In a notebook one call gives one picture."""
    draw, frame = CASES[name]
    draw(frame)
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", CASES)
def test_a_picture_is_the_same_twice_and_leaves_nothing_behind(name: str) -> None:
    """Rendering is a function of the frame: no figure stays open and no setting changes."""
    draw, frame = CASES[name]
    before = dict(mpl.rcParams)
    first = plots.rendered(draw, frame)
    assert first.startswith(b"\x89PNG")
    assert plots.rendered(draw, frame) == first
    assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()


def test_what_the_first_figure_makes_of_pyplot_stays() -> None:
    """Loading a notebook's backend turns interactive mode on; the style does not turn it off."""
    before = dict(mpl.rcParams)
    with house_style(None) as ax:
        plt.ion()
        assert ax.spines["top"].get_visible() is False
    try:
        assert mpl.is_interactive()
    finally:
        plt.ioff()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", CASES)
def test_the_frame_is_left_as_it_was(name: str) -> None:
    """A plot reads."""
    draw, frame = CASES[name]
    copy = frame.copy(deep=True)
    draw(frame, ax=axes())
    pd.testing.assert_frame_equal(frame, copy)


@pytest.mark.parametrize("name", ["delivered", "shares", "deferrals", "reputation"])
def test_time_is_in_hours(name: str) -> None:
    """Nobody reads seconds of a day."""
    draw, frame = CASES[name]
    ax = draw(frame, ax=axes())
    assert "hours" in ax.get_xlabel()
    assert ax.get_xlim() == pytest.approx((0.0, frame["at"].max() / 3600))


def test_delivered_starts_at_zero_and_ends_at_the_share() -> None:
    """The line says what the frame says, in hours and shares."""
    ax = plots.delivered_over_time(CASES["delivered"][1], ax=axes())
    x, y = (np.asarray(values) for values in ax.get_lines()[0].get_data())
    assert (x[0], y[0]) == (0.0, 0.0)
    assert y[-1] == pytest.approx(0.91)
    assert ax.get_legend() is None


def test_every_strategy_has_a_line_and_a_band() -> None:
    """Replications become a median and a band, strategies an entry each."""
    one = delivered_over_time(EVENTS, 60.0)
    frame = pd.concat(
        [
            one.assign(strategy=name, replication=number, share=one["share"] * factor)
            for name in ("a", "b")
            for number, factor in enumerate((0.8, 0.9, 1.0))
        ]
    )
    ax = plots.delivered_over_time(frame, ax=axes())
    assert texts(ax) == ["a", "b"]
    assert len(ax.collections) == 2
    middle = np.asarray(ax.get_lines()[0].get_ydata())
    assert middle[-1] == pytest.approx(0.91 * 0.9)
    styles = {line.get_linestyle() for line in ax.get_lines()}
    assert len(styles) == 2


def test_shares_fill_the_whole_height() -> None:
    """In every bin with deliveries the servers' layers reach 100 %."""
    ax = plots.server_share_over_time(CASES["shares"][1], ax=axes())
    tops = ax.collections[-1].get_paths()[0].vertices
    assert np.asarray(tops)[:, 1].max() == pytest.approx(1.0)
    assert texts(ax) == ["mta-2", "mta-1"]


def test_bins_with_next_to_nothing_stay_blank() -> None:
    """One late message is no server share of 100 %."""
    frame = pd.DataFrame({"at": [600.0, 1200.0], "server": ["a", "b"], "delivered": [5000.0, 1.0]})
    ax = plots.server_share_over_time(frame, ax=axes())
    assert "blank" in ax.get_xlabel()
    assert ax.get_xlim() == pytest.approx((0.0, 600 / 3600))


def test_deferrals_are_the_mean_of_the_replications() -> None:
    """Three replications do not treble the deferrals."""
    one = deferrals_over_time(EVENTS, 600.0)
    frame = pd.concat([one.assign(replication=number) for number in range(3)])
    ax = plots.deferrals_over_time(frame, ax=axes())
    assert np.asarray(ax.collections[0].get_paths()[0].vertices)[:, 1].max() == 20.0
    assert "per 10 min" in ax.get_ylabel()


def test_no_deferrals_is_an_empty_picture_that_says_so() -> None:
    """Good news needs no error."""
    ax = plots.deferrals_over_time(deferrals_over_time(EVENTS.iloc[:3]), ax=axes())
    assert [text.get_text() for text in ax.texts] == ["none"]


def test_reputation_can_be_of_one_isp() -> None:
    """Another ISP's opinion is left out."""
    ax = plots.reputation_over_time(CASES["reputation"][1], isp="gmail", ax=axes())
    assert texts(ax) == ["mta-1"]
    assert "at gmail" in ax.get_title(loc="left")


def test_outcomes_are_shares_of_each_isp() -> None:
    """The bars of an ISP end where its undelivered messages do."""
    ax = plots.outcomes_by_isp(CASES["outcomes"][1], ax=axes())
    assert _ends(ax) == {0: pytest.approx(7 / 40), 1: pytest.approx(3 / 60)}
    whole = plots.outcomes_by_isp(CASES["outcomes"][1], undelivered=False, ax=axes())
    assert "delivered" in texts(whole)
    assert _ends(whole) == {0: pytest.approx(1.0), 1: pytest.approx(1.0)}


def _ends(ax: Axes) -> dict[int, float]:
    ends: dict[int, float] = {}
    for bar in ax.patches:
        assert isinstance(bar, Rectangle)
        row = round(bar.get_y() + bar.get_height() / 2)
        ends[row] = max(ends.get(row, 0.0), bar.get_x() + bar.get_width())
    return ends


def test_the_ranking_has_the_best_on_top_and_marks_doubt() -> None:
    """The last row is drawn highest; hollow dots cannot be told from the best."""
    ax = plots.ranking(SUMMARY, PAIRS, ax=axes())
    assert next(label.get_text() for label in ax.get_yticklabels()) == "slow"
    assert texts(ax) == ["best mean", "cannot tell", "clearly worse"]
    hollow = [line for line in ax.get_lines() if line.get_markerfacecolor() == "white"]
    assert len([line for line in hollow if len(np.asarray(line.get_xdata()))]) == 1


def test_the_ranking_by_time_is_in_hours_with_the_fastest_on_top() -> None:
    """Less is better, and nobody reads 18,000 s."""
    ax = plots.ranking(SUMMARY, metric="makespan", ax=axes())
    low, high = ax.get_xlim()
    assert 4 < low < high < 6
    assert "(hours)" in ax.get_xlabel()
    order = [label.get_text() for label in ax.get_yticklabels()]
    means = RUNS.groupby("strategy")["makespan"].mean()
    assert order == list(means.sort_values(ascending=False).index)


def test_one_replication_is_ranked_without_intervals() -> None:
    """Dots alone, no lines that claim a precision."""
    single = summarise(RUNS[RUNS["replication"] == 0])
    ax = plots.ranking(single, ax=axes())
    assert all(len(np.asarray(line.get_xdata())) == 1 for line in ax.get_lines())


def test_differences_are_in_percentage_points_around_zero() -> None:
    """The best is the line at zero; the others stand where they differ."""
    ax = plots.differences(PAIRS, ax=axes())
    assert "percentage points" in ax.get_xlabel()
    low, high = ax.get_xlim()
    assert low < -4.5 < 0 < high


def test_a_ranking_of_costs_has_no_percent() -> None:
    """Units follow the metric."""
    ax = plots.ranking(SUMMARY, metric="cost", ax=axes())
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert not any("%" in label.get_text() for label in ax.get_xticklabels())
