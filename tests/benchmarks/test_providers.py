"""What an answer of a provider costs, and what its memory of many senders weighs.

Floors are those of the project, for a machine of 2026; what was measured is printed.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from mstoolkit.config.mailing import Mailing
from mstoolkit.config.profile import Escalation, Greylisting, Growth, RateLimit, Rung
from mstoolkit.config.replies import Gates
from mstoolkit.isp import Attempt, Draws, Provider
from mstoolkit.model import Parcel
from mstoolkit.testing import small_scenario

SOURCE, MESSAGES, PAIRS = "192.0.2.1", 20_000, 7
SCENARIO = small_scenario(200_000)
BLOCK = Mailing(SCENARIO).blocks[0]
DRAWS = Draws(SCENARIO, 1)
SECTIONS: dict[str, Any] = {
    "growth": Growth(cold=10**9),
    "escalation": Escalation(rungs=(Rung(pushed=100, lasts=900.0),)),
    "gates": Gates(spf="always", one_click="bulk"),
    "greylisting": Greylisting(share=0.5, delay=1.0),
}


def provider(**sections: Any) -> Provider:
    """Return a provider that throttles nobody."""
    changes = {"rate": RateLimit(cautious=1e6, ceiling=1e6), **sections}
    profile = SCENARIO.isps["gmail"].model_copy(update=changes)
    return Provider("gmail", profile, SCENARIO.audience.segments, {SOURCE: 1.0})


def receiving(isp: Provider, n: int, *, counted: bool = False) -> Callable[[], float]:
    """Return what tells the CPU time (us) of an answer to parcels of `n`, known or counted."""
    firsts = range(0, MESSAGES * min(n, 3), n)
    parcels = [
        Parcel(BLOCK.lot, -1, n, parent=k) if counted else Parcel(BLOCK.lot, k, n) for k in firsts
    ]
    attempts = [Attempt(SOURCE, parcel) for parcel in parcels]
    clock = [0.0]

    def measured() -> float:
        receive, now = isp.receive, clock[0]
        gc.collect()
        gc.disable()
        start = time.process_time()
        for attempt in attempts:
            now += 0.001
            receive(now, attempt, DRAWS)
        took = time.process_time() - start
        gc.enable()
        clock[0] = now
        return took / len(attempts) * 1e6

    return measured


def test_answer_to_one_message_and_to_a_thousand() -> None:
    """One costs at most 3 us, a parcel of 1,000 at most 20 times that floor, 60 us."""
    single, many = receiving(provider(), 1), receiving(provider(), 1000)
    single(), many()
    pairs = [(single(), many()) for _ in range(PAIRS)]
    one = statistics.median(pair[0] for pair in pairs)
    thousand = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print(f"\none message: {one:.2f} us (floor 3 us); 1,000: {thousand:.1f} us (floor 60 us), ")
    print(f"which is {ratio:.0f} times the one as measured")
    assert one <= 3.0
    assert thousand <= 60.0


def test_answer_to_a_thousand_counted() -> None:
    """A parcel that is only counted, whose draws are made afresh, costs at most 4 known ones."""
    known, counted = receiving(provider(), 1000), receiving(provider(), 1000, counted=True)
    known(), counted()
    ratio = statistics.median(counted() / known() for _ in range(PAIRS))
    print(f"\n1,000 counted: {ratio:.1f} times 1,000 known (bound 4)")
    assert ratio <= 4.0


@pytest.mark.parametrize("section", [*SECTIONS, "all"])
def test_what_a_section_costs(section: str) -> None:
    """A guard, not a promise: nothing makes a single message more than 30 times as dear."""
    sections = SECTIONS if section == "all" else {section: SECTIONS[section]}
    plain, strict = receiving(provider(), 1), receiving(provider(**sections), 1)
    plain(), strict()
    pairs = [(plain(), strict()) for _ in range(PAIRS)]
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print(f"\n{section}: {statistics.median(pair[1] for pair in pairs):.2f} us, {ratio:.1f} times")
    assert ratio <= 30.0


_WORLD = """
import resource, time
from mstoolkit.config.mailing import Mailing
from mstoolkit.config.profile import Connections, Escalation, Greylisting, Growth, Rung
from mstoolkit.config.replies import Gates
from mstoolkit.isp import Attempt, Draws, Provider
from mstoolkit.model import Parcel
from mstoolkit.testing import small_scenario

SIZE, DAYS, SOURCES, ISPS = 20_000, 45, 1000, 30
scenario = small_scenario(SIZE)
profile = scenario.isps["gmail"].model_copy(update={
    "growth": Growth(cold=100),
    "connections": Connections(cautious=5, ceiling=150),
    "escalation": Escalation(rungs=(Rung(pushed=50, lasts=900.0, scope="network"),)),
    "gates": Gates(spf="bulk"),
    "greylisting": Greylisting(share=0.3),
})
block, draws = Mailing(scenario).blocks[0], Draws(scenario, 1)
draws.people[block.lot.list], draws.array("greylist", block.lot.list)
sources = [f"10.{k % 50}.{k // 50}.{k % 50}" for k in range(SOURCES)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
segments, warm = scenario.audience.segments, dict.fromkeys(sources, 0.0)
world = [Provider(f"isp-{k}", profile, segments, warm) for k in range(ISPS)]
for day in range(DAYS):
    for number, source in enumerate(sources):
        first = (number * 7 + day * 211) % (block.n - 200)
        for hour in (0, 1):
            attempt = Attempt(source, Parcel(block.lot, block.first + first, 150), 60.0, 2)
            for isp in world:
                isp.receive(day * 86400.0 + hour * 3600.0 + number, attempt, draws)
took = time.process_time() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reviews = len(world[0].truth())
print((after - before) / 1024, took, reviews)
"""


@pytest.mark.timeout(600)
def test_memory_of_many_senders() -> None:
    """1,000 source IPs at 30 providers over 45 days, all sections in force: at most 500 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _WORLD], check=True, capture_output=True, text=True
    )
    megabytes, took, reviews = map(float, done.stdout.split())
    print(f"\n{megabytes:.0f} MB (floor 500 MB), {took:.0f} s, {reviews:.0f} reviews a provider")
    assert megabytes <= 500.0
