"""The rulebook: what fires, how it counts, what it remembers, and what it never takes."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mstoolkit
from mstoolkit.config.rules import Rule
from mstoolkit.live import replies
from mstoolkit.model import Reply
from mstoolkit.sim import driver
from mstoolkit.strategy.rules import Consequence, Rulebook
from mstoolkit.strategy.rules.window import Window

BUSY = Reply(421, "4.7.28", "Unusual RATE of mail", "data")
PACKAGE = Path(mstoolkit.__file__).parent


def rule(name: str = "slow", **changes: Any) -> Rule:
    values = {"match": {"text": "unusual rate"}, "action": "suspend", "duration": 3600.0}
    return Rule.model_validate({"name": name, **values, **changes})


def threshold(count: int, window: float) -> dict[str, Any]:
    return {"trigger": {"count": count, "window": window}}


def test_immediate_rule() -> None:
    """An immediate rule fires at each match, whatever the case of the text."""
    slow = rule(scope="server")
    book = Rulebook([slow])
    assert book.consider(BUSY, "gmail", "a", 1, 10.0) == (
        Consequence("slow", slow.action, 3610.0, "server"),
    )
    assert book.consider(BUSY, "gmail", "a", 1, 20.0)[0].until == 3620.0


def test_threshold_is_a_plain_count() -> None:
    """Five in an hour fires at the fifth, at each further one, and anew when old ones are out."""
    book = Rulebook([rule(**threshold(5, 3600.0))])
    fired = [bool(book.consider(BUSY, "gmail", "a", 1, 600.0 * k)) for k in range(7)]
    assert fired == [False, False, False, False, True, True, True]
    assert not book.consider(BUSY, "gmail", "a", 1, 3600.0 + 3600.0)


def test_keys_and_rules_count_apart() -> None:
    """Each key has its own count, and so has each rule that matches."""
    book = Rulebook([rule("two", **threshold(2, 60.0)), rule("three", **threshold(3, 60.0))])
    assert book.consider(BUSY, "gmail", "a", 1, 0.0) == ()
    assert book.consider(BUSY, "gmail", "b", 1, 0.0) == ()
    assert [c.rule for c in book.consider(BUSY, "gmail", "a", 1, 1.0)] == ["two"]
    assert [c.rule for c in book.consider(BUSY, "gmail", "a", 1, 2.0)] == ["two", "three"]


def test_several_messages_count_at_once() -> None:
    """A parcel whose messages got the reply counts as so many matches."""
    book = Rulebook([rule(**threshold(10, 60.0))])
    assert not book.consider(BUSY, "gmail", "a", 9, 0.0)
    assert book.consider(BUSY, "gmail", "a", 1, 1.0)
    assert book.consider(BUSY, "gmail", "b", 10, 1.0)


@pytest.mark.parametrize(
    ("match", "fires"),
    [
        ({"text": "rate of"}, True),
        ({"text": "^421"}, False),
        ({"line": r"^421 4\.7\.28 unusual"}, True),
        ({"code": 421}, True),
        ({"code": [450, 451]}, False),
        ({"status": "4.7.28"}, True),
        ({"status": "4.7.2"}, False),
        ({"status": "4.7.*"}, True),
        ({"status": "4.2.*"}, False),
        ({"phase": "data"}, True),
        ({"phase": ["connect", "rcpt"]}, False),
        ({"code": 421, "isp": ["yahoo", "gmail"]}, True),
        ({"code": 421, "isp": "yahoo"}, False),
        ({"code": 421, "status": "4.7.28", "text": "rate", "phase": "rcpt"}, False),
    ],
)
def test_every_part_of_a_match_must_hold(match: dict[str, Any], fires: bool) -> None:
    """Text, line, code, status, phase and ISP all narrow a match; of a list one must hold."""
    book = Rulebook([rule(match=match)])
    assert bool(book.consider(BUSY, "gmail", "a", 1, 0.0)) is fires


def test_long_text_is_cut() -> None:
    """Only the first thousand characters are searched."""
    book = Rulebook([rule()])
    assert book.consider(BUSY._replace(text="x" * 980 + "unusual rate"), "g", "a", 1, 0.0)
    assert not book.consider(BUSY._replace(text="x" * 995 + "unusual rate"), "g", "a", 1, 0.0)


CATCH_ALL = [rule("text", match={"text": "."}), rule("phase", match={"phase": ["connect", "data"]})]


@pytest.mark.parametrize(
    "reply",
    [driver.REFUSED, replies.REFUSED, replies.TIMEOUT, replies.BROKEN],
    ids=lambda reply: reply.text,
)
def test_own_replies_match_nothing(reply: Reply) -> None:
    """What the toolkit says for a server that said nothing fires no rule, though the words fit."""
    assert Rulebook(CATCH_ALL).consider(reply, "gmail", "a", 1, 0.0) == ()
    assert len(Rulebook(CATCH_ALL).consider(reply._replace(code=421), "gmail", "a", 1, 0.0)) == 2


def test_every_reply_of_the_sending_side_has_code_0() -> None:
    """A reply that sending, simulated or live, makes up by itself can be told by its code."""
    codes = [
        node.args[0].value
        for room in ("sim", "live", "strategy", "experiment", "eventlog", "replay")
        for path in (PACKAGE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Reply"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert len(codes) >= 5
    assert set(codes) == {0}


def test_accepted_mail_matches_nothing() -> None:
    """A positive reply fires nothing, even where the words are those of a refusal."""
    assert Rulebook(CATCH_ALL).consider(BUSY._replace(code=250), "gmail", "a", 1, 0.0) == ()


def test_known_reply_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is searched once for each ISP, accepted mail never; after that it is looked up."""
    book = Rulebook([rule()])
    searched = []
    look_up = book._look_up

    def noted(reply: Reply, isp: str) -> tuple[int, ...]:
        searched.append(reply)
        return look_up(reply, isp)

    monkeypatch.setattr(book, "_look_up", noted)
    for key in "abcab":
        book.consider(BUSY, "gmail", key, 1, 0.0)
        book.consider(BUSY._replace(code=250), "gmail", key, 1, 0.0)
    assert len(searched) == 1


