"""A policy's retry: exponential, a list of delays, or the schedule of a known MTA."""

from __future__ import annotations

import tomllib
from itertools import accumulate, islice

import pytest
from pydantic import ValidationError

from mstoolkit.config import (
    ConfigError,
    Policy,
    Retry,
    Scenario,
    content_hash,
    data_text,
    parse_duration,
    parse_scenario,
)
from mstoolkit.config.retry import retry_names

QUICKSTART = data_text("scenarios", "quickstart")
BATCH = 'kind = "batch", size = 500 }'
PRESETS = ["exim", "haraka", "kumomta", "postal", "postfix", "powermta", "zonemta"]


def _scenario(retry: str) -> Scenario:
    """Return the shipped scenario with a retry for its batch strategy."""
    assert QUICKSTART.count(BATCH) == 1
    return parse_scenario(QUICKSTART.replace(BATCH, f"{BATCH}\nretry = {{ {retry} }}"), file="a")


def _written(retry: str) -> Retry:
    return _scenario(retry).strategies["batch"].retry


def test_exponential_stays_the_default() -> None:
    """What is not written is exponential, and its dump says nothing of the other forms."""
    assert list(islice(Retry().delays(), 6)) == [300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0]
    assert set(Retry().model_dump()) == {
        *("base", "factor", "longest", "jitter", "quantum", "attempts", "hints")
    }


def test_many_attempts_do_not_overflow() -> None:
    """A delay that has reached its cap stays there, however many attempts there are."""
    assert list(Retry(attempts=5000).delays())[-1] == 3600.0


def test_schedule_repeats_its_last_delay() -> None:
    """A written list is read in order and its last delay repeats up to the last attempt."""
    retry = _written('schedule = ["5min", "10min", "1h"], jitter = 0.2, attempts = 5')
    assert list(retry.delays()) == [300.0, 600.0, 3600.0, 3600.0, 3600.0]
    assert (retry.jitter, retry.quantum, retry.preset) == (0.2, 30.0, None)


def test_presets_are_all_there() -> None:
    """The schedules of the known MTAs are shipped as files."""
    assert retry_names() == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_preset_can_be_used_and_says_its_sources(name: str) -> None:
    """Each preset is valid, and each figure has a source or is marked as assumed."""
    tree = tomllib.loads(data_text("retry", name))
    figures = [key for key in ("schedule", "jitter", "quantum", "attempts") if key in tree]
    assert {"title", "schedule", "jitter", "attempts"} <= set(tree)
    assert all(key in tree["assumed"] or tree["source"].get(key) for key in figures)
    assert set(tree) == {*figures, "title", "assumed", "source"}
    retry = _written(f'preset = "{name}"')
    assert retry.preset == name
    assert retry.schedule == tuple(parse_duration(delay) for delay in tree["schedule"])
    assert retry.attempts == tree["attempts"] >= len(retry.schedule)
    assert retry == Retry(preset=name)


@pytest.mark.parametrize(
    ("name", "delays", "hours"),
    [
        ("kumomta", [1200.0 * 2**k for k in range(8)], 85.0),
        ("haraka", [64.0 * 2**k for k in range(12)], 72.8),
        ("zonemta", [300.0, 420.0, 480.0, 1500.0, 4500.0, 7200.0] + [14400.0] * 11, 48.0),
        ("powermta", [600.0] * 648, 108.0),
        ("postal", [300.0 * 1.3**k for k in range(17)], 23.75),
    ],
)
def test_preset_is_the_rule_of_its_mta(name: str, delays: list[float], hours: float) -> None:
    """The delays between a preset's attempts are what the MTA's own rule comes to."""
    used = list(Retry(preset=name).delays())[:-1]
    assert used == pytest.approx(delays, abs=0.051)
    assert sum(used) / 3600.0 == pytest.approx(hours, abs=0.05)


