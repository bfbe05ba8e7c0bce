"""Whom a refusal blames. A table, so that it can be read aloud.

An unknown user or a full mailbox blames nobody. A throttle or a block blames the path: another
server's mail to that ISP, and this server's mail elsewhere, go on. If it names our domain or a
block of addresses, it blames what all servers have in common at that ISP.
"""

from __future__ import annotations

import re
from typing import Literal

Blame = Literal["path", "domain", "nobody"]

ABOUT_RECIPIENT = frozenset({"mailbox_full", "inactive_mailbox", "greylist", "recipient_block"})
BLAMED_ON_PATH = frozenset({"throttle", "block_ip", "ptr"})
BLAMED_ON_DOMAIN = frozenset({"block_domain"})
# As Gmail's 4.7.28 has them: "originating from your DKIM domain", "from your IP Netblock".
_COMMON = re.compile(
    r"\b(?:spf|dkim|sending|sender|from|url|your) domain\b|\b(?:ip )?netblock\b|\bip block\b",
    re.IGNORECASE,
)


def blame(category: str, text: str = "") -> Blame:
    """Return who is to blame for a refusal of this category, with this text.

    Examples
    --------
    >>> blame("throttle", "an unusual rate of mail"), blame("throttle", "from your DKIM domain")
    ('path', 'domain')
    """
    if category in BLAMED_ON_DOMAIN:
        return "domain"
    if category not in BLAMED_ON_PATH:
        return "nobody"
    return "domain" if _COMMON.search(text) else "path"