def test_memory_is_bounded() -> None:
    """However many replies, keys and matches there are, only so many are kept."""
    book = Rulebook([rule(**threshold(3, 1e9))], replies=10, keys=20)
    for k in range(500):
        book.consider(BUSY._replace(text=f"unusual rate {k}"), "gmail", f"key-{k % 50}", 1, k)
    assert len(book._known) == 10
    counts = book.snapshot()["counts"]
    assert len(counts) == 20
    assert all(len(matches) <= 3 for _, _, matches in counts)


def test_the_key_unused_for_longest_goes() -> None:
    """When there are too many keys, the one without matches for the longest time starts anew."""
    book = Rulebook([rule(**threshold(3, 60.0))], keys=2)
    for key in "abac":  # b goes
        book.consider(BUSY, "gmail", key, 1, 0.0)
    assert [key for _, key, _ in book.snapshot()["counts"]] == ["a/gmail", "c/gmail"]
    assert book.consider(BUSY, "gmail", "a", 1, 0.0)


def test_names_must_differ() -> None:
    """Rules of one name cannot be told apart in a snapshot, and are refused."""
    with pytest.raises(ValueError, match="same name"):
        Rulebook([rule(), rule()])


MATCHES = st.lists(st.tuples(st.floats(0, 100), st.integers(1, 4)), max_size=60)


@given(MATCHES, st.integers(2, 8), st.sampled_from([0.5, 10.0, 300.0, 1e6]))
def test_window_counts_exactly(steps: list[tuple[float, int]], count: int, window: float) -> None:
    """What is forgotten never changes the answer: it is that of counting all matches."""
    kept, all_matches, now = Window(count, window), [], 0.0
    for step, n in steps:
        now += step
        all_matches.append((now, n))
        total = sum(n for at, n in all_matches if at > now - window)
        assert kept.add(n, now) is (total >= count)
        assert len(kept.matches()) <= count


CALLS = st.lists(
    st.tuples(st.sampled_from([BUSY, BUSY._replace(code=450)]), st.sampled_from("abc"),
              st.integers(1, 3), st.floats(0, 30)), max_size=40)  # fmt: skip


@given(CALLS, st.integers(0, 40))
def test_restored_rulebook_goes_on_the_same(
    calls: list[tuple[Reply, str, int, float]], cut: int
) -> None:
    """After a snapshot, through JSON and back, every consequence is what it would have been."""
    rules = [rule("a", **threshold(3, 60.0)), rule("b", match={"code": 450}, **threshold(4, 30.0))]
    book, now = Rulebook(rules, keys=3), 0.0
    for reply, key, n, step in calls[:cut]:
        now += step
        book.consider(reply, "gmail", key, n, now)
    other = Rulebook(rules, keys=3)
    other.restore(json.loads(json.dumps(book.snapshot())))
    for reply, key, n, step in calls[cut:]:
        now += step
        assert other.consider(reply, "gmail", key, n, now) == book.consider(
            reply, "gmail", key, n, now
        )
    assert json.dumps(other.snapshot()) == json.dumps(book.snapshot())


