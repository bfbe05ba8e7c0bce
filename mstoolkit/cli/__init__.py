"""The command line: reads arguments, calls the rooms below, prints; decides nothing itself.

Commands import what they need when they run, so that ``--help`` is instant.
"""

from mstoolkit.cli.app import main

__all__ = ["main"]
