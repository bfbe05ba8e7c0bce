"""However a file is broken or large, there is a scenario or one sentence, and never a trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mstoolkit.config import ConfigError, parse_scenario
from mstoolkit.config.peers import Found, System, Text, read_files, scenario_text
from tests.unit.config.test_peers_kumomta import LUA, QUEUES, SHAPING, SOURCES
from tests.unit.config.test_peers_postfix import MAIN, MASTER
from tests.unit.config.test_peers_powermta import CONFIG

FILES: list[tuple[System, str, str]] = [
    ("kumomta", "sources.toml", SOURCES),
    ("kumomta", "shaping.toml", SOURCES + SHAPING),
    ("kumomta", "queues.toml", QUEUES),
    ("kumomta", "init.lua", LUA),
    ("powermta", "config", CONFIG),
    ("postfix", "main.cf", MAIN),
    ("postfix", "master.cf", MASTER),
]
CHARACTERS = st.sampled_from(list("[]{}<>/=\"',.#()+*\\ \n-$:09azé\x00\x7f\u2028"))
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), CHARACTERS), max_size=4)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """Return a text in which some places are overwritten."""
    for place, length, character in edits:
        at = int(place * len(text))
        text = text[:at] + character + text[at + length :]
    return text


def outcome(system: System, file: Text) -> Found | ConfigError:
    """Read a file; return what was found, or why not."""
    try:
        return read_files(system, [file])
    except ConfigError as error:
        return error


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), EDITS)
def test_readers_give_a_scenario_or_a_sentence(
    file: tuple[System, str, str], edits: list[tuple[float, int, str]]
) -> None:
    """What is read is a valid scenario; what is not is refused in one line with a remedy."""
    system, name, text = file
    found = outcome(system, Text(name, edited(text, edits)))
    if isinstance(found, ConfigError):
        assert found.remedy
        assert "\n" not in str(found)
        return
    scenario = parse_scenario(scenario_text(found, [name]))
    assert list(scenario.servers) == list(found.servers)
    policy = scenario.strategies[system]
    assert [rule.match for rule in policy.rules] == [rule.match for rule in found.policy.rules]


N = 60_000
HOSTILE: list[tuple[System, str, str]] = [
    ("kumomta", "a.toml", "a." * N + "a = 1"),
    ("kumomta", "a.toml", "[" + " " * N + "x"),
    ("kumomta", "a.toml", "a = " + "{a=" * N),
    ("kumomta", "a.toml", f'[default]\nmax_message_rate = "1{" " * N}x"'),
    ("kumomta", "a.lua", "kumo.make_a {" * N),
    ("kumomta", "a.lua", "--[[ " * N),
    ("kumomta", "a.lua", '\\"' * N + "\n"),
    ("kumomta", "a.lua", "kumo.make_egress_path { a = " + "(" * N),
    ("kumomta", "a.lua", "kumo.make_egress_source { name = " + "9" * N + "}"),
    ("powermta", "a", "<virtual-mta a>\n" * N),
    ("powermta", "a", "<a" + " " * N + "x"),
    ("powermta", "a", "<domain " + "$m " * N + ">\nmax-smtp-out 1"),
    ("powermta", "a", "<domain *>\nretry-after " + "1m," * N + "1m\n</domain>"),
    ("postfix", "a", "x = " + "$x" * N),
    ("postfix", "a", "relayhost = " + "a:" * N),
    ("postfix", "a", "transport_maps = randmap:{" + "{" * N),
    ("postfix", "a", "out unix - - n - - smtp " + "-o {" * N),
    ("postfix", "a", "relayhost = ${" + "a" * N),
]


@pytest.mark.parametrize("file", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_end(file: tuple[System, str, str]) -> None:
    """Depth and length cost time in proportion: a quadratic reader would not end in time."""
    system, name, text = file
    found = outcome(system, Text(name, text))
    if isinstance(found, ConfigError):
        assert len(str(found)) < 1000
    else:
        assert scenario_text(found, [name])


def test_too_many_servers() -> None:
    """A pool of thousands is refused with a way out."""
    text = "".join(f"[source.s{n}]\n" for n in range(1001))
    with pytest.raises(ConfigError, match="name 1001 sending addresses; at most 1000"):
        read_files("kumomta", [Text("a.toml", text)])
