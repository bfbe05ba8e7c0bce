"""Paired comparison: laws, edges, and coverage of the simultaneous intervals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from mstoolkit.analysis import METRICS, paired_differences, summarise, winner
from mstoolkit.analysis.comparison import against
from mstoolkit.analysis.paired import difference

NAMES = ("a", "b", "c", "d")


def runs(table: dict[str, list[float]], metric: str = "delivery_rate") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"strategy": name, "replication": number, metric: value}
            for name, values in table.items()
            for number, value in enumerate(values)
        ]
    )


def noisy(seed: int, means: list[float], count: int = 8, noise: float = 0.002) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    world = draws.normal(0, 0.01, count)
    return runs(
        {
            name: list(mean + world + draws.normal(0, noise, count))
            for name, mean in zip(NAMES, means, strict=False)
        }
    )


TABLES = st.integers(0, 10_000).map(lambda seed: noisy(seed, [0.95, 0.951, 0.94, 0.95]))


def test_one_pair_is_the_paired_t_interval_of_scipy() -> None:
    """With two strategies there is one pair, and nothing to adjust."""
    frame = noisy(1, [0.95, 0.94])
    a, b = (frame[frame["strategy"] == name]["delivery_rate"].to_numpy() for name in "ab")
    expected = stats.ttest_rel(b, a).confidence_interval(0.95)
    row = paired_differences(frame).iloc[0]
    assert (row["strategy"], row["best"]) == ("b", "a")
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([expected.low, expected.high])


@given(TABLES, st.permutations(NAMES), st.permutations(range(8)))
def test_the_order_of_runs_changes_no_verdict(
    frame: pd.DataFrame, names: list[str], numbers: list[int]
) -> None:
    """Permuting strategies and replications permutes the rows and nothing else."""
    order = {name: k for k, name in enumerate(names)}
    place = {number: k for k, number in enumerate(numbers)}
    mixed = frame.assign(x=frame["strategy"].map(order), y=frame["replication"].map(place))
    mixed = mixed.sort_values(["y", "x"], ignore_index=True).drop(columns=["x", "y"])
    ours = paired_differences(frame).sort_values("strategy", ignore_index=True)
    theirs = paired_differences(mixed).sort_values("strategy", ignore_index=True)
    pd.testing.assert_frame_equal(ours, theirs)
    assert winner(frame) == winner(mixed)


@given(TABLES, st.floats(-0.5, 0.5))
def test_what_a_replication_shares_cancels(frame: pd.DataFrame, shift: float) -> None:
    """A world that is better for all strategies alike changes no difference."""
    moved = frame["delivery_rate"] + shift * (frame["replication"] % 3)
    ours, theirs = (
        paired_differences(frame),
        paired_differences(
            frame.assign(delivery_rate=moved), best=str(paired_differences(frame)["best"].iloc[0])
        ),
    )
    assert np.allclose(ours["difference"], theirs["difference"])
    assert np.allclose(ours["ci_low"], theirs["ci_low"])


@given(TABLES)
def test_an_interval_that_holds_zero_cannot_tell(frame: pd.DataFrame) -> None:
    """Verdict and interval never contradict each other."""
    for row in paired_differences(frame).to_dict("records"):
        holds = row["ci_low"] <= 0 <= row["ci_high"]
        assert (row["verdict"] == "cannot tell") == holds
        if not holds:
            assert row["verdict"] == ("worse" if row["difference"] < 0 else "better")


@given(TABLES)
@example(noisy(855, [0.95, 0.951, 0.94, 0.95]))  # a and b so near that no number would tell
def test_the_replications_needed_would_tell_and_one_less_would_not(frame: pd.DataFrame) -> None:
    """The number is the smallest one, by the same interval; none means not even a million."""
    table = frame.pivot_table(index="replication", columns="strategy", values="delivery_rate")
    pairs = math.comb(len(NAMES), 2)
    for row in paired_differences(frame).to_dict("records"):
        gaps = table[row["strategy"]] - table[row["best"]]

        def half(count: int, spread: float = float(gaps.std(ddof=1))) -> float:
            quantile = float(stats.t.ppf(1 - 0.05 / pairs / 2, count - 1))
            return quantile * spread / math.sqrt(count)

        needed = row["replications_needed"]
        if pd.isna(needed):  # `to_dict` makes None of the frame's NA
            assert half(1_000_000) >= abs(row["difference"])
            continue
        assert half(needed) < abs(row["difference"])
        assert needed == 2 or half(needed - 1) >= abs(row["difference"])
        assert (row["verdict"] != "cannot tell") == (needed <= len(gaps))


def test_equal_runs_are_the_same() -> None:
    """Two strategies that did the same in every replication need no statistics."""
    row = paired_differences(runs({"a": [0.9, 0.8], "b": [0.9, 0.8]})).iloc[0]
    assert row["verdict"] == "same"
    assert (row["difference"], row["ci_low"], row["ci_high"]) == (0.0, 0.0, 0.0)
    assert row["replications_needed"] is pd.NA


def test_a_constant_difference_is_certain() -> None:
    """Without spread there is no doubt: the interval is a point, and two replications tell."""
    row = paired_differences(runs({"a": [0.9, 0.8], "b": [0.8, 0.7]})).iloc[0]
    assert row["verdict"] == "worse"
    assert row["ci_low"] == pytest.approx(-0.1)
    assert row["replications_needed"] == 2


def test_rounding_in_the_last_digit_is_no_difference() -> None:
    """The same sum added in another order is the same cost."""
    row = paired_differences(
        runs({"a": [0.1 + 0.2, 1.0], "b": [0.3, 1.0]}, "cost"), metric="cost"
    ).iloc[0]
    assert row["verdict"] == "same"


def test_one_replication_cannot_tell() -> None:
    """No spread, no interval, no verdict: and the winner's sentence says why."""
    frame = runs({"a": [0.95], "b": [0.90]})
    row = paired_differences(frame).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert math.isnan(row["ci_low"])
    assert row["replications_needed"] is pd.NA
    found = winner(frame)
    assert found.strategy == "a"
    assert "one replication cannot tell" in found.sentence


