"""Shipped blocklists: they are there, documented, and what is wrong with one is told."""

from __future__ import annotations

import tomllib

import pytest

from mstoolkit.config import ConfigError, data_path, isp_names, load_profile
from mstoolkit.config.blocklists import Blocklist, load_blocklists, parse_blocklists
from mstoolkit.config.isps import documentation, paths_of
from mstoolkit.config.rules import Trigger

DAY = 86_400.0
LISTS = load_blocklists()
each_list = pytest.mark.parametrize("name", LISTS)


def test_all_that_providers_ask_are_there() -> None:
    """Each name under blocklists of a shipped profile has its list."""
    asked = {name for isp in isp_names() for name in load_profile(isp).blocklists}
    assert asked
    assert asked <= set(LISTS)


@each_list
def test_every_figure_is_documented(name: str) -> None:
    """Nothing stands in a list without a source or the word that it is assumed, nor beside one."""
    tree = tomllib.loads((data_path() / "blocklists.toml").read_text(encoding="utf-8"))[name]
    keys = [*tree.get("source", {}), *tree.get("assumed", [])]
    said = list(paths_of(tree))
    assert [path for path in said if not documentation(path, keys)] == []
    assert [key for key in keys if not any(documentation(path, [key]) for path in said)] == []
    assert set(tree.get("source", {})).isdisjoint(tree.get("assumed", []))
    assert all("http" in text for text in tree.get("source", {}).values())


@each_list
def test_list_survives_a_dump(name: str) -> None:
    """What is read from its JSON is the same value."""
    assert Blocklist.model_validate_json(LISTS[name].model_dump_json()) == LISTS[name]


def test_what_is_published() -> None:
    """Expiry of CSS and SpamCop; when UCEPROTECT lists an address, and when a network."""
    assert LISTS["spamhaus"].lasts == 3 * DAY
    assert LISTS["spamcop"].lasts == DAY
    assert LISTS["uceprotect-1"].causes.pristine == Trigger(count=50, window=7 * DAY)
    network = LISTS["uceprotect-2"]
    assert network.causes.listed == Trigger(count=5, window=7 * DAY)
    assert (network.scope, network.prefix, network.follows) == ("network", 24, "uceprotect-1")
    for name, key in (("spamhaus", "lasts"), ("spamcop", "lasts"), ("uceprotect-2", "prefix")):
        assert key not in LISTS[name].assumed


def test_counts_are_assumptions() -> None:
    """But for UCEPROTECT's nobody publishes how much leads to a listing."""
    assert {name for name in LISTS if "causes" not in LISTS[name].assumed} == {
        "uceprotect-1",
        "uceprotect-2",
    }


GOOD = {
    "title": '"T"',
    "causes": '{ pristine = "3 in 1d" }',
    "lasts": '"1d"',
    "delisting": '"x"',
    "again": '{ factor = 2.0, within = "30d" }',
    "scope": '"ip"',
}


def _file(**changes: str) -> str:
    keys = {**GOOD, **changes}
    return "[a]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"lats": '"1d"'}, "a.lats", "unknown key 'lats'; did you mean 'lasts'?"),
        ({"lasts": "3"}, "a.lasts", "is not a duration: 3"),
        ({"lasts": '"0s"'}, "a.lasts", "must be above 0"),
        ({"causes": "{}"}, "a.causes", "says nothing; write one"),
        ({"causes": '{ pristin = "3 in 1d" }'}, "a.causes.pristin", "did you mean 'pristine'?"),
        ({"causes": '{ pristine = "often" }'}, "a.causes.pristine", "is not a trigger: 'often'"),
        ({"causes": '{ complaints = "1% in 1d" }'}, "a.causes.complaints", "is no count within"),
        ({"causes": '{ pristine = "immediate" }'}, "a.causes.pristine", "is no count within"),
        ({"again": '{ factor = 0.5, within = "1d" }'}, "a.again.factor", "must be at least 1"),
        ({"scope": '"net"'}, "a.scope", "known are ip, network"),
        ({"scope": '"network"'}, "a.prefix", "goes with scope = 'network'"),
        ({"prefix": "24"}, "a.prefix", "goes with scope = 'network'"),
        ({"follows": '"b"'}, "a.follows", "goes with causes.listed"),
        (
            {"causes": '{ listed = "5 in 7d" }', "follows": '"b"'},
            "a.follows",
            "there is no list 'b' besides",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(
    changes: dict[str, str], key: str, words: str
) -> None:
    """File, key, problem and remedy."""
    with pytest.raises(ConfigError) as caught:
        parse_blocklists(_file(**changes), file="lists.toml")
    assert (caught.value.file, caught.value.key) == ("lists.toml", key)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_can_be_read() -> None:
    """The file on which the refusals rest is a good one."""
    assert parse_blocklists(_file())["a"].again.factor == 2.0
