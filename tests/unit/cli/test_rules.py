"""`mstoolkit rules`: sets are listed and shown, replies tried out, files of three kinds checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config.rules import load_rules, rule_names

Run = Callable[..., "tuple[int, str, str]"]

OWN = """
[[rules]]
name = "mine"
match = { code = 421, phase = "connect", text = "go away" }
trigger = "20% of 50 in 10min"
action = { kind = "move", to = "mta-2" }
duration = "2h"

[[rules]]
name = "full"
match = { status = "4.2.2" }
action = "bounce"
scope = "message"
"""
KUMOMTA = """
[["gmail.com".automation]]
regex = "rate limited"
action = "Suspend"
duration = "2 hours"

[["gmail.com".automation]]
regex = "tenant"
action = "SuspendTenant"
duration = "2 hours"
"""
POWERMTA = """
<smtp-pattern-list common>
    reply /go away/ mode=backoff
    reply /never/ bounce-queue
    reply /what/ something-else
</smtp-pattern-list>
"""


def test_sets_are_listed_with_their_sources(mst: Run) -> None:
    """Each shipped set is there, with whether `default` holds it and where its sources are."""
    status, out, err = mst("rules", "list")
    assert (status, err) == (0, "")
    assert all(name in out for name in rule_names())
    assert "github:KumoCorp/kumomta@" in out
    listed = json.loads(mst("rules", "list", "--json")[1])
    assert [each["name"] for each in listed if not each["default"]] == ["blocklists"]
    assert sum(each["rules"] for each in listed if each["default"]) == len(
        load_rules("default").rules
    )


def test_a_set_is_shown(mst: Run) -> None:
    """Each rule with what it waits for, what follows and its sources; in JSON as a file has it."""
    status, out, _ = mst("rules", "show", "gmail")
    assert status == 0
    assert re.search(r"2 in 1h +set-rate path to 10/min +30min", out)
    assert "kumo_comm" in out
    shown = json.loads(mst("rules", "show", "gmail", "--json")[1])
    assert [each["name"] for each in shown["rules"]] == [r.name for r in load_rules("gmail").rules]


@pytest.mark.parametrize(
    ("reply", "isp", "fired"),
    [
        ("421 4.7.28 Unusual rate of mail", "gmail", ["gmail-unusual-rate"]),
        ("421-4.7.28 Unusual rate of mail", None, ["gmail-unusual-rate"]),
        ("421 4.7.28 Unusual rate of mail", "yahoo", []),
        ("250 2.0.0 Unusual rate of mail", "gmail", []),
        ("550 5.1.1 No such user", None, []),
        ("554 blocked using bl.spamcop.net", "free", ["blocklists-spamcop"]),
    ],
)
def test_a_reply_is_tried_out(mst: Run, reply: str, isp: str | None, fired: list[str]) -> None:
    """It is told which rules are for it, at one provider or at anybody, and if none is."""
    words = ("--isp", isp) if isp else ()
    found = json.loads(mst("rules", "test", reply, *words, "--json")[1])
    assert [each["name"] for each in found] == fired
    out = mst("rules", "test", reply, *words)[1]
    assert all(name in out for name in fired)
    assert ("fires:" in out) is bool(fired)


def test_a_reply_is_tried_on_a_file(mst: Run, tmp_path: Path) -> None:
    """--set names a file of one's own; a rule for another phase is found too."""
    (tmp_path / "mine.toml").write_text(OWN)
    out = mst("rules", "test", "421 Go away", "--set", "mine.toml")[1]
    assert "20% of 50 in 10min" in out
    assert "move path to mta-2" in out
    out = mst("rules", "test", "452 4.2.2 full", "--set", "mine.toml")[1]
    assert "bounce message" in out
    assert "for good" in out


@pytest.mark.parametrize(
    ("text", "form", "rules", "unclear"),
    [
        (OWN, "mstoolkit", ["move", "bounce"], []),
        (KUMOMTA, "KumoMTA", ["suspend"], ["there are no tenants here"]),
        (POWERMTA, "PowerMTA", ["suspend", "bounce"], ["there is none as 'something-else'"]),
    ],
)
def test_a_file_is_checked(
    mst: Run, tmp_path: Path, text: str, form: str, rules: list[str], unclear: list[str]
) -> None:
    """Ours, KumoMTA's and PowerMTA's rules are told apart; what is unclear has its line."""
    (tmp_path / "some.txt").write_text(text)
    status, out, err = mst("rules", "check", "some.txt")
    assert (status, err) == (0, "")
    assert f"as {form} writes them" in out
    assert all(reason in out for reason in unclear)
    found = json.loads(mst("rules", "check", "some.txt", "--json")[1])
    assert [each["action"]["kind"] for each in found["rules"]] == rules
    assert [each["line"] > 0 for each in found["not_understood"]] == [True] * len(unclear)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("tset",), "did you mean 'test'"),
        (("test",), "name a reply in quotes"),
        (("test", "hello"), 'begin with its code, as "421 4.7.28 text"'),
        (("show", "gmial"), "did you mean 'gmail'"),
        (("check", "none.toml"), "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_told(mst: Run, words: tuple[str, ...], says: str) -> None:
    """One sentence, with what to write instead."""
    status, out, err = mst("rules", *words)
    assert (status, out) == (2, "")
    assert says in err


def test_a_broken_file_is_told_with_its_key(mst: Run, tmp_path: Path) -> None:
    """A rule that has no meaning is refused with file, key and what to write."""
    (tmp_path / "mine.toml").write_text(OWN.replace('scope = "message"', 'scope = "path"'))
    status, _, err = mst("rules", "check", "mine.toml")
    assert status == 2
    assert "mine.toml: rules.1.scope: 'bounce' cannot be done to a path" in err
