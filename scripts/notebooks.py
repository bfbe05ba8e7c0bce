"""Execute the notebooks anew and write each pair: `NN_topic.py` (the source) and `NN_topic.ipynb`.

    python scripts/notebooks.py notebooks/*.py

The percent script is what is edited; the notebook is made from it, with outputs. Whoever edits in
JupyterLab instead runs `jupytext --to py:percent NOTEBOOK` first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

KEPT = {"kernelspec", "language_info", "jupytext"}


def renewed(script: Path) -> Path:
    """Execute a percent script as a notebook and write it beside, with outputs."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
    folder = {"metadata": {"path": str(script.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day would differ in every run
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in KEPT}
    notebook.metadata["language_info"] = {"name": "python"}
    target = script.with_suffix(".ipynb")
    nbformat.write(notebook, target)  # type: ignore[no-untyped-call]
    return target


def main() -> None:
    """Renew the notebooks whose scripts are named."""
    os.environ["TQDM_DISABLE"] = "1"
    for name in sys.argv[1:]:
        print(f"{renewed(Path(name))}", flush=True)


if __name__ == "__main__":
    main()
