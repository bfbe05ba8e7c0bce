"""`mstoolkit warmup`: schedules are listed and shown as they are printed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.config import data_text
from mstoolkit.config.warmup import load_warmup, warmup_names

Run = Callable[..., "tuple[int, str, str]"]


def test_schedules_are_listed(mst: Run) -> None:
    """Each with days, last volume, unit and source; what was not verified says so."""
    status, out, err = mst("warmup", "list")
    assert (status, err) == (0, "")
    assert re.search(
        r"^sendgrid-automated +SendGrid, automated +42 +19,601,056 +messages/hour per IP +SendGrid",
        out,
        re.MULTILINE,
    )
    assert re.search(r"^responsys .* 7 +10,000 - 15,000 ", out, re.MULTILINE)
    assert re.search(r"^leanplum-slow +Leanplum, slow \(not verified\)", out, re.MULTILINE)
    assert re.search(r"^ipost +iPost +no end +grows on", out, re.MULTILINE)
    listed = json.loads(mst("warmup", "list", "--format", "json")[1])
    assert [each["name"] for each in listed] == warmup_names()
    assert all(each["source"] for each in listed)
    assert mst("warmup")[1] == out


@pytest.mark.parametrize("name", warmup_names())
def test_a_schedule_is_shown_whole(mst: Run, name: str) -> None:
    """Every note and source is told, and there is a row for each day."""
    status, out, err = mst("warmup", "show", name)
    assert (status, err) == (0, "")
    schedule = load_warmup(name)
    assert all(text in out for text in (*schedule.notes, *schedule.source, *schedule.assumed))
    rows = re.findall(r"^(\d+) {2,}", out, re.MULTILINE)
    assert rows == [str(day) for day in range(schedule.length or 30)]


def test_volumes_are_shown_as_counted(mst: Run) -> None:
    """An hour's volume is shown as an hour's; a share as a share; no limit in words."""
    assert re.search(r"^12 +1,000$", mst("warmup", "show", "sendgrid-automated")[1], re.MULTILINE)
    out = mst("warmup", "show", "acelle-per-isp")[1]
    assert re.search(r"^6 +40 % +10 % +5 % +3 %$", out, re.MULTILINE)
    out = mst("warmup", "show", "misar", "--days", 31)[1]
    assert re.search(r"^30 +no limit$", out, re.MULTILINE)


def test_what_comes_afterwards_is_told(mst: Run) -> None:
    """In words; together where it is the same for all ISPs."""
    assert "Afterwards: the last volume stays\n" in mst("warmup", "show", "responsys")[1]
    out = mst("warmup", "show", "momentum-per-isp")[1]
    assert "Afterwards (yahoo): 2,400,000 messages/day\n" in out
    assert (
        "Afterwards: 2 times as much after each 3 d"
        in mst("warmup", "show", "braze-conservative")[1]
    )
    assert "Guard complaints: 0.08 %" in mst("warmup", "show", "braze-moderate")[1]
    assert "Addresses: 2 for 25,000; " in mst("warmup", "show", "sendgrid-manual")[1]


def test_csv_holds_the_figures_alone(mst: Run) -> None:
    """A head, a row for each day; no limit is an empty field."""
    status, out, _ = mst("warmup", "show", "responsys", "--days", 4, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert rows[3] == {
        **{"day": "3", "gmail": "10000", "outlook": "10000"},
        **{"yahoo": "7500", "other": "10000"},
    }
    assert mst("warmup", "show", "misar", "--days", 31, "--format", "csv")[1].endswith("\n30,\n")


def test_json_holds_everything(mst: Run) -> None:
    """Title, sources, unit and volumes; no limit is null."""
    shown = json.loads(mst("warmup", "show", "misar", "--days", 31, "--format", "json")[1])
    assert (shown["unit"], shown["days"]) == ("messages/day per IP", 30)
    assert shown["volumes"][29] == {"day": 29, "all": 10000}
    assert shown["volumes"][30] == {"day": 30, "all": None}
    assert json.loads(mst("warmup", "show", "misar", "--json")[1])["title"] == "Misar"


def test_a_file_is_shown(mst: Run, tmp_path: Path) -> None:
    """A schedule of one's own, copied from a shipped one."""
    (tmp_path / "mine.toml").write_text(data_text("warmup", "sitevibes"), encoding="utf-8")
    out = mst("warmup", "show", "mine.toml")[1]
    assert out.startswith("mine.toml: SiteVibes\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shwo",), "did you mean 'show'"),
        (("show",), "name a schedule, as sparkpost"),
        (("show", "sparkpots"), "did you mean 'sparkpost'"),
        (("show", "no.toml"), "no.toml: cannot be read"),
        (("list", "sparkpost"), "write warmup show NAME"),
        (("list", "--format", "csv"), "write warmup show NAME"),
        (("show", "sparkpost", "--days", "0"), "greater than or equal to 1"),
        (("show", "sparkpost", "--format", "cvs"), "csv"),
        (("show", "sparkpost", "--format", "csv", "--json"), "leave one of them out"),
    ],
)
def test_what_cannot_be_done_is_told(mst: Run, words: tuple[str, ...], says: str) -> None:
    """In one sentence, with exit status 2."""
    status, out, err = mst("warmup", *words)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
