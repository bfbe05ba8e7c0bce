"""Which way of spreading mail over several SMTP servers works best, found out before sending it.

In a notebook:

>>> import mstoolkit as ms
>>> scenario = ms.load_scenario("quickstart")
>>> sorted(scenario.servers)
['mta-1', 'mta-2', 'mta-3', 'mta-4', 'mta-5']

Names are imported when they are first used, so that importing the package is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mstoolkit import analysis, plots, replay, report
    from mstoolkit.analysis import METRICS, Winner, by, summary
    from mstoolkit.config import (
        ConfigError,
        Policy,
        Profile,
        Scenario,
        Server,
        load_profile,
        load_scenario,
    )
    from mstoolkit.eventlog import Manifest, read_log, read_manifest, read_truth
    from mstoolkit.experiment import Comparison, compare
    from mstoolkit.live import LiveRun, send
    from mstoolkit.sim import Run, simulate
    from mstoolkit.sinks import Sinks
    from mstoolkit.strategy import Dispatcher, register_rotation

__version__ = "0.1.0"

__all__ = [
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

_ROOMS = {
    "analysis": ("METRICS", "Winner", "by", "summary"),
    "config": (
        "ConfigError",
        "Policy",
        "Profile",
        "Scenario",
        "Server",
        "load_profile",
        "load_scenario",
    ),
    "eventlog": ("Manifest", "read_log", "read_manifest", "read_truth"),
    "experiment": ("Comparison", "compare"),
    "live": ("LiveRun", "send"),
    "sim": ("Run", "simulate"),
    "sinks": ("Sinks",),
    "strategy": ("Dispatcher", "register_rotation"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mstoolkit' has no attribute {name!r}")
    if name not in _HOME:
        return import_module(f"mstoolkit.{name}")
    value = getattr(import_module(f"mstoolkit.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