def test_differences_that_cancel_can_never_be_told() -> None:
    """A mean difference of zero with spread needs more replications than there are."""
    row = paired_differences(runs({"a": [0.9, 0.8], "b": [0.8, 0.9]})).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert row["replications_needed"] is pd.NA


def test_less_is_better_where_the_metric_says_so() -> None:
    """The direction of the metric decides who is best and what worse means."""
    frame = runs({"a": [0.02, 0.021, 0.02], "b": [0.01, 0.011, 0.012]}, "bounce_rate")
    row = paired_differences(frame, metric="bounce_rate").iloc[0]
    assert (row["best"], row["strategy"], row["verdict"]) == ("b", "a", "worse")


def test_another_metric_can_be_better_than_the_best() -> None:
    """The best is chosen by one metric; by another it may lose, and the table says so."""
    frame = runs({"a": [0.95, 0.951, 0.95], "b": [0.90, 0.90, 0.901]})
    frame["cost"] = [5.0, 5.1, 5.0, 1.0, 1.0, 1.1]
    table = paired_differences(frame).set_index("metric")["verdict"]
    assert table.to_dict() == {"delivery_rate": "worse", "cost": "better"}


def test_replications_are_paired_by_their_number() -> None:
    """A run that is missing drops its pair, and shifts no other."""
    frame = runs({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.7, 0.6]})
    row = paired_differences(frame.drop(index=0)).iloc[0]
    assert row["replications"] == 2
    assert abs(row["difference"]) == pytest.approx(0.1)


def test_a_metric_without_direction_chooses_no_best() -> None:
    """Nobody is best by the number of messages enqueued."""
    with pytest.raises(ValueError, match="direction"):
        paired_differences(runs({"a": [1.0], "b": [2.0]}, "enqueued"), metric="enqueued")


def test_a_best_without_runs_is_refused() -> None:
    """The error names who took part."""
    with pytest.raises(ValueError, match="known are a, b"):
        paired_differences(runs({"a": [0.9], "b": [0.8]}), best="z")


def test_no_runs_no_winner() -> None:
    """An empty frame is refused rather than guessed at."""
    empty = pd.DataFrame({"strategy": [], "replication": [], "delivery_rate": []})
    with pytest.raises(ValueError, match="no runs"):
        winner(empty)


def test_what_is_not_known_enters_no_pair() -> None:
    """NaN in a replication drops the pair; NaN in all leaves nothing to tell."""
    half = difference(np.array([0.9, np.nan, 0.8]), np.array([0.8, 0.8, 0.7]))
    assert half.replications == 2
    none = difference(np.array([np.nan]), np.array([0.8]))
    assert (none.verdict, none.replications) == ("cannot tell", 0)


def test_the_summary_is_mean_and_t_interval() -> None:
    """One row a strategy and metric, in the order of the runs, as scipy computes it."""
    frame = noisy(3, [0.95, 0.94])
    table = summarise(frame)
    assert table["strategy"].tolist() == ["a", "b"]
    values = frame[frame["strategy"] == "a"]["delivery_rate"].to_numpy()
    low, high = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    assert table.iloc[0][["ci_low", "ci_high"]].tolist() == pytest.approx([low, high])


def test_the_summary_of_one_replication_has_no_interval() -> None:
    """Nor has one of values that are not known."""
    table = summarise(runs({"a": [0.9], "b": [math.nan]}))
    assert table["ci_low"].isna().all()
    assert table["replications"].tolist() == [1, 0]


@pytest.mark.statistical
def test_simultaneous_intervals_cover_all_pairs_at_once() -> None:
    """In at least 95 % of the experiments every pair's interval holds the true difference."""
    draws = np.random.default_rng(20)
    truth = np.array([0.95, 0.951, 0.94, 0.945])
    held, trials = 0, 1500
    for _ in range(trials):
        noise = draws.normal(0, 0.003, (10, 4)) + draws.normal(0, 0.02, (10, 1))
        table = pd.DataFrame(truth + noise, columns=list(NAMES))
        held += all(
            found.low <= truth[i] - truth[j] <= found.high
            for i, j in itertools.combinations(range(4), 2)
            for found in [against(table, NAMES[i], NAMES[j], "delivery_rate", 0.95)]
        )
    error = 3 * math.sqrt(0.95 * 0.05 / trials)
    assert 0.95 - error <= held / trials <= 0.99


@pytest.mark.statistical
def test_equal_strategies_are_seldom_called_worse_than_the_best() -> None:
    """Though the best is picked by the same data, a false verdict comes in at most 5 % of runs."""
    false, trials = 0, 300
    for seed in range(trials):
        frame = noisy(seed, [0.95] * 4, count=6)
        false += bool((paired_differences(frame)["verdict"] != "cannot tell").any())
    assert false / trials <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)


def test_every_metric_with_a_direction_is_compared() -> None:
    """Nothing that can be better is left out of the table."""
    frame = pd.DataFrame(
        {"strategy": ["a", "b"], "replication": [0, 0], **{name: [1.0, 2.0] for name in METRICS}}
    )
    compared = set(paired_differences(frame)["metric"])
    assert compared == {name for name, what in METRICS.items() if what.direction != "none"}
