"""Rules in a policy: what a reply says is done to the path, the server or the ISP, for a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mstoolkit.config import ConfigError, Policy, Server, load_scenario
from mstoolkit.config.data import data_path
from mstoolkit.config.pacing import Pacing
from mstoolkit.config.rotation import RoundRobinSpec
from mstoolkit.config.rules import Match, Rule, SetConnections, SetRate, Suspend, Trigger
from mstoolkit.config.units import WRITTEN
from mstoolkit.model import (
    Enqueued,
    Lot,
    Parcel,
    Probed,
    Replied,
    Reply,
    Send,
    Suspended,
    Tick,
)
from mstoolkit.strategy import Dispatcher
from mstoolkit.testing import OK, Rehearsal

GMAIL = Lot(0, "spring", "spring", "marketing", "gmail", "active", 1e9)
YAHOO = Lot(1, "spring", "spring", "marketing", "yahoo", "active", 1e9)
ODD = Reply(451, "4.7.1", "XYZ policy, slow down please", "data")


def rule(action: SetRate | SetConnections | Suspend, scope: str = "path", count: int = 1) -> Rule:
    return Rule.model_validate(
        {
            "name": "xyz",
            "match": Match(text="xyz policy"),
            "trigger": Trigger(count=count, window=3600.0),
            "action": action,
            "duration": 600.0,
            "scope": scope,
        }
    )


def policy(*rules: Rule) -> Policy:
    return Policy(
        rotation=RoundRobinSpec(kind="round-robin"),
        pacing=Pacing(rate=2.0, burst=1, connections=8),
        rules=rules,
    )


def rehearsal(chosen: Policy, batch: int = 1) -> Rehearsal:
    """Two servers; the first answer of server a to Gmail mail is the odd one, all else is well."""
    odd = [True]

    def answer(at: float, send: Send) -> Replied:
        reply = OK
        if odd and (send.server, send.isp) == ("a", "gmail"):
            odd.clear()
            reply = ODD
        return Replied(at + send.span + 0.1, send.token, ((reply, send.parcel.n),))

    play = Rehearsal({"a": Server(), "b": Server()}, chosen, answer, batch=batch)
    play.tell(Enqueued(0.0, Parcel(GMAIL, 0, 4000)))
    play.tell(Enqueued(0.0, Parcel(YAHOO, 5000, 1200)))
    return play


def times(play: Rehearsal, server: str, isp: str) -> list[float]:
    sends = play.all(Send)
    return [at for at, send in sends if (send.server, send.isp) == (server, isp)]


@pytest.mark.parametrize(
    ("scope", "resting"),
    [("path", {"a/gmail"}), ("server", {"a/gmail", "a/yahoo"}), ("isp", {"a/gmail", "b/gmail"})],
)
def test_a_suspension_has_its_scope_and_its_time(scope: str, resting: set[str]) -> None:
    """Those concerned send nothing for ten minutes from the reply on, all others go on."""
    play = rehearsal(policy(rule(Suspend(), scope)))
    play.run(900.0)
    for path in ("a/gmail", "a/yahoo", "b/gmail", "b/yahoo"):
        sent = [at for at in times(play, *path.split("/")) if 1.0 < at < 550.0]
        assert bool(sent) == (path not in resting), path
    assert {notice.reason for _, notice in play.all(Suspended)} == {"xyz"}
    play.run(6000.0)
    assert play.totals["delivered"] == 5200


def test_a_rate_is_capped_for_a_time() -> None:
    """After the reply the path sends every ten seconds, and after ten minutes as before."""
    play = rehearsal(policy(rule(SetRate(rate=0.1))))
    play.run(1300.0)
    sent = times(play, "a", "gmail")
    assert 55 <= len([at for at in sent if 5.0 < at < 595.0]) <= 62
    assert len([at for at in sent if 650.0 < at < 700.0]) > 90
    assert len([at for at in times(play, "a", "yahoo") if 5.0 < at < 200.0]) > 300


def test_connections_are_capped_for_a_time() -> None:
    """One message at a time while the cap lasts; several again when it is over."""
    slow = Pacing(rate=100.0, burst=100, connections=8)
    chosen = policy(rule(SetConnections(connections=1))).model_copy(update={"pacing": slow})
    dispatcher = Dispatcher({"a": Server()}, chosen)
    first = [c for c in dispatcher.handle(Enqueued(0.0, Parcel(GMAIL, 0, 500))) if type(c) is Send]
    assert len(first) == 8
    again = dispatcher.handle(Replied(1.0, first[0].token, ((ODD, 1),)))
    for k, send in enumerate(first[1:]):
        again += dispatcher.handle(Replied(1.1 + k / 10, send.token, ((OK, 1),)))
    open_now = [command for command in again if type(command) is Send]
    assert len(open_now) == 1
    later = dispatcher.handle(Replied(700.0, open_now[0].token, ((OK, 1),)))
    assert len([command for command in later if type(command) is Send]) == 8


def test_a_trigger_waits_for_its_count() -> None:
    """Of three that are asked for, two replies do nothing."""
    play = rehearsal(policy(rule(Suspend(), count=3)))
    play.run(30.0)
    assert not play.all(Suspended)


@pytest.mark.parametrize("action", [Suspend(), SetRate(rate=0.1), SetConnections(connections=1)])
def test_a_restored_dispatcher_keeps_counts_and_caps(
    action: Suspend | SetRate | SetConnections,
) -> None:
    """Snapshot after the first of two counted replies, through JSON, and both decide alike."""
    chosen = policy(rule(action, count=2))
    first = Dispatcher({"a": Server()}, chosen)
    open_now = [c for c in first.handle(Enqueued(0.0, Parcel(GMAIL, 0, 50))) if type(c) is Send]
    commands = first.handle(Replied(0.6, open_now[0].token, ((ODD, 1),)))
    open_now = [c for c in commands if type(c) is Send]
    second = Dispatcher({"a": Server()}, chosen)
    second.restore(json.loads(json.dumps(first.snapshot())))
    answer = Replied(0.9, open_now[0].token, ((ODD, 1),))
    assert first.handle(answer) == second.handle(answer)
    assert first.snapshot() == second.snapshot()
    third = Dispatcher({"a": Server()}, chosen)
    third.restore(json.loads(json.dumps(first.snapshot())))
    assert third.snapshot() == first.snapshot()


def test_a_policy_names_shipped_rules() -> None:
    """`default` is all of them; what has no meaning and what is unknown is refused."""
    rotation = {"kind": "round-robin"}
    read = Policy.model_validate({"rotation": rotation, "rules": ["default"]}, context=WRITTEN)
    assert len(read.rules) > 40
    assert Policy.model_validate_json(read.model_dump_json()) == read
    with pytest.raises(ValueError, match="nosuch"):
        Policy.model_validate({"rotation": rotation, "rules": ["nosuch"]}, context=WRITTEN)
    bounce = {"name": "b", "match": {"text": "x"}, "action": "bounce", "duration": "1h"}
    with pytest.raises(ValueError, match="cannot be done to a path"):
        Policy.model_validate({"rotation": rotation, "rules": [bounce]}, context=WRITTEN)


def test_a_prolonged_suspension_is_not_ended_by_its_first_timer() -> None:
    """Told again after five minutes to rest for ten, the path rests until the second end."""
    odd = rule(Suspend())
    quick = policy(odd).model_copy(update={"pacing": Pacing(rate=2.0, burst=2, connections=8)})
    dispatcher = Dispatcher({"a": Server()}, quick)
    commands = dispatcher.handle(Enqueued(0.0, Parcel(GMAIL, 0, 50)))
    first, second = [command for command in commands if type(command) is Send]
    dispatcher.handle(Replied(1.0, first.token, ((ODD, 1),)))
    told = dispatcher.handle(Replied(301.0, second.token, ((ODD, 1),)))
    assert [notice.until for notice in told if type(notice) is Suspended] == [901.0]
    assert not [c for c in dispatcher.handle(Tick(601.0)) if type(c) in {Send, Probed}]
    assert [c for c in dispatcher.handle(Tick(901.0)) if type(c) is Probed]


def test_rule_files_lie_beside_the_scenario(tmp_path: Path) -> None:
    """A name that ends in .toml is looked for there, wherever the command is run."""
    (tmp_path / "mine.toml").write_text(
        '[[rules]]\nname = "slow"\nmatch = { code = 421 }\naction = "suspend"\nduration = "1h"\n'
    )
    text = (data_path() / "scenarios" / "quickstart.toml").read_text(encoding="utf-8")
    own = '\n[strategies.own]\nrotation = { kind = "round-robin" }\nrules = ["mine.toml"]\n'
    (tmp_path / "scenario.toml").write_text(text + own)
    scenario = load_scenario(tmp_path / "scenario.toml")
    assert [each.name for each in scenario.strategies["own"].rules] == ["slow"]
    (tmp_path / "mine.toml").unlink()
    with pytest.raises(ConfigError, match=r"mine\.toml.*cannot be read"):
        load_scenario(tmp_path / "scenario.toml")
