"""What providers' own refusals are read as; texts written by hand around their published words."""

from __future__ import annotations

import pytest

from mstoolkit.mail import classify
from mstoolkit.model import Reply

GMAIL = """
421 4.7.28 detected an unusual rate of mail from your IP address = throttle
421 4.7.28 an unusual rate of mail originating from your DKIM domain [example.com] = throttle
421 4.7.0 an unusual rate of unsolicited mail from 192.0.2.1 = throttle
421 4.7.0 suspicious due to the very low reputation of the sending IP address = throttle
421 4.7.0 suspicious due to the very low reputation of the sending domain = throttle
451 4.7.24 rate limited: the SPF record of the sending domain has suspicious entries = auth
421 4.7.26 this mail has been rate limited because it is unauthenticated = auth
421 4.7.27 rate limited because SPF authentication didn't pass for this message = auth
421 4.7.29 rate limited because this mail wasn't sent over a TLS connection = config
421 4.7.30 rate limited because DKIM authentication didn't pass = auth
421 4.7.32 rate limited because the From: header isn't aligned with SPF or DKIM = auth
421 4.7.32 rate limited, there is no DMARC alignment = auth
421 4.7.23 rate limited because the sending IP address doesn't have a PTR record = ptr
421 4.7.28 this message exceeded its quota for sending messages with the same Message-ID = policy
450 4.2.1 the user is receiving mail too quickly = throttle
450 4.2.1 the user is receiving mail at a rate that prevents delivery = throttle
452 4.2.2 the recipient's inbox is out of storage space = mailbox_full
452 4.2.2 the account is over quota = mailbox_full
421 4.7.0 Try again later, closing connection. = temp_server
421 4.7.0 suspicious due to the nature of the content = spam
451 4.3.0 Mail server temporarily rejected message. = temp_server
550 5.7.28 an unusual rate of unsolicited mail from your IP address = block_ip
550 5.7.1 likely suspicious: very low reputation of the sending IP address = block_ip
550 5.7.1 likely suspicious: very low reputation of the sending domain = block_domain
550 5.7.1 this message is likely unsolicited mail = spam
550 5.7.26 all senders must authenticate with either SPF or DKIM = auth
550 5.7.26 not accepted due to the domain's DMARC policy = auth
550 5.7.26 The MAIL FROM domain has an SPF record with a hard fail policy (-all) = auth
550 5.7.25 the sending IP does not have a PTR record = ptr
550 5.1.1 The account you tried to reach does not exist = invalid_recipient
550 5.2.1 the user is receiving mail at a rate that prevents delivery = throttle
"""

YAHOO = """
421 4.7.0 [TS01] Messages from 192.0.2.1 deferred due to complaints = throttle
421 4.7.0 [TS02] unusual traffic from 192.0.2.1 = throttle
421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred = block_ip
421 4.7.1 [TS03] All messages from 192.0.2.1 are refused, retrying will not help = block_ip
421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred = throttle
421 4.7.0 [TSS05] Messages from 192.0.2.1 temporarily deferred = throttle
421 - [IPTS04] Messages from 192.0.2.1 = throttle
421 - [IPTS05] Messages from 192.0.2.1 = throttle
421 - Max message per connection reached, closing transmission channel = throttle
421 - Message temporarily deferred - 4.16.50 = throttle
451 - VS1-MF Excessive unknown recipients = throttle
450 - User is receiving mail too quickly = throttle
451 - Message temporarily rejected, unresolvable RFC.5321 from domain = sender
451 - Resources temporarily unavailable = temp_server
553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred = block_ip
553 5.7.2 [TSS11] All messages from 192.0.2.1 = block_ip
553 5.7.1 [BL21] Connections not accepted from servers on a list = block_ip
553 5.7.1 [TSS07] Connections from 192.0.2.1 are not taken = block_ip
554 5.7.9 Message not accepted for policy reasons = policy
550 5.7.9 This mail is refused, the sender is unauthenticated = auth
552 - Requested mail action aborted, mailbox not found = invalid_recipient
554 - delivery error: This mailbox is disabled (554.30) = inactive_mailbox
554 - delivery error: this user doesn't have a example.com account = invalid_recipient
421 - [IPTS04] mail from 192.0.2.1 deferred = throttle
553 - Mail from 192.0.2.1 is not let in - VS98-IP0 deferred = block_ip
"""

