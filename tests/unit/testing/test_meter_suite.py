"""The public suite for meters catches what it is for: each law is broken by some meter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mstoolkit.strategy.pacing import Gcra, Meter, Metered, SlidingWindow
from mstoolkit.testing import MeterSuite


class Generous(Metered):
    """It lets a burst more through than it should."""

    def __init__(self, rate: float, burst: int) -> None:
        super().__init__(rate, 2 * burst)


class Restless(SlidingWindow):
    """Looking moves it on."""

    def ready_at(self, now: float) -> float:
        self.commit(1, now)
        return super().ready_at(now)


class Vague(Metered):
    """It promises too early a time."""

    def ready_at(self, now: float) -> float:
        return (now + super().ready_at(now)) / 2


class Roomy(Metered):
    """It gives room before anything is ready."""

    def room(self, now: float, most: int) -> int:
        return max(1, super().room(now, most))


class Hasty(Metered):
    """It says that everything leaves at once."""

    def leaves(self, n: int, now: float) -> float:
        return now


class Cheap(Metered):
    """It charges one message for a parcel."""

    def _charge(self, n: int, now: float, span: float) -> None:
        super()._charge(1, now, span)


class Miserly(Metered):
    """It gives nothing back."""

    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        return


class Lavish(Metered):
    """It gives back what has lapsed while messages left, as a bucket does that keeps no record."""

    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        Gcra.refund(self._gcra, n, charged_at)


class Forgetful(Metered):
    """Its state does not come back."""

    def restore(self, state: Mapping[str, Any]) -> None:
        return


class Trusting(SlidingWindow):
    """It believes a clock that goes back, and forgets what comes later."""

    def room(self, now: float, most: int) -> int:
        spent = sum(e.n for e in self._entries if e.until <= now < e.until + self._window)
        return max(0, min(most, self._n - spent))


def laws() -> list[str]:
    return [name for name in dir(MeterSuite) if name.startswith("test_")]


def broken(meter: type[Meter]) -> dict[str, str]:
    """Return the laws that a meter breaks, with what is said about it."""

    class Suite(MeterSuite):
        pause = 5.0

        def make(self) -> Meter:
            return meter(20, 30.0) if issubclass(meter, SlidingWindow) else meter(1.0, 5)  # type: ignore[call-arg]

        def most(self, start: float, end: float) -> float:
            if issubclass(meter, SlidingWindow):
                return 20 if end - start <= 30.0 else 10**9
            return 5 + (end - start)

    said = {}
    for law in laws():
        try:
            getattr(Suite(), law)()
        except AssertionError as error:
            said[law] = str(error)
    return said


@pytest.mark.parametrize(
    ("meter", "law"),
    [
        (Generous, "test_the_envelope_is_kept"),
        (Lavish, "test_the_envelope_is_kept"),
        (Restless, "test_a_look_changes_nothing"),
        (Vague, "test_waiting_helps"),
        (Roomy, "test_there_is_room_exactly_when_ready"),
        (Hasty, "test_many_are_as_many_ones"),
        (Cheap, "test_many_are_as_many_ones"),
        (Miserly, "test_a_fresh_charge_can_be_taken_back"),
        (Forgetful, "test_a_restored_meter_goes_on_alike"),
        (Trusting, "test_a_clock_that_goes_back_only_tightens"),
    ],
)
def test_a_broken_meter_is_caught(meter: type[Meter], law: str) -> None:
    """Each law is broken by a meter that was made to break it, and says so in words."""
    assert broken(meter).get(law)


@pytest.mark.parametrize("meter", [Metered, SlidingWindow])
def test_a_sound_meter_is_not(meter: type[Meter]) -> None:
    """What the broken ones were made of keeps all the laws."""
    assert broken(meter) == {}


def test_what_must_be_overridden_says_so() -> None:
    """A suite without a meter or an envelope fails, rather than pass over nothing."""
    with pytest.raises(NotImplementedError):
        MeterSuite().make()
    with pytest.raises(NotImplementedError):
        MeterSuite().most(0.0, 1.0)
