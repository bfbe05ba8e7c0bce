"""Values that every room shares: named streams, replies, and what is immutable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.model import Command, Event, Lot, Parcel, Reply, SplitMix64, stream_key


def test_splitmix_gives_the_published_numbers() -> None:
    """The first outputs of Steele, Lea and Flood's generator from seeds 0 and 1234567."""
    zero = SplitMix64(0)
    assert [zero.next() for _ in range(3)] == [
        16294208416658607535,
        7960286522194355700,
        487617019471545679,
    ]
    rng = SplitMix64(1234567)
    assert [rng.next() for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(state=st.integers(0, 2**64 - 1), n=st.integers(1, 10**9))
def test_draws_are_in_range(state: int, n: int) -> None:
    """Uniforms lie in [0, 1), integers below n; the state stays one 64-bit integer."""
    rng = SplitMix64(state)
    assert 0.0 <= rng.uniform() < 1.0
    assert 0 <= rng.below(n) < n
    assert 0 <= rng.state < 2**64


@given(state=st.integers(0, 2**64 - 1))
def test_a_stream_goes_on_from_its_state(state: int) -> None:
    """The state, as one integer in JSON text, is all there is to a stream."""
    rng = SplitMix64(state)
    rng.next()
    again = SplitMix64(int(json.loads(json.dumps(str(rng.state)))))
    assert [rng.next() for _ in range(5)] == [again.next() for _ in range(5)]


def test_keys_are_the_same_in_every_process() -> None:
    """A name's key does not depend on Python's hash seed."""
    code = "from mstoolkit.model import stream_key; print(stream_key(1, 'outages', 2.5, 'x'))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "99")
    }
    assert keys == {f"{stream_key(1, 'outages', 2.5, 'x')}\n"}


@given(
    one=st.lists(st.text(max_size=5), max_size=4), other=st.lists(st.text(max_size=5), max_size=4)
)
def test_different_names_have_different_keys(one: list[str], other: list[str]) -> None:
    """Parts are kept apart: ("ab", "c") is not ("a", "bc")."""
    mark = any("\x1f" in part for part in [*one, *other])
    if one != other and one and other and not mark:
        assert stream_key(*one) != stream_key(*other)


@pytest.mark.parametrize(
    ("code", "positive", "temporary"),
    [
        (250, True, False),
        (220, True, False),
        (421, False, True),
        (451, False, True),
        (550, False, False),
        (0, False, True),
        (354, False, False),
    ],
)
def test_reply_families(code: int, positive: bool, temporary: bool) -> None:
    """2xx is done, 4xx and silence may be tried again, 5xx is final."""
    reply = Reply(code, "", "")
    assert (reply.positive, reply.temporary) == (positive, temporary)


def test_lots_are_frozen_and_values_have_slots() -> None:
    """A lot can be shared; nothing grows attributes by a slip of the pen."""
    lot = Lot(0, "l", "c", "s", "i", "g", 1.0)
    with pytest.raises(FrozenInstanceError):
        lot.id = 1  # type: ignore[misc]
    for kind in (Lot, Parcel, *get_args(Event), *get_args(Command)):
        assert is_dataclass(kind)
        assert hasattr(kind, "__slots__")
    with pytest.raises(AttributeError):
        Parcel(lot, 0, 1).attemp = 3  # type: ignore[attr-defined]


def test_events_carry_their_time_first() -> None:
    """Every event has `at`, as its first field."""
    for kind in get_args(Event):
        assert fields(kind)[0].name == "at"
