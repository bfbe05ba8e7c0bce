"""`mstoolkit sensitivity`, end to end on the quickstart made small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mstoolkit.config import data_text


def test_it_writes_a_report_and_refuses_an_unknown_key(
    mst: Callable[..., Any], tmp_path: Path
) -> None:
    """The folder holds report, plot and CSV; an error names the key and a remedy."""
    text = data_text("scenarios", "quickstart").replace("size = 50000", "size = 300")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    words = ("sensitivity", "mine.toml", "-s", "batch", "-s", "priority", "--replications", 2)
    done = mst(*words, "--jobs", 1, "--only", "placement.missing", "--out", "out")
    assert done.status == 0, done.err
    assert "placement.missing" in done.out
    for name in ("report.html", "plots/tornado.png", "sensitivity.csv", "conclusions.csv"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    refused = mst(*words, "--only", "rate.cautius")
    assert refused.status == 2
    assert "rate.cautious" in refused.err