MICROSOFT = """
421 - RP-001 The mail server's IP has exceeded the rate = throttle
421 - RP-003 connections beyond what its reputation allows = throttle
451 4.7.650 The server has been temporarily rate limited due to IP reputation (S775) = throttle
451 4.7.651 The server has been temporarily rate limited due to IP reputation (S3114) = throttle
451 4.7.500 Server busy. Please try again later. = temp_server
451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS761) = temp_server
451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77713) = throttle
421 - The server exceeded the maximum number of connections = throttle
421 - IB007 too busy for more = throttle
421 - reached the maximum number of messages per connection = throttle
451 4.7.700 PFA agent busy = temp_server
451 4.7.510 Access denied, please try again later = block_ip
450 4.7.3 Organization queue quota exceeded = throttle
550 5.7.1 messages weren't sent, part of their network is on our block list (S3150) = block_ip
550 5.7.1 your IP is on our block list (S3140) = block_ip
550 - SC-001 Mail rejected = policy
550 - SC-002 Mail rejected = block_ip
550 - SC-004 Mail rejected = block_ip
550 - DY-001 Mail rejected = block_ip
550 - OU-001 Mail rejected = block_ip
550 - OU-002 Mail rejected = spam
550 5.7.515 Access denied, the domain does not meet the required authentication level = auth
550 5.5.0 Requested action not taken: mailbox unavailable = invalid_recipient
550 5.7.1 Service unavailable, domain [example.com] listed in Spamhaus = block_domain
421 4.3.2 reached the maximum number of concurrent connections per resource forest = throttle
451 4.7.0 Temporary server error. Please try later = temp_server
452 4.5.3 too many recipients = throttle
432 4.3.2 recipient thread limit exceeded = throttle
550 5.7.606 Access denied, banned sending IP [192.0.2.1] = block_ip
550 5.7.511 Access denied, banned sender = block_ip
550 5.7.508 Access denied, [2001:db8::] has exceeded permitted limits = throttle
550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus = block_ip
550 5.2.121 recipient's per hour message receive limit from this sender = throttle
550 5.2.122 the recipient has exceeded the limit for the number of messages = throttle
550 5.4.1 Recipient address rejected: Access denied = invalid_recipient
550 5.4.1 All recipient addresses rejected : Access denied = invalid_recipient
"""

AMERICA = """
421 4.7.1 Messages to you@example.com deferred due to excessive volume = throttle
451 4.7.1 Service unavailable - try again later = temp_server
451 - [BS02] Temporary server error = temp_server
421 - [HCM1] Your mail from 192.0.2.1 was deferred = throttle
421 4.7.0 Error: too many errors = protocol
550 5.7.1 [CS01] Message rejected due to local policy = spam
550 5.7.1 the sending domain is in the Spamhaus DBL = block_domain
550 5.7.0 Blocked, see proofpoint.com/dnsbl-lookup = block_ip
554 5.7.1 [HME1] This message was not let in = auth
552 5.2.2 User is over quota = mailbox_full
421 4.0.0 RL000010 Throttled = throttle
421 - RL000001 slow = throttle
421 4.1.0 Throttled - try again later = throttle
421 - Too many sessions opened = throttle
452 4.1.1 too many recent messages = throttle
554 - Refused BL000010 = block_ip
554 - Refused ES000001 = block_ip
550 - Not our Customer = invalid_recipient
554 - Comcast block for spam. Refused with BL0 = block_ip
550 5.1.1 recipient mailbox unallocated = invalid_recipient
550 5.2.0 Recipient unavailable = invalid_recipient
554 - your server must have a PTR record = ptr
450 - too frequent connects from 192.0.2.1 = throttle
450 - 192.0.2.1 has too many connections = throttle
553 5.3.0 refused DNSBL:ATTRBL 521< 192.0.2.1 > = block_ip
521 - Blocked for abuse = block_ip
421 - AUP#CXCNCT = throttle
421 - too many sessions from 192.0.2.1 = throttle
452 - message threshold exceeded = throttle
554 - AUP#CDRBL = block_ip
452 - AUP#CXMXRT = throttle
554 - AUP#CXBL = block_ip
554 - AUP#IPBL1101 = block_ip
554 - too many bad commands from 192.0.2.1 = block_ip
421 - AUP#I-1310 = throttle
421 - AUP#In-1340 = throttle
452 - AUP#I-n-1450 = throttle
452 - AUP#I-1540 = throttle
452 - AUP#O-1580 = throttle
554 - AUP#I-1000 = block_ip
554 - AUP#In-1210 = block_ip
554 - AUP#In-1250 = block_ip
554 - AUP#In-1560 = block_ip
421 - Too many concurrent connections = throttle
"""

