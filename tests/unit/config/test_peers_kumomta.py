"""KumoMTA's data files and literal Lua become servers, weights, limits and retry times."""

from __future__ import annotations

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.config.pacing import Limits
from mstoolkit.config.peers import Found, Text, read_kumomta_files, told
from mstoolkit.config.peers.lua import COMPUTED, Table, calls

SOURCES = """
[source."ip-1"]
source_address = "192.0.2.1"
ehlo_domain = "one.example"

[source."ip-2"]
source_address = "192.0.2.2"

[source."ip-3"]
source_address = "192.0.2.3"

[pool."bulk"]
[pool."bulk"."ip-1"]
weight = 3
[pool."bulk"."ip-2"]

[pool."alerts"."ip-3"]
weight = 0.5
"""

SHAPING = """
["default"]
connection_limit = 10
max_deliveries_per_connection = 100
max_message_rate = "100/s"
idle_timeout = "60s"

[provider."google"]
match = [{MXSuffix=".google.com"}, {MXSuffix=".googlemail.com"}]
max_deliveries_per_connection = 50
provider_connection_limit = 5
connection_limit = 8

[provider."google".sources."ip-2"]
max_message_rate = "local:60/min,max_burst=4"

["yahoo.com"]
max_deliveries_per_connection = 20

["aol.com"]
max_deliveries_per_connection = 10

["somewhere.example"]
connection_limit = 1

[["yahoo.com".automation]]
regex = "\\\\[TS04\\\\]"
action = "Suspend"
trigger = {Threshold="2/hr"}
duration = "2 hours"

[["somewhere.example".automation]]
regex = "busy"
action = "Suspend"
duration = "1h"

[[default.automation]]
regex = "gone"
action = "Bounce"
duration = "1h"
"""

QUEUES = """
tenant_header = "X-Tenant"
default_tenant = "news"

[tenant.news]
egress_pool = "bulk"
max_age = "10 hours"

[queue.default]
retry_interval = "10 mins"
max_retry_interval = "40 mins"
max_age = "3 hours"

[queue."gmail.com"]
retry_interval = "17 mins"
"""

LUA = """
local kumo = require 'kumo'
--[[ a comment with kumo.make_egress_source { name = 'not-this' } ]]
kumo.on('get_egress_source', function(source_name)
  if source_name == 'ip-1' then
    return kumo.make_egress_source {
      name = 'ip-1', -- the first
      source_address = "10.0.0.1",
      ehlo_domain = host_of(source_name),
    }
  end
  return kumo.make_egress_source({ name = source_name, source_address = '10.0.0.9' })
end)
kumo.make_egress_pool {
  name = 'pool-1',
  entries = { { name = 'ip-1', weight = 10 }, { name = 'ip-2' }, other, },
}
kumo.make_egress_path { connection_limit = 32, ['max_message_rate'] = [[100/s]],
  max_deliveries_per_connection = limit * 2 }
kumo.make_egress_path { connection_limit = 1 }
kumo.make_queue_config { max_age = '5 minutes', retry_interval = 60, egress_pool = 'pool-1' }
kumo.make_queue_config(params)
kumo.make_listener_domain { relay_to = true }
"""


def read(*files: tuple[str, str], pool: str | None = None) -> Found:
    """Read files given as name and text."""
    return read_kumomta_files([Text(*file) for file in files], pool=pool)


def all_files(pool: str | None = None) -> Found:
    """Read the three data files of the fixture."""
    return read(
        ("sources.toml", SOURCES), ("shaping.toml", SHAPING), ("queues.toml", QUEUES), pool=pool
    )


def test_sources_and_pool() -> None:
    """The pool that mail is sent to gives servers with their addresses and weights."""
    found = all_files()
    assert {n: (s.source_ip, s.weight) for n, s in found.servers.items()} == {
        "ip-1": ("192.0.2.1", 3.0),
        "ip-2": ("192.0.2.2", 1.0),
    }
    assert found.policy.rotation.model_dump() == {"kind": "interleaved", "start": "kumomta"}


def test_another_pool_can_be_chosen() -> None:
    """A named pool is carried over instead; an unknown one is refused with the nearest name."""
    assert list(all_files(pool="alerts").servers) == ["ip-3"]
    assert all_files(pool="alerts").servers["ip-3"].weight == 0.5
    with pytest.raises(ConfigError, match="there is no pool 'bluk'; did you mean 'bulk'"):
        all_files(pool="bluk")


