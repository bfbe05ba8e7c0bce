"""Each shipped set of rules, and one with every action, keep the laws of `RuleSuite`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mstoolkit.config.rules import Rule, load_rules, rule_names
from mstoolkit.config.units import WRITTEN
from mstoolkit.testing import RuleSuite


class TestShipped(RuleSuite):
    """All that is shipped, set by set."""

    @pytest.fixture(autouse=True, params=rule_names())
    def _choose(self, request: pytest.FixtureRequest) -> None:
        self._name = str(request.param)

    def rules(self) -> Sequence[Rule]:
        return load_rules(self._name).rules


def _rule(**parts: Any) -> Rule:
    whole = {
        "name": "mine",
        "match": {"text": "xyz policy"},
        "action": "suspend",
        "duration": "1h",
        "sample": {"code": 451, "status": "4.7.1", "text": "XYZ policy"},
    }
    return Rule.model_validate({**whole, **parts}, context=WRITTEN)


ACTIONS: dict[str, dict[str, Any]] = {
    "hold": {"scope": "campaign"},
    "give-up-all": {"action": "bounce", "scope": "isp"},
    "give-up-campaign": {"action": "bounce", "scope": "campaign", "trigger": "5 in 1h"},
    "move": {"action": "move"},
    "move-to": {"action": {"kind": "move", "to": "c"}},
    "share": {"trigger": "20% of 50 in 10min"},
    "rate": {"action": {"kind": "set-rate", "rate": "1/min"}, "scope": "isp"},
    "width": {"action": {"kind": "set-connections", "connections": 1}, "scope": "server"},
}


class EveryAction(RuleSuite):
    """One rule of each kind; the words differ, so that they are told apart."""

    def rules(self) -> Sequence[Rule]:
        return [
            _rule(
                name=name,
                match={"text": f"xyz {name} policy"},
                sample={"code": 451, "status": "4.7.1", "text": f"XYZ {name} policy"},
                **parts,
            )
            for name, parts in ACTIONS.items()
        ]


LAWS = [name for name in dir(RuleSuite) if name.startswith("test_")]


@pytest.mark.parametrize("law", LAWS)
def test_every_action_keeps_the_laws(law: str) -> None:
    """The laws hold for all actions and triggers, not only for those that are shipped."""
    getattr(EveryAction(), law)()


class Broken(RuleSuite):
    """Returns what a test puts in."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules

    def rules(self) -> Sequence[Rule]:
        return self._rules


@pytest.mark.parametrize(
    ("law", "rules", "says"),
    [
        ("test_names_differ", (_rule(), _rule()), "two rules mine"),
        ("test_every_rule_matches_its_sample", (_rule(sample=None),), "has no sample"),
        ("test_every_rule_matches_its_sample", (_rule(match={"text": "abc"}),), "does not match"),
    ],
)
def test_a_broken_set_is_told(law: str, rules: tuple[Rule, ...], says: str) -> None:
    """The suite finds what is wrong, and names the rule."""
    with pytest.raises(AssertionError, match=says):
        getattr(Broken(*rules), law)()
