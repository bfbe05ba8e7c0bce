"""Sticky: known homes, few keys move, counted messages keep shares, bounded loads."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mstoolkit.config.rotation import StickySpec
from mstoolkit.model import SplitMix64
from mstoolkit.strategy.rotation import BoundedSticky, Rotation, RoundRobin, StickyHash
from mstoolkit.testing import Contender, RotationSuite, contenders

NAMES = ["smtp-a", "smtp-b", "smtp-c"]
KEYS = [f"user{k}@example.com" for k in range(20_000)]


class TestSticky(RotationSuite):
    """Counted messages are shared as smooth weighted does."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return StickyHash([f"mta-{k}" for k in range(servers)])


class TestBoundedSticky(RotationSuite):
    """So they are with a bound."""

    weighted = True
    burst = 1

    def make(self, servers: int) -> Rotation:
        return BoundedSticky([f"mta-{k}" for k in range(servers)])


def homes(rotation: StickyHash, servers: list[Contender], keys: list[str]) -> list[int]:
    """Return the number of each key's server."""
    found = [rotation.home(key, servers) for key in keys]
    return [each.index for each in found if each is not None]


def test_homes_are_shared_by_weight() -> None:
    """Servers a, b, c with 1:2:3 and seed 7 get the reference's counts (hrw-fnv1a-bias)."""
    found = homes(StickyHash("abc", 7), contenders(1, 2, 3), KEYS)
    assert [found.count(k) for k in range(3)] == [3398, 6626, 9976]


def test_without_a_server_only_its_keys_move() -> None:
    """Of 60,000 keys the 20,034 of smtp-b move (hrw-minimal-disruption-remove-b)."""
    keys = [f"user{k}@example.com" for k in range(60_000)]
    rotation, (a, b, c) = StickyHash(NAMES, 7), contenders(1, 2, 3)
    before, after = homes(rotation, [a, b, c], keys), homes(rotation, [a, c], keys)
    moved = [old for old, new in zip(before, after, strict=True) if old != new]
    assert len(moved) == before.count(b.index) == 20_034
    assert set(moved) == {b.index}


def test_a_raised_weight_only_draws_keys_to_it() -> None:
    """Of 60,000 keys 7,011 move to smtp-a, none elsewhere (hrw-weight-increase-a-1-to-2)."""
    keys = [f"user{k}@example.com" for k in range(60_000)]
    rotation = StickyHash(NAMES, 7)
    before = homes(rotation, contenders(1, 2, 3), keys)
    after = homes(rotation, contenders(2, 2, 3), keys)
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(moved) == 7_011
    assert set(moved) == {0}


@given(st.text(), st.lists(st.floats(0.0, 1e6), min_size=1, max_size=6), st.integers(0, 2**64 - 1))
def test_order_is_home_after_home(key: str, weights: list[float], seed: int) -> None:
    """The order is what homes come to as one server after the other goes; weightless never."""
    rotation = StickyHash([f"mta-{k}" for k in range(len(weights))], seed)
    left, order = contenders(*weights), []
    while (home := rotation.home(key, left)) is not None:
        order.append(home)
        left.remove(home)
    assert rotation.order(key, contenders(*weights)) == order
    assert [each.weight for each in left] == [0.0] * len(left)


def test_homes_hang_on_names_and_seed_alone() -> None:
    """Declared in another order the same names have the same keys; another seed deals anew."""
    rotation, turned = StickyHash(NAMES, 7), StickyHash(NAMES[::-1], 7)
    mine = [NAMES[k] for k in homes(rotation, contenders(1, 1, 1), KEYS[:500])]
    assert [NAMES[2 - k] for k in homes(turned, contenders(1, 1, 1), KEYS[:500])] == mine
    other = [NAMES[k] for k in homes(StickyHash(NAMES, 8), contenders(1, 1, 1), KEYS[:500])]
    assert 250 < sum(1 for one, two in zip(mine, other, strict=True) if one != two) < 420


def test_a_home_is_kept_whatever_is_sent_and_restored() -> None:
    """Homes keep no score: commitments and a restart change none."""
    rotation, ready = StickyHash(NAMES, 7), contenders(1, 2, 3)
    before = homes(rotation, ready, KEYS[:200])
    rotation.split(ready, 100, 0.0)
    other = StickyHash(NAMES, 7)
    other.restore(json.loads(json.dumps(rotation.snapshot())))
    assert homes(rotation, ready, KEYS[:200]) == homes(other, ready, KEYS[:200]) == before


def test_only_sticky_rotations_are_keyed() -> None:
    """A driver can tell whether it need ask for a home."""
    assert StickyHash(NAMES).keyed
    assert BoundedSticky(NAMES).keyed
    assert not RoundRobin().keyed


# -- bounded loads


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 3), (0.7, 0.2, 0.1)])
@pytest.mark.parametrize("bound", [1.1, 1.25, 2.0])
def test_no_server_is_above_the_bound(weights: tuple[float, ...], bound: float) -> None:
    """With one domain for all messages, in flight is less than one above bound x share."""
    rotation, ready, load = BoundedSticky(NAMES, 7, bound), contenders(*weights), [0] * 3
    draws = SplitMix64(0)
    for _ in range(1_500):
        if sum(load) > 60:
            done = draws.below(3)
            if load[done]:
                load[done] -= 1
                rotation.settle(done, 1)
        home = rotation.home("gmail.com", ready)
        assert home is not None
        rotation.commit(home, 1, ready, 0.0)
        load[home.index] += 1
        share = home.weight / sum(weights)
        assert load[home.index] < bound * sum(load) * share + 1 + 1e-6


def test_what_is_too_much_goes_to_the_next_in_order() -> None:
    """With 10 in flight at home and none elsewhere, the second choice takes it; then home again."""
    rotation, ready = BoundedSticky(NAMES, 7), contenders(1, 1, 1)
    first, second, _ = rotation.order("ann@example.com", ready)
    assert rotation.home("ann@example.com", ready) is first
    rotation.commit(first, 10, ready, 0.0)
    assert rotation.home("ann@example.com", ready) is second
    rotation.settle(first.index, 10)
    assert rotation.home("ann@example.com", ready) is first


def test_what_is_in_flight_elsewhere_does_not_count() -> None:
    """The bound is among those that may be used; one alone takes all."""
    rotation, ready = BoundedSticky(NAMES, 7), contenders(1, 1, 1)
    rotation.commit(ready[0], 1_000, ready, 0.0)
    assert rotation.home("x", ready[:1]) is ready[0]
    spread = Counter(homes(rotation, ready[1:], KEYS[:300]))
    assert spread[1] > 100
    assert spread[2] > 100


def test_without_weight_there_is_no_home() -> None:
    """Where nobody has a weight a key has no home."""
    assert StickyHash(NAMES).home("x", contenders(0, 0, 0)) is None
    assert BoundedSticky(NAMES).home("x", contenders(0, 0, 0)) is None
    assert StickyHash(NAMES).home("x", []) is None


@pytest.mark.parametrize("options", [{"bound": 1.0}, {"seed": -1}, {"seed": 2**64}, {"key": "ip"}])
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    """A bound of 1, a seed that is no 64-bit number, and an unknown key are told of."""
    with pytest.raises(ValidationError, match=next(iter(options))):
        StickySpec.model_validate({"kind": "sticky", **options})
