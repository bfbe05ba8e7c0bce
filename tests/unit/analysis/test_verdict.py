"""The winner, its tie-breaks and its sentence."""

from __future__ import annotations

import pandas as pd

from mstoolkit.analysis import winner


def runs(**columns: dict[str, list[float]]) -> pd.DataFrame:
    first = next(iter(columns.values()))
    rows = [
        {"strategy": name, "replication": number}
        | {metric: table[name][number] for metric, table in columns.items()}
        for name, values in first.items()
        for number in range(len(values))
    ]
    return pd.DataFrame(rows)


CLEAR = {"a": [0.95, 0.951, 0.95], "b": [0.90, 0.90, 0.901]}
TIED = {"a": [0.95, 0.951, 0.949], "b": [0.951, 0.949, 0.95]}


def test_a_clear_lead_wins_by_the_metric_asked_for() -> None:
    """No tie, no tie-break."""
    found = winner(runs(delivery_rate=CLEAR))
    assert (found.strategy, found.decided_by, found.rivals) == ("a", "delivery_rate", ())
    assert found.sentence == (
        "a wins: its delivery rate of 95.03 % is the best of 2, and the difference is clear."
    )


def test_a_tie_is_broken_by_the_next_metric_that_can_tell() -> None:
    """The sentence says what decided, and that the first metric did not."""
    found = winner(
        runs(
            delivery_rate=TIED,
            bounce_rate={"a": [0.02, 0.021, 0.019], "b": [0.021, 0.019, 0.02]},
            queue_p95={"a": [900.0, 910.0, 905.0], "b": [100.0, 101.0, 99.0]},
        )
    )
    assert (found.strategy, found.decided_by, found.rivals) == ("b", "queue_p95", ())
    assert found.sentence == (
        "b wins: by delivery rate (95.00 %) it cannot be told from a, but its time in queue "
        "(95th percentile) is better, 2 min against 15 min."
    )


def test_the_margin_is_that_to_those_who_were_still_in_the_race() -> None:
    """Who lost by an earlier tie-break is not named by a later one, however good it is there."""
    found = winner(
        runs(
            delivery_rate={**TIED, "c": [0.949, 0.95, 0.951]},
            bounce_rate={"a": [0.01] * 3, "b": [0.01] * 3, "c": [0.02] * 3},
            cost={"a": [5.0] * 3, "b": [6.0] * 3, "c": [1.0] * 3},
        )
    )
    assert (found.strategy, found.decided_by) == ("a", "cost")
    assert "cannot be told from b and c" in found.sentence
    assert "5 against 6" in found.sentence


def test_a_tie_that_nothing_breaks_is_said_to_be_one() -> None:
    """The best mean is named, and so is who it cannot be told from."""
    found = winner(runs(delivery_rate={**TIED, "c": [0.8, 0.8, 0.801]}))
    assert (found.decided_by, found.rivals) == ("", ("b",) if found.strategy == "a" else ("a",))
    assert "cannot be told from" in found.sentence


def test_a_loser_by_the_first_metric_does_not_come_back() -> None:
    """Tie-breaks decide among the tied only, however cheap the others are."""
    found = winner(
        runs(
            delivery_rate={**TIED, "c": [0.5, 0.5, 0.501]},
            cost={"a": [5.0, 5.0, 5.0], "b": [6.0, 6.0, 6.0], "c": [0.1, 0.1, 0.1]},
        )
    )
    assert (found.strategy, found.decided_by) == ("a", "cost")


def test_equal_strategies_are_ordered_by_name() -> None:
    """Nothing tells them apart, so the first name stands for all, and says so."""
    same = [0.9, 0.91]
    found = winner(runs(delivery_rate={"b": same, "a": same, "c": same}))
    assert (found.strategy, found.rivals) == ("a", ("b", "c"))
    assert "b and c" in found.sentence


def test_a_tie_break_that_is_not_known_is_passed_over() -> None:
    """A cost that nobody gave decides nothing."""
    nan = float("nan")
    found = winner(runs(delivery_rate=TIED, cost={"a": [nan] * 3, "b": [nan] * 3}))
    assert found.decided_by == ""


def test_one_strategy_alone_wins_nothing() -> None:
    """There is nobody to compare with, and the sentence does not pretend so."""
    found = winner(runs(delivery_rate={"a": [0.95, 0.96]}))
    assert found.sentence == "a is the only strategy: its delivery rate is 95.50 %."
