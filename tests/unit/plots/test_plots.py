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

TIMELINE = pd.DataFrame(
    [
        ("a", "sent", 0.0, 60.0, 30.0),
        ("b", "sent", 0.0, 60.0, 15.0),
        ("a", "failed", 61.0, 61.0, 1.0),
        ("a", "suspended", 61.0, 121.0, 0.0),
        ("a", "probed", 121.0, 121.0, 0.0),
        ("b", "sent", 120.0, 180.0, 20.0),
    ],
    columns=["server", "what", "at", "until", "n"],
)
TRIES = pd.DataFrame(
    {"strategy": ["x", "x", "y", "y"], "at": [120.0, 240.0] * 2, "attempts": [10.0, 4.0, 6.0, 8.0]}
)
USED = pd.DataFrame(
    {"at": [0.0, 0.0, 3600.0, 3600.0], "stream": ["news", "receipts"] * 2, "used": [0, 0, 80, 10]}
)
CHOSEN = pd.DataFrame({"rotation": ["even", "odd"], "sequence": ["abc.", "aab"]})
ERRORS = pd.DataFrame(
    {
        "rotation": ["z", "z", "a", "a"],
        "messages": [10, 1000] * 2,
        "error": [0.25, 0.0, 0.0375, 0.004],
    }
)

CASES: dict[str, tuple[Any, pd.DataFrame]] = {
    "delivered": (plots.delivered_over_time, delivered_over_time(EVENTS, 60.0)),
    "shares": (plots.server_share_over_time, server_share_over_time(EVENTS, 60.0)),
    "deferrals": (plots.deferrals_over_time, deferrals_over_time(EVENTS, 60.0)),
    "reputation": (plots.reputation_over_time, reputation_over_time(TRUTH, 600.0)),
    "outcomes": (plots.outcomes_by_isp, outcomes(EVENTS)),
    "ranking": (plots.ranking, SUMMARY),
    "differences": (plots.differences, PAIRS),
    "timeline": (plots.server_timeline, TIMELINE),
    "attempts": (plots.attempt_rates, TRIES),
    "quota": (plots.quota_use, USED),
    "sequences": (plots.sequences, CHOSEN),
    "errors": (plots.share_errors, ERRORS),
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


def test_short_times_are_in_minutes_or_seconds() -> None:
    """Nobody reads 0.0103 hours; the unit follows the longest mean."""
    for seconds, unit, label in ((40.0, "seconds", "40 s"), (150.0, "minutes", "2.5 min")):
        runs = pd.DataFrame({"strategy": ["a"], "replication": [0], "queue_p95": [seconds]})
        ax = plots.ranking(summarise(runs), metric="queue_p95", ax=axes())
        assert f"({unit})" in ax.get_xlabel()
        assert [text.get_text() for text in ax.texts] == [label]


def test_a_sequence_is_cells_with_letters_and_a_blank_where_it_waited() -> None:
    """Each choice is a letter in its server's colour; a shorter row ends in white."""
    ax = plots.sequences(CHOSEN, ax=axes())
    assert [text.get_text() for text in ax.texts] == list("abcaab")
    assert texts(ax) == ["a", "b", "c"]
    cells = np.asarray(ax.get_images()[0].get_array())
    assert cells.shape[:2] == (2, 4)
    assert cells[0, 3].tolist() == cells[1, 3].tolist() == [1, 1, 1]
    assert cells[0, 0].tolist() == cells[1, 1].tolist() != cells[0, 1].tolist()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["even", "odd"]


def test_long_sequences_have_no_letters() -> None:
    """They would not be legible."""
    frame = pd.DataFrame({"rotation": ["long"], "sequence": ["ab" * 100]})
    assert not plots.sequences(frame, ax=axes()).texts


def test_share_errors_are_in_points_in_the_order_given() -> None:
    """First rotation on top, and an exact share is a plain 0."""
    ax = plots.share_errors(ERRORS, ax=axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["z", "a"]
    assert [text.get_text() for text in ax.texts] == ["25.0", "0", "3.8", "0.4"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10", "1,000"]


def test_a_timeline_has_a_row_a_server_and_says_only_what_happened() -> None:
    """First server on top, bars as high as much was sent; nothing came back, so no such mark."""
    ax = plots.server_timeline(TIMELINE, ax=axes())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    assert texts(ax) == ["left alone", "connection failed", "probed"]
    assert "30 a minute" in ax.get_title(loc="left")
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    tops = sorted(round(bar.get_height() / 0.82, 3) for bar in bars)
    assert tops == [0.5, round(20 / 30, 3), 1.0]
    assert ax.get_xlim() == (0.0, 3.0)
    assert "minutes" in ax.get_xlabel()


def test_a_timeline_can_end_early() -> None:
    """What comes later is neither drawn nor in the legend."""
    ax = plots.server_timeline(TIMELINE, end=60.0, ax=axes())
    assert ax.get_legend() is None
    assert ax.get_xlim() == (0.0, 1.0)


def test_attempts_are_a_minute_and_stand_in_the_middle_of_their_bins() -> None:
    """Ten messages in two minutes are five a minute, at minute one."""
    ax = plots.attempt_rates(TRIES, ax=axes())
    assert texts(ax) == ["x", "y"]
    x, y = (np.asarray(values).tolist() for values in ax.get_lines()[0].get_data())
    assert (x, y) == ([1.0, 3.0], [5.0, 2.0])


def test_what_a_provider_allowed_is_drawn_beside() -> None:
    """Its rate is in messages a second and drawn in messages a minute, to the end of the bins."""
    limit = pd.DataFrame({"at": [0.0, 240.0, 9000.0], "rate": [0.2, 0.25, 9.0]})
    ax = plots.attempt_rates(TRIES[TRIES["strategy"] == "x"], limit, ax=axes())
    assert texts(ax) == ["x", "allowed (hidden)"]
    assert np.asarray(ax.get_lines()[-1].get_ydata()).tolist() == pytest.approx([12.0, 15.0])
    assert ax.get_ylim()[1] < 20


def test_a_quota_is_a_line_above_what_is_used_of_it() -> None:
    """The stack ends at the sum, the lines stand at the quota and where the reserve begins."""
    ax = plots.quota_use(USED, quota=100, kept=0.2, ax=axes())
    assert np.asarray(ax.collections[-1].get_paths()[0].vertices)[:, 1].max() == 90
    levels = [float(np.asarray(line.get_ydata())[0]) for line in ax.get_lines()]
    assert levels == [100, 80]
    assert texts(ax)[:2] == ["less 20 % kept back", "the quota, 100"]
    bare = plots.quota_use(USED, ax=axes())
    assert not bare.get_lines()
    assert texts(bare) == ["receipts", "news"]
