"""Other servers' reply rules become ours, or it is told on which line and why they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config.peers import Imported, NotUnderstood, read_kumomta, read_powermta
from mstoolkit.config.rules import Bounce, SetConnections, SetRate, Suspend, Trigger
from mstoolkit.model import Reply
from mstoolkit.strategy.rules import Rulebook

SHAPING = r"""
[default]
connection_limit = 7

[[default.automation]]
regex = ["come back later", "421 .*not now"]
action = [
  {SetConfig={name="max_message_rate", value="6/min"}},
  {SetConfig={name="connection_limit", value=1}},
]
duration = "90 mins"

["one.example"]
mx_rollup = false

[["one.example".automation]]   # the first
regex = "\\[SLOW\\]"
action = "Suspend"
trigger = {Threshold="3/hr"}
duration = "2 hours"

[["one.example".automation]]
regex = "over the limit"
action = {set_config={name="max_message_rate", value="3,000 per hour"}}
trigger = "Immediate"
duration = "1h 30m"

[provider."two"]
match = [{MXSuffix=".two.example"}]

[[provider."two".automation]]
regex = "stop this"
action = {suspend=true}
duration = "1d"

[[provider.two.automation]]
regex = "never again"
action = "BounceCampaign"
duration = "10m"
"""


def entry(**changes: str) -> str:
    """Return a shaping file with one entry, some of its lines changed or left out."""
    lines = {"regex": '"busy"', "action": '"Suspend"', "duration": '"1h"', **changes}
    said = "\n".join(f"{key} = {value}" for key, value in lines.items() if value)
    return f'\n[["one.example".automation]]\n{said}\n'


def test_kumomta_rules() -> None:
    """Each form that KumoMTA documents becomes the rule that means the same."""
    rules, unclear = read_kumomta(SHAPING, isps={"one.example": "one"})
    assert unclear == ()
    assert [(r.match.isp, r.action, r.trigger, r.duration, r.scope) for r in rules] == [
        ((), SetRate(rate=0.1), Trigger(), 5400.0, "path"),
        ((), SetConnections(connections=1), Trigger(), 5400.0, "path"),
        (("one",), Suspend(), Trigger(count=3, window=3600.0), 7200.0, "path"),
        (("one",), SetRate(rate=3000 / 3600), Trigger(), 5400.0, "path"),
        (("two",), Suspend(), Trigger(), 86_400.0, "path"),
        (("two",), Bounce(), Trigger(), 600.0, "campaign"),
    ]
    assert [r.name for r in rules] == [
        "any-line-5-1", "any-line-5-2", "one-line-16", "one-line-22", "two-line-31", "two-line-36",
    ]  # fmt: skip
    assert rules[2].source == ("KumoMTA shaping file, line 16",)


def test_kumomta_patterns_search_the_whole_line() -> None:
    """A pattern sees code and status, as in KumoMTA; several patterns share one count."""
    text = entry(regex='["^421 4.7.0 busy", "full"]', trigger='{Threshold="2/5min"}')
    book = Rulebook(read_kumomta(text).rules)
    site = "one.example"
    assert not book.consider(Reply(421, "4.7.0", "Busy"), site, "a", 1, 0.0)
    assert not book.consider(Reply(450, "4.7.0", "Busy"), site, "a", 1, 0.0)
    assert book.consider(Reply(450, "4.2.2", "Full"), site, "a", 1, 299.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"regex": ""}, "regex: is no pattern: None"),
        ({"regex": '"(a"'}, "match.line: is not a regular expression"),
        ({"regex": '"(a+)+"'}, "nested quantifiers"),
        ({"regex": "[]"}, "regex: is no pattern"),
        ({"action": ""}, "action: there is none as None"),
        ({"action": '"Explode"'}, "action: there is none as 'Explode'"),
        ({"action": '"SuspendTenant"'}, "there are no tenants here"),
        ({"action": "{suspend=false}"}, "action: there is none as"),
        ({"action": '{SetConfig={name="idle_timeout", value="5s"}}'}, "set as 'idle_timeout'"),
        ({"action": '{SetConfig={name="max_message_rate", value="fast"}}'}, "is not a rate"),
        ({"action": '{SetConfig={name="max_message_rate", value="0/s"}}'}, "is not a rate"),
        ({"action": '{SetConfig={name="connection_limit", value="few"}}'}, "is not a number"),
        ({"action": '{SetConfig={name="connection_limit", value=0}}'}, "at least 1"),
        ({"action": '{SetConfig="x"}'}, "gives no name and value"),
        ({"trigger": '"Sometimes"'}, "trigger: there is none as 'Sometimes'"),
        ({"trigger": '{Threshold="5"}'}, "trigger: is not a rate"),
        ({"trigger": '{Threshold="99999/h"}'}, "at most 10000"),
        ({"duration": ""}, "duration: is not a duration: None"),
        ({"duration": '"0s"'}, "duration: is not a duration"),
        ({"duration": '"a while"'}, "duration: is not a duration"),
    ],
)
def test_kumomta_entry_without_meaning(changes: dict[str, str], says: str) -> None:
    """What has no meaning here is told with its line, and the other entries are read."""
    rules, unclear = read_kumomta(entry(**changes) + entry())
    assert len(rules) == 1
    assert [one.line for one in unclear] == [2]
    assert says in unclear[0].reason


def test_kumomta_entry_is_read_in_part() -> None:
    """What is passed over is told, and the rule is there all the same."""
    rules, unclear = read_kumomta(entry(match_internal="true", colour='"red"'))
    assert len(rules) == 1
    assert unclear == (
        NotUnderstood(2, "colour: unknown, passed over"),
        NotUnderstood(2, "match_internal: a rule never matches our own replies"),
    )


def test_kumomta_list_in_one_line() -> None:
    """Entries without a header of their own are read too, each with its own name."""
    one = '{regex="busy", action="Suspend", duration="1h"}'
    rules, unclear = read_kumomta(f'["one.example"]\nautomation = [{one}, {one}, 5]')
    assert len({rule.name for rule in rules}) == 2
    assert unclear == (NotUnderstood(0, "is no table: 5"),)


def test_kumomta_domain_and_provider_of_one_name() -> None:
    """A domain and a provider may share a name; lines and names are told apart."""
    rules, unclear = read_kumomta(
        entry() + entry(action='"Explode"').replace('"one.example"', 'provider."one.example"')
        + entry() + entry().replace('"one.example"', 'provider."one.example"')
    )  # fmt: skip
    assert [rule.name for rule in rules] == [f"one.example-line-{line}" for line in (2, 12, 17)]
    assert [one.line for one in unclear] == [7]


def test_kumomta_file_that_is_no_toml() -> None:
    """A broken file gives no rules and the line where it breaks."""
    rules, unclear = read_kumomta("[default]\nx = 1\ny = = 2\n")
    assert rules == ()
    assert unclear[0].line == 3
    assert read_kumomta("") == Imported((), ())


CONFIGURATION = r"""
# how fast
<domain one.example>
    max-msg-rate 900/h
    backoff-max-msg-rate 30/10m
    backoff-to-normal-after 2h
    smtp-pattern-list cautious
