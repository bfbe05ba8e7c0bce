"""Judges of senders: each keeps its formula, and what they judge is kept apart or shared."""

from __future__ import annotations

import json
from math import exp, tanh
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.reputation import (
    ExponentialSpec,
    JudgeSpec,
    Reputation,
    RspamdSpec,
    TxRepSpec,
)
from mstoolkit.isp.judges import Bench, Exponential, Judge, Rspamd, TxRep, judge_of

DAY = 86400.0
SPECS: list[Any] = [
    ExponentialSpec(kind="exponential", half_life=DAY, prior=50),
    RspamdSpec(kind="rspamd"),
    TxRepSpec(kind="txrep"),
    TxRepSpec(kind="txrep", dilution=0.98),
]
each_spec = pytest.mark.parametrize(
    "spec", SPECS, ids=["exponential", "rspamd", "txrep", "diluted"]
)
events = st.lists(
    st.tuples(st.floats(0.0, 5 * DAY), st.floats(0.0, 1e4), st.floats(0.0, 1e4)), max_size=12
)
BASE = {"half_life": DAY, "prior": 50, "complaint": 60, "unknown": 4, "pushed": 0.5}


@each_spec
@given(history=events)
def test_opinions_lie_between_bad_and_good(spec: Any, history: list[tuple[float, ...]]) -> None:
    """Whatever a judge is told, its opinion is a share; what it saved goes on alike."""
    judge, now = judge_of(spec), 0.0
    for gap, good, bad in history:
        now += gap
        judge.learn(now, good, bad)
        other = judge_of(spec)
        other.restore(json.loads(json.dumps(judge.snapshot())))
        assert 0.0 <= judge.opinion(now) <= 1.0
        assert other.opinion(now + gap) == judge.opinion(now + gap)


@each_spec
def test_bad_mail_lowers_and_good_mail_raises_the_opinion(spec: Any) -> None:
    """A judge thinks less of who sends worse, and better of who has mended."""
    judge, now = judge_of(spec), 0.0
    seen = [judge.opinion(now)]
    for good, bad in ((900, 100), (500, 500), (100, 900)):
        now += 6 * 3600.0
        judge.learn(now, good, bad)
        seen.append(judge.opinion(now))
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == 1.0
    for _ in range(40):
        now += DAY
        judge.learn(now, 1000, 0)
    assert judge.opinion(now) > seen[-1]


def test_the_short_memory_forgets_in_its_half_life() -> None:
    """Good and bad halve together; the prior stands."""
    judge = Exponential(ExponentialSpec(kind="exponential", half_life=3600.0, prior=100))
    judge.learn(0.0, 300, 100)
    assert judge.opinion(0.0) == pytest.approx(400 / 500)
    assert judge.opinion(7200.0) == pytest.approx(175 / 200)


def test_rspamd_moves_by_the_gap_and_not_by_the_number() -> None:
    """V <- a s + (1 - a) v with a = 1 - exp(-dt / W): as reputation.lua has it."""
    few, many = Rspamd(RspamdSpec(kind="rspamd")), Rspamd(RspamdSpec(kind="rspamd"))
    for judge, n in ((few, 10), (many, 10_000)):
        judge.learn(0.0, n, 0)
        judge.learn(3 * DAY, 0, n)
    a = 1 - exp(-3 / 30)
    assert few.mean == many.mean == pytest.approx(15 * a)
    told = tanh(1.83178 * a - 0.5493)
    worst, best = tanh(1.83178 - 0.5493), tanh(-0.5493)
    assert few.opinion(3 * DAY) == pytest.approx((worst - told) / (worst - best))


