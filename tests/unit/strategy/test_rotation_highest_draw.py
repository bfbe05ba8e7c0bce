"""Highest draw: Postal's shares, a fair lot, and messages that keep their server."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.strategy.rotation import HighestDraw, Rotation
from mstoolkit.testing import Contender, RotationSuite, contenders

NAMES = ["mta-1", "mta-2", "mta-3", "mta-4"]
N = 8_000
KEYS = [f"spring/{k}" for k in range(N)]


class TestHighestDraw(RotationSuite):
    """Shares are those of the draw on average, and promised to no message."""

    def make(self, servers: int) -> Rotation:
        return HighestDraw(NAMES[:servers], draws=11)


class TestFairLot(RotationSuite):
    """The same laws where weights do not count, and are no whole numbers."""

    def make(self, servers: int) -> Rotation:
        return HighestDraw(NAMES[:servers], draws=12, weighted=False)

    def candidates(self) -> list[Contender]:
        return [Contender(k, 0.3 + 0.7 * k) for k in range(self.servers)]


def known(rotation: HighestDraw, servers: list[Contender]) -> list[int]:
    """Return how many of the known messages belong to each server."""
    homes = [rotation.home(key, servers) for key in KEYS]
    return [homes.count(server) for server in servers]


def counted(rotation: HighestDraw, servers: list[Contender]) -> list[int]:
    """Return how many of as many counted messages go by each server."""
    return rotation.split(servers, N, 0.0)


def within(count: int, share: float) -> bool:
    """Whether a count is what a share comes to, within four standard deviations."""
    return bool(abs(count - N * share) <= 4 * (N * share * (1 - share)) ** 0.5)


@pytest.mark.parametrize("shares", [known, counted])
@pytest.mark.parametrize(
    ("low", "high", "share"), [(1, 100, 0.005), (10, 100, 0.05), (50, 100, 0.25), (100, 100, 0.5)]
)
def test_shares_are_those_of_postal(shares: object, low: float, high: float, share: float) -> None:
    """Of two servers the lighter gets w / (2 W): 1 of 100 is 0.5 %, not 1 %."""
    assert callable(shares)
    few, many = shares(HighestDraw(NAMES[:2], draws=3), contenders(low, high))
    assert within(few, share)
    assert few + many == N


def test_shares_of_three() -> None:
    """With 1:1:2 the heavy one gets E[min(1, 2 v)^2] = 2/3, and the others share the rest."""
    for shares in (known, counted):
        counts = shares(HighestDraw(NAMES[:3], draws=4), contenders(1, 1, 2))
        expected = (1 / 6, 1 / 6, 2 / 3)
        assert all(within(n, share) for n, share in zip(counts, expected, strict=True))


@pytest.mark.parametrize("shares", [known, counted])
def test_a_fair_lot_looks_at_no_weights(shares: object) -> None:
    """Unweighted, servers of 5, 1 and 0.2 have a third each, and that of 0 nothing."""
    assert callable(shares)
    lot = HighestDraw(NAMES, draws=5, weighted=False)
    *counts, none = shares(lot, contenders(5, 1, 0.2, 0))
    assert none == 0
    assert all(within(count, 1 / 3) for count in counts)


@given(
    weights=st.lists(st.floats(0.01, 100.0), min_size=2, max_size=4),
    key=st.text(max_size=20),
    away=st.integers(0, 3),
)
def test_a_message_moves_only_if_its_server_is_away(
    weights: list[float], key: str, away: int
) -> None:
    """Without another server it stays; without its own it goes to the next in its order."""
    servers, rotation = contenders(*weights), HighestDraw(NAMES[: len(weights)])
    home, *others = rotation.order(key, servers)
    assert rotation.home(key, servers) is home
    left = [server for server in servers if server.index != away]
    expected = home if home in left else others[0]
    assert rotation.home(key, left) is expected


def test_another_seed_deals_anew() -> None:
    """With another seed about half the messages of two equal servers change theirs."""
    servers = contenders(1, 1)
    first, other = HighestDraw(NAMES[:2]), HighestDraw(NAMES[:2], seed=1)
    moved = sum(first.home(key, servers) is not other.home(key, servers) for key in KEYS)
    assert within(moved, 0.5)


def test_following_draws_do_not_hang_together() -> None:
    """Whether a counted message goes by the first of two says nothing about the next one."""
    rotation, servers = HighestDraw(NAMES[:2], draws=6), contenders(1, 1)
    letters = []
    for _ in range(N + 1):
        chosen = rotation.choose(servers, servers, 0.0)
        assert chosen is not None
        rotation.commit(chosen, 1, servers, 0.0)
        letters.append(chosen.index)
    same = sum(a == b for a, b in pairwise(letters))
    assert within(same, 0.5)


def test_the_state_is_one_integer() -> None:
    """Whatever was sent, a snapshot is one number, and a restored one draws the same."""
    rotation, servers = HighestDraw(NAMES[:3], draws=7), contenders(1, 2, 3)
    rotation.split(servers, 100, 0.0)
    other = HighestDraw(NAMES[:3])
    other.restore(json.loads(json.dumps(rotation.snapshot())))
    assert list(rotation.snapshot()) == ["draws"]
    assert other.split(servers, 50, 0.0) == rotation.split(servers, 50, 0.0)