EUROPE = """
421 - Trop de connexions, OFR004_104 [104] = throttle
421 - Service refuse. Veuillez essayer plus tard. OFR_999 [999] = throttle
421 4.2.0 Service refuse. OFR_505 = temp_server
421 - Veuillez essayer plus tard = temp_server
550 - Blocked OFR006_102, see cloudmark = block_ip
550 - Client host blocked, spamhaus = block_ip
550 5.2.0 Mail rejete OFR_506 = content
550 5.1.1 OFR_416 = invalid_recipient
501 5.0.2 DMARC check failed = auth
421 - Server busy, too many connections = throttle
421 - Too many spams from your IP = throttle
550 - Too many spams from your IP = block_ip
451 - too many errors from your IP = block_ip
550 - spam detected = spam
550 5.2.1 this mailbox has been blocked due to inactivity = inactive_mailbox
450 4.7.1 Too much spam SFR_IN_101 = block_ip
450 4.7.1 SFR_IN_203 = protocol
450 4.7.1 Too many unknown users SFR_IN_104 = throttle
450 4.7.1 SFR_IN_105 = throttle
421 4.7.0 too many errors = protocol
421 - LPN007_104 = throttle
450 4.7.1 LPN027_503 = throttle
421 4.2.1 Service refused LPN007_505 = temp_server
550 5.5.0 Service refused LPN000_102 = block_ip
550 5.7.1 LPNAAA_101 = block_ip
550 5.5.0 LPN005_510 = content
550 5.1.1 LPN416 = invalid_recipient
550 5.1.1 LPN007_416 = invalid_recipient
421 - Too many connections = throttle
421 - Reject due to policy restrictions = throttle
450 - Reject due to policy violations = throttle
421 - Rate limit reached = throttle
554 - Reject due to policy restrictions = policy
554 - IP address is black listed = block_ip
550 - mailbox unavailable = invalid_recipient
550 - Reject due to policy restrictions (header based) = policy
550 - Reject due to policy restrictions (domain based) = block_domain
550 - Reject due to policy restrictions (IP based) = block_ip
550 - IP address is block listed = block_ip
550 - Bad DNS PTR resource record = ptr
554 - None/bad reputation. Ask to be let in. (NOWL) = block_ip
554 - A problem occurred. Ask your postmaster for help. (BL) = block_ip
554 - Dialup/transient IP not allowed = block_ip
421 - Too many connections to this listener = throttle
"""

EAST = """
421 - Temporarily rejected = temp_server
421 4.7.0 IP frequency limit exceeded = throttle
550 - spam message discarded = spam
550 - Message was not accepted -- invalid mailbox = invalid_recipient
451 4.7.1 too many connections from your host = throttle
451 4.7.1 The service is currently unavailable = temp_server
450 4.2.1 The recipient has exceeded message rate limit = throttle
421 4.4.2 Error: timeout exceeded = network
554 5.7.1 Message rejected under suspicion of SPAM = spam
550 5.7.1 Policy rejection on the target address = policy
550 5.7.1 No such user! = invalid_recipient
550 - Sender frequency limited = throttle
550 - Connection frequency limited = throttle
550 - Connection denied = block_ip
550 - Mail content denied = content
550 - suspected spam ip = block_ip
550 - suspected spam sender = sender
550 - DMARC check failed = auth
550 - Mailbox not found = invalid_recipient
421 - HL:REP 192.0.2.1 = throttle
421 - HL:ICC = throttle
421 - HL:IFC = throttle
421 - HL:MEP = sender
451 - DT:SPM = spam
550 - RP:ORQ = throttle
554 - HL:ITC = throttle
554 - MI:STC = throttle
550 - RP:TRC = throttle
450 - DT:RBL = block_ip
452 4.5.3 rate limit exceeded = throttle
554 5.7.1 Spam message rejected = spam
540 5.7.1 recipient address rejected: Inactive = inactive_mailbox
540 5.7.1 recipient address rejected: Blocked = inactive_mailbox
452 - Too many messages for this session = throttle
"""

FILTERS = """
451 - Internal resource temporarily unavailable = greylist
451 - Open relay not allowed = config
451 4.7.1 Greylisted for 5 minutes = greylist
421 - Temporary failure, please try again later = temp_server
530 5.7.0 Must issue a STARTTLS command first = config
550 5.6.0 no = content
554 5.3.0 no = temp_server
550 5.7.27 no = sender
550 5.7.24 no = auth
554 5.4.6 no = network
452 4.5.3 no = throttle
500 5.5.2 no = protocol
550 - the message was rejected by recipients = recipient_block
"""


@pytest.mark.parametrize(
    "line",
    [
        line
        for texts in (GMAIL, YAHOO, MICROSOFT, AMERICA, EUROPE, EAST, FILTERS)
        for line in texts.strip().splitlines()
    ],
)
def test_a_refusal_is_read_as_its_provider_means_it(line: str) -> None:
    """Tags and words decide; the same words mean a pause at 4xx and a block at 5xx where so."""
    said, _, category = line.rpartition(" = ")
    code, status, text = said.split(" ", 2)
    assert classify(Reply(int(code), status.strip("-"), text)) == category


@pytest.mark.parametrize("status", ["4.7.23", "4.7.24", "4.7.26", "4.7.27", "4.7.29", "4.7.30"])
def test_a_rate_is_no_reason_where_another_is_named(status: str) -> None:
    """Slowing down would not mend what Gmail misses: none of its gates is read as a throttle."""
    reasons = {
        "4.7.23": "the PTR record doesn't match",
        "4.7.24": "the SPF record of the sending domain is suspicious",
        "4.7.26": "it is unauthenticated",
        "4.7.27": "SPF authentication didn't pass",
        "4.7.29": "it wasn't sent over a TLS connection",
        "4.7.30": "DKIM authentication didn't pass",
    }
    text = f"Your email has been rate limited because {reasons[status]}"
    assert classify(Reply(421, status, text)) in {"auth", "ptr", "config"}
