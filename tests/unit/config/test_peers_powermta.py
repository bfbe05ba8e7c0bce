"""A PowerMTA configuration becomes servers, weights, limits and retry times."""

from __future__ import annotations

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.config.pacing import Limits
from mstoolkit.config.peers import Found, Text, read_powermta_files, told
from mstoolkit.config.rules import Suspend

CONFIG = r"""
# licensed to nobody
postmaster ops@example.com
domain-macro yahoos yahoo.com,aol.com
include /etc/pmta/more

<virtual-mta v1>
    smtp-source-host 192.0.2.1 v1.example.com
    domain-key k,example.com,/etc/key.pem
    <domain *>
        max-smtp-out 4          # quietly
        max-msg-rate 100/h
        max-connect-rate 6/min
    </domain>
    <domain gmail.com googlemail.com>
        max-msg-rate 30/10m
        max-cold-virtual-mta-msg 1/day,2/day
    </domain>
</virtual-mta>

<virtual-mta v2>
    smtp-source-host v2.example.com 2001:db8::2
</virtual-mta>

<virtual-mta v2-cold>
    smtp-source-host 192.0.2.3 v3.example.com
    smtp-source-host 192.0.2.4 v4.example.com
</virtual-mta>

<virtual-mta-pool bulk>
    virtual-mta v1
    virtual-mta v2
    virtual-mta v2-cold
</virtual-mta-pool>
<virtual-mta-pool alerts>
    virtual-mta v2
</virtual-mta-pool>

<domain *>
    max-smtp-out 10
    max-msg-per-connection 0
    retry-after 5m,20m,1h
    bounce-after 4h
    dkim-sign yes
</domain>
<domain $yahoos>
    max-msg-per-connection 20
    retry-after 2h
    smtp-pattern-list slow
</domain>
<domain elsewhere.example>
    max-smtp-out 1
    smtp-pattern-list slow
</domain>
<smtp-pattern-list slow>
    reply /\[TS04\]/ mode=backoff
</smtp-pattern-list>
<source 10.0.0.0/8>
    always-allow-relaying yes
</source>
"""


def read(text: str = CONFIG, pool: str | None = None) -> Found:
    """Read one file."""
    return read_powermta_files([Text("config", text)], pool=pool)


def test_virtual_mtas_of_the_largest_pool() -> None:
    """Members are servers that go in turn, whichever way address and host are written."""
    found = read()
    assert {n: s.source_ip for n, s in found.servers.items()} == {
        "v1": "192.0.2.1",
        "v2": "2001:db8::2",
        "v2-cold": "192.0.2.3",
    }
    assert found.policy.rotation.kind == "round-robin"
    assert found.servers["v2-cold"].warm < 0.1
    assert list(read(pool="alerts").servers) == ["v2"]


def test_limits_by_virtual_mta_and_domain() -> None:
    """Domains inside a virtual MTA are its own limits; those outside hold for all of them."""
    found = read()
    v1, v2 = found.servers["v1"], found.servers["v2"]
    assert v1.limits == Limits(rate=100 / 3600, burst=1, connections=4, connection_rate=0.1)
    assert v1.isp_limits["gmail"] == Limits(rate=30 / 600, burst=1)
    assert v1.isp_limits["yahoo"] == v2.isp_limits["yahoo"] == Limits(messages_per_connection=20)
    pacing = found.policy.pacing
    assert found.policy.failover.pin, "a message is queued for a virtual MTA"
    assert (pacing.connections, pacing.messages_per_connection) == (10, 10_000)
    assert pacing.rate == 1000.0, "no rate is given, so there is none"


def test_retry_list_and_life() -> None:
    """The last delay repeats until bounce-after."""
    retry = read().policy.retry
    assert retry.schedule == (300.0, 1200.0, 3600.0)
    assert (retry.attempts, retry.jitter) == (6, 0.0)
    plain = read("<virtual-mta a>\n</virtual-mta>")
    assert plain.policy.retry.preset == "powermta"
    assert plain.policy.pacing.connections == 20


def test_pattern_lists_are_rules_of_the_isp() -> None:
    """A list that a macro's domains use is for their ISP; that of an unknown domain is told."""
    found = read()
    assert [(r.match.isp, r.action, r.duration) for r in found.policy.rules] == [
        (("yahoo",), Suspend(), 3600.0)
    ]
    assert any("elsewhere.example: reply rules" in line for line in told(found.notes))


def test_what_is_not_carried_over_is_told_with_its_line() -> None:
    """Each directive without a counterpart is named with file and line."""
    notes = told(read().notes)
    for line in (
        "config:3: postmaster: is not carried over",
        "config:5: include: is not followed; give /etc/pmta/more as a file too",
        "config:9: domain-key: is not carried over",
        "config:17: max-cold-virtual-mta-msg: warm-up plans are not carried over",
        "config:44: dkim-sign: is not carried over",
        "config:48: retry-after: the retry times of one domain; here all mail is retried alike",
        "config:52: max-smtp-out: limits of elsewhere.example, for whom no shipped provider stands",
        "config:58: <source>: is not carried over",
        "v2-cold: a cold virtual MTA; carried over as a cold server",
    ):
        assert line in notes
    assert any("pool 'alerts' is not carried over" in line for line in notes)
    assert any("192.0.2.4 is not" in line for line in notes)


def test_limits_within_a_pool_are_told() -> None:
    """A domain inside of anything but a virtual MTA is not taken for all mail; tabs are blanks."""
    found = read(
        "<virtual-mta a>\n</virtual-mta>\n<virtual-mta-pool p>\n\tvirtual-mta\ta\n"
        "<domain *>\nmax-smtp-out\t1\n</domain>\n</virtual-mta-pool>"
    )
    assert found.policy.pacing.connections == 20
    assert "config:6: max-smtp-out: within <virtual-mta-pool p>: is not carried over" in told(
        found.notes
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "powermta: name no sending address; give the file that has <virtual-mta NAME>"),
        ("<virtual-mta-pool p>\n</virtual-mta-pool>", "name no sending address"),
    ],
)
def test_nothing_to_send_from(text: str, says: str) -> None:
    """A file without a virtual MTA is refused in a sentence."""
    with pytest.raises(ConfigError, match=says):
        read(text)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("max-smtp-out many", "config:3: max-smtp-out: is no number: 'many'"),
        ("max-smtp-out 0", "config:3: max-smtp-out: 0 would send nothing, and is left out"),
        ("max-msg-rate fast", "config:3: max-msg-rate: is not a rate: 'fast'"),
        ("max-msg-rate", "config:3: max-msg-rate: is not a rate: ''"),
        ("retry-after soon", "config:3: retry-after: is not a duration: 'soon'"),
        ("<domain *>", "config:1: <virtual-mta a> is not closed"),
        ("</source>", "config:3: </source> closes nothing"),
    ],
)
def test_odd_lines_are_told(line: str, says: str) -> None:
    """A line that makes no sense is told, and the rest is read."""
    found = read(f"<virtual-mta a>\n<domain *>\n{line}\n</domain>\n</virtual-mta>")
    assert says in told(found.notes)
    assert list(found.servers) == ["a"]
