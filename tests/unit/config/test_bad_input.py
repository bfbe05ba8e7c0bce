"""Whatever is wrong with a file is told in one sentence with file, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from mstoolkit.config import ConfigError, data_text, load_scenario, parse_scenario

QUICKSTART = data_text("scenarios", "quickstart")
WEIGHT, HORIZON, GMAIL = "weight = 5", 'horizon = "8h"', "gmail = 0.50"
CAMPAIGN = "[campaigns.spring]"
SMOOTH = 'rotation = { kind = "smooth-weighted" }'
X = "strategies.smooth-weighted"
BATCH = 'kind = "batch", size = 500'
RATE = 'rate = "150/min"'
MTA_1 = "servers.mta-1"

# written in the file, put in its place, key that the error names, words that it says
CASES = [
    pytest.param(WEIGHT, "wieght = 5", f"{MTA_1}.wieght", "did you mean 'weight'", id="typo"),
    pytest.param(WEIGHT, "xyzzy = 5", f"{MTA_1}.xyzzy", "known are host, port", id="unknown-key"),
    pytest.param(WEIGHT, "weight = -5", f"{MTA_1}.weight", "must not be negative", id="negative"),
    pytest.param(WEIGHT, "weight = nan", f"{MTA_1}.weight", "must be a finite", id="nan"),
    pytest.param(WEIGHT, "weight = inf", f"{MTA_1}.weight", "must be a finite", id="infinite"),
    pytest.param(WEIGHT, 'weight = "5 kg"', f"{MTA_1}.weight", "without quotes", id="text"),
    pytest.param(HORIZON, "horizon = 8", "horizon", "number with ms, s, min, h", id="no-unit"),
    pytest.param(HORIZON, 'horizon = "8 pc"', "horizon", "number with ms, s", id="wrong-unit"),
    pytest.param(HORIZON, 'horizon = "-8h"', "horizon", "is not a duration", id="minus-duration"),
    pytest.param(HORIZON, "", "horizon", "is missing; add it", id="missing-key"),
    pytest.param(RATE, "rate = 150", f"{MTA_1}.limits.rate", '"600/min"', id="rate-without-unit"),
    pytest.param(RATE, 'rate = "10min"', f"{MTA_1}.limits.rate", "is not a rate", id="no-rate"),
    pytest.param(RATE, 'rate = "0/min"', f"{MTA_1}.limits.rate", "above 0", id="zero-rate"),
    pytest.param(GMAIL, "gmail = 0.60", "audience.isps", "sum to 1.1; make", id="isp-shares"),
    pytest.param("share = 0.35", "share = 0.2", "audience.segments", "sum to 0.85", id="segments"),
    pytest.param(GMAIL, "gmail = 1.5", "audience.isps.gmail", "at most 1", id="share-over-1"),
    pytest.param(GMAIL, "gmial = 0.50", "audience.isps.gmial", "mean 'gmail'", id="unknown-isp"),
    pytest.param('"mta-2"', '"mta-9"', "outages.0.server", "known are mta-1", id="unknown-server"),
    pytest.param(BATCH, 'kind = "bach"', "strategies.batch.rotation.kind", "'batch'", id="kind"),
    pytest.param(BATCH, "size = 5", "strategies.batch.rotation.kind", "is missing", id="no-kind"),
    pytest.param(BATCH, 'kind = "batch", size = 0', "strategies.batch.rotation.size", "1", id="n"),
    pytest.param("[audience]", "[audiense]", "audiense", "mean 'audience'", id="misspelt-table"),
    pytest.param('name = "quickstart"', "name = 5", "name", "must be text", id="not-text"),
    pytest.param("size = 50000", "size = 1.5", "audience.size", "whole number", id="fraction"),
    pytest.param("port = 2501", "port = 99999", f"{MTA_1}.port", "at most 65535", id="port"),
    pytest.param(WEIGHT, "weight = true", f"{MTA_1}.weight", "a number, got true", id="true"),
    pytest.param("port = 2501", "port = false", f"{MTA_1}.port", "in figures", id="false"),
    pytest.param(GMAIL, "gmail = true", "audience.isps.gmail", "got true; write", id="true-share"),
    pytest.param(HORIZON, "horizon = true", "horizon", "is not a duration", id="true-duration"),
    pytest.param(
        "port = 2502", "port = 2501", "servers.mta-2.port", "that of 'mta-1'", id="same-port"
    ),
    pytest.param("[[outages]]", "[outages]", "outages", "must be a list", id="table-for-list"),
    pytest.param(
        CAMPAIGN,
        f'[isps.gmail]\nservice = "quick"\n{CAMPAIGN}',
        "isps.gmail.service",
        "is not a duration",
        id="provider-unit",
    ),
    pytest.param(
        CAMPAIGN,
        f'[isps.gmail]\nprofile = "mine.toml"\n{CAMPAIGN}',
        "isps.gmail.profile",
        "relative to the scenario",
        id="missing-profile",
    ),
    pytest.param(
        f"{{ {BATCH} }}",
        f"{{ {BATCH} }}\ncanaries = {{ mta-5 = {{}} }}",
        "strategies.batch.canaries",
        'use "smooth-weighted"',
        id="canary-without-shares",
    ),
    pytest.param(
        SMOOTH,
        f"{SMOOTH}\ncanaries = {{ mta-55 = {{}} }}",
        f"{X}.canaries",
        "mean 'mta-5'?",
        id="canary",
    ),
    pytest.param(
        SMOOTH,
        f'{SMOOTH}\nweighting = {{ kind = "table", entries = [{{ servers = {{ mta-55 = 1 }} }}] }}',
        f"{X}.weighting.0.entries.0.servers",
        "mean 'mta-5'?",
        id="server-in-a-table",
    ),
    pytest.param(
        SMOOTH,
        f'{SMOOTH}\nfailover = {{ outliers = {{ kind = "robust", windw = 50 }} }}',
        f"{X}.failover.outliers.windw",
        "mean 'window'?",
        id="key-of-a-kind-that-may-be-left-out",
    ),
    pytest.param(
        SMOOTH,
        f'{SMOOTH}\nfailover = {{ slow_start = {{ windw = "5min" }} }}',
        f"{X}.failover.slow_start.windw",
        "mean 'window'?",
        id="key-of-a-table-that-may-be-left-out",
    ),
    pytest.param(
        CAMPAIGN, f'[isps]\ngmail = "x"\n{CAMPAIGN}', "isps.gmail", "must be a table", id="no-table"
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), CASES)
def test_names_file_key_and_remedy(old: str, new: str, key: str, words: str) -> None:
    """A single wrong thing in an otherwise good file is found, named and explained on one line."""
    text = QUICKSTART.replace(old, new, 1)
    assert text != QUICKSTART
    with pytest.raises(ConfigError) as caught:
        parse_scenario(text, file="mine.toml")
    error = caught.value
    assert (error.file, error.key) == ("mine.toml", key)
    assert words in str(error)
    assert error.remedy
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("port = 2501", 'host = "127.0.0.2"\nport = 2501'),
        ("port = 2501", "port = 2599"),
        ("port = 0", "port = 0"),
    ],
    ids=["other-host", "other-port", "no-port"],
)
def test_servers_at_different_places(first: str, second: str) -> None:
    """Servers may share a port on different hosts, a host with different ports, and no port."""
    text = QUICKSTART.replace("port = 2501", first).replace("port = 2502", second)
    assert len(parse_scenario(text).servers) == 5


def test_hosts_are_the_same_in_any_case() -> None:
    """MTA.example and mta.example are one host."""
    text = QUICKSTART.replace("port = 2501", 'host = "MTA.example"\nport = 25')
    text = text.replace("port = 2502", 'host = "mta.example"\nport = 25')
    with pytest.raises(ConfigError, match=r"servers\.mta-2\.port: 25 on mta\.example is that of"):
        parse_scenario(text)


def test_whole_numbers_are_numbers() -> None:
    """Where a number may have a fraction, one without is taken too, and kept as a float."""
    weight = parse_scenario(QUICKSTART.replace(WEIGHT, "weight = 7")).servers["mta-1"].weight
    assert (weight, type(weight)) == (7.0, float)


def test_broken_toml_names_the_line() -> None:
    """A syntax error is told with its line."""
    with pytest.raises(ConfigError, match=r"mine\.toml: is not valid TOML: .*line 2.*; mend") as e:
        parse_scenario('name = "a"\nhorizon = 8h\n', file="mine.toml")
    assert e.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere.toml", "there is no such file; give"), ("quickstrat", "did you mean 'quickstart'")],
)
def test_missing_file(name: str, words: str) -> None:
    """A file that is not there is told with what could be given instead."""
    with pytest.raises(ConfigError, match=words) as caught:
        load_scenario(name)
    assert caught.value.file == name


def test_folder_and_binary_are_no_scenarios(tmp_path: Path) -> None:
    """A folder and a file that is no text are refused in words, not with an errno."""
    (tmp_path / "image.toml").write_bytes(b"\x89PNG\xff\xfe")
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "image.toml", "is no text")):
        with pytest.raises(ConfigError, match=words):
            load_scenario(path)


def test_folder_does_not_hide_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that happens to be called quickstart leaves the shipped scenario reachable."""
    (tmp_path / "quickstart").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_scenario("quickstart").name == "quickstart"


def test_own_profile_beside_the_scenario(tmp_path: Path) -> None:
    """A provider's profile can be the user's own file, found relative to the scenario."""
    profile = data_text("isps", "gmail").replace('service = "', 'service = "1s 0', 1)
    (tmp_path / "mine.toml").write_text(profile, encoding="utf-8")
    text = QUICKSTART.replace(CAMPAIGN, f'[isps.gmail]\nprofile = "mine.toml"\n{CAMPAIGN}')
    (tmp_path / "scenario.toml").write_text(text, encoding="utf-8")
    assert load_scenario(tmp_path / "scenario.toml").isps["gmail"].service > 1


def test_provider_changed_in_the_scenario() -> None:
    """A scenario changes single figures of a shipped profile and keeps the others."""
    plain = parse_scenario(QUICKSTART).isps["gmail"]
    text = QUICKSTART.replace(CAMPAIGN, f'[isps.gmail.rate]\nceiling = "999/s"\n{CAMPAIGN}')
    changed = parse_scenario(text).isps["gmail"]
    assert changed.rate.ceiling == 999
    assert changed.rate.cautious == plain.rate.cautious
    assert changed.model_copy(update={"rate": plain.rate}) == plain
