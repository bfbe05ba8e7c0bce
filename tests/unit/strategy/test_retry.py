"""Due times of deferred messages, whichever form their schedule has."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import Retry
from mstoolkit.config.retry import retry_names
from mstoolkit.model import SplitMix64
from mstoolkit.strategy.retry import Backoff

RULES = st.fixed_dictionaries(
    {
        "jitter": st.floats(0.0, 1.0),
        "quantum": st.sampled_from([0.001, 1.0, 7.5, 30.0, 300.0]),
        "attempts": st.integers(1, 40),
    }
)
FORMS = st.one_of(
    st.builds(
        lambda delays: {"schedule": delays},
        st.lists(st.floats(0.5, 1e5), min_size=1, max_size=8),
    ),
    st.sampled_from(retry_names()).map(lambda name: {"preset": name}),
    st.builds(
        lambda base, factor: {"base": base, "factor": factor},
        st.floats(0.5, 1e4),
        st.floats(1.0, 4.0),
    ),
)


@settings(max_examples=200, deadline=None)
@given(
    form=FORMS,
    rule=RULES,
    now=st.floats(0.0, 1e6),
    seed=st.integers(0, 2**64 - 1),
    share=st.floats(0.0, 1.0),
)
def test_due_times_keep_their_bounds(
    form: dict[str, object], rule: dict[str, object], now: float, seed: int, share: float
) -> None:
    """Each due time is later than now, on the grid, and within half the jitter of its delay."""
    retry = Retry.model_validate({**form, **rule})
    attempt = int(share * (retry.attempts - 1))
    delay = list(retry.delays())[attempt]
    due = Backoff(retry, SplitMix64(seed)).due(attempt, now)
    quantum, half, slack = retry.quantum, retry.jitter / 2, 1e-6
    assert due > now
    assert due == pytest.approx(round(due / quantum) * quantum)
    assert due >= now + delay * (1 - half) - slack
    assert due <= ceil((now + delay * (1 + half)) / quantum) * quantum + slack


@settings(max_examples=100, deadline=None)
@given(form=FORMS, rule=RULES, now=st.floats(0.0, 1e6))
def test_counted_messages_are_due_later(
    form: dict[str, object], rule: dict[str, object], now: float
) -> None:
    """Counted messages of every form draw nothing and go again after now, near their delay."""
    retry, draws = Retry.model_validate({**form, **rule}), SplitMix64(1)
    backoff = Backoff(retry, draws)
    for attempt, delay in enumerate(retry.delays()):
        due = backoff.due(attempt, now, counted=True)
        assert due > now
        assert abs(due - now - delay) <= max(retry.quantum, retry.jitter * delay) + 1e-6
    assert draws.state == SplitMix64(1).state


def test_every_attempt_has_its_step() -> None:
    """The table reaches as far as the attempts and repeats the last delay."""
    backoff = Backoff(
        Retry(schedule=(60.0, 120.0), jitter=0.0, quantum=1.0, attempts=4), SplitMix64(0)
    )
    assert [backoff.due(k, 0.0) for k in range(4)] == [60.0, 120.0, 120.0, 120.0]
    with pytest.raises(IndexError):
        backoff.due(4, 0.0)


def _attempts(retry: Retry) -> list[float]:
    """Return when a message of time 0 is tried, if every attempt is deferred."""
    backoff, times = Backoff(retry, SplitMix64(0)), [0.0]
    for attempt in range(retry.attempts - 1):
        times.append(backoff.due(attempt, times[-1]))
    return times


def test_postfix_on_its_scan() -> None:
    """Postfix' preset gives clamp(age, 300, 4000) looked at every 300 s, up to five days."""
    by_rule = [0.0]
    while by_rule[-1] < 432000.0:
        age = by_rule[-1]
        by_rule.append(ceil((age + min(max(age, 300.0), 4000.0)) / 300.0) * 300.0)
    assert by_rule[:9] == [0.0, 300.0, 600.0, 1200.0, 2400.0, 4800.0, 9000.0, 13200.0, 17400.0]
    assert _attempts(Retry(preset="postfix")) == by_rule


def test_postfix_without_a_scan() -> None:
    """On a fine grid Postfix' preset is the continuous rule."""
    times = _attempts(Retry(preset="postfix", quantum=1.0, attempts=9))
    assert times == [0.0, 300.0, 600.0, 1200.0, 2400.0, 4800.0, 8800.0, 12800.0, 16800.0]
