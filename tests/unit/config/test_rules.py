"""Reply rules as files: what they mean, what is refused and how, and the shipped sets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.config.rules import (
    Bounce,
    Match,
    Move,
    Rule,
    RuleSet,
    SetConnections,
    SetRate,
    Suspend,
    Trigger,
    compile_pattern,
    load_rules,
    parse_rules,
    rule_names,
)
from mstoolkit.model import Reply
from mstoolkit.strategy.rules import Rulebook

TEXT = """
[sources]
manual = "a page"

[[rules]]
name = "slow"
match = { isp = "gmail", code = [421, 450], status = "4.7.*", text = "unusual rate" }
trigger = "2 in 1h"
action = { kind = "set-rate", rate = "10/min" }
duration = "30min"
scope = "isp"
source = "manual"
"""

# written in the file, put in its place, key that the error names, words that it says
BAD = [
    pytest.param('"unusual rate"', '"(a"', "rules.0.match.text", "not a regular", id="regex"),
    pytest.param('"unusual rate"', '"(a+)+"', "rules.0.match.text", "nested", id="nested"),
    pytest.param('"unusual rate"', '""', "rules.0.match.text", "at least 1", id="empty"),
    pytest.param("421, 450", "250", "rules.0.match.code.0", "at least 400", id="code"),
    pytest.param('"4.7.*"', '"4.7"', "rules.0.match.status.0", "pattern", id="status"),
    pytest.param("isp =", "ips =", "rules.0.match.ips", "did you mean 'isp'", id="key"),
    pytest.param("2 in 1h", "2 in 0s", "rules.0.trigger", "time above 0", id="zero-window"),
    pytest.param("2 in 1h", "0 in 1h", "rules.0.trigger", "write 1 to", id="zero-count"),
    pytest.param("2 in 1h", "2/h", "rules.0.trigger", "is not a trigger", id="trigger"),
    pytest.param("2 in 1h", "0% in 1h", "rules.0.trigger", "share of 0 %", id="zero-share"),
    pytest.param("2 in 1h", "101% in 1h", "rules.0.trigger", "up to", id="share-above-1"),
    pytest.param("2 in 1h", "5% of 0 in 1h", "rules.0.trigger", "write 1 to", id="share-of-0"),
    pytest.param("2 in 1h", "2 in 1", "rules.0.trigger", "is not a duration", id="no-unit"),
    pytest.param('"2 in 1h"', "{ count = 2 }", "rules.0.trigger.window", "above 0", id="window"),
    pytest.param('"set-rate"', '"set-rat"', "rules.0.action.kind", "'set-rate'", id="action"),
    pytest.param(', rate = "10/min"', "", "rules.0.action.rate", "is missing", id="no-rate"),
    pytest.param('"10/min"', "10", "rules.0.action.rate", "is not a rate", id="rate"),
    pytest.param('"30min"', '"0s"', "rules.0.duration", "above 0", id="no-duration"),
    pytest.param('"isp"', '"world"', "rules.0.scope", "known are path", id="scope"),
    pytest.param('"manual"', '"manuel"', "rules.0.source", "did you mean 'manual'", id="source"),
    pytest.param("[[rules]]", "[[rule]]", "rule", "did you mean 'rules'", id="table"),
    pytest.param("[[rules]]", "[rules]", "rules", "must be a list", id="no-list"),
    pytest.param("[[rules]]", "[[rules]", "", "is not valid TOML", id="toml"),
]


def test_rule_is_read() -> None:
    """A written rule has its values in seconds and 1/s, and single values become lists."""
    (rule,) = parse_rules(TEXT).rules
    assert rule.match.isp == ("gmail",)
    assert rule.match.code == (421, 450)
    assert rule.trigger == Trigger(count=2, window=3600.0)
    assert rule.action == SetRate(rate=10 / 60)
    assert (rule.duration, rule.scope, rule.source) == (1800.0, "isp", ("manual",))


def test_short_forms() -> None:
    """The name of an action stands for it, and a rule is immediate unless it says otherwise."""
    text = '[[rules]]\nname = "a"\nmatch = { code = 421 }\naction = "suspend"\nduration = "1h"'
    (rule,) = parse_rules(text).rules
    assert rule.action == Suspend()
    assert rule.trigger == Trigger(count=1)
    assert parse_rules(text.replace('"1h"', '"1h"\ntrigger = "immediate"')).rules == (rule,)


@pytest.mark.parametrize(
    ("written", "scope", "action"),
    [
        ('"bounce"', "isp", Bounce()),
        ('"bounce"', "campaign", Bounce()),
        ('"suspend"', "campaign", Suspend()),
        ('"move"', "path", Move()),
        ('{ kind = "move", to = "mta-2" }', "path", Move(to="mta-2")),
        ('{ kind = "set-connections", connections = 1 }', "isp", SetConnections(connections=1)),
    ],
)
def test_actions(written: str, scope: str, action: object) -> None:
    """Each action is read with what it needs, in a table or by its name alone."""
    text = TEXT.replace('{ kind = "set-rate", rate = "10/min" }', written)
    (rule,) = parse_rules(text.replace('"isp"', f'"{scope}"')).rules
    assert (rule.action, rule.scope) == (action, scope)


@pytest.mark.parametrize(
    ("written", "scope", "why", "remedy"),
    [
        ('"bounce"', "path", "bound to a provider", "'isp' or 'campaign' or 'stream'"),
        (
            '"bounce"',
            "server",
            "bound to a provider",
            "'isp' or 'campaign' or 'stream'",
        ),
        ('"move"', "isp", "one server to one provider", "scope = 'path'"),
        ('"suspend"', "message", "tried by itself", "'campaign'"),
        ('{ kind = "set-rate", rate = "1/s" }', "campaign", "give it a stream", "'server' or"),
        ('{ kind = "set-connections", connections = 1 }', "campaign", "no rate", "'path' or"),
    ],
)
def test_what_has_no_meaning_is_refused(written: str, scope: str, why: str, remedy: str) -> None:
    """An action that cannot be done to a scope is refused, with the reason and what to write."""
    text = TEXT.replace('{ kind = "set-rate", rate = "10/min" }', written)
    with pytest.raises(ConfigError, match=why) as caught:
        parse_rules(text.replace('"isp"', f'"{scope}"'))
    assert caught.value.key == "rules.0.scope"
    assert remedy in str(caught.value)


def test_a_message_is_given_up_without_a_duration() -> None:
    """What is done to a message is done at once: a time has no meaning, and is refused."""
    text = TEXT.replace('{ kind = "set-rate", rate = "10/min" }', '"bounce"')
    text = text.replace('"isp"', '"message"')
    with pytest.raises(ConfigError, match="leave it out") as caught:
        parse_rules(text)
    assert caught.value.key == "rules.0.duration"
    (rule,) = parse_rules(text.replace('duration = "30min"\n', "")).rules
    assert (rule.scope, rule.duration) == ("message", 0.0)


@pytest.mark.parametrize(
    ("written", "trigger"),
    [
        ("20% in 10min", Trigger(count=100, window=600.0, share=0.2)),
        ("2.5% of 500 in 1h", Trigger(count=500, window=3600.0, share=0.025)),
        ("100 % of 1 in 1s", Trigger(count=1, window=1.0, share=1.0)),
    ],
)
def test_a_trigger_by_share(written: str, trigger: Trigger) -> None:
    """A share of the attempts within a time, of at least so many: 100 unless the rule says."""
    assert parse_rules(TEXT.replace("2 in 1h", written)).rules[0].trigger == trigger


@pytest.mark.parametrize(("old", "new", "key", "says"), BAD)
def test_what_is_wrong_is_told(old: str, new: str, key: str, says: str) -> None:
    """Whatever cannot be used is told in one line with file, key and what is wrong."""
    assert old in TEXT
    with pytest.raises(ConfigError) as caught:
        parse_rules(TEXT.replace(old, new, 1), file="mine.toml")
    assert caught.value.file == "mine.toml"
    assert caught.value.key == key
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_short_action_that_is_unknown() -> None:
    """An unknown action in short form is told with its key too."""
    text = '[[rules]]\nname = "a"\nmatch = { code = 421 }\naction = "suspned"\nduration = "1h"'
    with pytest.raises(ConfigError, match="mean 'suspend'") as caught:
        parse_rules(text)
    assert caught.value.key == "rules.0.action.kind"


def test_names_are_unique() -> None:
    """Two rules of one name are refused, for counts are told apart by it."""
    with pytest.raises(ConfigError, match=r"rules\.1\.name: 'slow' is there twice"):
        parse_rules(TEXT + TEXT.partition('manual = "a page"')[2])


def test_match_of_everything_is_refused() -> None:
    """A match that names only an ISP would take every refusal, and is refused."""
    with pytest.raises(ConfigError, match="matches every refusal"):
        parse_rules(
            TEXT.replace(', code = [421, 450], status = "4.7.*", text = "unusual rate"', "")
        )


DANGEROUS = [
    r"(a+)+", r"(a*)*b", r"(?:x|xy)+$", r"((ab?)c)*", r"([a-z]+\.)+", r"(a{1,9})+", r"(a?){50}",
    r"(?P<n>\d+)*", r"(\(+)*", r".*a.*b.*c",
    r"a.{0,99}b.*c.{9,}", r"(?x) a + b",  r"x{99999999999}", "[[a]",
    r"(", "a" * 501, r"(?:a(?:b|c)){9,}", r"((?=a+)a)+", r"[]a]+[)]*x+y+",
]  # fmt: skip
HARMLESS = [
    r"unusual rate of (unsolicited )?mail", r"\[TSS?04\]", r"(a|b)?", r"(abc)+", r"[(+)]+",
    r"\(S\d+\)", r"rate.*limit.*here", r"a.{0,20}b.{0,20}c.*d",
    r"(?:RP-00[123])", r"OFR\d*_104", r"(\d{3}\.){3}",
    r"a{}", r"a{2", r"(?i:busy)", r"[^]]*", r"(\.)+", r"later(?!.*OFR)", r"(?:a|b){2}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", DANGEROUS)
def test_dangerous_pattern_is_refused(pattern: str) -> None:
    """A pattern that is none, too long, or may take exponential time is refused."""
    with pytest.raises(ValueError, match=r"pattern|quantifiers|forever|regular expression"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", HARMLESS)
def test_harmless_pattern_is_taken(pattern: str) -> None:
    """Signs that only look like nested quantifiers do not put off."""
    assert compile_pattern(pattern).pattern == pattern


def test_misleading_text_is_searched_in_bounded_time() -> None:
    """A text made to mislead the slowest kind of pattern takes cubic time, not exponential."""
    pattern = compile_pattern("a.*a.*b")
    began = time.perf_counter()
    assert not pattern.search("a" * 300)
    assert time.perf_counter() - began < 5  # about 0.04 s on a free machine


def test_file_and_shipped_name(tmp_path: Path) -> None:
    """Rules come from a path or by a shipped name; of what is missing, the nearest is offered."""
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT, encoding="utf-8")
    assert load_rules(mine) == parse_rules(TEXT)
    assert load_rules("gmail").title == "Gmail and Google Workspace"
    with pytest.raises(ConfigError, match=r"gmial: cannot be read .* mean 'gmail'"):
        load_rules("gmial")
    mine.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is no text"):
        load_rules(mine)


def test_rules_come_back_from_a_dump() -> None:
    """What is dumped as JSON is read back the same."""
    for name in rule_names():
        rules = load_rules(name)
        assert RuleSet.model_validate_json(rules.model_dump_json()) == rules


LARGE = {"gmail", "yahoo", "outlook", "apple", "comcast", "gmx", "orange", "sfr", "free"}
ANYWHERE = "blocklists"  # rules for whichever provider, which are asked for by name
SHIPPED = [
    (name, rule) for name in rule_names() if name != ANYWHERE for rule in load_rules(name).rules
]
each_shipped = pytest.mark.parametrize(
    ("name", "rule"), SHIPPED, ids=[rule.name for _, rule in SHIPPED]
)


def _sample(rule: Rule) -> Reply:
    assert rule.sample is not None
    return Reply(rule.sample.code, rule.sample.status, rule.sample.text, rule.sample.phase)


def test_large_isps_have_rules() -> None:
    """The large ISPs are there, and no two rules of all sets share a name."""
    assert set(rule_names()) >= LARGE
    names = [rule.name for _, rule in SHIPPED]
    assert len(set(names)) == len(names)


@each_shipped
def test_shipped_rule_has_a_source(name: str, rule: Rule) -> None:
    """Each shipped rule names its sources, each with an address, and is for its own ISP."""
    sources = load_rules(name).sources
    assert rule.source
    assert all("://" in sources[one] or "github:" in sources[one] for one in rule.source)
    assert name in rule.match.isp
    assert isinstance(rule.action, Suspend | SetRate | SetConnections)


@each_shipped
def test_shipped_rule_takes_its_sample(name: str, rule: Rule) -> None:
    """A rule's sample fires it, and no other rule of the set that does something else."""
    book = Rulebook(one for _, one in SHIPPED)
    n = max(one.trigger.count for _, one in SHIPPED)
    fired = book.consider(_sample(rule), name, "mta-1", n, 0.0)
    assert rule.name in {c.rule for c in fired}
    assert {(c.action, c.until, c.scope) for c in fired} == {
        (rule.action, rule.duration, rule.scope)
    }
    other = book.consider(_sample(rule), "another isp", "mta-1", n, 0.0)
    assert other == ()