</domain>
<virtual-mta first>
    <domain two.example>
        backoff-retry-after 20m,1h
        reenable-source-ip-after 3h
        smtp-pattern-list cautious
    </domain>
</virtual-mta>

<smtp-pattern-list cautious>
    reply /421 .*slow down/ mode=backoff                 # the usual
    reply /4\/7 too much/ mode=backoff, backoff-to-normal-after=15m
    reply /blocked/ disable-source-ip,reenable-after=4h
    reply /listed/ disable-source-ip
    reply /try another/ skip-mx
    reply /gone/ bounce-queue
</smtp-pattern-list>
"""


def test_powermta_rules() -> None:
    """A list becomes rules for each domain that uses it, with that domain's back-off."""
    rules, unclear = read_powermta(CONFIGURATION, isps={"one.example": "one"})
    slow = SetRate(rate=30 / 600)
    assert [(r.match.line, r.action, r.duration) for r in rules if "one" in r.match.isp] == [
        ("421 .*slow down", slow, 7200.0),
        (r"4\/7 too much", slow, 900.0),
        ("blocked", Suspend(), 14_400.0),
        ("listed", Suspend(), 86_400.0),
        ("gone", Bounce(), 3600.0),
    ]
    assert [(r.action, r.duration) for r in rules if "two.example" in r.match.isp] == [
        (Suspend(), 1200.0),
        (Suspend(), 1200.0),
        (Suspend(), 14_400.0),
        (Suspend(), 10_800.0),
        (Bounce(), 3600.0),
    ]
    assert len({rule.name for rule in rules}) == len(rules) == 10
    assert [one.line for one in unclear] == [22]
    assert "skip-mx" in unclear[0].reason


def test_powermta_domains_of_one_isp() -> None:
    """Domains that are one ISP here give rules with names of their own."""
    rules, _ = read_powermta(CONFIGURATION, isps={"one.example": "one", "two.example": "one"})
    assert {rule.match.isp for rule in rules} == {("one",)}
    assert len({rule.name for rule in rules}) == 10


