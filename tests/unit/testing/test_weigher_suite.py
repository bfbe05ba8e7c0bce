"""The suite for weighers catches what it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mstoolkit.strategy.weighting import DeliveryRate, Outcome, Static, Weighed, Weigher
from mstoolkit.testing import WeigherSuite


class Counting(Weigher):
    """The number of outcomes so far, of the path alone; the base of those that break a law."""

    learns = True

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def factor(self, path: Weighed, now: float) -> float:
        return float(self.seen.get(str(path.number), 0))

    def observe(self, path: Weighed, outcome: Outcome, now: float) -> None:
        self.seen[str(path.number)] = self.seen.get(str(path.number), 0) + outcome.n

    def snapshot(self) -> dict[str, Any]:
        return dict(sorted(self.seen.items()))

    def restore(self, state: Mapping[str, Any]) -> None:
        self.seen = dict(state)


class Negative(Counting):
    """It owes mail."""

    def factor(self, path: Weighed, now: float) -> float:
        return 10.0 - super().factor(path, now)


class Endless(Counting):
    """It divides by nothing."""

    def factor(self, path: Weighed, now: float) -> float:
        return float("inf")


class Restless(Counting):
    """Looking moves it on."""

    def factor(self, path: Weighed, now: float) -> float:
        self.seen["0"] = self.seen.get("0", 0) + 1
        return super().factor(path, now)


class Forgetful(Counting):
    """Its state does not come back."""

    def restore(self, state: Mapping[str, Any]) -> None:
        return


class Hidden(Counting):
    """What it keeps to itself does not come back either."""

    def snapshot(self) -> dict[str, Any]:
        return {}


class Latest(Counting):
    """The latest news counts, whenever it was decided."""

    def observe(self, path: Weighed, outcome: Outcome, now: float) -> None:
        self.seen[str(path.number)] = outcome.n


class Gossip(Counting):
    """It holds the news of some against the others."""

    def factor(self, path: Weighed, now: float) -> float:
        return float(sum(self.seen.values()))


class Clockwork(Counting):
    """It moves with time and does not say so."""

    def factor(self, path: Weighed, now: float) -> float:
        return super().factor(path, now) + now


class Secret(Counting):
    """It learns and does not say so."""

    learns = False


def broken(weigher: Callable[[], Weigher], **traits: Any) -> set[str]:
    """Return the laws that a weigher breaks."""
    suite = type("Suite", (WeigherSuite,), {"make": lambda *_: weigher(), **traits})()
    failed = set()
    for law in (name for name in dir(WeigherSuite) if name.startswith("test_")):
        try:
            getattr(suite, law)()
        except AssertionError as error:
            failed.add(law if str(error) else f"{law} fails without a word")
    return failed


@pytest.mark.parametrize(
    ("weigher", "law"),
    [
        (Negative, "test_factors_are_finite_and_not_negative"),
        (Endless, "test_factors_are_finite_and_not_negative"),
        (Restless, "test_looking_changes_nothing"),
        (Forgetful, "test_a_restored_weigher_goes_on_alike"),
        (Hidden, "test_a_restored_weigher_goes_on_alike"),
        (Latest, "test_late_news_may_come_in_any_order"),
        (Gossip, "test_news_of_others_moves_nothing"),
        (Gossip, "test_other_isps_move_nothing"),
        (Clockwork, "test_time_moves_nothing_unless_it_is_timely"),
        (Secret, "test_who_does_not_learn_is_not_moved_by_news"),
    ],
)
def test_a_broken_weigher_is_caught(weigher: Callable[[], Weigher], law: str) -> None:
    """Each law is broken by the weigher that was made to break it, and says so in words."""
    assert law in broken(weigher)


@pytest.mark.parametrize("weigher", [Counting, Static, DeliveryRate])
def test_a_sound_weigher_breaks_nothing(weigher: Callable[[], Weigher]) -> None:
    """The suite asks for nothing that a good weigher could not keep."""
    assert not broken(weigher)


def test_claims_free_from_laws() -> None:
    """Who compares may be moved by others; who does not commute is not asked to."""
    assert broken(type("Open", (Gossip,), {"compares": True})) == {"test_other_isps_move_nothing"}
    assert not broken(Latest, commutes=False)
