"""What a decision costs: in small pools and large ones, and many messages at once."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import pytest

from mstoolkit.config import Policy, Server
from mstoolkit.config.rotation import SmoothWeightedSpec
from mstoolkit.model import Enqueued, Lot, Parcel, Replied, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.rotation import SmoothWeighted
from mstoolkit.testing import OK, contenders

ISPS, MESSAGES, OPEN, PAIRS = 20, 20_000, 100, 7


class Flow:
    """Messages that arrive one by one at a pool under the default policy, and are answered."""

    def __init__(self, servers: int) -> None:
        pool = {f"s{k}": Server(weight=1 + k % 5, connections=10_000) for k in range(servers)}
        policy = Policy(rotation=SmoothWeightedSpec(kind="smooth-weighted"))
        self.dispatcher = Dispatcher(pool, policy)
        self.lots = [
            Lot(k, "list", "spring", "marketing", f"isp-{k}", "active", 1e9) for k in range(ISPS)
        ]
        self.open: list[int] = []
        self.sent = 0
        self.step = 0.0001 if servers > 100 else 0.001

    def run(self, messages: int) -> tuple[float, float]:
        """Return the CPU time (us) from arrival to `Send`, and of the answer, a message."""
        handle, lots, clock = self.dispatcher.handle, self.lots, time.process_time
        gc.collect()
        gc.disable()
        deciding = answering = 0.0
        for _ in range(messages // OPEN):
            start = clock()
            for k in range(OPEN):
                self.sent += 1
                at = self.sent * self.step
                for command in handle(Enqueued(at, Parcel(lots[k % ISPS], self.sent, 1, 0, at))):
                    if isinstance(command, Send):
                        self.open.append(command.token)
            deciding += clock() - start
            start = clock()
            now = self.sent * self.step
            for token in self.open:
                handle(Replied(now, token, ((OK, 1),)))
            answering += clock() - start
            self.open.clear()
        gc.enable()
        return deciding / messages * 1e6, answering / messages * 1e6


def test_decision_in_small_and_large_pools() -> None:
    """With 1,000 servers x 20 ISPs a decision costs at most 3 times as much as with 10."""
    small, large = Flow(10), Flow(1000)
    small.run(2000), large.run(2000)
    pairs = [(small.run(MESSAGES), large.run(MESSAGES)) for _ in range(PAIRS)]
    decide, answer = (statistics.median(pair[0][k] for pair in pairs) for k in (0, 1))
    print(f"\n10 servers x {ISPS} ISPs: {decide:.1f} us from arrival to Send (aim 5 us), ", end="")
    print(f"{answer:.1f} us for the answer")
    ratio = statistics.median(sum(many) / sum(few) for few, many in pairs)
    alone = statistics.median(many[0] / few[0] for few, many in pairs)
    print(f"1,000 servers: {alone:.2f} times that, {ratio:.2f} with the answer (ceiling 3)")
    assert alone <= 3.0
    assert ratio <= 3.0


@pytest.mark.parametrize("weights", [(5, 1, 1), (50, 30, 20), (13, 17, 9, 11, 7, 5, 3, 20, 8, 7)])
def test_split_of_many(weights: tuple[float, ...]) -> None:
    """10,000 messages are split in at most 50 times the time of one; cycles of up to 100 picks."""
    rotation, pool = SmoothWeighted(len(weights)), contenders(*weights)

    def cpu(n: int) -> float:
        return _time(lambda: rotation.split(pool, n, 0.0))

    cpu(10_000)
    ratio = statistics.median(cpu(10_000) / cpu(1) for _ in range(PAIRS))
    print(f"\nsplit(10,000) over {weights}: {ratio:.1f} times split(1) (ceiling 50)")
    assert ratio <= 50.0


def _time(work: Callable[[], object], times: int = 200) -> float:
    start = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - start
