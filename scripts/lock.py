"""Write `requirements/*.txt`: exact versions of everything that `pyproject.toml` asks for.

Run it with the interpreters the lock shall hold for, oldest first:

    python scripts/lock.py python3.11 python3.12 python3.13

The oldest one chooses; the others must accept its versions, so that figures do not depend on the
Python. Packages that only some of them need get an environment marker. No index address is written.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE_ONLY = ("dkimpy",)  # pure Python that its authors publish as source alone
HEAD = "# Written by `make lock` from pyproject.toml; do not edit.\n"


def wanted(*extras: str) -> list[str]:
    """Return the requirements of the package and of some of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(need for extra in extras for need in optional[extra])]


def resolve(python: str, needs: list[str], fixed: dict[str, str]) -> dict[str, str]:
    """Return name -> version as pip resolves `needs` for `python`, keeping to `fixed`."""
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder) / "report.json", Path(folder) / "constraints.txt"
        pins = "".join(f"{name}=={version}\n" for name, version in fixed.items())
        constraints.write_text(pins, encoding="utf-8")
        options = ["--dry-run", "--ignore-installed", "--only-binary", ":all:", "--quiet"]
        options += ["--no-binary", ",".join(SOURCE_ONLY)]
        options += ["--report", str(report), "--constraint", str(constraints)]
        subprocess.run(
            [python, "-m", "pip", "install", *options, *needs],
            check=True,
        )
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {item["metadata"]["name"]: item["metadata"]["version"] for item in found}
    return {name.lower().replace("_", "-"): version for name, version in names.items()}


def locked(pythons: list[str], needs: list[str], fixed: dict[str, str]) -> dict[str, str]:
    """Return name -> version with its marker, for all of `pythons`."""
    pins, found = dict(fixed), {}
    for python in pythons:
        found[python] = resolve(python, needs, pins)
        pins |= found[python]
    lines = {}
    for name in sorted(set().union(*found.values())):
        having = [python for python in pythons if name in found[python]]
        lines[name] = f"{name}=={pins[name]}{marker(pythons, having)}"
    return lines


def marker(pythons: list[str], having: list[str]) -> str:
    """Return the environment marker of a package that only the interpreters `having` need."""
    if having == pythons:
        return ""
    if having != pythons[: len(having)]:
        raise SystemExit(f"only newer Pythons need a package: {having}; extend this script")
    command = "import sys; print('%d.%d' % sys.version_info[:2])"
    newer = pythons[len(having)]
    version = subprocess.run(
        [newer, "-c", command], check=True, capture_output=True, text=True
    ).stdout.strip()
    return f' ; python_version < "{version}"'


def main() -> None:
    """Write both lock files: what it takes to run, and to develop."""
    pythons = sys.argv[1:] or [sys.executable]
    everything = [*wanted("sinks", "notebook", "dev")]
    all_lines = locked(pythons, everything, {})
    pins = {name: line.split("==")[1].split(" ")[0] for name, line in all_lines.items()}
    run_lines = locked(pythons, [*wanted("sinks"), "hatchling", "editables"], pins)
    folder = ROOT / "requirements"
    (folder / "run.txt").write_text(HEAD + "\n".join(run_lines.values()) + "\n", encoding="utf-8")
    rest = [line for name, line in all_lines.items() if name not in run_lines]
    (folder / "dev.txt").write_text(
        HEAD + "-r run.txt\n" + "\n".join(rest) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
