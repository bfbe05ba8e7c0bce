"""Whom a refusal blames. A table, so that it can be read aloud.

An unknown user or a full mailbox blames nobody. A throttle or a block blames the path: another
server's mail to that ISP, and this server's mail elsewhere, go on.
"""

from __future__ import annotations

from typing import Literal

Blame = Literal["path", "nobody"]

ABOUT_RECIPIENT = frozenset({"mailbox_full", "inactive_mailbox", "greylist", "recipient_block"})
BLAMED_ON_PATH = frozenset({"throttle", "block_ip", "ptr"})


def blame(category: str) -> Blame:
    """Return who is to blame for a refusal of this category."""
    return "path" if category in BLAMED_ON_PATH else "nobody"
