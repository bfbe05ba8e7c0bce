"""A limiter of one's own: registered by name, named in limits, and kept like the house's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import mstoolkit as ms
from mstoolkit.config import ConfigError, Pacing, Policy, Server
from mstoolkit.config.pacing import Allowance, IspAllowance
from mstoolkit.config.quota import OwnMeterSpec
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.model import Enqueued, Lot, Parcel, Send
from mstoolkit.strategy import Meter, register_meter
from mstoolkit.testing import MeterSuite, Rehearsal, small_scenario

LOT = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e6)


class OddSeconds(Meter):
    """One message in each second of an odd number, as a whim."""

    def __init__(self, every: int = 2) -> None:
        self.every = every
        self.last = self.before = -1.0

    def ready_at(self, now: float) -> float:
        at = max(now, self.last + 1.0)
        while int(at) % self.every != 1:
            at = float(int(at) + 1)
        return at

    def room(self, now: float, most: int) -> int:
        return min(most, 1) if self.ready_at(now) <= now else 0

    def leaves(self, n: int, now: float) -> float:
        return now

    def commit(self, n: int, now: float, span: float = 0.0) -> float:
        self.before, self.last = self.last, float(int(now + span))
        return span

    def refund(self, n: int, charged_at: float, span: float | None = None) -> None:
        if n and int(charged_at + (span or 0.0)) == self.last:
            self.last = self.before

    def snapshot(self) -> dict[str, Any]:
        return {"last": self.last, "before": self.before}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.last, self.before = state["last"], state["before"]


register_meter("odd-seconds", OddSeconds)
OWN = (OwnMeterSpec(name="odd-seconds", options={"every": 4}),)


def sent_at(pacing: Pacing, server: Server | None = None) -> list[float]:
    policy = Policy(rotation=RoundRobinSpec(kind="round-robin"), pacing=pacing)
    play = Rehearsal({"a": server or Server()}, policy)
    play.tell(Enqueued(0.0, Parcel(LOT, 0, 3)))
    play.run(60.0)
    return [at for at, _ in play.all(Send)]


@pytest.mark.parametrize(
    ("pacing", "server"),
    [
        (Pacing(own=OWN), None),
        (Pacing(servers=Allowance(own=OWN)), None),
        (Pacing(isps={"gmail": IspAllowance(own=OWN, rate=100.0)}), None),
        (Pacing(streams={"marketing": Allowance(own=OWN)}), None),
        (Pacing(), Server(total=Allowance(own=OWN))),
    ],
)
def test_it_limits_whatever_names_it(pacing: Pacing, server: Server | None) -> None:
    """A path, a server, an ISP or a stream."""
    assert sent_at(pacing, server) == [1.0, 5.0, 9.0]


def test_one_that_is_not_registered_is_told() -> None:
    """With those that are."""
    with pytest.raises(ConfigError, match=r"no limiter 'odd'; known are .*odd-seconds"):
        sent_at(Pacing(own=(OwnMeterSpec(name="odd"),)))


def test_options_that_it_does_not_take_are_told() -> None:
    """With what it is called with."""
    with pytest.raises(ConfigError, match="cannot be made"):
        sent_at(Pacing(own=(OwnMeterSpec(name="odd-seconds", options={"often": 1}),)))


def test_worker_processes_know_it() -> None:
    """As they know rotations and weighers."""
    policy = Policy(rotation=RoundRobinSpec(kind="round-robin"), pacing=Pacing(own=OWN))
    scenario = small_scenario()
    result = ms.compare(scenario, {"own": policy}, replications=2, jobs=2, progress=False)
    assert set(result.summary["strategy"]) == {"own"}


class TestOddSeconds(MeterSuite):
    """The house's laws hold for it."""

    def make(self) -> OddSeconds:
        return OddSeconds()

    def most(self, start: float, end: float) -> int:
        return int(end - start) // 2 + 2

    parcel = 1
