"""What the pages show can be done as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from mstoolkit.config import Policy
from mstoolkit.config.rotation import RotationSpec
from mstoolkit.config.rules import load_rules, rule_names
from mstoolkit.config.units import WRITTEN
from mstoolkit.config.weighting import WeigherSpec
from mstoolkit.testing import small_scenario

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
INLINE = re.findall(r"`((?:retry|adapt) = \{.*?\})`", PAGE)


def strategy(text: str) -> Policy:
    """Read a part of a strategy as it would stand in a scenario file."""
    tables = tomllib.loads(text).get("strategies", {})
    (parts,) = tables.values()
    whole = {"rotation": {"kind": "smooth-weighted"}, **parts}
    return Policy.model_validate(whole, context=WRITTEN)


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_of_the_strategies_page_are_valid(block: str) -> None:
    """Every example is accepted."""
    strategy(block)


@pytest.mark.parametrize("snippet", INLINE)
def test_alternatives_on_the_strategies_page_are_valid(snippet: str) -> None:
    """So is what stands in the text."""
    table = "mine.pacing" if snippet.startswith("adapt") else "mine"
    strategy(f"[strategies.{table}]\n{snippet}\n")


def test_what_is_shown_with_all_its_keys_is_the_default() -> None:
    """The blocks for failover and retry show the defaults, as the page says."""
    plain = next(iter(small_scenario().strategies.values()))
    default = Policy(rotation=plain.rotation)
    shown = [strategy(block) for block in BLOCKS]
    assert any(
        each.failover == default.failover for each in shown if "failover" in each.model_fields_set
    )
    assert any(each.retry == default.retry for each in shown if "retry" in each.model_fields_set)


@pytest.mark.parametrize(
    ("heading", "spec"), [("Rotation", RotationSpec), ("Weighting", WeigherSpec)]
)
def test_all_kinds_are_listed(heading: str, spec: Any) -> None:
    """The section's table has a row for each kind that a file may name, and for no other."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(heading))
    listed = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    union = get_args(spec)[0]
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in get_args(union)}
    assert set(listed) - {"kind"} == kinds


def test_the_number_of_shipped_rules_is_right() -> None:
    """The page says how many there are."""
    counted = sum(len(load_rules(name).rules) for name in rule_names())
    assert re.findall(r"(\d+) rules", PAGE) == [str(counted)]
