"""Slow start: after isolation a server's weight, rate and connections come back by and by.

This takes minutes. To make a new address known to providers takes weeks, and is warm-up.
"""

from __future__ import annotations

from math import floor

from mstoolkit.config.isolation import SlowStartSpec

STEPS = 16  # so often a share is brought up to date; HAProxy's weights grow in sixteenths
AT_LEAST = 0.001  # s; Envoy's code takes less for a millisecond (its documentation says a second)
ROUNDING = 1e-6  # s by which a time may miss a step: it is the difference of two larger ones


def ramp(elapsed: float, spec: SlowStartSpec) -> float:
    """Return the share of its weight and rate that a server has so long after isolation.

    ``linear``: lowest + (1 - lowest) t / window. ``envoy``: max(lowest, (max(t, 1 ms) /
    window)^(1 / aggression)), as ``applySlowStartFactor`` in Envoy's load balancers. ``haproxy``:
    (floor(16 t / window) + 1) / 16, as ``server_recalc_eweight`` in HAProxy.

    Parameters
    ----------
    elapsed : float
        Time since isolation ended, s.
    spec : SlowStartSpec
        Window and form.

    Returns
    -------
    float
        Above 0, and 1 once the window is over.

    Examples
    --------
    >>> spec = SlowStartSpec(window=60.0, form="envoy", lowest=0.1, aggression=1.0)
    >>> [ramp(t, spec) for t in (0.0, 30.0, 60.0)]
    [0.1, 0.5, 1.0]
    """
    if _is_over(elapsed, spec):
        return 1.0
    elapsed = max(elapsed, 0.0)
    if spec.form == "haproxy":
        return min(_steps_gone(elapsed, spec) + 1, STEPS) / STEPS
    if spec.form == "linear":
        return spec.lowest + (1.0 - spec.lowest) * elapsed / spec.window
    part: float = (max(elapsed, AT_LEAST) / spec.window) ** (1.0 / spec.aggression)
    return min(max(spec.lowest, part), 1.0)


def ramp_connections(elapsed: float, connections: int, spec: SlowStartSpec) -> int:
    """Return how many of its connections a server may open so long after isolation.

    At least one. ``haproxy`` counts whole per cents of the window from 0, as
    ``srv_dynamic_maxconn`` in HAProxy; the other forms take the share of `ramp`.

    Parameters
    ----------
    elapsed : float
        Time since isolation ended, s.
    connections : int
        Connections of a server in full use.
    spec : SlowStartSpec
        Window and form.

    Examples
    --------
    >>> ramp_connections(15.0, 50, SlowStartSpec(window=60.0, form="haproxy"))
    12
    """
    if _is_over(elapsed, spec):
        return connections
    if spec.form == "haproxy":
        per_cent = floor(100.0 * max(elapsed, 0.0) / spec.window)
        return max(1, connections * per_cent // 100)
    return max(1, floor(connections * ramp(elapsed, spec)))


def next_step(elapsed: float, spec: SlowStartSpec) -> float | None:
    """Return when the shares should be asked for next; None if they grow no more.

    Sixteen times in a window are enough: then no step is larger than HAProxy's.

    Parameters
    ----------
    elapsed : float
        Time since isolation ended, s.
    spec : SlowStartSpec
        Window and form.

    Returns
    -------
    float or None
        Time since isolation ended, s, later than `elapsed`.

    Examples
    --------
    >>> next_step(30.0, SlowStartSpec(window=160.0))
    40.0
    """
    if _is_over(elapsed, spec):
        return None
    gone = _steps_gone(max(elapsed, 0.0), spec)
    following = (gone + 1) * spec.window / STEPS
    if following - elapsed <= ROUNDING:
        following = (gone + 2) * spec.window / STEPS
    return min(following, spec.window)


def _is_over(elapsed: float, spec: SlowStartSpec) -> bool:
    return elapsed >= spec.window - ROUNDING


def _steps_gone(elapsed: float, spec: SlowStartSpec) -> int:
    return floor(STEPS * elapsed / spec.window)
