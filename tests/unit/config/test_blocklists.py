"""Blocklists in files: shipped ones are documented, a scenario takes and changes what it needs."""

from __future__ import annotations

from typing import Any

import pytest

from mstoolkit.config import ConfigError, data_text, isp_names, load_profile, parse_scenario
from mstoolkit.config.blocklists import Blocklist, shipped_blocklists

QUICKSTART = data_text("scenarios", "quickstart")
ABOUT = {"title", "source", "assumed"}


@pytest.mark.parametrize("name", shipped_blocklists())
def test_each_figure_of_a_shipped_list_has_a_source_or_is_assumed(name: str) -> None:
    """Nothing is stated without saying where it comes from, and nothing is documented twice."""
    tree: dict[str, Any] = shipped_blocklists()[name]
    documented = [*tree.get("source", {}), *tree.get("assumed", [])]
    assert len(documented) == len(set(documented))
    assert {key for key in tree if key not in ABOUT} <= set(documented)
    assert set(documented) <= set(Blocklist.model_fields)


@pytest.mark.parametrize("name", isp_names())
def test_what_a_shipped_provider_consults_is_there(name: str) -> None:
    """No profile names a list that nobody has described."""
    assert set(load_profile(name).blocklists) <= set(shipped_blocklists())


def test_a_scenario_has_the_lists_that_its_providers_consult() -> None:
    """Others are left out, so that they do not change what a run is."""
    lists = parse_scenario(QUICKSTART).blocklists
    assert "spamhaus" in lists
    assert "abusix" not in lists
    assert lists["spamhaus"].lasts == 3 * 86400.0


def test_a_scenario_changes_a_list_and_adds_its_own() -> None:
    """A table of the same name says only what differs."""
    more = """
[blocklists.spamhaus]
lasts = "1d"

[blocklists.mine]
title = "My list"
complaints = 3
lasts = "2h"

[[listings]]
server = "mta-1"
blocklist = "abusix"
start = "10min"
lasts = "1h"
"""
    scenario = parse_scenario(QUICKSTART + more)
    assert scenario.blocklists["spamhaus"].lasts == 86400.0
    assert scenario.blocklists["spamhaus"].pristine == 3
    assert scenario.blocklists["mine"].complaints == 3
    assert "abusix" in scenario.blocklists
    assert scenario.listings[0].start == 600.0


@pytest.mark.parametrize(
    ("more", "key", "problem"),
    [
        ("[blocklists.mine]\ntitle='x'", "blocklists.mine.lasts", ""),
        ("[blocklists.mine]\ntitle='x'\nlasts='1d'\npristin=1", "blocklists.mine.pristin", ""),
        ("[blocklists.mine]\ntitle='x'\nlasts='1d'\npristine=0", "blocklists.mine.pristine", ""),
        ("[blocklists]\nmine='x'", "blocklists.mine", ""),
        ("[isps.gmail]\nblocklists=['spamhouse']", "isps.gmail.blocklists", "spamhaus"),
        (
            "[[listings]]\nserver='mta-1'\nblocklist='spamhau'\nlasts='1h'",
            "listings.0.blocklist",
            "spamhaus",
        ),
        ("[[listings]]\nserver='mta-9'\nblocklist='spamhaus'\nlasts='1h'", "listings.0.server", ""),
    ],
)
def test_what_is_wrong_is_told(more: str, key: str, problem: str) -> None:
    """File and key are named, and a near name is offered."""
    with pytest.raises(ConfigError) as caught:
        parse_scenario(QUICKSTART + "\n" + more + "\n", file="mine.toml")
    assert key in str(caught.value)
    assert problem in str(caught.value)
    assert "mine.toml" in str(caught.value)
