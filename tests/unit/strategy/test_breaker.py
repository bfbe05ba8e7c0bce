"""The circuit breaker: when it opens, how long, and how it comes back."""

from __future__ import annotations

import json

import pytest

from mstoolkit.config import Breaker as Spec
from mstoolkit.strategy.failover import Breaker, blame

SPEC = Spec(failures=3, base=60.0, longest=300.0, probe=2)


def opened(breaker: Breaker, at: float, n: int = 3) -> float:
    """Fail until it opens; return for how long."""
    assert breaker.failure(n, breaker.generation, at)
    assert breaker.state == "open"
    return breaker.until - at


def shut(breaker: Breaker) -> bool:
    return breaker.shut


def probed(breaker: Breaker, at: float) -> None:
    """Let the probe come through."""
    breaker.try_again()
    breaker.take(2)
    assert breaker.success(2, breaker.generation, at)


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    """Two failures and a success are forgiven, three in a row are not."""
    breaker = Breaker(SPEC)
    for _ in range(2):
        assert not breaker.failure(1, 0, 1.0)
    assert not breaker.success(1, 0, 1.0)
    for _ in range(2):
        assert not breaker.failure(1, 0, 2.0)
    assert breaker.troubled
    assert not shut(breaker)
    assert breaker.failure(1, 0, 3.0)
    assert shut(breaker)
    assert breaker.until == 63.0


def test_suspensions_grow_to_the_longest() -> None:
    """A probe that fails opens it for twice as long, up to the longest."""
    breaker, at, times = Breaker(SPEC), 0.0, []
    times.append(opened(breaker, at))
    for _ in range(4):
        at = breaker.until
        breaker.try_again()
        assert breaker.failure(1, breaker.generation, at), "one failure is enough for a probe"
        times.append(breaker.until - at)
    assert times == [60.0, 120.0, 240.0, 300.0, 300.0]


def test_clean_time_is_forgiven_level_by_level() -> None:
    """Each clean base time after re-entry takes a level back."""
    grown = []
    for clean in (0.0, 59.0, 60.0, 120.0, 1000.0):
        breaker = Breaker(SPEC)
        opened(breaker, 0.0)
        breaker.try_again()
        breaker.failure(1, breaker.generation, 60.0)
        probed(breaker, 180.0)
        grown.append(opened(breaker, 180.0 + clean))
    assert grown == [240.0, 240.0, 120.0, 60.0, 60.0]


def test_a_probe_is_so_many_messages() -> None:
    """Half open lets the probe through and shuts while all of it is on its way."""
    breaker = Breaker(SPEC)
    opened(breaker, 0.0)
    breaker.try_again()
    assert not shut(breaker)
    breaker.take(1)
    assert not shut(breaker)
    breaker.take(1)
    assert shut(breaker)
    generation = breaker.generation
    assert not breaker.success(1, generation, 61.0), "half of the probe proves nothing"
    assert breaker.success(1, generation, 61.0)
    assert breaker.state == "closed"
    assert breaker.closed_at == 61.0


def test_probe_messages_that_proved_nothing_are_given_back() -> None:
    """An unsent rest may go again as part of the same probe, not of another."""
    breaker = Breaker(SPEC)
    opened(breaker, 0.0)
    breaker.try_again()
    breaker.take(2)
    breaker.give_back(1, breaker.generation - 1)
    assert shut(breaker)
    breaker.give_back(1, breaker.generation)
    assert not shut(breaker)
    assert breaker.allowance == 1


def test_late_results_change_nothing() -> None:
    """Results of attempts from before the suspension neither close nor prolong it."""
    breaker = Breaker(SPEC)
    before = breaker.generation
    opened(breaker, 0.0)
    assert not breaker.failure(5, before, 30.0)
    assert breaker.until == 60.0
    breaker.try_again()
    assert not breaker.success(5, before, 61.0)
    assert not breaker.failure(5, before, 61.0)
    assert breaker.state == "half-open"


def test_failures_are_counted_within_a_window() -> None:
    """With a window successes between do not matter, only how many failures fall into it."""
    breaker = Breaker(Spec(failures=5, window=60.0, base=10.0))
    for at in (0.0, 10.0, 20.0, 30.0):
        assert not breaker.failure(1, 0, at)
        breaker.success(10, 0, at)
    assert breaker.failure(1, 0, 59.0)
    breaker = Breaker(Spec(failures=5, window=60.0, base=10.0))
    for at in (0.0, 10.0, 20.0, 30.0, 61.0, 62.0, 63.0, 64.0):
        assert not breaker.failure(1, 0, at), "the first four are older than the window"
    assert breaker.failure(1, 0, 65.0)


def test_a_parcel_counts_as_its_messages() -> None:
    """Three failures in one answer are three failures."""
    breaker = Breaker(SPEC)
    assert breaker.failure(3, 0, 5.0)


def test_it_is_restored_as_it_was() -> None:
    """A snapshot survives JSON in every state."""
    breaker = Breaker(SPEC)
    breaker.failure(2, 0, 1.0)
    for step in (lambda: None, lambda: opened(breaker, 2.0), breaker.try_again):
        step()
        again = Breaker(SPEC)
        again.restore(json.loads(json.dumps(breaker.snapshot())))
        assert again.snapshot() == breaker.snapshot()
        assert (again.troubled, shut(again)) == (breaker.troubled, shut(breaker))