def test_exim_follows_its_rule() -> None:
    """Exim's attempts come every 15 min for 2 h, then grow by half, then every 6 h for 4 days."""
    at = [0.0, *accumulate(list(Retry(preset="exim").delays())[:-1])]
    growing = [8100.0, 11700.0, 17100.0, 25200.0, 37350.0, 55575.0, 82912.5]
    assert at == [900.0 * k for k in range(9)] + growing + [
        82912.5 + 21600 * k for k in range(1, 14)
    ]


def test_users_keys_go_before_the_presets() -> None:
    """Jitter, quantum and attempts beside a preset are the user's; a later delay repeats."""
    retry = _written('preset = "haraka", jitter = 0.5, quantum = "10s", attempts = 15')
    assert (retry.jitter, retry.quantum) == (0.5, 10.0)
    assert list(retry.delays())[-4:] == [131072.0] * 4


@pytest.mark.parametrize("retry", [Retry(), Retry(schedule=(60.0,)), Retry(preset="postfix")])
def test_dump_is_read_again(retry: Retry) -> None:
    """Each form survives JSON with its name, its figures and its hash."""
    again = Retry.model_validate_json(retry.model_dump_json())
    assert again == retry
    assert content_hash(again) == content_hash(retry)


def test_recorded_figures_count() -> None:
    """A log keeps what was done even if the shipped figures of its preset have changed since."""
    tree = Retry(preset="postfix").model_dump(mode="json") | {"schedule": [77.0]}
    assert Retry.model_validate(tree).schedule == (77.0,)


def test_policy_keeps_its_retry_through_json() -> None:
    """Inside a policy, too, a dump holds only the form that applies."""
    policy = _scenario('preset = "exim"').strategies["batch"]
    assert "base" not in policy.model_dump()["retry"]
    assert Policy.model_validate_json(policy.model_dump_json()) == policy


@pytest.mark.parametrize(
    ("retry", "key", "words"),
    [
        ('schedule = ["5min"], base = "1min"', "base", "cannot stand beside schedule; keep one"),
        ('preset = "exim", schedule = ["5min"]', "schedule", "cannot stand beside preset; keep"),
        ('preset = "exim", schedule = ["5min"], base = "1s"', "schedule", "beside preset; keep"),
        ('preset = "exim", factor = 3.0', "factor", "cannot stand beside preset; keep one"),
        ('preset = "exim", longest = "1h"', "longest", "cannot stand beside preset; keep one"),
        ('preset = "postfxi"', "preset", "there is no 'postfxi'; did you mean 'postfix'?"),
        ('preset = "xyzzy"', "preset", "shipped are exim, haraka, kumomta, postal, postfix"),
        ("preset = 5", "preset", "must be text, got 5"),
        ("schedule = []", "schedule", "is empty; give delays above 0"),
        ('schedule = ["0s"]', "schedule", "has a delay of 0; give delays above 0"),
        ('schedule = "5min"', "schedule", "must be a list"),
        ("schedule = [300]", "schedule.0", "is not a duration: 300; write a number with"),
        ('schedule = ["5min", "x"]', "schedule.1", "is not a duration: 'x'"),
        ('shedule = ["5min"]', "shedule", "did you mean 'schedule'?"),
        ('preset = "exim", jiter = 0.1', "jiter", "did you mean 'jitter'?"),
        ('base = "0s"', "base", "must be above 0"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(retry: str, key: str, words: str) -> None:
    """Unknown and contradictory keys are refused with file, key, problem and remedy."""
    with pytest.raises(ConfigError) as caught:
        _written(retry)
    assert caught.value.key == f"strategies.batch.retry.{key}"
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "keys", [{"schedule": (60.0,), "base": 60.0}, {"preset": "exim", "factor": 2.0}]
)
def test_two_forms_are_refused_from_python(keys: dict[str, object]) -> None:
    """A value made in Python has one form as well."""
    with pytest.raises(ValidationError, match="cannot stand beside"):
        Retry.model_validate(keys)