def test_limits_merge_as_in_kumomta() -> None:
    """Default, provider, and provider with source; a burst is the count unless it is given."""
    found = all_files()
    pacing = found.policy.pacing
    assert (pacing.rate, pacing.burst, pacing.connections) == (100.0, 100, 10)
    assert pacing.messages_per_connection == 100
    own = found.servers["ip-1"].isp_limits
    assert own["gmail"] == Limits(connections=5, messages_per_connection=50)
    assert own["yahoo"] == Limits(messages_per_connection=10), "the lower of two domains holds"
    assert found.servers["ip-2"].isp_limits["gmail"] == Limits(
        connections=5, messages_per_connection=50, rate=1.0, burst=4
    )


def test_retry_doubles_until_too_old() -> None:
    """Interval, longest interval and age become an exponential schedule."""
    retry = all_files().policy.retry
    assert (retry.base, retry.factor, retry.longest) == (600.0, 2.0, 2400.0)
    assert list(retry.delays()) == [600.0, 1200.0, 2400.0, 2400.0, 2400.0, 2400.0]
    assert read(("sources.toml", SOURCES)).policy.retry.preset == "kumomta"


def test_rules_that_can_be_carried_out() -> None:
    """Automation becomes rules; those of unknown domains are told."""
    found = all_files()
    rules = {(r.match.isp, r.match.line, r.action.kind, r.scope) for r in found.policy.rules}
    assert rules == {(("yahoo",), r"\[TS04\]", "suspend", "path"), ((), "gone", "bounce", "isp")}
    notes = told(found.notes)
    assert any(n.startswith("shaping.toml:32: somewhere.example: reply rules") for n in notes)


def test_what_is_not_carried_over_is_told_with_its_line() -> None:
    """Each key without a counterpart is named with file and line."""
    notes = told(all_files().notes)
    for line in (
        "sources.toml:4: ehlo_domain: is not carried over",
        "shaping.toml:6: idle_timeout: is not carried over",
        "shaping.toml:23: somewhere.example: limits for whom no shipped provider stands",
        "queues.toml:2: tenant_header: is not carried over",
        "queues.toml:7: max_age: there are no tenants here",
        "source 'ip-3' is in no pool that is carried over",
    ):
        assert line in notes
    assert any("aol.com: messages_per_connection differs" in line for line in notes)
    assert any("pool 'alerts' is not carried over" in line for line in notes)
    assert any(line.startswith("queues.toml:14: queue gmail.com") for line in notes)


@pytest.mark.parametrize(
    ("match", "isps"),
    [
        ('MXSuffix=".icloud.com"', ["apple"]),
        ('MXSuffix=".gmail-smtp-in.l.google.com"', ["gmail"]),
        ('HostName="mta5.am0.yahoodns.net"', ["yahoo"]),
        ('DomainSuffix="hotmail.com"', ["outlook"]),
        (
            'MXSuffix=".net"',
            ["att", "comcast", "cox", "gmx", "laposte", "spectrum", "yahoo"],
        ),
        ('MXSuffix=".outlook.example"', []),
        ('MXSuffix=""', []),
    ],
)
def test_providers_are_known_by_what_they_match(match: str, isps: list[str]) -> None:
    """A suffix may be wider or narrower than that of a shipped profile."""
    block = f'[provider."p"]\nmatch = [{{{match}}}]\nconnection_limit = 3'
    found = read(("s.toml", SOURCES), ("l.toml", block))
    assert sorted(found.servers["ip-1"].isp_limits) == isps
    assert isps or any("l.toml:1: p: limits for whom" in line for line in told(found.notes))


def test_new_connections_and_pins() -> None:
    """The rate of new connections is kept; each attempt chooses its source anew."""
    found = read(("s.toml", SOURCES), ("l.toml", '[default]\nmax_connection_rate = "100/min"'))
    assert found.policy.pacing.connection_rate == 100 / 60
    assert not found.policy.failover.pin


def test_later_files_override_earlier_ones() -> None:
    """The same domain in a second file replaces the value; it is no second domain."""
    custom = '["yahoo.com"]\nmax_deliveries_per_connection = 40\n["default"]\nconnection_limit = 2'
    first = '["yahoo.com"]\nmax_deliveries_per_connection = 20\n["default"]\nconnection_limit = 9'
    found = read(("sources.toml", SOURCES), ("a.toml", first), ("b.toml", custom))
    assert found.servers["ip-1"].isp_limits["yahoo"].messages_per_connection == 40
    assert found.policy.pacing.connections == 2


