"""Configuration values are frozen, hashable by content, and survive pickling and JSON."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from mstoolkit.config import (
    ConfigError,
    Scenario,
    content_hash,
    isp_names,
    load_profile,
    load_scenario,
    scenario_names,
)


@pytest.mark.parametrize("name", scenario_names())
def test_shipped_scenarios_load(name: str) -> None:
    """Every shipped scenario is valid and carries the name of its file."""
    assert load_scenario(name).name == name


@pytest.mark.parametrize("name", isp_names())
def test_shipped_profiles_load(name: str) -> None:
    """Every shipped provider is valid and says where its figures come from."""
    assert load_profile(name).source


def test_profile_by_unknown_name() -> None:
    """An unknown provider is refused with the nearest name."""
    with pytest.raises(ConfigError, match="did you mean 'gmail'"):
        load_profile("gmial")


def test_values_are_frozen() -> None:
    """Nobody changes a scenario after it was checked."""
    scenario = load_scenario("quickstart")
    with pytest.raises(ValidationError, match="frozen"):
        scenario.horizon = 1.0  # type: ignore[misc]


def test_hash_is_by_content() -> None:
    """The same content has the same hash; a changed figure changes it."""
    scenario = load_scenario("quickstart")
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert again == scenario
    assert content_hash(again) == content_hash(scenario)
    assert content_hash(scenario.model_copy(update={"horizon": 1.0})) != content_hash(scenario)


def test_error_survives_pickling() -> None:
    """A configuration error from a worker process arrives whole."""
    error = ConfigError("is wrong", file="a.toml", key="b", remedy="mend it")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.key) == ("a.toml: b: is wrong; mend it", "b")
