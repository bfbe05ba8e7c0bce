"""Blocklists (temporary)."""

from __future__ import annotations

from typing import Literal

from mstoolkit.config.base import Frozen
from mstoolkit.config.units import Count, Duration, Number


class Blocklist(Frozen):
    """A list."""

    title: str
    pristine: Count | None = None
    recycled: Count | None = None
    complaints: Count | None = None
    window: Duration = 86400.0
    lasts: Duration
    again: Number = 1.0
    remembers: Duration = 30 * 86400.0
    scope: Literal["ip", "network"] = "ip"
    prefix: Count = 24


def load_blocklists() -> dict[str, Blocklist]:
    """Load."""
    return {}
