"""Output folders that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mstoolkit.config import ConfigError
from mstoolkit.experiment import check_free, staged


def test_the_folder_appears_whole(tmp_path: Path) -> None:
    """While it is built, its place stays empty."""
    out = tmp_path / "a" / "b"
    with staged(out) as place:
        (place / "x.txt").write_text("x")
        assert not out.exists()
    assert (out / "x.txt").read_text() == "x"
    assert [path.name for path in out.parent.iterdir()] == ["b"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_nothing_is_left_when_it_fails(tmp_path: Path, error: type[BaseException]) -> None:
    """Whatever the reason, neither the folder nor its scaffold stays."""

    def broken() -> None:
        with staged(tmp_path / "out") as place:
            (place / "x.txt").write_text("x")
            raise error

    with pytest.raises(error):
        broken()
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A folder that somebody made beforehand is as good as none."""
    out = tmp_path / "out"
    out.mkdir()
    with staged(out) as place:
        (place / "x.txt").write_text("x")
    assert (out / "x.txt").exists()


def test_a_folder_that_filled_up_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Two writers: the second one fails and leaves the first one's result alone."""
    out = tmp_path / "out"

    def second() -> None:
        with staged(out) as place:
            (place / "x.txt").write_text("mine")
            out.mkdir()
            (out / "x.txt").write_text("theirs")

    with pytest.raises(OSError, match="not empty"):
        second()
    assert (out / "x.txt").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_scaffold_of_a_run_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    """A leftover of the same name is removed first."""
    with staged(tmp_path / "out") as place:
        name = place.name
    (tmp_path / name).mkdir()
    (tmp_path / name / "old.txt").write_text("old")
    with staged(tmp_path / "two") as place:
        assert not list(place.iterdir())


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """The sentence names it and says what to do."""
    path = tmp_path / "out"
    path.write_text("x")
    with pytest.raises(ConfigError, match="is a file, not a folder; name another"):
        check_free(path)


def test_a_folder_in_use_is_refused_by_name(tmp_path: Path) -> None:
    """File and remedy are part of the sentence."""
    (tmp_path / "x").write_text("x")
    with pytest.raises(ConfigError, match="not empty; name another one") as caught:
        check_free(tmp_path)
    assert caught.value.file == str(tmp_path)
