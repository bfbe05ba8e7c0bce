r"""What servers write in a refusal, and what they mean by it.

A pattern is searched in the whole line, ``code status text``, in small letters; ``^4`` and ``^5``
tell a refusal for now from one for good where a provider uses the same words for both. The order
matters: providers' own tags are exact and come first, then reasons that are named beside a rate
("rate limited because it is unauthenticated"), then rates, then the rest. Gaps between two words
are bounded, so that no text takes long to read.

Tags and meanings: the providers' pages on their replies, and the replies that senders publish. What
a tag means that no provider explains is read from the words that come with it.
"""

from __future__ import annotations

_TAGS = (
    # Orange and La Poste number their refusals alike: OFR004_104, OFR_506, LPN007_416
    (r"\b(ofr|lpn)(\w{3}_|_)?(104|503|999)\b", "throttle"),
    (r"\b(ofr|lpn)(\w{3}_|_)?505\b", "temp_server"),
    (r"\b(ofr|lpn)(\w{3}_|_)?(101|102)\b", "block_ip"),
    (r"\b(ofr|lpn)(\w{3}_|_)?(506|510)\b", "content"),
    (r"\b(ofr|lpn)(\w{3}_|_)?416\b", "invalid_recipient"),
    # SFR
    (r"\bsfr_in_\d01\b", "block_ip"),
    (r"\bsfr_in_\d03\b", "protocol"),
    (r"\bsfr_in_\d0[45]\b", "throttle"),
    # Yahoo, AOL, Yahoo! Japan
    (r"\[(ts03|tss(07|09|11))\]|\[bl2\d\]|\bvs98-ip0\b|permanently deferred", "block_ip"),
    (r"\[(ip)?tss?0\d\]|temporarily deferred|\bvs1-", "throttle"),
    # Outlook.com, Exchange Online
    (r"\b(rp-00\d|ib007)\b|server busy\. please try again later from(?!.*\bas761\b)", "throttle"),
    (r"\bsc-00[234]\b|\bdy-00\d\b|\bou-001\b", "block_ip"),
    (r"\bsc-001\b", "policy"),
    (r"\bou-002\b", "spam"),
    (r"banned send(er|ing ip)|^4.*access denied, please try again", "block_ip"),
    (r"recipients? address(es)? rejected ?: access denied", "invalid_recipient"),
    # iCloud
    (r"\[hcm1\]", "throttle"),
    (r"\[hme1\]", "auth"),
    (r"\[cs01\]", "spam"),
    # Comcast
    (r"\brl0000\d\d\b", "throttle"),
    (r"\bbl0\d{5}\b|\bes0000\d\d\b", "block_ip"),
    # Cox and Spectrum, who both call it an acceptable use policy
    (r"aup#(cxcnct|cxmxrt|[\w-]*?(13\d\d|14\d\d|15[48]0))\b", "throttle"),
    (r"aup#(cdrbl|cxbl|ipbl\d*|[\w-]*?(1000|12[0-5]0|1560))\b", "block_ip"),
    # GMX, web.de, mail.com: too much in too short a time, where it is for now
    (r"^4.*reject due to policy (restrictions|violations)", "throttle"),
    (r"reject due to policy restrictions \(domain based", "block_domain"),
    (r"reject due to policy restrictions \(ip based", "block_ip"),
    # NetEase
    (r"\bhl:(rep|icc|ifc|itc)\b|\brp:(orq|trc)\b|\bmi:stc\b", "throttle"),
    (r"\bhl:mep\b", "sender"),
    (r"\bdt:spm\b", "spam"),
    (r"\bdt:rbl\b", "block_ip"),
    # T-Online
    (r"\((nowl|bl)\)|dialup/transient ip", "block_ip"),
    # QQ
    (r"connection denied|suspected spam ip", "block_ip"),
    (r"suspected spam sender", "sender"),
)

