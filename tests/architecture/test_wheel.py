"""What is installed is what was tested: the wheel holds the code, the data and the type marker."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = ("scenarios", "isps", "policies", "retry", "rules", "warmup")


@pytest.mark.timeout(60)
def test_wheel_holds_package_and_data(tmp_path: Path) -> None:
    """Shipped scenarios, providers, policies, schedules and lists are where they are read."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*pip, *options, str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [path.relative_to(ROOT).as_posix() for path in (ROOT / "data").rglob("*.toml")]
    folders = {"data", *(f"data/{kind}" for kind in KINDS)}
    assert folders <= {name.rpartition("/")[0] for name in shipped}
    assert not [name for name in shipped if f"mstoolkit/{name}" not in names]
    for path in (ROOT / "mstoolkit").rglob("*.j2"):
        assert path.relative_to(ROOT).as_posix() in names
    assert "mstoolkit/py.typed" in names
    assert not [name for name in names if not name.startswith("mstoolkit")]
