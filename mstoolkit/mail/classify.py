"""Reply -> category of the bounce taxonomy: by its words first, else by its codes.

The table of words is tried top down; the first match wins. Codes are of RFC 3463 and RFC 5321.
"""

from __future__ import annotations

import re
from functools import lru_cache

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

_WORDS = tuple(
    (re.compile(pattern, re.IGNORECASE), category)
    for pattern, category in (
        (r"gr[ae]y.?list|internal resources? (are )?temporarily unavailable", "greylist"),
        (r"over.?quota|out of storage|(mailbox|inbox) (is )?full|exceeded storage", "mailbox_full"),
        (
            r"rate.?limit|unusual rate|(unexpected|excessive) volume|throttl|slow down"
            r"|too (many|frequent|quickly|much)|concurrent connections|frequency limit|\[TSS?0\d\]",
            "throttle",
        ),
        (r"virus|malware", "virus"),
        (r"reverse dns|\bPTR\b", "ptr"),
        (
            r"block.?list|black.?list|spamhaus|client host blocked|dnsbl|\[BL2\d\]"
            r"|reputation of the sending ip|(ip|host) .*(blocked|rejected)",
            "block_ip",
        ),
        (r"reputation of the sending domain|domain .*(blocked|listed)", "block_domain"),
        (r"\b(spf|dkim|dmarc)\b|unauthenticated|not aligned", "auth"),
        (r"disabled|inactive|suspended|no longer (valid|active)", "inactive_mailbox"),
        (
            r"user unknown|unknown user|no such (user|mailbox)|does(n't| not) (exist|have an?)"
            r"|account that you tried to reach|mailbox (not found|unavailable)|invalid recipient",
            "invalid_recipient",
        ),
        (r"relay(ing)? (access )?denied|not permitted to relay|unable to relay", "relay"),
        (r"spam|unsolicited|\[CS01\]", "spam"),
        (r"message (size|too (large|big))|size limit", "too_big"),
        (r"polic(y|ies)", "policy"),
        (r"content|attachment", "content"),
        (r"try again|temporar(y|ily)|server busy|unavailable|local error|resources", "temp_server"),
        (r"syntax|bad sequence|command", "protocol"),
    )
)

_STATUS = {
    "1.1": "invalid_recipient",
    "1.2": "invalid_domain",
    "1.3": "invalid_recipient",
    "1.6": "invalid_recipient",
    "1.8": "sender",
    "2.1": "inactive_mailbox",
    "2.2": "mailbox_full",
    "2.3": "too_big",
    "3.2": "temp_server",
    "3.4": "too_big",
    "4.1": "network",
    "4.2": "network",
    "4.7": "expired",
    "7.0": "policy",
    "7.1": "policy",
    "7.25": "ptr",
    "7.26": "auth",
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
        A refusal, or the toolkit's own synthetic reply (code 0), which is ``"network"`` whatever
        its words. A 2xx is ``"not_bounce"``.

    Returns
    -------
    str
        One of `CATEGORIES`.

    Examples
    --------
    >>> classify(Reply(452, "4.2.2", "The recipient's mailbox is over quota"))
    'mailbox_full'
    """
    if reply.positive:
        return "not_bounce"
    if reply.code == 0:
        return "network"
    for pattern, category in _WORDS:
        if pattern.search(reply.text):
            return category
    detail = reply.status.partition(".")[2]
    return _STATUS.get(detail) or _CODES.get(reply.code, "other")
