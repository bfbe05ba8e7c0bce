"""A rotation of one's own: ten lines, registered, simulated and compared."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import mstoolkit as ms
from mstoolkit.config import ConfigError, Policy
from mstoolkit.config.rotation import OwnSpec
from mstoolkit.strategy import Rotation, rotation_of
from mstoolkit.strategy.rotation import registered, registry
from mstoolkit.strategy.rotation.base import C, Candidate
from mstoolkit.testing import small_scenario


class MostlyTheFirst(Rotation):
    """Every third message goes to the last ready server, the others to the first."""

    def __init__(self, servers: int, every: int = 3) -> None:
        self._every, self._count = every, 0

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        return ready[-1 if self._count % self._every == self._every - 1 else 0]

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        self._count += n
        return False


@pytest.fixture(autouse=True)
def registry_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry._ROTATIONS, "_makers", {})
    ms.register_rotation("mostly-first", MostlyTheFirst)


def own(**options: int) -> Policy:
    return Policy(rotation=OwnSpec(kind="own", name="mostly-first", options=options))


def test_it_is_made_with_its_options() -> None:
    """The name leads to the class, which is given the number of servers and the options."""
    rotation = rotation_of(own(every=5).rotation, "abcd")
    assert isinstance(rotation, MostlyTheFirst)
    assert rotation._every == 5
    assert registered() == {"mostly-first": MostlyTheFirst}


def test_it_can_be_simulated_and_compared_in_other_processes() -> None:
    """Two worker processes know the registered rotation, and its shares are as it says."""
    scenario = small_scenario(600)
    house = next(iter(scenario.strategies.values()))
    result = ms.compare(
        scenario,
        strategies={"own": own(every=4), "house": house},
        replications=2,
        batch=1,
        jobs=2,
    )
    assert set(result.summary["strategy"]) == {"own", "house"}
    events = ms.simulate(scenario, own(every=4), seed=1, batch=1).events
    sent = events[events["event"] == "sent"].groupby("server", observed=True)["n"].sum()
    assert sent.idxmax() == next(iter(scenario.servers))


def test_what_is_not_registered_or_cannot_be_made_is_told() -> None:
    """One sentence with the key and what to do."""
    with pytest.raises(ConfigError, match=r"no rotation 'other'; known are mostly-first"):
        rotation_of(OwnSpec(kind="own", name="other"), "abc")
    with pytest.raises(ConfigError, match="cannot be made"):
        rotation_of(OwnSpec(kind="own", name="mostly-first", options={"most": 3}), "abc")
    with pytest.raises(TypeError):
        ms.register_rotation("", MostlyTheFirst)
