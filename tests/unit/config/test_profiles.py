"""Shipped providers: who is there, and that each of their figures is documented."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from mstoolkit.config import data_text, isp_names, load_profile, parse_scenario
from mstoolkit.config.figures import figures, undocumented
from mstoolkit.config.isps import documentation, paths_of
from mstoolkit.config.resolve import Resolver

each_profile = pytest.mark.parametrize("name", isp_names())


def written(name: str) -> dict[str, Any]:
    return tomllib.loads(data_text("isps", name))


def test_the_receivers_that_matter_are_there() -> None:
    """At least 25, among them those that most mail goes to and two filters of companies."""
    wanted = {
        *("gmail", "yahoo", "outlook", "office365", "apple", "comcast", "gmx", "t-online"),
        *("orange", "sfr", "free", "laposte", "libero", "mailru", "yandex", "qq", "netease"),
        *("att", "cox", "spectrum", "bt", "kpn", "yahoo-jp", "sina", "wp", "onet", "telenet"),
        *("barracuda", "mimecast", "other"),
    }
    assert wanted <= set(isp_names())
    assert len(wanted) >= 25


@each_profile
def test_every_figure_is_documented(name: str) -> None:
    """Nothing stands in a profile without a source or the word that it is assumed."""
    assert undocumented(load_profile(name)) == []


@each_profile
def test_a_file_documents_what_it_says_itself(name: str) -> None:
    """Nor does a file lean on what its base says of another figure, or document what it lacks."""
    tree = written(name)
    keys = [*tree.get("source", {}), *tree.get("assumed", [])]
    said = [path for path in paths_of(tree) if path != "extends"]
    assert [path for path in said if not documentation(path, keys)] == []
    assert [key for key in keys if not any(documentation(path, [key]) for path in said)] == []


@each_profile
def test_figures_have_a_standing_and_a_source(name: str) -> None:
    """What is verified says where it was read; what is assumed does not pretend to."""
    for figure in figures(load_profile(name)):
        assert bool(figure.source) == (figure.standing == "verified"), figure


def test_an_undocumented_figure_is_found() -> None:
    """Without its documentation a figure is named, and a table speaks for what is in it."""
    gmail = load_profile("gmail")
    bare = gmail.model_copy(update={"assumed": (), "source": {"replies": "page"}})
    missing = undocumented(bare)
    assert "rate.ceiling" in missing
    assert "connections.cautious" in missing
    assert not [key for key in missing if key.startswith("replies.")]


def test_the_closest_key_counts() -> None:
    """A figure that is assumed may stand in a table that has a source, and the other way."""
    gmail = load_profile("gmail")
    source, assumed = {"rate": "page", "reputation.prior": "book"}, ("rate.window", "reputation")
    mixed = gmail.model_copy(update={"source": source, "assumed": assumed})
    standing = {each.key: each.standing for each in figures(mixed)}
    assert standing["rate.ceiling"] == standing["reputation.prior"] == "verified"
    assert standing["rate.window"] == standing["reputation.half_life"] == "assumed"


@pytest.mark.parametrize(
    ("key", "value", "unit"),
    [
        ("connections.ceiling", 150, "connections"),
        ("messages_per_connection", 50, "messages"),
        ("service", 0.45, "s"),
        ("rate.cautious", 0.2, "1/s"),
        ("placement.best", 0.958, "share"),
        ("reputation.complaint", 60.0, "messages"),
        ("replies.busy", "421 4.7.0 Try again later, closing connection.", ""),
    ],
)
def test_figures_have_units(key: str, value: object, unit: str) -> None:
    """Durations are in seconds and rates in 1/s, counts say of what, a reply is a line."""
    found = {each.key: each for each in figures(load_profile("gmail"))}
    assert (found[key].value, found[key].unit) == (pytest.approx(value), unit)


@each_profile
def test_hosts_are_shipped_and_host_themselves(name: str) -> None:
    """Who takes another's mail is there, and is not hosted in turn."""
    host = load_profile(name).hosted_by
    if host:
        assert load_profile(host).hosted_by == ""


def test_published_facts() -> None:
    """Some figures as they were read: reference of provider facts, section A.2 and A.3."""
    orange, sfr, cox = load_profile("orange"), load_profile("sfr"), load_profile("cox")
    assert (orange.connections.cautious, orange.messages_per_connection) == (2, 100)
    assert sfr.escalation is not None
    assert [rung.lasts for rung in sfr.escalation.rungs] == [7200.0]
    assert (cox.hosted_by, cox.blocklisting.lasts) == ("yahoo", 86400.0)
    assert load_profile("t-online").rate.idle == 365 * 86400.0
    assert load_profile("barracuda").greylisting.delay == 300.0  # type: ignore[union-attr]
    assert load_profile("netease").messages_per_connection == 7
    assert load_profile("qq").connections.cautious == 4


def test_a_scenario_may_name_any_of_them() -> None:
    """Every shipped provider has a share in one audience, and one of them a changed figure."""
    names = isp_names()
    head, _, rest = data_text("scenarios", "quickstart").partition("[audience.isps]")
    shares = "\n".join(f"{name} = {1 / len(names)!r}" for name in names)
    tail = rest[rest.index("\n[") :]
    changed = '[isps.orange.rate]\nceiling = "90/min"\n'
    scenario = parse_scenario(f"{head}[audience.isps]\n{shares}\n{changed}{tail}")
    assert list(scenario.isps) == names
    assert scenario.isps["orange"].rate.ceiling == 1.5
    assert Resolver(scenario.isps, other="other").isp("wanadoo.fr") == "orange"
