"""Large pools: arrays beside lists change the time that a choice takes, and nothing else."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import Policy, Server
from mstoolkit.config.rotation import SmoothWeightedSpec
from mstoolkit.model import Enqueued, Lot, Parcel, PoolChanged, Send
from mstoolkit.strategy import Dispatcher
from mstoolkit.strategy.rotation import MANY, Crowd, SmoothWeighted
from mstoolkit.testing import Rehearsal
from mstoolkit.testing.rotation import Contender

POOL = MANY + 20


@given(
    weights=st.lists(st.integers(1, 9), min_size=POOL, max_size=POOL),
    absent=st.lists(st.integers(0, POOL - 1), max_size=60),
)
def test_a_crowd_is_chosen_from_as_a_list_is(weights: list[int], absent: list[int]) -> None:
    """While candidates go and come back, both choose the same, to the same scores."""
    candidates = [Contender(k, float(weight)) for k, weight in enumerate(weights)]
    crowd: Crowd[Contender] = Crowd(POOL)
    for candidate in candidates:
        crowd.enter(candidate)
    one, other = SmoothWeighted(POOL), SmoothWeighted(POOL)
    away: list[Contender] = []
    for index in [*absent, *range(20)]:
        if candidates[index] in away:
            away.remove(candidates[index])
            crowd.enter(candidates[index])
        elif index in absent:
            away.append(candidates[index])
            crowd.leave(candidates[index])
        plain = list(crowd)
        assert [each.index for each in plain] == sorted(each.index for each in plain)
        chosen = one.choose(crowd, crowd, 0.0)
        assert chosen is other.choose(plain, plain, 0.0)
        assert chosen is not None
        one.commit(chosen, 1, crowd, 0.0)
        other.commit(chosen, 1, plain, 0.0)
        assert one.snapshot() == other.snapshot()


def test_changed_weights_count_once_they_are_weighed() -> None:
    """As the pool does when it weighs anew."""
    crowd: Crowd[Contender] = Crowd(POOL)
    candidates = [Contender(k, 1.0) for k in range(POOL)]
    for candidate in candidates:
        crowd.enter(candidate)
    candidates[7].weight = 5.0
    crowd.weigh()
    rotation = SmoothWeighted(POOL)
    assert rotation.choose(crowd, crowd, 0.0) is candidates[7]


def test_a_large_pool_shares_by_weight_and_restores() -> None:
    """Sixty-eight servers, some drained meanwhile; a twin from JSON goes on alike."""
    pool = {f"s{k}": Server(weight=1 + k % 3) for k in range(POOL)}
    policy = Policy(rotation=SmoothWeightedSpec(kind="smooth-weighted"))
    play = Rehearsal(pool, policy)
    lot = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
    total = sum(int(server.weight) for server in pool.values())
    for k in range(3 * total):
        play.tell(Enqueued(play.now, Parcel(lot, k, 1)))
        play.run(play.now + 1.0)
    counts = dict.fromkeys(pool, 0)
    for _, send in play.all(Send):
        counts[send.server] += 1
    assert counts == {name: 3 * int(server.weight) for name, server in pool.items()}
    play.tell(PoolChanged(play.now, "s5", "drained"))
    twin = Dispatcher(pool, policy)
    twin.restore(json.loads(json.dumps(play.dispatcher.snapshot())))
    for k in range(200):
        event = Enqueued(play.now, Parcel(lot, 3 * total + k, 1))
        assert twin.handle(event) == play.tell(event)
