"""The suite for providers lets sound models of one's own pass, and catches broken ones."""

from __future__ import annotations

from typing import Any

import pytest

from mstoolkit.config import Profile, Scenario, load_profile
from mstoolkit.isp import Attempt, Draws, Provider, Verdict
from mstoolkit.testing import ProviderSuite

SEEN: list[float] = []


class Forgetful(Provider):
    """Does not keep what it knew of the senders."""

    def restore(self, state: Any) -> None:
        """Begin anew."""
        super().restore({**state, "standings": {}})


class Gossip(Provider):
    """Answers by what others of its kind were asked."""

    def receive(self, now: float, attempt: Attempt, draws: Draws) -> Verdict:
        """Refuse at once what came to anybody before."""
        SEEN.append(now)
        verdict = super().receive(now, attempt, draws)
        return verdict if SEEN.count(now) == 1 else verdict._replace(closed=not verdict.closed)


class Greedy(Provider):
    """Makes messages up."""

    def receive(self, now: float, attempt: Attempt, draws: Draws) -> Verdict:
        """Tell of one more than came."""
        verdict = super().receive(now, attempt, draws)
        return verdict._replace(unsent=verdict.unsent + 1, closed=True)


def suite(kind: type[Provider]) -> ProviderSuite:
    """Return the suite for a model of one's own class."""

    class Mine(ProviderSuite):
        def make(self) -> Profile:
            return load_profile("gmail")

        def provider(self, scenario: Scenario, *, warm: float = 0.5) -> Provider:
            profile, segments = scenario.isps["gmail"], scenario.audience.segments
            return kind("gmail", profile, segments, {self.source: warm})

    return Mine()


LAWS = [name for name in dir(ProviderSuite) if name.startswith("test_")]


@pytest.mark.parametrize("law", LAWS)
def test_a_sound_model_passes(law: str) -> None:
    """The house's own class, given as one's own."""
    getattr(suite(Provider), law)()


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (Forgetful, "test_state_survives_a_snapshot"),
        (Gossip, "test_answers_depend_on_what_came_in"),
        (Greedy, "test_no_message_is_lost_or_made_up"),
    ],
)
def test_a_broken_model_is_caught(kind: type[Provider], law: str) -> None:
    """By the law that it breaks."""
    SEEN.clear()
    with pytest.raises(AssertionError):
        getattr(suite(kind), law)()
