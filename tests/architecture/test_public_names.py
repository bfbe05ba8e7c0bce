"""The names at the top are few, pinned, and cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import mstoolkit

NAMES = [
    "METRICS",
    "Comparison",
    "ConfigError",
    "Dispatcher",
    "LiveRun",
    "Manifest",
    "Policy",
    "Profile",
    "Run",
    "Scenario",
    "Server",
    "Sinks",
    "Winner",
    "__version__",
    "analysis",
    "by",
    "compare",
    "load_profile",
    "load_scenario",
    "plots",
    "read_log",
    "read_manifest",
    "read_truth",
    "register_rotation",
    "replay",
    "report",
    "send",
    "simulate",
    "summary",
]
HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "matplotlib", "pydantic", "simpy", "asyncio")


def test_names_are_pinned() -> None:
    """A public name is added or taken away on purpose only; there are at most 30."""
    assert mstoolkit.__all__ == NAMES
    assert dir(mstoolkit) == sorted(NAMES)
    assert len(NAMES) <= 30


@pytest.mark.parametrize("name", NAMES)
def test_name_resolves_to_its_home(name: str) -> None:
    """Each name can be had, twice the same, and a room's name stays the room."""
    value = getattr(mstoolkit, name)
    assert getattr(mstoolkit, name) is value
    if name in ("analysis", "plots", "replay", "report"):
        assert isinstance(value, ModuleType)


def test_unknown_name() -> None:
    """A name that is not public is refused as any module would."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mstoolkit.nonsense


def _child(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_is_lazy() -> None:
    """Importing the package imports no library."""
    code = f"import sys, mstoolkit; print([n for n in {HEAVY} if n in sys.modules])"
    assert _child(code).strip() == "[]"


SPENT = """
import resource, subprocess, sys
subprocess.run([sys.executable, *{arguments}], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


@pytest.mark.parametrize("arguments", [["-c", "import mstoolkit"], ["-m", "mstoolkit", "--help"]])
def test_start_is_fast(arguments: list[str]) -> None:
    """Import and --help take less than half a second of processor time (best of three)."""
    assert min(float(_child(SPENT.format(arguments=arguments))) for _ in range(3)) < 0.5