_NAMED = (
    (r"gr[ae]y.?list|internal resources? (are )?temporarily unavailable", "greylist"),
    (
        r"over.?quota|out of storage|(mailbox|inbox) (is )?full|exceeded storage"
        r"|quota violation|bo[iî]te du destinataire pleine",
        "mailbox_full",
    ),
    (r"reverse dns|\bptr\b", "ptr"),
    (r"over a tls connection|must issue a starttls|open relay not allowed", "config"),
    (
        r"unauthenticated|authentication level|(no|not|isn.?t|without) (\w+ )?align"
        r"|(spf|dkim|dmarc)( \w+)? (did|does|do)(n.?t| not) pass|^4.* spf record"
        r"|(spf|dkim|dmarc) record .{0,80}fail|(pass|fail)\w* (spf|dkim|dmarc)",
        "auth",
    ),
    (r"same message-id", "policy"),
    (r"unresolvable .{0,40}domain|[ée]metteur invalide|sender invalide", "sender"),
    (r"^5.*too many spams from|too many (errors|bad commands) from|blocked for abuse", "block_ip"),
    (r"destinataire invalide|not our customer|no mailbox", "invalid_recipient"),
)

_RATES = (
    (r"^5\d\d 5\.7\.28.*unusual rate", "block_ip"),
    (r"^4.*low reputation", "throttle"),
    (r"too many errors", "protocol"),
    (
        r"rate.?limit|unusual rate|at a rate that|(unexpected|excessive) volume|throttl|slow down"
        r"|too (many|frequent|quickly|much)|concurrent connections|frequency limit"
        r"|messages? per (connection|session)|message threshold|excessive unknown recipients"
        r"|number of (connections|messages)|message receive limit|permitted limits"
        r"|(relay|thread|sending) limit exceeded|queue quota exceeded",
        "throttle",
    ),
)

_REST = (
    (r"virus|malware", "virus"),
    (r"\bdbl\b|\bdomain \S{0,80} ?(is )?(block.?listed|listed|blocked|present)\b", "block_domain"),
    (
        r"block.?list|black.?list|spamhaus|client host blocked|dnsbl|block for spam"
        r"|reputation of the sending ip|(poor|bad) reputation|\bip\b.{0,80} is listed"
        r"|\b(ip|host)\b.{0,200}(blocked|rejected)|messages? from .{0,80}weren.?t sent",
        "block_ip",
    ),
    (r"reputation of the sending domain|\bdomain .{0,200}(blocked|listed)", "block_domain"),
    (r"\b(spf|dkim|dmarc)\b|authentication (information|checks)|spoof", "auth"),
    (
        r"disabled|inactiv|suspended|no longer (valid|active)|address rejected: blocked",
        "inactive_mailbox",
    ),
    (
        r"user unknown|unknown user|addressee unknown|no such (user|mailbox)|invalid mailbox"
        r"|does(n.?t| not) (exist|have an?)|account that you tried to reach"
        r"|mailbox (not found|unavailable|unallocated)|recipient unavailable|invalid recipient"
        r"|address syntax|failure for one or more recipients",
        "invalid_recipient",
    ),
    (r"relay(ing)? (access )?denied|not permitted to relay|unable to relay", "relay"),
    (r"spam|unsolicited|suspicious due to the nature of the content", "spam"),
    (r"message (size|too (large|big))|size limit", "too_big"),
    (r"from: header", "content"),
    (r"message filtered|rejected by recipient", "recipient_block"),
    (r"polic(y|ies)|envelope blocked|message not allowed", "policy"),
    (r"content|attachment", "content"),
    (r"time.?out|timed out", "network"),
    (
        r"try again|essayer plus tard|temporar(y|ily)|\bbusy\b|(un)?available|local error"
        r"|resources|system error|server error|no healthy",
        "temp_server",
    ),
    (r"syntax|bad sequence|command", "protocol"),
)

PATTERNS = (*_TAGS, *_NAMED, *_RATES, *_REST)
