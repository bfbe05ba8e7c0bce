"""Running a command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mstoolkit.cli.app import run


class Done(NamedTuple):
    """What a command line left: its status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def mst(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Run `mstoolkit` with these words in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Done:
        capsys.readouterr()
        status = run([str(word) for word in words])
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return call
