"""A weigher of one's own: a few lines, registered, simulated and compared in worker processes."""

from __future__ import annotations

import pytest

import mstoolkit as ms
from mstoolkit.config import Policy, load_scenario
from mstoolkit.config.rotation import SmoothWeightedSpec
from mstoolkit.config.weighting import OwnWeighing
from mstoolkit.strategy.weighting import Weighed, Weigher, register_weigher, registry


class OnlyOneRegion(Weigher):
    """Servers of other regions carry nothing."""

    def __init__(self, region: str = "us-east") -> None:
        self._region = region

    def factor(self, path: Weighed, now: float) -> float:
        return float(path.spec.region == self._region)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_weigher_of_ones_own_is_known_to_workers(
    monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """`compare` hands what is registered to its worker processes, and it decides there."""
    monkeypatch.setattr(registry._WEIGHERS, "_makers", {})
    register_weigher("one-region", OnlyOneRegion)
    own = OwnWeighing(kind="own", name="one-region", options={"region": "eu-west"})
    policy = Policy(rotation=SmoothWeightedSpec(kind="smooth-weighted"), weighting=(own,))
    whole = load_scenario("quickstart")
    audience = whole.audience.model_copy(update={"size": 500})
    found = ms.compare(
        whole.model_copy(update={"audience": audience}),
        strategies={"own": policy},
        replications=2,
        jobs=jobs,
        progress=False,
    )
    carried = found.series["by_server"]
    assert set(carried[carried["attempts"] > 0]["server"]) == {"mta-3", "mta-4"}
