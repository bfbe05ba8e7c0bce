"""Strategies written for other systems: what is written, what is lost, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import (
    ConfigError,
    Limits,
    Pacing,
    Policy,
    Retry,
    Scenario,
    Server,
    load_scenario,
    parse_scenario,
)
from mstoolkit.config.peers import (
    SYSTEMS,
    Exported,
    System,
    Text,
    export,
    read_files,
    scenario_text,
    told,
)
from mstoolkit.config.peers.reduced import effective, plain_names, whole_weights
from mstoolkit.config.rules import load_rules
from mstoolkit.testing import small_scenario

SMALL = small_scenario(outages=False)
every_system = pytest.mark.parametrize("to", SYSTEMS)


def with_policy(scenario: Scenario = SMALL, **parts: Any) -> Scenario:
    """Return a scenario with one strategy, `mine`, of these parts."""
    policy = Policy.model_validate({"rotation": {"kind": "smooth-weighted"}, **parts})
    return scenario.model_copy(update={"strategies": {"mine": policy}})


def back_again(exported: Exported, to: System) -> Scenario:
    """Return the scenario that `init` makes of exported files."""
    found = read_files(to, [Text(name, text) for name, text in exported.files.items()])
    return parse_scenario(scenario_text(found, exported.files))


# Round trip ------------------------------------------------------------------------------------

RATES = st.one_of(
    st.builds(lambda n, per: n / per, st.integers(1, 900), st.sampled_from([1, 60, 3600, 86_400])),
    st.floats(0.0001, 50.0),
)
COUNTS = st.integers(1, 60)
LIMITS = st.builds(
    Limits,
    rate=st.none() | RATES,
    burst=st.none() | COUNTS,
    connections=st.none() | COUNTS,
    messages_per_connection=st.none() | COUNTS,
    connection_rate=st.none() | RATES,
)
SERVERS = st.dictionaries(
    st.sampled_from(["a", "mta-2", "third", "x9"]),
    st.builds(
        Server,
        source_ip=st.sampled_from(["", "192.0.2.1", "2001:db8::5"]),
        weight=st.sampled_from([0.5, 1.0, 1.25, 2.0, 3.0, 7.0]),
        limits=LIMITS,
        isp_limits=st.dictionaries(st.sampled_from(["gmail", "yahoo", "gmx"]), LIMITS),
    ),
    min_size=1,
)
PACINGS = st.builds(
    Pacing, rate=RATES, burst=COUNTS, connections=COUNTS, connection_rate=st.none() | RATES
)
RETRIES = st.one_of(
    st.builds(
        Retry,
        base=st.floats(1.0, 4000.0),
        factor=st.sampled_from([1.0, 1.5, 2.0]),
        longest=st.floats(60.0, 20_000.0),
        attempts=st.integers(1, 40),
    ),
    st.builds(
        Retry,
        schedule=st.lists(st.floats(1.0, 9000.0), min_size=1, max_size=5).map(tuple),
        attempts=st.integers(1, 40),
    ),
    st.sampled_from(["postfix", "kumomta", "zonemta"]).map(lambda name: Retry(preset=name)),
)
ROTATIONS = st.sampled_from(["round-robin", "smooth-weighted", "random", "interleaved", "priority"])


@settings(max_examples=60, deadline=None)
@given(SERVERS, PACINGS, RETRIES, ROTATIONS, st.sampled_from(SYSTEMS))
def test_what_was_written_comes_back(
    servers: dict[str, Server], pacing: Pacing, retry: Retry, rotation: str, to: System
) -> None:
    """Reading the written files gives the reduced form again: servers, weights, limits, retry."""
    scenario = with_policy(
        SMALL.model_copy(update={"servers": servers}),
        pacing=pacing,
        retry=retry,
        rotation={"kind": rotation},
    )
    exported = export(scenario, "mine", to)
    back = back_again(exported, to)
    left = scenario.model_copy(update={"servers": exported.servers})
    policy, reduced = back.strategies[to], exported.reduced
    assert list(back.servers) == list(servers)
    for name in servers:
        assert back.servers[name].source_ip == servers[name].source_ip
        assert back.servers[name].weight == exported.servers[name].weight
        for isp in SMALL.audience.isps:
            ours = effective(left, reduced.pacing, name, isp)
            theirs = effective(back, policy.pacing, name, isp)
            assert [x or 0 for x in theirs] == pytest.approx([x or 0 for x in ours], rel=1e-9)
    assert policy.rotation == reduced.rotation
    assert policy.pacing.feedback == reduced.pacing.feedback
    assert policy.failover.path == reduced.failover.path
    assert list(policy.retry.delays()) == pytest.approx(list(reduced.retry.delays()), abs=1e-5)
    assert policy.retry.attempts == reduced.retry.attempts


@every_system
def test_nothing_of_ours_is_left_unread(to: System) -> None:
    """Of what is written only names for HELO and the log have no way back."""
    exported = export(load_scenario("quickstart"), "smooth-weighted", to)
    found = read_files(to, [Text(name, text) for name, text in exported.files.items()])
    assert [n for n in told(found.notes) if "helo_name" not in n and "syslog_name" not in n] == []


# What is lost ----------------------------------------------------------------------------------


@every_system
def test_heads_list_what_is_lost(to: System) -> None:
    """Each file begins with the list that is returned."""
    exported = export(with_policy(pacing={"adapt": {"kind": "aimd"}}), "mine", to)
    assert any(line.startswith("pacing.adapt") for line in exported.lost)
    for text in exported.files.values():
        for line in exported.lost:
            assert f"#   {line}\n" in text
    assert exported.reduced.pacing.adapt is None
    assert not exported.reduced.retry.hints


def test_kumomta_keeps_its_own_rotation() -> None:
    """Interleaved as in KumoMTA, and in turn, lose nothing; others do."""
    for spec, kept in (
        ({"kind": "interleaved", "start": "kumomta"}, True),
        ({"kind": "round-robin"}, True),
        ({"kind": "random"}, False),
    ):
        exported = export(with_policy(rotation=spec), "mine", "kumomta")
        assert kept != any(line.startswith("rotation") for line in exported.lost)
        assert exported.reduced.rotation.kind == "interleaved"


def test_round_robin_asks_for_equal_weights() -> None:
    """A rotation that knows no weights is not given any."""
    exported = export(with_policy(rotation={"kind": "batch"}), "mine", "kumomta")
    assert {server.weight for server in exported.servers.values()} == {1.0}
    exported = export(with_policy(), "mine", "kumomta")
    assert [server.weight for server in exported.servers.values()] == [3.0, 2.0, 1.0]


def test_powermta_has_no_weights() -> None:
    """All servers get the same share, and that is told; a server of weight 0 stays out."""
    servers = {**SMALL.servers, "idle": Server(weight=0)}
    scenario = with_policy(SMALL.model_copy(update={"servers": servers}))
    exported = export(scenario, "mine", "powermta")
    assert any(line.startswith("weights:") for line in exported.lost)
    assert exported.reduced.rotation.kind == "round-robin"
    assert [server.weight for server in exported.servers.values()] == [1.0, 1.0, 1.0, 0.0]
    assert "idle" not in exported.files["config"]


def test_postfix_knows_whole_seconds() -> None:
    """Slow rates become a delay over one connection; faster ones go, and that is told."""
    exported = export(with_policy(), "mine", "postfix")
    limits = {name: server.limits for name, server in exported.servers.items()}
    assert limits["three"] == Limits(rate=1 / 3, burst=1, connections=1, messages_per_connection=50)
    assert limits["one"].rate == 1.0
    quick = SMALL.servers["one"].model_copy(update={"limits": Limits(rate=2.5)})
    scenario = with_policy(SMALL.model_copy(update={"servers": {"quick": quick}}))
    exported = export(scenario, "mine", "postfix")
    assert exported.servers["quick"].limits.rate == 1000.0
    assert any(line.startswith("rates above one message a second") for line in exported.lost)


def test_rules_become_automation() -> None:
    """KumoMTA takes rules of paths; the pattern says code and status too, and reads back."""
    rules = load_rules("yahoo").rules
    exported = export(with_policy(rules=rules), "mine", "kumomta")
    written = exported.reduced.rules
    assert written
    back = back_again(exported, "kumomta").strategies["kumomta"].rules
    assert [(r.action, r.duration, r.trigger.count) for r in back] == [
        (r.action, r.duration, r.trigger.count) for r in written
    ]
    told_lost = [line for line in exported.lost if line.startswith("rule ")]
    assert len(told_lost) == len(rules) - len(written)


def test_written_rules_match_the_replies_they_are_for() -> None:
    """The sample of each rule is matched by the rule that comes back."""
    from mstoolkit.config.rules import compile_pattern

    for name in ("gmail", "yahoo", "outlook"):
        for rule in load_rules(name).rules:
            exported = export(with_policy(rules=(rule,)), "mine", "kumomta")
            for back in back_again(exported, "kumomta").strategies["kumomta"].rules:
                assert rule.sample is not None
                parts = (str(rule.sample.code), rule.sample.status, rule.sample.text)
                line = " ".join(part for part in parts if part)
                assert compile_pattern(back.match.line or "").search(line), rule.name


def test_powermta_takes_immediate_suspensions() -> None:
    """A suspension at once is written as disable-source-ip; others are told."""
    match = {"text": "slow/down", "isp": "gmail"}
    rule = {"name": "r", "match": match, "action": "suspend", "duration": 600.0}
    later = {**rule, "name": "s", "trigger": "5 in 1h"}
    exported = export(with_policy(rules=(rule, later)), "mine", "powermta")
    assert [rule.name for rule in exported.reduced.rules] == ["r"]
    (back,) = {r.match.line for r in back_again(exported, "powermta").strategies["powermta"].rules}
    assert back == r"slow\/down"
    assert any(line.startswith("rule s:") for line in exported.lost)


def test_odd_server_names() -> None:
    """Names that a system cannot hold are replaced, and that is told."""
    servers = {"mail one": Server(), "mail-one": Server(), "smtp": Server(), "é]\n": Server()}
    scenario = with_policy(SMALL.model_copy(update={"servers": servers}))
    exported = export(scenario, "mine", "postfix")
    assert list(back_again(exported, "postfix").servers) == [
        "mail-one-2", "mail-one", "smtp-2", "server",
    ]  # fmt: skip
    assert "server smtp: its transport is called smtp-2" in exported.lost
    assert list(back_again(export(scenario, "mine", "kumomta"), "kumomta").servers) == list(servers)
    assert len(set(plain_names(["a b", "a-b", "a_b"]).values())) == 3


@pytest.mark.parametrize(
    ("weights", "most", "whole"),
    [
        ([5.0, 2.5], 1000, [2, 1]),
        ([1.0, 1.5, 0.25], 1000, [4, 6, 1]),
        ([1.0, 5000.0], 1000, [1, 1000]),
        ([3.0], 1000, [1]),
    ],
)
def test_whole_weights(weights: list[float], most: int, whole: list[int]) -> None:
    """Proportions are kept exactly where the bound allows it."""
    assert whole_weights(weights, most) == whole


@every_system
def test_quotas_are_lost_on_paper_and_in_the_simulation(to: System) -> None:
    """What is not written does not hold in the reduced form either."""
    quota = Limits(quota=({"n": 100, "per": "day"},))
    server = Server(limits=quota, isp_limits={"gmail": quota}, total={"rate": 1.0})
    scenario = with_policy(
        SMALL.model_copy(update={"servers": {"a": server}}), pacing={"quota": ()}
    )
    exported = export(scenario, "mine", to)
    assert "limits: quota is not written" in exported.lost
    assert "servers: total is not written" in exported.lost
    left = exported.servers["a"]
    assert left.total is None
    assert not any(limits.quota for limits in (left.limits, *left.isp_limits.values()))


class Later(Policy):
    """A policy with a part that nobody thought of when the writers were made."""

    moon: str = "new"


class LaterServer(Server):
    """A server likewise."""

    moon: str = "new"


@every_system
def test_new_parts_are_not_lost_in_silence(to: System) -> None:
    """Fields that the writers do not know are told where they are set, and reset."""
    policy = Later(rotation=SMALL.strategies["batch"].rotation, moon="full")
    scenario = SMALL.model_copy(
        update={"strategies": {"mine": policy}, "servers": {"a": LaterServer(moon="half")}}
    )
    exported = export(scenario, "mine", to)
    assert "moon: is not written" in exported.lost
    assert "servers: moon is not written" in exported.lost
    assert exported.servers["a"] == LaterServer(
        **exported.servers["a"].model_dump(exclude={"moon"})
    )


def test_unknown_names_are_refused() -> None:
    """A strategy or system that is not there is refused with what was meant."""
    with pytest.raises(ConfigError, match=r"there is no strategy 'bach'.*did you mean 'batch'"):
        export(SMALL, "bach", "kumomta")
    with pytest.raises(ConfigError, match="there is no system 'postfx'; did you mean 'postfix'"):
        export(SMALL, "batch", "postfx")  # type: ignore[arg-type]
