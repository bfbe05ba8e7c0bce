"""`mstoolkit feedback`, end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mstoolkit.sim import simulate
from mstoolkit.testing import small_scenario

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = simulate(small_scenario(4000), "round-robin", seed=2, batch=20)
    return run.write(tmp_path_factory.mktemp("runs") / "small")


def test_the_form_of_google(mst: Run, folder: Path) -> None:
    """By day what became of the mail to Gmail, with errors and compliance."""
    status, out, err = mst("feedback", folder)
    assert (status, err) == (0, "")
    assert out.startswith("news.example at gmail, by day, as Google Postmaster Tools show it")
    assert "spam rate" in out
    assert "compliant" in out


def test_the_form_of_microsoft(mst: Run, folder: Path) -> None:
    """Any ISP can be put into it; each source IP has its row."""
    status, out, _ = mst("feedback", folder, "--form", "snds", "--isp", "gmail")
    assert status == 0
    assert out.startswith("Source IPs at gmail, by day, as Microsoft SNDS shows them")
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        assert address in out


def test_too_little_mail_is_said_to_be_hidden(mst: Run, tmp_path: Path) -> None:
    """A run of few messages shows no rate and no source IP, and says why."""
    run = simulate(small_scenario(60), "round-robin", seed=2, batch=20)
    small = run.write(tmp_path / "few")
    assert "A spam rate is hidden" in mst("feedback", small)[1]
    out = mst("feedback", small, "--form", "snds", "--isp", "gmail")[1]
    assert out == "On no day did a source IP send enough to be shown.\n"


def test_json_and_plots(mst: Run, folder: Path) -> None:
    """The document holds values; the plot is written beside it."""
    for form in ("postmaster", "snds"):
        words = ("feedback", folder, "--form", form, "--isp", "gmail", "-o", f"{form}.png")
        status, out, err = mst(*words, "--json")
        assert (status, err) == (0, "")
        document = json.loads(out)
        assert document["form"] == form
        assert {row["isp"] for row in document["days"]} == {"gmail"}
        assert Path(f"{form}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--form", "yahoo"), "--form: there is no 'yahoo'; write postmaster or snds"),
        (
            ("--form", "snds"),
            "--isp: no mail was sent to 'outlook'; there was for gmail, gmx, yahoo",
        ),
        (("--isp", "libero"), "--isp: no mail was sent to 'libero'"),
        (("-o", "nowhere/x.png"), "lies in no folder"),
    ],
)
def test_what_cannot_be_shown(mst: Run, folder: Path, words: tuple[str, ...], said: str) -> None:
    """One sentence on stderr, with the key and what to do."""
    status, out, err = mst("feedback", folder, *words)
    assert (status, out) == (2, "")
    assert said in err


def test_a_run_without_hidden_state_is_refused(mst: Run, tmp_path: Path) -> None:
    """Where nothing is known of placement, no rate is made up."""
    run = simulate(small_scenario(60), "round-robin", seed=2, batch=20)
    (run.write(tmp_path / "bare") / "truth.parquet").unlink()
    status, _, err = mst("feedback", "bare")
    assert status == 2
    assert "keeps no hidden state of the providers" in err
