"""The conservation check."""

from __future__ import annotations

from mstoolkit.analysis import conservation
from mstoolkit.analysis.examples import log_frame, small_log


def test_the_example_adds_up() -> None:
    """Every enqueued message is in exactly one column."""
    frame = conservation(small_log())
    ends = frame[["delivered", "bounced", "expired", "suppressed", "withdrawn", "open"]]
    assert (ends.sum(axis=1) == frame["enqueued"]).all()
    assert frame["ok"].all()


def test_a_message_that_ends_twice_is_found() -> None:
    """More ends than messages is an error of the lot it happened in."""
    frame = conservation(
        log_frame(
            [
                {"event": "enqueued", "n": 5, "lot": 0},
                {"event": "delivered", "n": 5, "lot": 0},
                {"event": "expired", "n": 1, "lot": 0},
                {"event": "enqueued", "n": 5, "lot": 3},
            ]
        )
    )
    assert frame.set_index("lot")["ok"].to_dict() == {0: False, 3: True}


def test_a_dsn_for_what_was_never_delivered_is_found() -> None:
    """Only a delivery can be reversed."""
    frame = conservation(
        log_frame(
            [
                {"event": "enqueued", "n": 5, "lot": 0},
                {"event": "delivered", "n": 1, "lot": 0},
                {"event": "bounced", "n": 2, "lot": 0, "phase": "dsn"},
            ]
        )
    )
    assert not frame["ok"].any()


def test_a_dsn_moves_a_message_and_ends_none() -> None:
    """The last word counts: delivered becomes bounced, and nothing is opened again."""
    frame = conservation(
        log_frame(
            [
                {"event": "enqueued", "n": 5, "lot": 0},
                {"event": "delivered", "n": 5, "lot": 0},
                {"event": "bounced", "n": 2, "lot": 0, "phase": "dsn"},
            ]
        )
    )
    row = frame.iloc[0]
    assert (row["delivered"], row["bounced"], row["open"], row["ok"]) == (3, 2, 0, True)


def test_a_log_without_mail_has_no_lots() -> None:
    """An empty frame, not an error."""
    assert conservation(log_frame([{"event": "ticked", "n": 0}])).empty