# -- a probe's lease

LEASED = Spec(failures=3, base=60.0, longest=300.0, probe=2, lease=100.0)


def expiry(breaker: Breaker) -> float | None:
    return breaker.expires_at


def probing(at: float) -> Breaker:
    """Return a breaker whose whole probe left at a time (s)."""
    breaker = Breaker(LEASED)
    opened(breaker, 0.0)
    breaker.try_again()
    assert breaker.expires_at is None, "nothing has left yet"
    breaker.take(2, at)
    return breaker


def test_a_lost_probe_is_replaced_when_its_lease_is_over() -> None:
    """No answer within the lease is no verdict: it stays half open, and a whole probe may go."""
    breaker = probing(70.0)
    assert expiry(breaker) == 170.0
    assert not breaker.expire(169.0)
    assert shut(breaker)
    assert breaker.expire(170.0)
    assert (breaker.state, breaker.allowance, breaker.level) == ("half-open", 2, 1)
    assert expiry(breaker) is None
    assert not breaker.expire(1000.0)


def test_word_of_an_expired_probe_changes_nothing() -> None:
    """Late results neither close nor open it, and give nothing back."""
    breaker = probing(70.0)
    old = breaker.generation
    breaker.expire(170.0)
    breaker.take(2, 171.0)
    assert not breaker.success(2, old, 172.0)
    assert not breaker.failure(2, old, 172.0)
    breaker.give_back(2, old)
    assert (breaker.state, breaker.allowance) == ("half-open", 0)
    assert breaker.success(2, breaker.generation, 173.0)


def test_each_message_of_a_probe_renews_the_lease() -> None:
    """It is over so long after the last one left, and none runs once all are answered or back."""
    breaker = probing(70.0)
    breaker.success(1, breaker.generation, 80.0)
    assert expiry(breaker) == 170.0
    breaker.give_back(1, breaker.generation)
    assert expiry(breaker) is None
    breaker.take(1, 120.0)
    assert expiry(breaker) == 220.0
    breaker.failure(1, breaker.generation, 130.0)
    assert (breaker.state, expiry(breaker)) == ("open", None)


def test_without_a_time_there_is_no_lease() -> None:
    """A driver that does not say when a probe leaves waits for its answer."""
    breaker = Breaker(LEASED)
    opened(breaker, 0.0)
    breaker.try_again()
    breaker.take(2)
    assert breaker.expires_at is None
    assert not breaker.expire(1e9)


# -- a share of failures

RATED = Spec(rate=0.5, minimum=4, window=30.0, base=5.0, longest=5.0, probe=1)


def test_it_opens_at_a_share_of_failures() -> None:
    """Polly-advanced: half of at least four results within 30 s; open until now >= 5 s later."""
    breaker, rows = Breaker(RATED), []
    for at, event in ((0, "S"), (1, "F"), (2, "F"), (3, "F"), (4, "ask"), (8, "F"), (9, "ask"),
                      (13, "S"), (14, "S")):  # fmt: skip
        if breaker.rested(at):
            breaker.try_again()
        permitted = not shut(breaker)
        if event != "ask":
            breaker.take(1, at)
            (breaker.success if event == "S" else breaker.failure)(1, breaker.generation, at)
        rows.append((at, permitted, breaker.state))
    assert rows == [
        (0, True, "closed"), (1, True, "closed"), (2, True, "closed"), (3, True, "open"),
        (4, False, "open"), (8, True, "open"), (9, False, "open"), (13, True, "closed"),
        (14, True, "closed"),
    ]  # fmt: skip


def test_failures_of_old_do_not_add_to_the_share() -> None:
    """Results leave the window after 30 s; and a success never opens it, whatever the share."""
    breaker = Breaker(RATED)
    assert not breaker.failure(3, 0, 0.0)
    assert not breaker.success(1, 0, 29.0), "three of four failed, but only a failure opens"
    assert breaker.state == "closed"
    assert not breaker.failure(2, 0, 30.0), "two of the three results of the last 30 s"
    assert breaker.failure(1, 0, 31.0)


def test_with_a_share_good_results_always_matter() -> None:
    """`troubled` tells the driver to report them, from the beginning and after a restore."""
    breaker = Breaker(RATED)
    assert breaker.troubled
    breaker.success(6, 0, 1.0)
    breaker.failure(3, 0, 2.0)
    again = Breaker(RATED)
    again.restore(json.loads(json.dumps(breaker.snapshot())))
    assert again.troubled
    assert again.snapshot() == breaker.snapshot()
    assert not again.failure(2, 0, 3.0), "five of eleven"
    assert again.failure(1, 0, 4.0), "six of twelve"


@pytest.mark.parametrize(
    ("category", "who"),
    [
        ("throttle", "path"),
        ("block_ip", "path"),
        ("ptr", "path"),
        ("invalid_recipient", "nobody"),
        ("mailbox_full", "nobody"),
        ("temp_server", "nobody"),
        ("spam", "nobody"),
    ],
)
def test_blame(category: str, who: str) -> None:
    """Throttles and blocks blame the path; what is about recipients or content blames nobody."""
    assert blame(category) == who
