"""What a linter does not see: sizes, names, docstrings, and nothing that ties us to one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mstoolkit"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES, FUNCTION_LINES = 450, 60

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - doc


@each_module
def test_module_is_small_and_says_what_it_is(path: Path) -> None:
    """A module has a docstring, at most 450 lines and functions of at most 60."""
    tree = _tree(path)
    assert ast.get_docstring(tree), "no module docstring"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES
    long = {node.name: n for node in _functions(tree) if (n := _code_lines(node)) > FUNCTION_LINES}
    assert not long


@each_module
def test_module_prints_nothing_and_imports_no_stars(path: Path) -> None:
    """No print, no star import: the package writes through its console, names come one by one."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"print in line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"star, line {node.lineno}"


@each_module
def test_names_say_what_things_are(path: Path) -> None:
    """No class, function or module is called a manager, a helper or a utility."""
    named = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [path.stem, *(node.name for node in ast.walk(_tree(path)) if isinstance(node, named))]
    assert not [
        name for name in names if re.search(r"manager|helper|utils?\b", name, re.IGNORECASE)
    ]


def _tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


MACHINE = re.compile(
    "|".join(
        (
            r"(?<![\w.$/])/(?:work|root|opt|home|Users|mnt)/",
            r"(?<![\w.$/])/tmp/venv",
            r"\.\./" + "shared",
            r"\bpy" + r"pi\b",
            r"python" + "hosted",
            r"index" + "-url",
        )
    )
)


def test_nothing_is_tied_to_a_machine() -> None:
    """No tracked file names a path of somebody's machine or the host of a package index."""
    found = []
    for path in _tracked():
        if not path.is_file() or path == Path(__file__):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINE.search(line)
        ]
    assert not found


def test_every_test_says_what_it_proves() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in _functions(_tree(path))
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent
