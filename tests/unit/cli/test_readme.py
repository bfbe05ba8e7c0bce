"""What the README and the help texts tell people to type can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot as plt
from typer.main import get_command

from mstoolkit.cli.app import COMMANDS, EXAMPLES, app

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
TEXTS = [README, EXAMPLES, *(command.EXAMPLES for command in COMMANDS)]


def _commands() -> list[str]:
    lines = [line.strip() for text in TEXTS for line in text.splitlines()]
    found = [re.split(r"\s{2,}| > ", line)[0] for line in lines if line.startswith("mstoolkit ")]
    return sorted({line for line in found if "COMMAND" not in line})


@pytest.mark.parametrize("line", _commands())
def test_command_can_be_typed(line: str) -> None:
    """Each command line shown is understood: command, arguments and options exist."""
    _, *words = shlex.split(line)
    root: Any = get_command(app)
    if words[0].startswith("-"):
        return
    command = root.commands[words[0]]
    command.make_context(words[0], words[1:])


def test_python_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines for a notebook run, here with one replication."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        small = block.replace("replications=5", "replications=1, batch=1000, jobs=1")
        exec(compile(small, "README.md", "exec"), {})
    plt.close("all")
    assert "delivery rate" in capsys.readouterr().out


def test_make_targets_exist() -> None:
    """Each make target that the README names is there."""
    makefile = (Path(__file__).parents[3] / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"^ +make (\w+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
