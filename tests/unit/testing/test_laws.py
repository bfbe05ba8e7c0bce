"""Suites tried without pytest: every law is named, and a broken one says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mstoolkit.strategy import Rotation
from mstoolkit.strategy.rotation import Candidate, RoundRobin, SmoothWeighted
from mstoolkit.strategy.rotation.base import C
from mstoolkit.testing import RotationSuite, examine


class Smooth(RotationSuite):
    """A suite that the house keeps."""

    weighted: ClassVar[bool] = True
    burst: ClassVar[int | None] = 1

    def make(self, servers: int) -> Rotation:
        return SmoothWeighted(servers)


class Forgetful(RoundRobin):
    """Keeps nothing of what it was."""

    def snapshot(self) -> dict[str, int]:
        return {"last": -1}


class Odd(RoundRobin):
    """Fails where it should choose."""

    def choose(self, eligible: Sequence[C], ready: Sequence[C], now: float) -> C | None:
        raise KeyError("nobody")

    def commit(self, chosen: Candidate, n: int, ready: Sequence[Candidate], until: float) -> bool:
        return False


def test_what_keeps_all_laws_is_told_so() -> None:
    """As many laws as the suite has tests, in its order, with what they say."""
    laws = examine(Smooth())
    assert len(laws) == sum(name.startswith("test_") for name in vars(RotationSuite))
    assert all(law.holds and not law.found and law.meaning.endswith(".") for law in laws)
    assert laws[0].law == "split of many is many choices"


def test_a_broken_law_does_not_hide_the_others() -> None:
    """What is broken says how; what holds holds still."""

    class Suite(Smooth):
        weighted = False

        def make(self, servers: int) -> Rotation:
            return Forgetful()

    broken = {law.law: law.found for law in examine(Suite()) if not law.holds}
    assert set(broken) == {"split of many is many choices", "a restored rotation goes on alike"}
    assert broken["a restored rotation goes on alike"].startswith("AssertionError: ")


def test_a_plug_in_that_fails_breaks_a_law_and_not_the_examination() -> None:
    """Any error counts as a broken law."""

    class Suite(Smooth):
        def make(self, servers: int) -> Rotation:
            return Odd()

    found = {law.found for law in examine(Suite()) if not law.holds}
    assert "KeyError: 'nobody'" in found


def test_laws_of_ones_own_are_tried_too() -> None:
    """A suite that adds a test has one law more, last."""

    class Suite(Smooth):
        def test_it_is_mine(self) -> None:
            """It is."""

    *house, last = examine(Suite())
    assert [law.law for law in house] == [law.law for law in examine(Smooth())]
    assert (last.law, last.holds, last.meaning) == ("it is mine", True, "It is.")
