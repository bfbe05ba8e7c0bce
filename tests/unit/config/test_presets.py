"""Presets in files: whole and sound, replaced by their parts, and told what is wrong with them."""

from __future__ import annotations

import tomllib

import pytest
from pydantic import ValidationError

from mstoolkit.config import (
    ConfigError,
    Policy,
    Scenario,
    content_hash,
    data_text,
    load_policy,
    load_preset,
    parse_scenario,
    policy_names,
)
from mstoolkit.config.units import WRITTEN

QUICKSTART = data_text("scenarios", "quickstart")
BATCH = '[strategies.batch]\nrotation = { kind = "batch", size = 500 }'
NAMES = [
    *("haraka", "kumomta", "listmonk", "mumara-batches", "mumara-loop", "postal", "postfix"),
    *("powermta", "symfony-failover", "symfony-roundrobin", "zonemta"),
]


def scenario(strategy: str) -> Scenario:
    """Return the quickstart with this instead of its strategy batch."""
    assert QUICKSTART.count(BATCH) == 1
    return parse_scenario(
        QUICKSTART.replace(BATCH, f"[strategies.batch]\n{strategy}"), file="a.toml"
    )


def written(strategy: str) -> Policy:
    """Return the policy of a strategy that is written so."""
    return scenario(strategy).strategies["batch"]


def test_presets_are_all_there() -> None:
    """The policies of the known systems are shipped as files."""
    assert policy_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_preset_is_whole_and_says_its_sources(name: str) -> None:
    """Each has a title, sources and differences in sentences, and states what decides it."""
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert preset.source
    assert preset.differs
    for text in (*preset.notes, *preset.differs):
        assert text.endswith(".")
    assert set(preset.parts) >= {"rotation", "retry", "ordering", "pacing", "failover"}
    assert set(preset.parts["pacing"]) >= {
        *("rate", "burst", "connections", "messages_per_connection")
    }


@pytest.mark.parametrize("name", NAMES)
def test_preset_can_be_named_by_a_strategy(name: str) -> None:
    """A strategy that says its name is the policy that Python loads."""
    assert written(f'preset = "{name}"') == load_policy(name)


@pytest.mark.parametrize("name", NAMES)
def test_preset_can_be_pasted(name: str) -> None:
    """Its TOML, comments and all, is a strategy of that name that does the same."""
    text = load_preset(name).toml()
    assert max(len(line) for line in text.splitlines() if line.startswith("#")) <= 100
    pasted = parse_scenario(f"{QUICKSTART}\n{text}").strategies[name]
    assert pasted == load_policy(name)


@pytest.mark.parametrize("name", NAMES)
def test_dump_holds_the_whole_policy(name: str) -> None:
    """A dump says nothing of the preset and is read again as the same policy."""
    policy = load_policy(name)
    again = Policy.model_validate_json(policy.model_dump_json())
    assert "preset" not in policy.model_dump()
    assert again == policy
    assert content_hash(again) == content_hash(policy)


def test_a_key_replaces_a_whole_part() -> None:
    """Pacing that is given is all of the pacing: what it leaves out has the toolkit's default."""
    policy, preset = (
        written('preset = "kumomta"\npacing = { rate = "10/min" }'),
        load_policy("kumomta"),
    )
    assert preset.pacing.connections == 10
    assert policy.pacing == Policy(rotation=preset.rotation, pacing={"rate": 1 / 6}).pacing
    assert policy.model_copy(update={"pacing": preset.pacing}) == preset


def test_a_table_of_a_scenario_may_follow() -> None:
    """Parts are given in tables of their own, too, and presets may differ by strategy."""
    policy = written(
        'preset = "postal"\n[strategies.batch.retry]\nbase = "1min"\n[strategies.more]\n'
        'preset = "postfix"'
    )
    assert policy.retry.base == 60.0
    assert policy.rotation == load_policy("postal").rotation


def test_python_takes_a_preset_too() -> None:
    """Outside files a policy may name one, and figures beside it are in seconds and 1/s."""
    given = {"preset": "haraka", "retry": {"base": 5.0}}
    policy = Policy.model_validate(given)
    assert policy.retry.base == 5.0
    assert given == {"preset": "haraka", "retry": {"base": 5.0}}


@pytest.mark.parametrize(
    ("strategy", "error"),
    [
        (
            'preset = "postfx"',
            "a.toml: strategies.batch.preset: there is no 'postfx'; did you mean 'postfix'?",
        ),
        ("preset = 3", "a.toml: strategies.batch.preset: must be text, got 3; write it in quotes"),
        (
            'preset = "postfix"\nrotatoin = { kind = "batch" }',
            "a.toml: strategies.batch.rotatoin: unknown key 'rotatoin'; did you mean 'rotation'?",
        ),
        (
            'preset = "postfix"\npacing = { connections = 0 }',
            "a.toml: strategies.batch.pacing.connections: must be at least 1, got 0",
        ),
        ('retry = { preset = "postfix" }', "a.toml: strategies.batch.rotation: is missing"),
    ],
)
def test_what_is_wrong_is_told(strategy: str, error: str) -> None:
    """The error names file, key and remedy; a rotation stays mandatory without a preset."""
    with pytest.raises(ConfigError) as caught:
        scenario(strategy)
    assert str(caught.value).startswith(error)


def test_unknown_name_in_python() -> None:
    """A name that is far from all is told with those there are."""
    with pytest.raises(ConfigError, match="there is no 'exchange'; shipped are haraka, kumomta"):
        load_policy("exchange")
    with pytest.raises(ValidationError, match="there is no 'exchange'"):
        Policy.model_validate({"preset": "exchange"})


@pytest.mark.parametrize("name", NAMES)
def test_rules_of_a_preset_have_names_of_their_own(name: str) -> None:
    """They can stand beside all shipped rules."""
    rules = [*load_preset(name).parts.get("rules", []), "default"]
    mixed = Policy.model_validate(
        {"preset": name, "rules": [each for each in rules if each != "default"] + ["default"]},
        context=WRITTEN,
    )
    assert len({rule.name for rule in mixed.rules}) == len(mixed.rules)


def test_inline_tables_are_toml() -> None:
    """What is written by hand in several tables comes out as one line for each part."""
    lines = load_preset("zonemta").toml().split("[strategies.zonemta]\n")[1]
    tree = tomllib.loads(lines)
    assert tree["pacing"]["isps"] == {"*": {"connections": 5}}
    assert len(tree["rules"]) == 2
