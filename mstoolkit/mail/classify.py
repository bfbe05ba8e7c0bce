"""Reply -> category of the bounce taxonomy: by its words first, else by its codes.

Words are those of `patterns`; the first match wins. Codes are of RFC 5321, RFC 3463, RFC 7372
(authentication) and RFC 7505 (a sender that takes no mail).
"""

from __future__ import annotations

import re
from functools import lru_cache

from mstoolkit.mail.patterns import PATTERNS
from mstoolkit.model import Reply

CATEGORIES = (
    "invalid_recipient",
    "inactive_mailbox",
    "invalid_domain",
    "mailbox_full",
    "temp_server",
    "network",
    "expired",
    "block_ip",
    "block_domain",
    "policy",
    "ptr",
    "recipient_block",
    "sender",
    "spam",
    "content",
    "virus",
    "too_big",
    "auth",
    "throttle",
    "greylist",
    "relay",
    "protocol",
    "config",
    "other",
    "not_bounce",
)

_WORDS = tuple((re.compile(pattern), category) for pattern, category in PATTERNS)

_STATUS = {
    "1.1": "invalid_recipient",
    "1.2": "invalid_domain",
    "1.3": "invalid_recipient",
    "1.6": "invalid_recipient",
    "1.7": "sender",
    "1.8": "sender",
    "2.1": "inactive_mailbox",
    "2.2": "mailbox_full",
    "2.3": "too_big",
    **dict.fromkeys(("3.0", "3.1", "3.2"), "temp_server"),
    "3.4": "too_big",
    "3.5": "config",
    **dict.fromkeys(("4.1", "4.2", "4.3", "4.4", "4.6"), "network"),
    "4.7": "expired",
    **dict.fromkeys(("5.1", "5.2", "5.4", "5.5"), "protocol"),
    "5.3": "throttle",
    **dict.fromkeys(("6.0", "6.1", "6.2", "6.3", "6.5"), "content"),
    "7.0": "policy",
    "7.1": "policy",
    **dict.fromkeys(("7.20", "7.21", "7.22", "7.23", "7.24", "7.26"), "auth"),
    "7.25": "ptr",
    "7.27": "sender",
    "7.28": "throttle",
}

_CODES = {
    0: "network",
    421: "temp_server",
    450: "temp_server",
    451: "temp_server",
    452: "temp_server",
    550: "invalid_recipient",
    552: "mailbox_full",
    553: "invalid_recipient",
    554: "policy",
}


@lru_cache(maxsize=4096)
def classify(reply: Reply) -> str:
    """Return the category of a reply.

    Parameters
    ----------
    reply : Reply
        A refusal, or the toolkit's own synthetic reply (code 0), which is ``"network"`` unless it
        has a status of its own, whatever its words. A 2xx is ``"not_bounce"``.

    Returns
    -------
    str
        One of `CATEGORIES`.

    Examples
    --------
    >>> classify(Reply(452, "4.2.2", "The recipient's mailbox is over quota"))
    'mailbox_full'
    >>> classify(Reply(421, "4.7.26", "rate limited because it is unauthenticated"))
    'auth'
    """
    if reply.positive:
        return "not_bounce"
    detail = reply.status.partition(".")[2]
    if reply.code == 0:
        return _STATUS.get(detail, "content") if detail else "network"
    whole = f"{reply.code} {reply.status} {reply.text}".lower()
    for pattern, category in _WORDS:
        if pattern.search(whole):
            return category
    return _STATUS.get(detail) or _CODES.get(reply.code, "other")