def test_powermta_rules_work() -> None:
    """A pattern with an escaped slash matches the line that the server sends."""
    book = Rulebook(read_powermta(CONFIGURATION).rules)
    fired = book.consider(Reply(450, "", "4/7 TOO much"), "one.example", "a", 1, 0.0)
    assert [c.until for c in fired] == [900.0]


def listed(*lines: str) -> str:
    """Return a pattern list with these lines, the first of them in line 2."""
    return "\n".join(["<smtp-pattern-list a>", *lines, "</smtp-pattern-list>"])


def test_powermta_list_of_its_own() -> None:
    """A list that no domain uses, or that all use, is for any ISP."""
    line = "reply /busy/ mode=backoff"
    assert read_powermta(listed(line)).rules[0].match.isp == ()
    everyone = "\n<domain *>\nsmtp-pattern-list a\n</domain>"
    assert read_powermta(listed(line) + everyone).rules[0].match.isp == ()


def test_powermta_what_is_given_up() -> None:
    """A queue is all that waits for the provider; a recipient is the message that got the reply."""
    lines = ("reply /gone/ bounce-queue", "reply /full/ bounce-rcpt")
    rules, unclear = read_powermta(listed(*lines))
    assert unclear == ()
    given_up = [(rule.action.kind, rule.scope, rule.duration) for rule in rules]
    assert given_up == [("bounce", "isp", 3600.0), ("bounce", "message", 0.0)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("reply /busy/", "not exactly one"),
        ("reply /busy/ mode=normal", "none as 'mode=normal'"),
        ("reply /busy/ explode", "none as 'explode'"),
        ("reply /busy/ mode=backoff skip-mx", "not exactly one"),
        ("reply /busy/ disable-source-ip reenable-after=soon", "is not a duration: 'soon'"),
        ("reply /(a+)+/ mode=backoff", "nested quantifiers"),
        ("reply /(a/ mode=backoff", "not a regular expression"),
        ("reply // mode=backoff", "at least 1 character"),
        ("answer /busy/ mode=backoff", "is not written as reply"),
        ("reply busy mode=backoff", "is not written as reply"),
    ],
)
def test_powermta_line_without_meaning(line: str, says: str) -> None:
    """What has no meaning here is told with its line, and the other lines are read."""
    rules, unclear = read_powermta(listed(line, "reply /later/ mode=backoff"))
    assert [rule.match.line for rule in rules] == ["later"]
    assert [one.line for one in unclear] == [2]
    assert says in unclear[0].reason


def test_powermta_odd_blocks() -> None:
    """Blocks that do not close, or close nothing, are told; a wrong rate too."""
    assert "closes nothing" in read_powermta("</domain>").not_understood[0].reason
    assert "not closed" in read_powermta("<smtp-pattern-list a>\n").not_understood[0].reason
    domain = "\n<domain a.example>\nsmtp-pattern-list a\nbackoff-max-msg-rate fast\n</domain>"
    rules, unclear = read_powermta(listed("reply /busy/ mode=backoff") + domain)
    assert rules == ()
    assert unclear == (NotUnderstood(2, "backoff-max-msg-rate: is not a rate: 'fast'"),)


CHARACTERS = st.sampled_from(list("[]{}<>/=\"',.#()+*\\ \n09azé"))
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), CHARACTERS), max_size=4)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """Return a text in which some places are overwritten."""
    for place, length, character in edits:
        at = int(place * len(text))
        text = text[:at] + character + text[at + length :]
    return text


@given(EDITS)
def test_readers_never_fail(edits: list[tuple[float, int, str]]) -> None:
    """However a file is broken, it gives rules and reasons, never an error; names stay unique."""
    for found in (
        read_kumomta(edited(SHAPING, edits)),
        read_powermta(edited(CONFIGURATION, edits)),
    ):
        Rulebook(found.rules)
        assert all(one.reason for one in found.not_understood)


def test_absurd_figures_are_told() -> None:
    """Numbers of thousands of digits and tables a thousand deep are told too."""
    digits = "9" * 5000
    for text in (entry(duration=f'"{digits}h"'), entry(trigger=f'{{Threshold="{digits}/h"}}')):
        assert len(read_kumomta(text).not_understood) == 1
    assert len(read_kumomta("a = " + "[" * 5000).not_understood) == 1
    line = f"reply /busy/ disable-source-ip reenable-after={digits}h"
    assert len(read_powermta(listed(line)).not_understood) == 1
