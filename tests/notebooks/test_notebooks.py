"""Every notebook runs from top to bottom, is what its script says, and is fit to be read."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = {"REPLICATIONS": 2, "BATCH": 1000, "MESSAGES": 50}
CELLS, LINES, SIZE = 30, 12, 400_000
METHODS = 5  # methods of a plug-in that is written before the reader's eyes

NUMBER = r"(?<![\w-])\d+(?:\.\d+)?"  # not the digits of a name, as in mta-2

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _outputs(notebook: Any) -> list[Any]:
    return [output for cell in _code(notebook) for output in cell.outputs]


def _figures(notebook: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in _outputs(notebook))


def _python(source: str) -> str:
    """Return a cell without its magics."""
    return "\n".join(line for line in source.splitlines() if not line.startswith("%"))


def _shrunk(notebook: Any) -> Any:
    """Put small values after the cell tagged `parameters`, for those names that it sets."""
    cells = notebook.cells
    place = next(k for k, c in enumerate(cells) if "parameters" in c.metadata.get("tags", []))
    names = re.findall(r"^(\w+) =", cells[place].source, re.MULTILINE)
    source = "\n".join(f"{name} = {value}" for name, value in SMALL.items() if name in names)
    cells.insert(place + 1, nbformat.v4.new_code_cell(source))  # type: ignore[no-untyped-call]
    return notebook


@pytest.mark.timeout(120)
@each_notebook
def test_runs_from_top_to_bottom(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fresh kernel, with small parameters: all figures, no error, nothing on stderr."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = _shrunk(_read(path))
    NotebookClient(
        notebook,
        timeout=60,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    bad = [o for o in _outputs(notebook) if o.output_type == "error" or o.get("name") == "stderr"]
    assert not bad
    assert _figures(notebook) == _figures(_read(path)) > 0


@each_notebook
def test_is_what_its_script_says(path: Path) -> None:
    """Notebook and percent script hold the same cells (`make notebooks` writes both)."""
    script = jupytext.read(path.with_suffix(".py"))
    committed = _read(path)
    assert [(cell.cell_type, cell.source) for cell in committed.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ]


@each_notebook
def test_was_executed_in_order(path: Path) -> None:
    """The committed outputs come from one run from top to bottom without errors."""
    notebook = _read(path)
    counts = [cell.execution_count for cell in _code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert {output.output_type for output in _outputs(notebook)} <= {
        "display_data",
        "execute_result",
        "stream",
    }
    assert path.stat().st_size <= SIZE


@each_notebook
def test_is_thin(path: Path) -> None:
    """A notebook shows and does not compute: few cells, short ones, no long functions."""
    notebook = _read(path)
    assert len(notebook.cells) <= CELLS
    for cell in _code(notebook):
        assert sum(bool(line.strip()) for line in cell.source.splitlines()) <= LINES
        for node in ast.walk(ast.parse(_python(cell.source))):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 5
            elif isinstance(node, ast.ClassDef):
                assert len(node.body) <= METHODS


@each_notebook
def test_each_figure_has_a_finding(path: Path) -> None:
    """After each figure, Markdown says what is to be seen in it."""
    cells = _read(path).cells
    for cell, following in pairwise(cells):
        outputs = cell.get("outputs", [])
        if any("image/png" in output.get("data", {}) for output in outputs):
            assert following.cell_type == "markdown"
            assert "**Finding.**" in following.source


@each_notebook
def test_numbers_in_findings_come_from_the_notebook(path: Path) -> None:
    """Each number in a finding is one that a cell sets or prints, so that none goes stale."""
    notebook = _read(path)
    shown = [_shown(output) for output in _outputs(notebook)]
    sources = [cell.source for cell in _code(notebook)]
    known = set(re.findall(NUMBER, "\n".join([*sources, *shown]).replace("_", "")))
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "**Finding.**" in cell.source:
            finding = cell.source.partition("**Finding.**")[2].partition("\n#")[0]
            assert set(re.findall(NUMBER, finding)) <= known


def _shown(output: Any) -> str:
    return str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))


def test_there_are_notebooks() -> None:
    """The folder was found."""
    assert NOTEBOOKS
