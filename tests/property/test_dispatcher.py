"""The dispatcher under arbitrary histories: nothing is lost, no limit is passed, state restores."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from mstoolkit.config import Breaker, Failover, Limits, Policy, Retry, Server
from mstoolkit.config.pacing import Pacing
from mstoolkit.model import PoolChanged
from tests.property.histories import Histories
from tests.rotations import ROTATIONS

SERVERS = {
    "a": Server(weight=3, connections=5, limits=Limits(rate=1.0, burst=3)),
    "b": Server(weight=2, isp_limits={"gmail": Limits(connections=1)}),
    "c": Server(weight=1, priority=2, connections=3),
}


def policy(rotation: dict[str, Any]) -> Policy:
    spec = Policy.model_validate({"rotation": rotation})
    return Policy(
        rotation=spec.rotation,
        pacing=Pacing(rate=0.5, burst=2, connections=3, messages_per_connection=3),
        failover=Failover(
            server=Breaker(failures=2, base=20.0, longest=80.0, probe=2),
            path=Breaker(failures=3, window=30.0, base=20.0, longest=80.0, probe=2),
        ),
        retry=Retry(base=20.0, longest=120.0, quantum=5.0, attempts=4),
    )


class OnePolicy(Histories):
    """The histories of one policy and pool under any rotation."""

    @initialize(rotation=st.sampled_from(ROTATIONS), batch=st.sampled_from([1, 7, 100]))
    def start(self, rotation: dict[str, Any], batch: int) -> None:
        self.begin(SERVERS, policy(rotation), batch)

    @rule(server=st.sampled_from("abc"), restored=st.booleans())
    def change(self, server: str, restored: bool) -> None:
        self.tell(PoolChanged(self.now, server, "restored" if restored else "drained"))

    @invariant()
    def nothing_due_is_left(self) -> None:
        """Where mail waits and a path is free, it is because the rotation says wait."""
        if not hasattr(self, "play"):
            return
        pool: Any = self.play.dispatcher._pool
        assert not pool.dirty
        for route in pool.routes:
            assert all(choice.path.usable for choice in route.eligible)
            if route.homes is not None:  # what waits has looked for its home, and that is busy
                assert not (route.ready and route.homes.queue.n)
                parked = {row[0] for row in route.homes.snapshot()["parked"]}
                assert not parked & {choice.index for choice in route.ready}
            elif route.queue.n and route.ready:
                assert route.rotation.choose(route.eligible, route.ready, self.now) is None

    def teardown(self) -> None:
        """With everything answered well from now on, every message ends."""
        if not hasattr(self, "play"):
            return
        for name in SERVERS:
            self.tell(PoolChanged(self.now, name, "restored"))
        self.end(steps=3000)


TestOnePolicy = OnePolicy.TestCase
TestOnePolicy.settings = settings(max_examples=50, stateful_step_count=40)
