"""Sensitivity: what is varied, that a planted flip is found, and that nothing is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import pandas as pd
import pytest

from mstoolkit.config import ConfigError, Policy, Scenario
from mstoolkit.config.pacing import Limits
from mstoolkit.experiment import Comparison, compare, sensitivity
from mstoolkit.experiment.variation import assumed_parameters, varied
from mstoolkit.testing import small_scenario

NAMES = ["batch", "priority"]
Rates = Callable[[Scenario], "dict[str, float]"]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return small_scenario(60, outages=False)


@pytest.fixture
def planted(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> Callable[[Rates], None]:
    """Let delivery rates be a function of the scenario that is compared, with a little noise."""
    real = compare(scenario, NAMES, replications=1, jobs=1, progress=False)

    def plant(rates: Rates) -> None:
        def compared(whole: Scenario, names: list[str], **_: Any) -> Comparison:
            runs = [
                {"strategy": name, "replication": k, "delivery_rate": rates(whole)[name] + noise}
                for name in names
                for k, noise in enumerate((0.0, 0.001 if name == "batch" else 0.0, 0.0))
            ]
            return replace(real, scenario=whole, runs=_filled(runs))

        monkeypatch.setattr(import_module("mstoolkit.experiment.sensitivity"), "compare", compared)

    return plant


def _filled(runs: list[dict[str, Any]]) -> pd.DataFrame:
    from mstoolkit.analysis import METRICS

    return pd.DataFrame(runs).reindex(columns=["strategy", "replication", *METRICS])


def test_a_planted_flip_is_found(scenario: Scenario, planted: Callable[[Rates], None]) -> None:
    """Where halving `busy` lets the other strategy win, that pair and that figure are named."""
    busy = scenario.isps["gmail"].busy
    planted(lambda it: {"batch": 0.9 if it.isps["gmail"].busy < busy else 0.96, "priority": 0.93})
    found = sensitivity(scenario, NAMES, only=["busy", "dsn"], progress=False)
    row = found.table.set_index("parameter").loc["busy"]
    assert (row["flip"], row["flip_clear"]) == ("batch ⇄ priority", True)
    assert (row["ranking_low"], row["ranking_high"]) == ("priority > batch", "batch > priority")
    assert found.table.set_index("parameter").loc["dsn", "flip"] == ""
    assert found.table["parameter"].iloc[0] == "busy"
    assert found.conclusions[["holds", "reversed_by", "lost_by"]].to_numpy().tolist() == [
        [False, "busy", ""]
    ]


def test_a_conclusion_holds_where_no_figure_matters(
    scenario: Scenario, planted: Callable[[Rates], None]
) -> None:
    """The same rates at all ends: no swing, no flip, and the one conclusion holds."""
    planted(lambda _: {"batch": 0.96, "priority": 0.93})
    found = sensitivity(scenario, NAMES, only=["busy", "dsn"], progress=False)
    assert not found.table["flip"].any()
    assert found.table["swing"].tolist() == [0.0, 0.0]
    assert found.conclusions["holds"].tolist() == [True]
    assert found.sentence.startswith("The one conclusion holds")


def test_a_flip_within_the_noise_is_not_called_clear(
    scenario: Scenario, planted: Callable[[Rates], None]
) -> None:
    """A change of order that intervals do not tell is marked as noise."""
    busy = scenario.isps["gmail"].busy
    planted(
        lambda it: {"batch": 0.9296 if it.isps["gmail"].busy < busy else 0.93, "priority": 0.93}
    )
    row = sensitivity(scenario, NAMES, only=["busy"], progress=False).table.iloc[0]
    assert (row["flip"], row["flip_clear"]) == ("batch ⇄ priority", False)


def test_placement_does_not_move_delivery_in_a_real_simulation(scenario: Scenario) -> None:
    """Simulated, with common random numbers: what has no effect shows none, to the last digit."""
    found = sensitivity(
        scenario, NAMES, only=["placement.missing"], replications=2, jobs=1, progress=False
    )
    assert found.table["swing"].tolist() == [0.0]


def test_varied_limits_stay_in_order_and_the_scenario_as_it_was(scenario: Scenario) -> None:
    """Whatever the factor, a range keeps its order; figures of the audience are there if asked."""
    before = scenario.model_dump()
    parameters, _ = assumed_parameters(scenario, audience=True)
    assert {"rate.cautious", "busy", "audience.complaints"} <= {one.key for one in parameters}
    for parameter in parameters:
        for factor in (0.5, 2.0, 50.0):
            try:
                changed = varied(scenario, parameter, factor)
            except ValueError:
                continue
            for isp in changed.scenario.isps.values():
                assert isp.rate.cautious <= isp.rate.ceiling
                assert isp.placement.worst <= isp.placement.best
    assert scenario.model_dump() == before


def test_shares_of_segments_are_refused_aloud(scenario: Scenario) -> None:
    """They must sum to 1, so that all of them cannot be halved."""
    parameters, _ = assumed_parameters(scenario, only=["audience.share"])
    with pytest.raises(ValueError, match="sum to"):
        varied(scenario, parameters[0], 0.5)


@pytest.mark.parametrize(
    ("options", "key"),
    [({"factor": 1.0}, "factor"), ({"only": ["nosuch"]}, "only"), ({}, "strategies")],
)
def test_what_cannot_be_used_is_refused_first(
    scenario: Scenario, options: dict[str, Any], key: str
) -> None:
    """The error names the argument."""
    names = NAMES if options else NAMES[:1]
    with pytest.raises(ConfigError) as caught:
        sensitivity(scenario, names, progress=False, **options)
    assert caught.value.key == key


def test_a_flip_that_the_providers_themselves_bring_about_is_found() -> None:
    """Really simulated: with high hidden limits haste wins, with low ones it is shut out."""
    base = small_scenario(1500, outages=False)
    limits = {"limits": Limits()}
    servers = {name: each.model_copy(update=limits) for name, each in base.servers.items()}

    def paced(rate: float) -> Policy:
        pacing = {"rate": rate, "burst": 10, "connections": 5}
        return Policy.model_validate({"rotation": {"kind": "smooth-weighted"}, "pacing": pacing})

    strategies = {"fast": paced(8.0), "slow": paced(0.033)}
    scenario = base.model_copy(update={"servers": servers, "strategies": strategies})
    found = sensitivity(
        scenario, only=["rate.ceiling"], factor=4.0, replications=4, jobs=1, progress=False
    )
    row = found.table.set_index("parameter").loc["rate.ceiling"]
    assert (row["ranking_low"], row["ranking_high"]) == ("slow > fast", "fast > slow")
    assert bool(row["flip_clear"])
