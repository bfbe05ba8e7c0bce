"""Replies as real servers write them, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstoolkit.config import isp_names, load_profile
from mstoolkit.mail import CATEGORIES, classify
from mstoolkit.model import Reply


@pytest.mark.parametrize(
    ("code", "status", "text", "category"),
    [
        (550, "5.1.1", "The email account that you tried to reach does not exist.",
         "invalid_recipient"),
        (550, "5.1.1", "<x@example.com>: Recipient address rejected: User unknown in virtual",
         "invalid_recipient"),
        (554, "", "delivery error: dd This user doesn't have an account", "invalid_recipient"),
        (550, "5.2.1", "The email account that you tried to reach is disabled",
         "inactive_mailbox"),
        (452, "4.2.2", "The recipient's inbox is out of storage space.", "mailbox_full"),
        (552, "5.2.2", "Mailbox over quota", "mailbox_full"),
        (421, "4.7.28", "Gmail has detected an unusual rate of unsolicited mail", "throttle"),
        (421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred", "throttle"),
        (450, "4.2.0", "Recipient address rejected: Greylisted, see help", "greylist"),
        (451, "4.7.1", "Greylisting in action, please come back later", "greylist"),
        (550, "5.7.1", "Service unavailable, Client host blocked using Spamhaus", "block_ip"),
        (554, "", "Your IP (192.0.2.1) has been blocked by the recipient's server", "block_ip"),
        (550, "5.7.25", "The IP address does not have a PTR record", "ptr"),
        (550, "5.7.26", "Unauthenticated email from example.com is not accepted", "auth"),
        (550, "5.7.26", "did not pass SPF", "auth"),
        (554, "5.7.1", "Relay access denied", "relay"),
        (552, "5.3.4", "Message size exceeds fixed limit", "too_big"),
        (554, "5.7.1", "Message contains a virus", "virus"),
        (550, "5.7.1", "Message rejected as spam by content filtering", "spam"),
        (550, "5.7.0", "Local policy violation", "policy"),
        (451, "4.3.0", "Temporary local problem, please try later", "temp_server"),
        (421, "4.3.2", "Service shutting down", "temp_server"),
        (501, "5.5.4", "Syntax error in parameters", "protocol"),
        (550, "5.1.2", "host not found", "invalid_domain"),
        (550, "", "no", "invalid_recipient"),
        (450, "4.4.2", "hm", "network"),
        (599, "", "hm", "other"),
        (250, "2.0.0", "OK", "not_bounce"),
        (250, "2.0.0", "queued, though the mailbox is full", "not_bounce"),
        (0, "", "connection refused by policy", "network"),
    ],
)  # fmt: skip
def test_real_replies(code: int, status: str, text: str, category: str) -> None:
    """Words first, then the enhanced status, then the code."""
    assert classify(Reply(code, status, text)) == category


@given(
    code=st.integers(0, 599),
    status=st.from_regex(r"(\A[245]\.\d{1,2}\.\d{1,2}\Z)|(\A\Z)"),
    text=st.text(max_size=60),
)
def test_every_reply_has_one_of_the_categories(code: int, status: str, text: str) -> None:
    """Whatever a server says, the answer is in the taxonomy, and only 2xx is no bounce."""
    category = classify(Reply(code, status, text))
    assert category in CATEGORIES
    assert (category == "not_bounce") == (200 <= code < 300)


@pytest.mark.parametrize("name", isp_names())
def test_shipped_texts_are_told_apart(name: str) -> None:
    """Of each provider's refusals, throttles, dead addresses and full mailboxes differ."""
    replies = load_profile(name).replies
    categories = {
        classify(Reply(text.code, text.status, text.text))
        for text in (replies.throttled, replies.unknown, replies.full, replies.blocked)
    }
    assert categories == {"throttle", "invalid_recipient", "mailbox_full", "block_ip"}


def test_the_taxonomy_names_each_category_once() -> None:
    """Twenty-five categories, all different."""
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 25


@pytest.mark.parametrize(
    ("status", "category", "temporary"),
    [("", "network", True), ("5.3.4", "too_big", False), ("5.6.7", "content", False)],
)
def test_own_refusals_are_final_and_own_silence_is_not(
    status: str, category: str, temporary: bool
) -> None:
    """A message that cannot be sent as it is ends; a server that never answered is asked again."""
    reply = Reply(0, status, "busy, too many connections, no such user", "mail")
    assert (classify(reply), reply.temporary, reply.positive) == (category, temporary, False)