def test_rspamd_says_nothing_below_ten_messages_and_after_ten_idle_days() -> None:
    """Too few messages move nothing; an address idle for ten days is as new."""
    judge = Rspamd(RspamdSpec(kind="rspamd"))
    judge.learn(0.0, 0, 9)
    assert judge.opinion(0.0) == 1.0
    judge.learn(1.0, 0, 1)
    assert judge.opinion(1.0) == pytest.approx(0.0)
    assert judge.opinion(11 * DAY) == 1.0
    judge.learn(11 * DAY, 20, 0)
    assert judge.mean == 0.0


@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=8))
def test_txrep_takes_many_at_once_as_one_by_one(batches: list[tuple[int, bool]]) -> None:
    """The closed form is the documented recursion (s + d c m) / (d c + 1), message by message."""
    for dilution in (1.0, 0.98):
        judge = TxRep(TxRepSpec(kind="txrep", dilution=dilution))
        mean, count = 0.0, 0
        for n, bad in batches:
            judge.learn(0.0, 0 if bad else n, n if bad else 0)
            score = 20.0 if bad else 0.0
            for _ in range(n):
                mean = (score + dilution * count * mean) / (dilution * count + 1)
                count += 1
        assert judge.mean == pytest.approx(mean, rel=1e-9, abs=1e-9)


def test_who_is_judged_together() -> None:
    """A network's judge hears of all its addresses, the domain's of everybody, an IP's of one."""
    spec = {"kind": "exponential", "half_life": DAY, "prior": 50}
    reputation = Reputation.model_validate(
        {**BASE, "judges": [{**spec, "of": of} for of in ("ip", "network", "domain")]}
    )
    bench = Bench(reputation)
    one, neighbour, far = (bench.of(ip) for ip in ("192.0.2.1", "192.0.2.9", "198.51.100.1"))
    shared = [[a is b for a, b in zip(one, other, strict=True)] for other in (neighbour, far)]
    assert shared == [[False, True, True], [False, False, True]]
    assert bench.of("server:a")[1] is not bench.of("server:b")[1], "a name is its own network"


@pytest.mark.parametrize(
    ("combine", "expected"),
    [("lowest", 0.25), ("product", (0.25 * 0.81**3) ** 0.25), ("mean", (0.25 + 3 * 0.81) / 4)],
)
def test_opinions_are_combined(combine: Any, expected: float) -> None:
    """The lowest, the weighted geometric mean, or the weighted mean."""

    class Sure:
        def __init__(self, value: float) -> None:
            self.value = value

        def opinion(self, now: float) -> float:
            return self.value

    spec = {"kind": "exponential", "half_life": DAY, "prior": 50}
    judges = [spec, {**spec, "weight": 3.0}]
    bench = Bench(Reputation.model_validate({**BASE, "judges": judges, "combine": combine}))
    sure: list[Any] = [Sure(0.25), Sure(0.81)]
    assert bench.reputation(sure, 0.0) == pytest.approx(expected)


def test_a_bench_survives_a_snapshot() -> None:
    """Judges who are restored think what they thought, and forget what came after."""
    reputation = Reputation.model_validate({**BASE, "judges": [s.model_dump() for s in SPECS]})
    bench = Bench(reputation)
    for judge in bench.of("192.0.2.1"):
        judge.learn(10.0, 100, 30)
    state = json.loads(json.dumps(bench.snapshot()))
    before = bench.reputation(bench.of("192.0.2.1"), 20.0)
    for judge in bench.of("192.0.2.1"):
        judge.learn(30.0, 0, 1000)
    bench.restore(state)
    assert bench.reputation(bench.of("192.0.2.1"), 20.0) == before
    fresh = Bench(reputation)
    fresh.restore(state)
    assert fresh.reputation(fresh.of("192.0.2.1"), 20.0) == before


def test_a_judge_has_the_parts_of_the_protocol() -> None:
    """Each kind can stand wherever a judge is asked for."""
    judges: list[Judge] = [judge_of(spec) for spec in SPECS]
    assert [type(judge) for judge in judges] == [Exponential, Rspamd, TxRep, TxRep]
    assert all(isinstance(spec, JudgeSpec) for spec in SPECS)
