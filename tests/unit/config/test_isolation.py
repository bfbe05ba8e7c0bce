"""Isolation, slow start and canaries as a file states them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mstoolkit.config import Breaker
from mstoolkit.config.isolation import (
    CanarySpec,
    ConsecutiveSpec,
    EnvoySpec,
    OutlierSpec,
    RobustSpec,
    SlowStartSpec,
)
from mstoolkit.config.units import WRITTEN

OUTLIERS: TypeAdapter[OutlierSpec] = TypeAdapter(OutlierSpec)


def written(tree: dict[str, Any]) -> OutlierSpec:
    return OUTLIERS.validate_python(tree, context=WRITTEN)


def test_each_kind_is_read_and_read_again() -> None:
    """The kind chooses the form; times have units; a dump reads back as itself."""
    robust = written({"kind": "robust", "window": 100, "base": "10min", "longest": "2h"})
    assert robust == RobustSpec(window=100, base=600.0, longest=7200.0)
    for spec in (
        robust,
        written({"kind": "envoy", "interval": "1min", "failing": 0.85, "always_one": True}),
        written({"kind": "consecutive", "failures": 3, "required": 0.8}),
    ):
        assert OUTLIERS.validate_json(OUTLIERS.dump_json(spec)) == spec


def test_defaults_of_envoy_and_finagle_are_theirs() -> None:
    """Envoy-defaults; Finagle's five failures and 5 s to 300 s."""
    envoy = EnvoySpec(kind="envoy")
    assert (envoy.interval, envoy.base, envoy.longest) == (10.0, 30.0, 300.0)
    assert (envoy.failures, envoy.servers, envoy.minimum) == (5, 5, 100)
    assert (envoy.deviations, envoy.failing, envoy.failing_minimum) == (1.9, None, 50)
    assert (envoy.most, envoy.always_one) == (0.1, False)
    finagle = ConsecutiveSpec(kind="consecutive")
    assert (finagle.failures, finagle.base, finagle.longest) == (5, 5.0, 300.0)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"kind": "robust", "base": 60}, "is not a duration: 60"),
        ({"kind": "robust", "base": "2h", "longest": "1h"}, "longest: 3600 s is below base"),
        ({"kind": "robust", "window": 2000}, "memory: 2000 is less than twice window"),
        ({"kind": "robust", "lowest": 1.5}, "less than or equal to 1"),
        ({"kind": "envoy", "windows": 3}, "Extra inputs are not permitted"),
        ({"kind": "median"}, "does not match any of the expected tags"),
    ],
)
def test_what_cannot_be_meant_is_refused(tree: dict[str, Any], message: str) -> None:
    """Errors name the key and what to write."""
    with pytest.raises(ValidationError, match=message):
        written(tree)


@pytest.mark.parametrize(
    "steps", [[], [0.5], [0.0, 1.0], [0.5, 0.1, 1.0], [0.1, 0.1, 1.0], [0.1, 1.5]]
)
def test_canary_steps_rise_to_all(steps: list[float]) -> None:
    """Steps that do not rise from above 0 to 1 are refused."""
    with pytest.raises(ValidationError, match=r"rise from above 0 to 1|less than or equal to 1"):
        CanarySpec.model_validate({"steps": steps})


def test_canary_and_slow_start_are_read() -> None:
    """Defaults stand for what is left out."""
    canary = CanarySpec.model_validate({"every": "1d", "steps": [0.1, 1]}, context=WRITTEN)
    assert (canary.every, canary.steps, canary.least) == (86400.0, (0.1, 1.0), 500)
    start = SlowStartSpec.model_validate({"window": "1h", "form": "envoy"}, context=WRITTEN)
    assert (start.window, start.form, start.lowest, start.aggression) == (3600.0, "envoy", 0.1, 1.0)
    with pytest.raises(ValidationError, match="greater than 0"):
        SlowStartSpec(lowest=0.0)


def test_a_breaker_by_rate_needs_a_window() -> None:
    """A share of failures is one within a time."""
    with pytest.raises(ValidationError, match="window: a rate is one within a time"):
        Breaker(rate=0.5)
    spec = Breaker.model_validate({"rate": 0.5, "window": "30s", "lease": "5min"}, context=WRITTEN)
    assert (spec.rate, spec.window, spec.minimum, spec.lease) == (0.5, 30.0, 100, 300.0)
    assert Breaker().lease == 600.0
