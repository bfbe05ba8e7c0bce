"""What a reply's text says about when to try again."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.strategy.retry import hinted_delay


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("try again in 5 minutes", 300.0),
        ("Please try again after 300 seconds.", 300.0),
        ("4.2.0 Greylisted, please try again in 299 seconds", 299.0),
        ("retry after 300 seconds", 300.0),
        ("Retry-After: 120 s", 120.0),
        ("retry in 300s", 300.0),
        ("RETRY IN 5MIN", 300.0),
        ("rate limited, wait 1 hour", 3600.0),
        ("please wait for at least 10 mins before sending more", 600.0),
        ("You must wait another 90 sec", 90.0),
        ("Greylisting in action, please come back in 00:04:59", 299.0),
        ("come back later in 2 hrs", 7200.0),
        ("Greylisted for 5 minutes", 300.0),
        ("Graylisted for 300 seconds", 300.0),
        ("too many messages; try again in 1 hour and 30 minutes", 5400.0),
        ("retry after 4 minutes 30 seconds", 270.0),
        ("try your message again in about an hour", 3600.0),
        ("try again in one minute", 60.0),
        ("try again in 1.5 hours", 5400.0),
        ("wait 1 day", 86400.0),
        ("try again later. If not, retry in 10 minutes", 600.0),
    ],
)
def test_hint_is_read(text: str, seconds: float) -> None:
    """The usual phrasings are read into seconds."""
    assert hinted_delay(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        "4.7.0 Try again later, closing connection.",
        "Too many messages in 5 minutes, try again later",
        "try again later. Limit of 100 messages in 60 seconds",
        "Connection timed out after 300 seconds",
        "Message could not be delivered; will retry for 4 hours",
        "try again within 1 hour",
        "retry after 25 hours",
        "wait 2 days",
        "retry in 0 seconds",
        "try again in a few minutes",
        "try again in 5-10 minutes",
        "try again in 5 to 10 minutes",
        "retry after 300",
        "try again after 14:30:00 UTC",
        "come back in 00:99:99",
        "come back in 04:59",
        "try 4.7.1 again",
        "poetry in 5 minutes",
        "wait 99999999999999999999999999 seconds",
        "retry in -5 minutes and see http://example.org/in/5/minutes?x=" + "9" * 400,
        "retry in " + "9" * 400 + " seconds",
        "retry in ٥ minutes",
        "in 5 minutes we are closed",
        "x" * 3000 + " try again in 5 minutes",
    ],
)
def test_no_hint(text: str) -> None:
    """What names no delay, an unclear one, or one beyond a day is no hint."""
    assert hinted_delay(text) is None


@settings(max_examples=200)
@given(text=st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """Whatever a stranger writes gives nothing, or seconds within a day."""
    seconds = hinted_delay("retry in " + text)
    assert seconds is None or 0.0 < seconds <= 86400.0


@pytest.mark.parametrize(
    "piece", ["try ", "wait ", "1 ", "1:", "retry in at ", "wait 1 s and ", "a"]
)
def test_long_text_takes_no_time(piece: str) -> None:
    """Text made to be slow is read in well under a second."""
    start = perf_counter()
    hinted_delay(piece * 200_000)
    assert perf_counter() - start < 0.5
