"""Slow start: what share a server carries so long after isolation."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.isolation import SlowStartSpec
from mstoolkit.strategy.failover import next_step, ramp, ramp_connections

TIMES = (0.0, 1.0, 5.0, 6.0, 12.0, 20.0, 26.0, 30.0, 45.0, 59.0, 60.0)
ENVOY = {
    0.5: (0.1, 0.1, 0.1, 0.1, 0.1, 0.1111111111, 0.1877777778, 0.25, 0.5625, 0.9669444444, 1.0),
    1.0: (0.1, 0.1, 0.1, 0.1, 0.2, 0.3333333333, 0.4333333333, 0.5, 0.75, 0.9833333333, 1.0),
    1.5: (
        0.1, 0.1, 0.1907857071, 0.215443469, 0.3419951893, 0.4807498568, 0.5726396273,
        0.6299605249, 0.8254818122, 0.9888577938, 1.0,
    ),
    2.0: (
        0.1, 0.1290994449, 0.2886751346, 0.316227766, 0.4472135955, 0.5773502692, 0.6582805886,
        0.7071067812, 0.8660254038, 0.991631652, 1.0,
    ),
}  # fmt: skip
SPECS = st.builds(
    SlowStartSpec,
    window=st.floats(0.01, 1e6),
    form=st.sampled_from(["linear", "envoy", "haproxy"]),
    lowest=st.floats(0.01, 1.0),
    aggression=st.floats(0.2, 5.0),
)


@pytest.mark.parametrize("aggression", ENVOY)
def test_envoy_table(aggression: float) -> None:
    """Envoy-slow-start-table, window 60 s, least share 10 %."""
    spec = SlowStartSpec(window=60.0, form="envoy", aggression=aggression)
    assert [ramp(at, spec) for at in TIMES] == pytest.approx(ENVOY[aggression], abs=1e-9)


def test_haproxy_weight_and_connections() -> None:
    """Haproxy-slowstart: weight 100 in sixteenths, rounded up, and 50 connections by per cent."""
    spec, times = SlowStartSpec(window=60.0, form="haproxy"), (0, 5, 15, 30, 45, 59, 60)
    assert [ceil(100 * ramp(at, spec)) for at in times] == [7, 13, 32, 57, 82, 100, 100]
    assert [ramp_connections(at, 50, spec) for at in times] == [1, 4, 12, 25, 37, 49, 50]


def test_linear_grows_evenly() -> None:
    """From the lowest share to all of it, and connections with it, at least one."""
    spec = SlowStartSpec(window=100.0, lowest=0.2)
    shares = [ramp(at, spec) for at in (0.0, 25.0, 50.0, 100.0, 1e9)]
    assert shares == pytest.approx([0.2, 0.4, 0.6, 1.0, 1.0])
    assert [ramp_connections(at, 4, spec) for at in (0.0, 50.0, 100.0)] == [1, 2, 4]


@given(SPECS, st.floats(0.0, 1.2), st.floats(0.0, 1.2), st.integers(1, 100))
def test_a_share_never_falls(spec: SlowStartSpec, one: float, other: float, most: int) -> None:
    """Shares and connections grow with time, from above nothing to all."""
    early, late = (spec.window * at for at in sorted((one, other)))
    assert 0.0 < ramp(early, spec) <= ramp(late, spec) <= 1.0
    assert 1 <= ramp_connections(early, most, spec) <= ramp_connections(late, most, spec) <= most
    assert ramp(spec.window, spec) == 1.0


@given(SPECS, st.floats(0.0, 1e6))
def test_sixteen_steps_lead_to_the_end(spec: SlowStartSpec, start: float) -> None:
    """Asked at the times it names, on a clock that runs since `start`, it ends with all of it."""
    now, steps = start, 0
    while (following := next_step(now - start, spec)) is not None:
        due = start + following
        assert due > now
        now, steps = due, steps + 1
    assert steps <= 16
    assert ramp(now - start, spec) == 1.0
    assert ramp_connections(now - start, 50, spec) == 50
