"""`mstoolkit lab`: JupyterLab on the notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mstoolkit.cli.problems import need, refuse

HELP = """
Open JupyterLab on the notebooks.

The notebooks lie in ./notebooks of a checkout; give another folder to open that. It listens on
loopback only. Stop it with Ctrl-C.
"""

EXAMPLES = """
[bold]Examples[/bold]

mstoolkit lab

mstoolkit lab my-notebooks --no-browser
"""


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder with the notebooks.")
    ] = Path("notebooks"),
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", metavar="", help="Open a browser window.")
    ] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")
    ] = 8888,
) -> None:
    """Open JupyterLab."""
    need("notebook")
    if not folder.is_dir():
        refuse(
            "there is no such folder",
            key="FOLDER",
            file=str(folder),
            remedy="run it where ./notebooks lies, or name a folder",
        )
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(
        argv=[
            f"--ServerApp.root_dir={folder.resolve()}",
            f"--ServerApp.port={port}",
            f"--ServerApp.open_browser={browser}",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.allow_root={_is_root()}",
        ]
    )


def _is_root() -> bool:
    import os

    return hasattr(os, "geteuid") and os.geteuid() == 0