def test_snapshot_of_other_rules_is_refused() -> None:
    """A snapshot with a rule that is not here, or of another version, is not taken up."""
    book = Rulebook([rule(**threshold(2, 60.0))])
    book.consider(BUSY, "gmail", "a", 1, 0.0)
    state = book.snapshot()
    with pytest.raises(ValueError, match="not here: 'slow'"):
        Rulebook([rule("other")]).restore(state)
    with pytest.raises(ValueError, match="version 9"):
        book.restore({**state, "version": 9})


def test_rulebook_can_be_sent_to_a_worker() -> None:
    """A rulebook survives pickling with its counts, as experiments run in several processes."""
    book = Rulebook([rule(**threshold(2, 60.0))])
    book.consider(BUSY, "gmail", "a", 1, 0.0)
    assert pickle.loads(pickle.dumps(book)).consider(BUSY, "gmail", "a", 1, 1.0)


OK = Reply(250, "2.0.0", "OK", "data")


def by_share(share: float, count: int, window: float = 600.0, **changes: Any) -> Rule:
    trigger = {"count": count, "window": window, "share": share}
    return rule(trigger=trigger, **changes)


def test_a_share_is_of_all_attempts() -> None:
    """20 % of at least 20 fires at the fourth match of 20 attempts; accepted mail fires nothing."""
    book = Rulebook([by_share(0.2, 20)])
    assert book.counts_all
    assert not Rulebook([rule()]).counts_all
    assert book.consider(OK, "gmail", "a", 16, 0.0) == ()
    fired = [bool(book.consider(BUSY, "gmail", "a", 1, 1.0)) for _ in range(4)]
    assert fired == [False, False, False, True]
    assert book.consider(OK, "gmail", "a", 1, 2.0) == ()
    assert book.consider(BUSY, "gmail", "a", 1, 2.0)
    book.consider(OK, "gmail", "a", 10, 3.0)
    assert not book.consider(BUSY, "gmail", "a", 1, 3.0), "6 of 32 are less than 20 %"


def test_a_share_is_of_its_own_attempts() -> None:
    """Other paths, other ISPs than the rule's and the toolkit's own replies count for nothing."""
    book = Rulebook([by_share(0.5, 2, match={"text": "rate", "isp": "gmail"})])
    own = OK._replace(code=0)
    for reply, isp, server in ((OK, "gmail", "b"), (OK, "yahoo", "a"), (own, "gmail", "a")):
        book.consider(reply, isp, server, 100, 0.0)
    assert not book.consider(BUSY, "gmail", "a", 1, 0.0)
    assert book.consider(BUSY, "gmail", "a", 1, 0.0)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 40), st.integers(1, 5)), max_size=60),
    st.integers(0, 60),
)
def test_a_restored_share_goes_on_the_same(steps: list[tuple[bool, float, int]], cut: int) -> None:
    """After a snapshot, through JSON, both fire alike; what is a window old is forgotten."""
    rules = [by_share(0.3, 5, 60.0), rule("count", **threshold(3, 60.0))]
    book, other, now = Rulebook(rules), Rulebook(rules), 0.0
    for number, (bad, step, n) in enumerate(steps):
        now += step
        if number == cut:
            other.restore(json.loads(json.dumps(book.snapshot())))
        reply = BUSY if bad else OK
        told = book.consider(reply, "gmail", "a", n, now)
        if number >= cut:
            assert other.consider(reply, "gmail", "a", n, now) == told
    if len(steps) > cut:
        assert other.snapshot() == book.snapshot()
    book.consider(OK, "gmail", "a", 1, now + 61.0)
    shares = [kept for name, _, kept in book.snapshot()["counts"] if name == "slow"]
    assert shares == [[[now + 61.0, 1, 0]]]


@pytest.mark.parametrize(
    ("scope", "joined"),
    [
        ("path", {("gmail", "a", "x"), ("gmail", "a", "y")}),
        ("server", {("gmail", "a", "x"), ("gmail", "a", "y"), ("yahoo", "a", "x")}),
        ("isp", {("gmail", "a", "x"), ("gmail", "a", "y"), ("gmail", "b", "x")}),
        ("campaign", {("gmail", "a", "x"), ("gmail", "b", "x")}),
    ],
)
def test_matches_are_counted_over_the_scope(scope: str, joined: set[tuple[str, str, str]]) -> None:
    """What a match is counted with is whatever the rule's scope names."""
    for isp, server, campaign in (
        ("gmail", "a", "x"), ("gmail", "a", "y"), ("yahoo", "a", "x"), ("gmail", "b", "x"),
    ):  # fmt: skip
        book = Rulebook([rule(scope=scope, **threshold(2, 60.0))])
        book.consider(BUSY, "gmail", "a", 1, 0.0, "x")
        fired = bool(book.consider(BUSY, isp, server, 1, 1.0, campaign))
        assert fired is ((isp, server, campaign) in joined)