def test_defaults_are_kumomtas() -> None:
    """Without a shaping file there is no rate limit, 32 connections and 1024 messages each."""
    pacing = read(("sources.toml", SOURCES)).policy.pacing
    assert (pacing.rate, pacing.connections, pacing.messages_per_connection) == (1000.0, 32, 1024)


def test_without_pools_all_sources_count_alike() -> None:
    """Sources alone are a pool of equal weights."""
    found = read(("s.toml", '[source.a]\nsource_address = "192.0.2.1"\n[source.b]\n'))
    assert {n: s.weight for n, s in found.servers.items()} == {"a": 1.0, "b": 1.0}


def test_lua_literals() -> None:
    """Literal calls are read; what is computed is told with its line, and the rest stands."""
    found = read(("init.lua", LUA))
    assert {n: (s.source_ip, s.weight) for n, s in found.servers.items()} == {
        "ip-1": ("10.0.0.1", 10.0),
        "ip-2": ("", 1.0),
    }
    pacing, retry = found.policy.pacing, found.policy.retry
    assert (pacing.rate, pacing.connections, pacing.messages_per_connection) == (100.0, 32, 1024)
    assert (retry.base, retry.attempts) == (60.0, 3)
    notes = told(found.notes)
    for line in (
        "init.lua:6: ehlo_domain: is not carried over",
        "init.lua:12: kumo.make_egress_source: its name is not written out",
        "init.lua:14: kumo.make_egress_pool: an entry of 'pool-1' is not written out",
        "init.lua:22: kumo.make_queue_config: is given no table that is written out",
        "init.lua:23: kumo.make_listener_domain: is not carried over",
    ):
        assert line in notes
    assert any(n.startswith("init.lua:18: max_deliveries_per_connection") for n in notes)
    assert any(n.startswith("init.lua:20: kumo.make_egress_path: which mail") for n in notes)
    assert not any("not-this" in line for line in notes)


def test_lua_tables() -> None:
    """Names, lists, nesting, escapes and expressions come out as they stand there."""
    text = (
        r"""f.x { a = 'it\'s', 7, -1.5, true, nil, { 1, { k = "v" } }, y = 1 + 2, z = g{1}, 16 }"""
    )
    (call,) = calls(text, "", "f.")
    assert call.table.named == {"a": "it's", "y": COMPUTED, "z": COMPUTED}
    first, second, yes, nothing, nested, last = call.table.listed
    assert (first, second, yes, nothing, last) == (7, -1.5, True, None, 16)
    assert isinstance(nested, Table)
    assert nested.listed[1].named == {"k": "v"}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.toml", "x = = 1", "a.toml:1: is not valid TOML"),
        ("a.toml", "\n\nx = " + "9" * 5000, "a.toml:.*is not valid TOML"),
        ("a.toml", "x = " + "[" * 9000, "is not valid TOML: is nested too deeply"),
        ("a.toml", "", "name no sending address"),
        ("a.toml", "[default]\nconnection_limit = 1", r"kumomta: name no sending address; give"),
        ("a.toml", "[pool.p.a]\nweight = 0", "every weight of the pool is 0"),
        ("a.lua", "\n--[[ open", r"a.lua:2: --\[\[ is not closed; end it with \]\]"),
        ("a.lua", "\nx = 'open", "a.lua:2: a text is not closed"),
        ("a.lua", "kumo.make_x " + "{" * 50, "nested more than 20 deep"),
    ],
)
def test_bad_input_is_one_sentence(name: str, text: str, says: str) -> None:
    """What cannot be used is refused with file, line and remedy."""
    with pytest.raises(ConfigError, match=says):
        read((name, text))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("connection_limit = 0", "0 would send nothing"),
        ("connection_limit = true", "is no number that is written out"),
        ('connection_limit = "many"', "is no number that is written out"),
        ('max_message_rate = "fast"', "is not a rate"),
        ("max_message_rate = 5", "is not a rate"),
        (f'max_message_rate = "{" " * 5000}"', "is not a rate"),
        ("sources = 3", "is no table"),
        ("sources = { a = 3 }", "default.sources.a"),
    ],
)
def test_odd_limits_are_told(line: str, says: str) -> None:
    """A limit that is none is told, and the others are read."""
    text = f"[default]\nmax_deliveries_per_connection = 9\n{line}\n"
    found = read(("s.toml", SOURCES), ("l.toml", text))
    assert any(says in note and note.startswith("l.toml:") for note in told(found.notes))
    assert found.policy.pacing.messages_per_connection == 9
