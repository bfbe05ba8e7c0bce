"""One of each rotation, and of each way it can be set that decides otherwise."""

from __future__ import annotations

from typing import Any

ROTATIONS: tuple[dict[str, Any], ...] = (
    {"kind": "round-robin"},
    {"kind": "batch", "size": 5},
    {"kind": "interval", "every": 20.0},
    {"kind": "smooth-weighted"},
    {"kind": "least-loaded"},
    {"kind": "priority"},
    {"kind": "priority", "spill": "busy"},
    {"kind": "priority", "spill": "health"},
    {"kind": "interleaved"},
    {"kind": "stride"},
    {"kind": "random"},
    {"kind": "power-of-two"},
    {"kind": "deficit"},
    {"kind": "edf"},
    {"kind": "thompson"},
    {"kind": "sticky"},
    {"kind": "sticky", "bound": 1.25},
)