def test_blocklists_are_asked_for_by_name() -> None:
    """What one provider says there stops a whole server, so `default` does not hold it."""
    listed = load_rules(ANYWHERE).rules
    assert len(load_rules("default").rules) == len(SHIPPED)
    assert not {rule.name for rule in listed} & {rule.name for rule in load_rules("default").rules}
    assert all(rule.scope == "server" and rule.source and not rule.match.isp for rule in listed)


def test_blocklists_leave_lists_of_domains_alone() -> None:
    """A listed domain or block is no server's fault: another one would not dodge it."""
    book = Rulebook(load_rules(ANYWHERE).rules)
    for text in (
        "Domain blocked using dbl.spamhaus.org",
        "https://www.spamhaus.org/query/domain/example.com",
        "Message contains a URL listed at multi.surbl.org",
        "part of their network is on our block list (S3150)",
    ):
        assert book.consider(Reply(554, "5.7.1", text, "data"), "free", "mta-1", 9, 0.0) == ()


def test_accepted_mail_of_every_kind_is_left_alone() -> None:
    """No shipped rule takes an unknown user or a full mailbox for a reason to stop."""
    book = Rulebook(rule for _, rule in SHIPPED)
    for name in rule_names():
        for reply in (
            Reply(250, "2.0.0", "OK [TS02] Server busy", "data"),
            Reply(550, "5.1.1", "No such user here", "rcpt"),
            Reply(452, "4.2.2", "The mailbox is over quota", "rcpt"),
        ):
            assert book.consider(reply, name, "mta-1", 1000, 0.0) == ()


def test_match_needs_more_than_an_isp() -> None:
    """In Python too a match must say what to match."""
    with pytest.raises(ValueError, match="every refusal"):
        Match(isp=("gmail",))
